package bitpesa_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/sdk"
)

// noises are values that real servers put where another type is specified.
var noises = []string{
	`false`, `true`, `[]`, `{}`, `"x"`, `["a",1]`, `{"a":{"b":1}}`, `0`, `-1.5`, `1e400`, `"1,200.00"`, `"1200,50"`, `"0750.00"`, `".5"`, `"+5"`, `"NaN"`,
	`"5.2 km"`, `0.1234567890123456789012345`, `{"_seconds":1700000000}`, `{"$date":"2026-01-01"}`, `[2026,1,1]`, `null`, `""`, `[null]`, `[[]]`,
	`"2026-13-45"`, `99999999999999999999`, `"\u0000"`,
}

// sideFields of each object decide nothing about it.
var sideFields = map[string][]string{
	"transaction": strings.Fields("state_reason input_amount paid_amount due_amount payin_reference sender recipients payin_methods traits metadata created_at updated_at expires_at errors new"),
	"recipient":   strings.Fields("type state_reason state_reason_details editable retriable may_cancel transaction_id transaction_state requested_amount input_amount exchange_rate fee_fractional payout_method mandate_id metadata created_at"),
	"sender":      strings.Fields("type first_name birth_date documents politically_exposed_people list_of_countries_of_operation metadata providers errors created_at state_reason declaration"),
	"payin":       strings.Fields("type ux_flow in_details out_details instructions state_reason_details errors provider transaction_id"),
	"method":      strings.Fields("type details fields metadata provider errors"),
	"debit":       strings.Fields("amount currency usd_amount running_balance metadata created_at to_type"),
	"document":    strings.Fields("url upload_file_size metadata category expiry_date errors"),
	"webhook":     strings.Fields("url events metadata errors"),
	"log":         strings.Fields("message parent_id metadata created_at request_headers response_status"),
}

func read(t *testing.T, kind, fields string) error {
	if kind == "debit" {
		fields = `"to_id":"x-1",` + fields
	}
	client := serve(t, `{"object":{"id":"x-1","state":"paid",`+fields+`}}`)
	switch ctx := t.Context(); kind {
	case "transaction":
		return fails(client.Transactions.Get(ctx, "x-1"))
	case "recipient":
		return fails(client.Recipients.Cancel(ctx, "x-1"))
	case "sender":
		return fails(client.Senders.Get(ctx, "x-1"))
	case "payin":
		return fails(client.PayinMethods.Get(ctx, "x-1"))
	case "method":
		return fails(client.PayoutMethods.Get(ctx, "x-1"))
	case "debit":
		if strings.Contains(fields, `"to_type"`) {
			return nil // decides
		}
		return fails(client.Debits.Create(ctx, bitpesa.DebitParams{ToID: "x-1"}))
	case "document":
		return fails(client.Documents.Get(ctx, "x-1"))
	case "webhook":
		return fails(client.Webhooks.Get(ctx, "x-1"))
	}
	return fails(client.Logs.GetWebhook(t.Context(), "x-1"))
}

func TestNoiseInASideFieldCostsNoResponse(t *testing.T) {
	var many clienttest.Sixteenth
	for kind, fields := range sideFields {
		t.Run(kind, func(t *testing.T) {
			for _, noise := range noises {
				for _, field := range fields {
					if many.LeavesOut() {
						continue
					}
					assert.NoError(t, read(t, kind, `"`+field+`":`+noise), "%s: %s", field, noise)
				}
			}
		})
	}
}

func TestDatesAndDecimalsThatCannotBeReadAreAbsent(t *testing.T) {
	all, dates, decimals := map[string]clienttest.Shown{}, 0, 0
	for name, decoder := range bitpesa.Decoders() {
		dates, decimals = dates+len(decoder.Dates), decimals+len(decoder.Decimals)
		if decoder.Value == nil {
			continue
		}
		all[name] = clienttest.Shown{Good: "%s", Dates: decoder.Dates, Decimals: decoder.Decimals, Read: func(t *testing.T, member string) any {
			value, err := decoder.Value(member)
			require.NoError(t, err, member)
			return value
		}}
	}
	clienttest.CheckAbsence(t, all)
	assert.GreaterOrEqual(t, dates, 14)
	assert.GreaterOrEqual(t, decimals, 24)
}

func TestABadRowIsLeftOutAndCounted(t *testing.T) {
	good := `{"id":"t-1","state":"paid","external_id":"payout-1"}`
	for _, bad := range []string{`null`, `1`, `"x"`, `[]`, `{}`, `{"state":"paid"}`, `{"id":{},"state":"paid"}`, `{"id":"t-2"}`} {
		client := serve(t, `{"object":[`+bad+`,`+good+`]}`)
		page, err := client.Transactions.List(t.Context(), bitpesa.TransactionListOptions{})
		require.NoError(t, err, bad)
		assert.Len(t, page.Items, 1, bad)
		assert.Equal(t, 1, page.Skipped, bad)
		found, err := client.Transactions.Find(t.Context(), "payout-1")
		require.NoError(t, err, bad)
		assert.Equal(t, "t-1", found.ID)
		_, err = serve(t, `{"object":[`+bad+`]}`).Transactions.Find(t.Context(), "payout-1")
		assert.ErrorIs(t, err, sdk.ErrUnexpectedResponse, "%s: cannot say that nothing is there", bad)
		assert.NotErrorIs(t, err, sdk.ErrNotFound)
	}
}

func TestABadRowOfAnyListCostsOnlyItself(t *testing.T) {
	page := func(items, skipped int) []int { return []int{items, skipped} }
	for list, read := range map[string]func(context.Context, *bitpesa.Client) ([]int, error){
		"transactions": func(ctx context.Context, c *bitpesa.Client) ([]int, error) {
			p, err := c.Transactions.List(ctx, bitpesa.TransactionListOptions{})
			return page(len(p.Items), p.Skipped), err
		},
		"recipients": func(ctx context.Context, c *bitpesa.Client) ([]int, error) {
			p, err := c.Recipients.List(ctx, bitpesa.RecipientListOptions{})
			return page(len(p.Items), p.Skipped), err
		},
		"senders": func(ctx context.Context, c *bitpesa.Client) ([]int, error) {
			p, err := c.Senders.List(ctx, bitpesa.SenderListOptions{})
			return page(len(p.Items), p.Skipped), err
		},
		"documents": func(ctx context.Context, c *bitpesa.Client) ([]int, error) {
			p, err := c.Documents.List(ctx, bitpesa.ListOptions{})
			return page(len(p.Items), p.Skipped), err
		},
		"payout methods": func(ctx context.Context, c *bitpesa.Client) ([]int, error) {
			p, err := c.PayoutMethods.List(ctx, bitpesa.PayoutMethodListOptions{})
			return page(len(p.Items), p.Skipped), err
		},
		"webhooks": func(ctx context.Context, c *bitpesa.Client) ([]int, error) {
			p, err := c.Webhooks.List(ctx, bitpesa.ListOptions{})
			return page(len(p.Items), p.Skipped), err
		},
		"API logs": func(ctx context.Context, c *bitpesa.Client) ([]int, error) {
			p, err := c.Logs.ListAPI(ctx, bitpesa.LogListOptions{})
			return page(len(p.Items), p.Skipped), err
		},
		"webhook logs": func(ctx context.Context, c *bitpesa.Client) ([]int, error) {
			p, err := c.Logs.ListWebhooks(ctx, bitpesa.LogListOptions{})
			return page(len(p.Items), p.Skipped), err
		},
		"accounts": func(ctx context.Context, c *bitpesa.Client) ([]int, error) {
			p, err := c.Accounts.List(ctx)
			return page(len(p.Items), p.Skipped), err
		},
		"currencies": func(ctx context.Context, c *bitpesa.Client) ([]int, error) {
			p, err := c.Info.Currencies(ctx)
			return page(len(p.Items), p.Skipped), err
		},
		"currencies in": func(ctx context.Context, c *bitpesa.Client) ([]int, error) {
			p, err := c.Info.CurrenciesIn(ctx, "s-1")
			return page(len(p.Items), p.Skipped), err
		},
		"ways to pay in": func(ctx context.Context, c *bitpesa.Client) ([]int, error) {
			p, err := c.Info.PaymentMethodsIn(ctx)
			return page(len(p.Items), p.Skipped), err
		},
		"proofs": func(ctx context.Context, c *bitpesa.Client) ([]int, error) {
			p, err := c.Recipients.ProofOfPayments(ctx, "r-1")
			return page(len(p.Items), p.Skipped), err
		},
		"dlocal balances": func(ctx context.Context, c *bitpesa.Client) ([]int, error) {
			p, err := c.Accounts.ListDLocal(ctx)
			return page(len(p.Items), p.Skipped), err
		},
	} {
		const good = `{"id":"x-1","state":"paid","currency":"USD","amount":"1","created_at":{},"metadata":7}`
		for _, bad := range []string{`null`, `1`, `"x"`, `[]`, `true`, `{}`, `{"id":{},"state":"paid","amount":"1"}`} {
			if bad[0] == '{' && (slices.Contains([]string{"dlocal balances", "currencies", "currencies in", "ways to pay in", "proofs"}, list) || strings.HasSuffix(list, "logs")) {
				continue // no field of these decides
			}
			got, err := read(t.Context(), serve(t, `{"object":[`+good+`,`+bad+`,`+good+`]}`))
			require.NoError(t, err, list+bad)
			assert.Equal(t, []int{2, 1}, got, list+bad)
		}
	}
}

// Neither the end of a walk nor the absence of an object may come from a list that
// tells of more.
func TestAListThatGoesOnInAnUnknownWayIsNoEnd(t *testing.T) {
	const rows = `{"object":[{"id":"t-1","state":"paid","external_id":"payout-10"}]`
	read := func(rest string) (walked int, walk, search error) {
		client := serve(t, rows+rest+`}`)
		for _, err := range client.Transactions.All(t.Context(), bitpesa.TransactionListOptions{}) {
			if walk = err; err == nil {
				walked++
			}
		}
		_, search = client.Transactions.Find(t.Context(), "payout-1")
		return walked, walk, search
	}
	whole := func(rest string, want error) { // the lists without pages
		client, ctx := serve(t, rows+rest+`}`), t.Context()
		for name, list := range map[string]func() (int, error){
			"accounts":            func() (int, error) { return seen(client.Accounts.List(ctx)) },
			"dLocal":              func() (int, error) { return seen(client.Accounts.ListDLocal(ctx)) },
			"currencies":          func() (int, error) { return seen(client.Info.Currencies(ctx)) },
			"currencies in":       func() (int, error) { return seen(client.Info.CurrenciesIn(ctx, "s-1")) },
			"currencies out":      func() (int, error) { return seen(client.Info.CurrenciesOut(ctx, "s-1")) },
			"payment methods in":  func() (int, error) { return seen(client.Info.PaymentMethodsIn(ctx)) },
			"payment methods out": func() (int, error) { return seen(client.Info.PaymentMethodsOut(ctx)) },
			"proofs":              func() (int, error) { return seen(client.Recipients.ProofOfPayments(ctx, "r-1")) },
			"events":              func() (int, error) { return seen(client.Webhooks.Events(ctx)) },
		} {
			n, err := list()
			assert.Equal(t, 1, n, name+rest)
			assert.ErrorIs(t, err, want, name+rest)
		}
	}
	whole(pagination(`"next_page":2,"total_pages":2`), sdk.ErrUnexpectedResponse)
	for _, rest := range []string{
		`,"next":"https://api.transferzero.com/v1/transactions?offset=10"`, `,"next_cursor":"abc"`, `,"cursor":"abc"`, `,"links":{"next":"/v1/x"}`,
		`,"meta":{"next":"?page=2"}`, `,"meta":{"has_more":true}`, `,"meta":{"hasNextPage":true}`, `,"meta":{"pagination":{"next_url":"?page=2"}}`, `,"meta":"2"`, `,"meta":{"pagination":[2]}`,
		`,"links":[{"rel":"self","href":"?page=1"},{"rel":"next","href":"?page=2"}]`, `,"links":["?page=2"]`, `,"_links":[{"href":"?page=2"}]`, `,"pagination":{"next_page":2}`,
		`,"meta":{"current_page":1,"last_page":3}`, `,"meta":{"pagination":{"current_page":1,"last_page":3}}`, `,"page":1,"pages":3`, `,"meta":{"page":1,"pages":"3"}`,
		`,"meta":{"offset":0,"limit":1,"total":3}`, `,"count":2`, `,"meta":{"totalPages":2.0}`,
		pagination(`"next_page":1,"total_pages":3,"total_count":30`), pagination(`"next_page":null,"total_pages":3`), pagination(`"total_pages":3`), pagination(`"next_page":null,"total_count":2`),
		pagination(`"next_page":0,"total_count":1`), pagination(`"next_page":-1`), pagination(`"next_page":1`), pagination(`"next_page":1,"next":"?p=2"`), pagination(`"next_page":3`), pagination(`"next_page":1.0`),
		pagination(`"next_page":"3"`), pagination(`"next_page":9223372036854775807`),
	} {
		walked, walk, search := read(rest)
		assert.Equal(t, 1, walked, rest)
		assert.ErrorIs(t, walk, sdk.ErrUnexpectedResponse, rest)
		assert.ErrorIs(t, search, sdk.ErrUnexpectedResponse, rest)
		assert.NotErrorIs(t, search, sdk.ErrNotFound, rest)
		whole(rest, sdk.ErrUnexpectedResponse)
	}
	for _, end := range []string{
		``, `,"meta":null`, `,"meta":[]`, `,"meta":{"pagination":null}`, `,"next":null`, `,"links":{}`, `,"links":[]`, `,"meta":{"has_more":false}`, `,"links":[{"rel":"self","href":"?page=1"},{"rel":"last","href":"?page=1"}]`,
		`,"meta":{"current_page":1,"last_page":1,"total":1}`, `,"pages":1,"total":1`, pagination(`"next_page":null,"total_pages":1,"total_count":1`), pagination(`"total_pages":1`), pagination(`"next_page":""`),
	} {
		walked, walk, search := read(end)
		assert.Equal(t, 1, walked, end)
		assert.NoError(t, walk, end)
		assert.ErrorIs(t, search, sdk.ErrNotFound, end)
		whole(end, nil)
	}
}

// seen counts the rows of a page.
func seen[T any](page *bitpesa.Page[T], err error) (int, error) {
	if page == nil {
		return 0, err
	}
	return len(page.Items) + page.Skipped, err
}

func pagination(members string) string { return `,"meta":{"pagination":{` + members + `}}` }

func TestAByteOrderMarkIsTakenOff(t *testing.T) {
	const mark = "\ufeff"
	got, err := serve(t, mark+`{"object":{"id":"t-1","state":"paid"}}`).Transactions.Get(t.Context(), "t-1")
	require.NoError(t, err)
	assert.Equal(t, "t-1", got.ID)
	event, err := bitpesa.ParseEvent([]byte(mark + `{"webhook":"w-1","event":"transaction.paid_in","object":{"id":"t-1","state":"received"}}`))
	require.NoError(t, err)
	assert.Equal(t, "t-1", event.ID())
	server := newStub(t, always(says(422, mark+`{"object":{"errors":{"city":["blank"]}}}`)))
	_, err = newClient(t, server).Senders.Update(t.Context(), "s-1", bitpesa.SenderParams{City: "x"})
	assert.ErrorIs(t, err, sdk.ErrRejected)
}

func TestSecretsWithWhiteSpaceAreRefusedAndAllFaultsTold(t *testing.T) {
	for _, odd := range []string{"\n", "\r\n", " ", "\t", "\u00a0", "\u2028", "\u3000", "\x1c", "\ufeff", "\x00"} {
		_, err := bitpesa.New(bitpesa.Config{Key: testKey, Secret: testSecret + odd, BaseURL: stubURL})
		require.ErrorContains(t, err, "Secret", "%q", odd)
		_, err = bitpesa.New(bitpesa.Config{Key: testKey + odd, Secret: testSecret, BaseURL: stubURL})
		require.ErrorContains(t, err, "Key", "%q", odd)
		assert.NotContains(t, err.Error(), "planted")
	}
	_, err := bitpesa.New(bitpesa.Config{BaseURL: "https://b\u00fccher.example", Options: sdk.Options{MaxAttempts: -1}})
	for _, field := range []string{"Key is required", "Secret is required", "BaseURL", "MaxAttempts"} {
		assert.ErrorContains(t, err, field)
	}
}

// FuzzNoise puts any JSON into any field that decides nothing, for each decoder.
func FuzzNoise(f *testing.F) {
	for _, noise := range noises {
		f.Add(noise)
	}
	decoders := bitpesa.Decoders()
	f.Fuzz(func(t *testing.T, noise string) {
		if !json.Valid([]byte(noise)) {
			return
		}
		for name, decoder := range decoders {
			for _, field := range decoder.Fields {
				if fault := decoder.Read(`"` + field + `":` + noise); fault != nil {
					t.Errorf("%s: %s: %v", name, field, fault)
				}
			}
		}
	})
}

// A type that this package returns and no decoder reads would not be tried above.
func TestEveryObjectHasADecoder(t *testing.T) {
	decoders := bitpesa.Decoders()
	for name, fields := range map[string]int{ // and how many fields each has at least
		"transaction": 17, "recipient": 24, "sender": 60, "payin method": 9, "payout method": 6, "debit": 5, "document": 13, "webhook": 3, "webhook log": 5,
		"api log": 8, "account": 1, "account validation": 3, "currency": 13, "dlocal balance": 4, "mandate": 6, "payment method": 7, "proof of payment": 4,
		"sketch": 19, "page": 5, "refusal": 17, "event": 2, "event of transaction": 17, "event of recipient": 24, "event of sender": 60,
		"event of payin method": 9, "event of payout method": 6, "event of document": 13, "event of mandate": 6,
	} {
		assert.GreaterOrEqual(t, len(decoders[name].Fields), fields, name)
		delete(decoders, name)
	}
	assert.Empty(t, decoders)
	assert.Error(t, bitpesa.Decoders()["page"].Read(`"next_page":{}`), "what decides is not noise")
	assert.Error(t, bitpesa.Decoders()["transaction"].Read(`"state":{}`))
	assert.Error(t, bitpesa.Decoders()["refusal"].Read(`"recipients":[]`), "a debit has none")
}
