package bitpesa_test

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/sdk"
)

// list is a page of a list. The last page has no next one, and then tells of no more
// pages and rows than a test has.
func list(items string, next int) response {
	if next == 0 {
		return says(200, `{"object":[`+items+`],"meta":{"pagination":{"next_page":null,"prev_page":null,"total_pages":1,"total_count":0}}}`)
	}
	return says(200, `{"object":[`+items+`],"meta":{"pagination":{"current_page":1,"next_page":`+strconv.Itoa(next)+`,"prev_page":null,"total_pages":3,"total_count":25}}}`)
}

func pageOf(r request) string {
	u, _ := url.Parse(r.URI)
	return u.Query().Get("page")
}

func TestAllWalksThePagesLazilyAndStops(t *testing.T) {
	server := newStub(t, func(r request) response {
		switch pageOf(r) {
		case "", "1":
			return list(`{"id":"t-1","state":"paid"},{"id":"t-2","state":"paid"}`, 2)
		case "2":
			return list(`{"id":"t-3","state":"paid"}`, 3)
		}
		return says(200, `{"object":[],"meta":{"pagination":{"next_page":null,"total_pages":3,"total_count":3}}}`)
	})
	client := newClient(t, server)
	walk := client.Transactions.All(t.Context(), bitpesa.TransactionListOptions{SenderID: "s-1"})
	assert.Empty(t, server.requests(), "nothing is fetched before it is wanted")
	for range 2 { // ranging again starts again
		var ids []string
		for item, err := range walk {
			require.NoError(t, err)
			ids = append(ids, item.ID)
		}
		assert.Equal(t, []string{"t-1", "t-2", "t-3"}, ids)
	}
	assert.Len(t, server.requests(), 6)
	for range walk {
		break
	}
	assert.Len(t, server.requests(), 7)
	// Rows before the first page of a walk are not missed.
	from := client.Transactions.All(t.Context(), bitpesa.TransactionListOptions{ListOptions: bitpesa.ListOptions{Page: 2}})
	for item, err := range from {
		require.NoError(t, err)
		assert.Equal(t, "t-3", item.ID)
	}

	page, err := client.Transactions.List(t.Context(), bitpesa.TransactionListOptions{})
	require.NoError(t, err)
	assert.Equal(t, 25, page.Count)
	assert.Equal(t, 3, page.Pages)
	assert.Zero(t, page.PreviousPage)
}

func TestListsThatAreNoneAreRefused(t *testing.T) {
	for _, body := range []string{`[]`, `{}`, `{"object":null}`, `{"object":{}}`, `{"object":[],"meta":{"pagination":{"next_page":"soon"}}}`, `<html>`} {
		_, err := serve(t, body).Transactions.List(t.Context(), bitpesa.TransactionListOptions{})
		assert.ErrorIs(t, err, sdk.ErrUnexpectedResponse, body)
	}
	page, err := serve(t, `{"object":[]}`).Transactions.List(t.Context(), bitpesa.TransactionListOptions{})
	require.NoError(t, err, "a list without pagination is one page")
	assert.Empty(t, page.Items)
	for _, o := range []bitpesa.ListOptions{{Page: -1}, {PerPage: -1}} {
		_, err := serve(t, `{}`).Documents.List(t.Context(), o)
		assert.ErrorIs(t, err, sdk.ErrValidation)
	}
}

// A filter may match prefixes, or be ignored. Only a list that shows neither
// proves that something is absent.
func TestFindBelievesInAbsenceOnlyWhenTheFilterWorks(t *testing.T) {
	object := func(id string) string { return `{"id":"` + id + `","state":"approved","external_id":"` + id + `"}` }
	for name, row := range map[string]struct {
		pages []response
		found bool
		is    error
	}{
		"found":                      {[]response{list(object("payout-1"), 0)}, true, nil},
		"found beside longer ones":   {[]response{list(object("payout-12")+","+object("payout-1"), 0)}, true, nil},
		"found on the second page":   {[]response{list(object("payout-12"), 2), list(object("payout-1"), 0)}, true, nil},
		"found though not filtered":  {[]response{list(object("other")+","+object("payout-1"), 0)}, true, nil},
		"absent":                     {[]response{list("", 0)}, false, sdk.ErrNotFound},
		"absent beside longer ones":  {[]response{list(object("payout-12"), 2), list(object("payout-13"), 0)}, false, sdk.ErrNotFound},
		"not filtered":               {[]response{list(object("other"), 0)}, false, sdk.ErrUnexpectedResponse},
		"without external ids":       {[]response{list(`{"id":"x","state":"approved"}`, 0)}, false, sdk.ErrUnexpectedResponse},
		"more pages than are looked": {[]response{list(object("payout-10"), 2), list(object("payout-11"), 3), list(object("payout-12"), 4), list(object("payout-13"), 5), list(object("payout-14"), 6)}, false, sdk.ErrUnexpectedResponse},
		"an outage":                  {[]response{says(503, "")}, false, sdk.ErrServer},
		"a 404":                      {[]response{says(404, `{"status":404,"error":"Not Found"}`)}, false, sdk.ErrConfiguration},
	} {
		t.Run(name, func(t *testing.T) {
			server := newStub(t, func(r request) response {
				n, _ := strconv.Atoi(pageOf(r))
				return row.pages[n-1]
			})
			client := newClient(t, server)
			sender, err := client.Senders.Find(t.Context(), "payout-1")
			transaction, err2 := client.Transactions.Find(t.Context(), "payout-1")
			if row.found {
				require.NoError(t, err)
				require.NoError(t, err2)
				assert.Equal(t, "payout-1", sender.ID)
				assert.Equal(t, "payout-1", transaction.ID)
				return
			}
			assert.ErrorIs(t, err, row.is)
			assert.ErrorIs(t, err2, row.is)
			assert.Len(t, server.requests(), 2*len(row.pages))
		})
	}
	_, err := serve(t, `{}`).Senders.Find(t.Context(), " ")
	assert.ErrorIs(t, err, sdk.ErrValidation)
}

// After an unknown outcome, a lookup must not believe these responses.
func TestACreationStaysUnknownWhenTheLookProvesNothing(t *testing.T) {
	other := strings.NewReplacer("10000", "20000").Replace
	const found = `{"id":"t-1","state":"approved","external_id":"Transaction:NGN:17523","input_currency":"USD","recipients":[{"id":"r-1","state":"initial","requested_amount":"10000.0","requested_currency":"NGN"}]}`
	for name, row := range map[string]struct {
		look  response
		works map[string]bool // per operation: the look settles it
	}{
		"found":                         {list(found, 0), map[string]bool{bitpesa.OpCreateTransaction: true}},
		"found and funded":              {list(strings.Replace(found, "approved", "received", 1), 0), map[string]bool{bitpesa.OpCreateTransaction: true, bitpesa.OpCreateAndFund: true}},
		"another amount":                {list(other(found), 0), nil},
		"another currency":              {list(strings.Replace(found, "USD", "EUR", 1), 0), nil},
		"more recipients":               {list(strings.Replace(found, `"recipients":[`, `"recipients":[{"id":"r-0","state":"initial"},`, 1), 0), nil},
		"a list without external ids":   {list(`{"id":"x","state":"approved"}`, 0), nil},
		"a row that is not shown":       {says(200, `{"object":[]`+pagination(`"next_page":null,"total_count":1`)+`}`), nil},
		"a next page that is none":      {says(200, `{"object":[]`+pagination(`"next_page":1,"total_pages":3`)+`}`), nil},
		"an empty 404":                  {says(404, ""), nil},
		"a 404 in the provider's words": {says(404, `{"status":404,"error":"Not Found"}`), nil},
		"a 401":                         {says(401, ""), nil},
		"HTML":                          {response{200, "text/html", "<p>"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			server := newStub(t, func(r request) response {
				if r.Method == "POST" {
					return says(502, "")
				}
				return row.look
			})
			client := newClient(t, server)
			for op, call := range map[string]func() (*bitpesa.Transaction, error){
				bitpesa.OpCreateTransaction: func() (*bitpesa.Transaction, error) {
					return client.Transactions.Create(t.Context(), validTransaction())
				},
				bitpesa.OpCreateAndFund: func() (*bitpesa.Transaction, error) {
					return client.Transactions.CreateAndFund(t.Context(), validTransaction())
				},
			} {
				before := len(server.requests())
				got, err := call()
				sent := 0
				for _, r := range server.requests()[before:] {
					if r.Method == "POST" {
						sent++
					}
				}
				assert.Equal(t, 1, sent, "%s is not sent again", op)
				if row.works[op] {
					require.NoError(t, err, op)
					assert.Equal(t, "t-1", got.ID)
					continue
				}
				assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown, op)
				assert.Nil(t, got, op)
				var apiErr *sdk.Error
				require.ErrorAs(t, err, &apiErr)
				assert.Equal(t, "Transaction:NGN:17523", apiErr.Reference)
			}
		})
	}
}

// A debit is settled by the state of its transaction.
func TestADebitIsSettledByTheStateOfItsTransaction(t *testing.T) {
	for name, row := range map[string]struct {
		states []string // of t-1 and t-2, as JSON
		sent   int
		is     error // nil: success
	}{
		"funded":              {[]string{`"received"`, `"paid"`}, 1, nil},
		"in review":           {[]string{`"processing"`, `"manual"`}, 1, nil},
		"waiting":             {[]string{`"approved"`, `"approved"`}, 2, sdk.ErrOutcomeUnknown},
		"one of them":         {[]string{`"received"`, `"approved"`}, 1, sdk.ErrOutcomeUnknown},
		"the other one":       {[]string{`"approved"`, `"received"`}, 1, sdk.ErrOutcomeUnknown},
		"coming in":           {[]string{`"pending"`, `"pending"`}, 1, sdk.ErrOutcomeUnknown},
		"canceled":            {[]string{`"canceled"`, `"canceled"`}, 1, sdk.ErrOutcomeUnknown},
		"canceled when paid":  {[]string{`"canceled","paid_amount":5`, `"canceled","paid_amount":5`}, 1, nil},
		"a state nobody knew": {[]string{`"teleported"`, `"teleported"`}, 1, sdk.ErrOutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newStub(t, func(r request) response {
					switch {
					case r.Method == "POST":
						return says(502, "")
					case strings.HasSuffix(r.URI, "/t-1"):
						return says(200, `{"object":{"id":"t-1","state":`+row.states[0]+`}}`)
					}
					return says(200, `{"object":{"id":"t-2","state":`+row.states[1]+`}}`)
				})
				debits, err := newClient(t, server).Debits.CreateMany(t.Context(), []bitpesa.DebitParams{{ToID: "t-1"}, {ToID: "t-2"}})
				assert.Equal(t, row.sent, server.count("POST"))
				if row.is != nil {
					assert.ErrorIs(t, err, row.is)
					return
				}
				require.NoError(t, err)
				require.Len(t, debits, 2)
				assert.Equal(t, "t-1", debits[0].ToID)
				assert.Empty(t, debits[0].ID)
			})
		})
	}
}

// Whatever a second request is refused for, the first one may have been taken
// and not be shown yet.
func TestARefusalOfTheSecondRequestDoesNotSettleTheFirst(t *testing.T) {
	for name, refusal := range map[string]string{
		"exists":         `{"object":{"errors":{"external_id":[{"error":"taken"}]}},"meta":{"existing":{"transaction":{"id":"t-1","state":"approved"},"sender":{"id":"s-1"}}}}`,
		"funded already": `{"object":[{"errors":{"base":["already funded"]}}]}`,
		"no balance":     `{"object":{"errors":{"base":["Insufficient balance"]}}}`,
	} {
		for op, call := range map[string]func(context.Context, *bitpesa.Client) error{
			bitpesa.OpCreateTransaction: wireCalls["Transactions.Create"].call,
			bitpesa.OpCreateAndFund:     wireCalls["Transactions.CreateAndFund"].call,
			bitpesa.OpCreateDebits:      wireCalls["Debits.Create"].call,
			bitpesa.OpCreateSender:      wireCalls["Senders.Create"].call,
		} {
			told := refusal
			if op != bitpesa.OpCreateDebits { // only a debit's refusal is a list
				told = strings.NewReplacer(`"object":[`, `"object":`, `]}}]}`, `]}}}`).Replace(refusal)
			}
			for _, shown := range []bool{false, true} {
				t.Run(name+" "+op+" "+strconv.FormatBool(shown), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						var server *stub
						server = newStub(t, func(r request) response {
							sent := server.count("POST")
							late := shown && sent > 1
							switch {
							case r.Method == "POST" && sent == 1:
								return says(502, "")
							case r.Method == "POST":
								return says(422, told)
							case late && op == bitpesa.OpCreateDebits:
								return says(200, `{"object":{"id":"t-1","state":"received"}}`)
							case op == bitpesa.OpCreateDebits:
								return says(200, `{"object":{"id":"t-1","state":"approved"}}`)
							case late:
								return list(`{"id":"x-1","state":"received","external_id":"Transaction:NGN:17523"},{"id":"s-1","state":"approved","external_id":"sender-1"}`, 0)
							}
							return list("", 0)
						})
						err := call(t.Context(), newClient(t, server))
						assert.Equal(t, 2, server.count("POST"))
						if shown {
							assert.NoError(t, err)
							return
						}
						assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
						if name == "exists" && op == bitpesa.OpCreateDebits {
							return // a debit has no external id
						}
						assert.ErrorIs(t, err, sdk.ErrValidation, "what the second was refused for is told")
					})
				})
			}
		}
	}
}
