package fakeserver

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/sdk"
)

// remitter is a merchant on the standalone server, whose clock stands still.
type remitter struct {
	t      *testing.T
	admin  string
	base   string
	client *bitpesa.Client // of the first account
	kyc    *bitpesa.Client // of the account whose senders need papers

	mu     sync.Mutex
	events []string
	states map[string][]string // that were told, by the id of the object
	names  map[bitpesa.EventName]bool
}

func newRemitter(t *testing.T, config string) *remitter {
	t.Helper()
	r := &remitter{t: t, states: map[string][]string{}, names: map[bitpesa.EventName]bool{}}
	args := []string{"-clock", "manual"}
	if config != "" {
		args = append(args, "-config", configFile(t, config))
	}
	greeting, _ := start(t, args...)
	r.admin, r.base = text(t, greeting, "admin"), text(t, greeting, "bitpesa")
	credentials := greeting["credentials"].(map[string]any)["bitpesa"].(map[string]any)
	r.client = r.of(text(t, credentials, "key"), text(t, credentials, "secret"))
	r.kyc = r.of(text(t, credentials, "kyc_key"), text(t, credentials, "kyc_secret"))
	return r
}

func (r *remitter) of(key, secret string) *bitpesa.Client {
	r.t.Helper()
	client, err := bitpesa.New(bitpesa.Config{BaseURL: r.base, Key: key, Secret: secret, Options: sdk.Options{MaxAttempts: 1}})
	require.NoError(r.t, err)
	return client
}

// listen subscribes to every event of the client's account.
func (r *remitter) listen(client *bitpesa.Client) {
	r.t.Helper()
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		assert.NoError(r.t, err)
		event, err := bitpesa.ParseEvent(body)
		assert.NoError(r.t, err)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.events = append(r.events, string(event.Name)+" "+event.State())
		r.names[event.Name] = true
		if event.Name != bitpesa.EventTransactionCreated { // which is no change
			r.states[event.ID()] = append(r.states[event.ID()], event.State())
		}
	}))
	r.t.Cleanup(receiver.Close)
	names, err := client.Webhooks.Events(r.t.Context())
	require.NoError(r.t, err)
	_, err = client.Webhooks.Create(r.t.Context(), bitpesa.WebhookParams{URL: receiver.URL, Events: names.Items})
	require.NoError(r.t, err)
}

// heard are the events that came since the last time.
func (r *remitter) heard(n int) []string {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.events) >= n
	}, 10*time.Second, 5*time.Millisecond)
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.events
	r.events = nil
	return events
}

func (r *remitter) admins(path, body string) {
	r.t.Helper()
	status, answer := ask(r.t, http.MethodPost, r.admin+path, body)
	require.Equal(r.t, http.StatusOK, status, answer)
}

var (
	remitterSender = bitpesa.SenderParams{
		ExternalID: "sender-1", FirstName: "Jane", LastName: "Doe", Country: "UG", City: "Kampala", Street: "Somewhere 17-3", PostalCode: "798983",
		Email: "jane@example.com", IP: "127.0.0.1", PhoneNumber: "00256 752-403-639", BirthDate: "1970-01-01",
	}
	paper = bitpesa.DocumentParams{Upload: "data:image/png;base64,AAAA", UploadFileName: "passport.png", ExpiryDate: "2030-01-01"}
)

func payoutTo(account, externalID, senderID string) bitpesa.TransactionParams {
	return bitpesa.TransactionParams{
		InputCurrency: "USD", ExternalID: externalID, Sender: bitpesa.SenderParams{ID: senderID},
		Recipients: []bitpesa.RecipientParams{{
			RequestedAmount: decimal.NewFromInt(10), RequestedCurrency: "USD",
			PayoutMethod: bitpesa.PayoutMethodParams{Type: bitpesa.NGNBank, Details: bitpesa.PayoutDetails{FirstName: "A", LastName: "B", BankCode: "058", BankAccount: account, BankAccountType: "20"}},
		}},
	}
}

func TestBitPesasSecondAccountChecksItsSendersOverHTTP(t *testing.T) {
	t.Parallel()
	r := newRemitter(t, `{"bitpesa":{"quirks":{"allow_secret_header":true}}}`)
	ctx := t.Context()
	waived, err := r.client.Senders.Create(ctx, remitterSender)
	require.NoError(t, err)
	assert.Equal(t, bitpesa.SenderApproved, waived.State)
	assert.Equal(t, "+256752403639", waived.PhoneNumber)

	raw := func(key, secret, documents string) (int, string) {
		return ask(t, "POST", r.base+"/senders", `{"sender":{"first_name":"Jane","last_name":"Doe","country":"UG","city":"Kampala","street":"Somewhere 17-3","postal_code":"798983",`+
			`"email":"jane@example.com","ip":"127.0.0.1","phone_number":"+256752403639","birth_date":"1970-01-01","documents":[`+documents+`]}}`, "Authorization-Key", key, "Authorization-Secret", secret)
	}
	status, body := raw("test-key", "test-secret", "")
	assert.Equal(t, 201, status, body)
	assert.Contains(t, body, `"state":"approved"`, "the first account is trusted with its senders")
	status, body = raw("test-kyc-key", "test-kyc-secret", "")
	assert.Equal(t, 422, status)
	assert.Contains(t, body, `"documents":[{"error":"blank"}]`)
	status, body = raw("test-kyc-key", "test-kyc-secret", `{"upload":"https://x.test/a.png","upload_file_name":"a.png"}`)
	assert.Equal(t, 201, status, body)
	assert.Contains(t, body, `"state":"initial"`)

	r.listen(r.kyc)
	_, err = r.kyc.Senders.Create(ctx, remitterSender)
	var refused *sdk.Error
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, []string{"blank"}, refused.Fields["documents"])
	checked := remitterSender
	checked.Documents = []bitpesa.DocumentParams{paper}
	sender, err := r.kyc.Senders.Create(ctx, checked)
	require.NoError(t, err)
	assert.Equal(t, bitpesa.SenderInitial, sender.State)
	tx, err := r.kyc.Transactions.Create(ctx, payoutTo("1234567819", "payout-1", sender.ID)) // the account is wrong
	require.NoError(t, err)
	_, err = r.kyc.Debits.Create(ctx, bitpesa.DebitParams{ToID: tx.ID})
	assert.ErrorIs(t, err, sdk.ErrRejected, "only senders that passed KYC pay in")

	r.admins("/bitpesa/senders/"+sender.ID+"/state", `{"state":"approved"}`)
	assert.ElementsMatch(t, []string{"transaction.created initial", "sender.approved approved", "transaction.approved approved"}, r.heard(3))
	_, err = r.kyc.Debits.Create(ctx, bitpesa.DebitParams{ToID: tx.ID})
	require.NoError(t, err)
	r.admins("/clock/advance", `{"seconds":31}`)
	_, err = r.kyc.Transactions.Cancel(ctx, tx.ID)
	require.NoError(t, err)
	assert.Equal(t, []string{
		"transaction.paid_in received", "recipient.pending pending", "recipient.error error", "transaction.error manual",
		"recipient.canceled canceled", "transaction.canceled canceled", "recipient.refunded refunded", "transaction.refunded refunded",
	}, r.heard(8))
}

// Whatever happens to a sender, a transaction or a recipient, the merchant hears of it:
// the timeline of the server tells each change, and each has its event, in order.
func TestEveryChangeOfStateHasItsEventOverHTTP(t *testing.T) {
	r, ctx := newRemitter(t, ""), t.Context()
	r.listen(r.kyc)
	serial := 0
	sender := func(states ...bitpesa.SenderState) *bitpesa.Sender {
		t.Helper()
		serial++
		p := remitterSender
		p.ExternalID, p.Documents = fmt.Sprint("sender-", serial), []bitpesa.DocumentParams{paper}
		s, err := r.kyc.Senders.Create(ctx, p)
		require.NoError(t, err)
		for _, to := range states {
			r.admins("/bitpesa/senders/"+s.ID+"/state", fmt.Sprintf(`{"state":%q}`, to))
		}
		return s
	}
	payout := func(account, senderID string) *bitpesa.Transaction {
		t.Helper()
		serial++
		tx, err := r.kyc.Transactions.Create(ctx, payoutTo(account, fmt.Sprint("payout-", serial), senderID))
		require.NoError(t, err)
		return tx
	}
	fund := func(tx *bitpesa.Transaction) *bitpesa.Transaction {
		t.Helper()
		_, err := r.kyc.Debits.Create(ctx, bitpesa.DebitParams{ToID: tx.ID})
		require.NoError(t, err)
		return tx
	}
	move := func(kind, id string, states ...string) {
		t.Helper()
		for _, to := range states {
			r.admins("/bitpesa/"+kind+"/"+id+"/state", fmt.Sprintf(`{"state":%q}`, to))
		}
	}
	const good, bad = "1234567800", "1234567819"

	approved := sender("verified", "approved")
	paid := fund(payout(good, approved.ID))
	corrected := fund(payout(bad, approved.ID))
	refunded := fund(payout(bad, approved.ID))
	r.admins("/clock/advance", `{"seconds":31}`)
	number := payoutTo(good, "", "").Recipients[0].PayoutMethod.Details
	_, err := r.kyc.Recipients.Correct(ctx, corrected.ID, corrected.Recipients[0].ID, bitpesa.RecipientUpdate{PayoutMethod: bitpesa.PayoutMethodParams{Type: bitpesa.NGNBank, Details: number}})
	require.NoError(t, err)
	_, err = r.kyc.Transactions.Cancel(ctx, refunded.ID)
	require.NoError(t, err)
	waiting := sender()
	for _, from := range []*bitpesa.Sender{approved, waiting} { // approved and initial
		_, err = r.kyc.Transactions.Cancel(ctx, payout(good, from.ID).ID)
		require.NoError(t, err)
	}
	payout(good, waiting.ID)
	r.admins("/clock/advance", `{"seconds":3601}`) // nobody funds it
	waits := payout(good, waiting.ID)
	move("senders", waiting.ID, "approved")

	move("transactions", payout(good, approved.ID).ID, "pending", "received", "processing", "received", "manual", "paid")
	move("transactions", payout(good, approved.ID).ID, "exception")
	for _, states := range [][]string{{"stuck", "overpaid"}, {"manual", "exception"}, {"error", "canceled"}, {"refunded"}, {"error", "pending", "success"}} {
		move("recipients", fund(payout(good, approved.ID)).Recipients[0].ID, states...)
	}
	changed := sender("rejected")
	move("senders", changed.ID, "disabled", "banned")
	other := remitterSender
	other.ExternalID, other.LastName = "sender-1", "Roe"
	_, err = r.kyc.Senders.Update(ctx, approved.ID, other)
	require.NoError(t, err)
	r.admins("/clock/advance", `{"seconds":86400}`)

	assert.Equal(t, []string{"received", "paid"}, r.told(paid.ID))
	assert.Equal(t, []string{"approved", "canceled"}, r.told(waits.ID), "its sender was approved, then its time ran out")
	assert.Equal(t, []string{"pending", "success"}, r.told(paid.Recipients[0].ID))
	assert.Equal(t, []string{"pending", "error", "pending", "success"}, r.told(corrected.Recipients[0].ID))
	assert.Equal(t, []string{"pending", "error", "canceled", "refunded"}, r.told(refunded.Recipients[0].ID))
	assert.Equal(t, []string{"verified", "approved", "initial"}, r.told(approved.ID))

	made, cursor := map[string][]string{}, ""
	for pages := 0; pages == 0 || cursor != ""; pages++ {
		page := get(t, r.admin+"/timeline?provider=bitpesa&kind=state&limit=100&cursor="+cursor)
		for _, record := range elements(t, page, "records") { // newest first
			if _, to, changed := strings.Cut(fmt.Sprint(record["text"]), " → "); changed {
				id := fmt.Sprint(record["subject"])
				made[id] = append([]string{to}, made[id]...)
			}
		}
		cursor, _ = page["next"].(string)
	}
	require.Greater(t, len(made), 25, "objects that changed")
	for id, states := range made {
		told := r.told(id)
		for _, state := range states { // the timeline has the last of several states in one moment
			i := slices.Index(told, state)
			require.GreaterOrEqual(t, i, 0, "%s became %s: told %v", id, states, r.told(id))
			told = told[i+1:]
		}
		assert.Empty(t, told, "%s became %s: told %v", id, states, r.told(id))
	}
	names, err := r.kyc.Webhooks.Events(ctx)
	require.NoError(t, err)
	var missing []string
	for _, name := range names.Items {
		if kind := name.Kind(); !r.names[name] && (kind == "sender" || kind == "transaction" || kind == "recipient") {
			missing = append(missing, string(name))
		}
	}
	assert.Equal(t, []string{"transaction.mispaid"}, missing, "no call of the server pays another amount than is due")
	assert.True(t, r.names[bitpesa.EventRecipientPaidOut])
}

// told are the states of an object that the merchant has heard of.
func (r *remitter) told(id string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.states[id]
}

func TestBitPesaIsSetUpByAFile(t *testing.T) {
	t.Parallel()
	r := newRemitter(t, `{"bitpesa": {
		"api_version": "bitpesa", "ends_after": "2m", "callback_retries": ["1s"], "rates": {"NGN": "1000"},
		"keys": [{"key": "test-key", "secret": "test-secret", "balances": {"USD": "10"}}, {"key": "test-kyc-key", "secret": "test-kyc-secret", "wtr2": true, "kyc": true}],
		"quirks": {"rounding": "text", "waived_stays_initial": true, "strict_query": true, "strict_debits": true, "allow_secret_header": true}
	}}`)
	ctx := t.Context()
	sender, err := r.client.Senders.Create(ctx, remitterSender)
	require.NoError(t, err)
	assert.Equal(t, bitpesa.SenderInitial, sender.State, "waived_stays_initial")
	assert.Contains(t, string(sender.Raw), "+0000", "the spelling of the guides")
	_, err = r.kyc.Senders.Create(ctx, bitpesa.SenderParams{Country: "UG", BirthDate: "1970-01-01", Documents: []bitpesa.DocumentParams{paper}})
	require.NoError(t, err, "wtr2")

	sent, err := r.client.Transactions.PayFromBalance(ctx, payoutTo("1234567800", "payout-1", sender.ID))
	require.NoError(t, err)
	assert.Equal(t, "10000", sent.Recipients[0].OutputAmount.Decimal.String(), "the rate")
	_, err = r.client.Transactions.PayFromBalance(ctx, payoutTo("1234567800", "payout-2", sender.ID))
	assert.ErrorIs(t, err, sdk.ErrInsufficientFunds, "the balance of the file is spent")
	r.admins("/clock/advance", `{"seconds":119}`)
	for _, state := range []bitpesa.TransactionState{bitpesa.TransactionReceived, bitpesa.TransactionPaid} {
		now, err := r.client.Transactions.Get(ctx, sent.ID)
		require.NoError(t, err)
		assert.Equal(t, state, now.State, "ends_after")
		r.admins("/clock/advance", `{"seconds":1}`)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+"/accounts/USD", nil)
	require.NoError(t, err)
	req.Header = http.Header{"Authorization-Key": {"test-key"}, "Authorization-Secret": {"test-secret"}}
	response, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer response.Body.Close()
	var account struct{ Object []map[string]json.Number }
	_ = json.NewDecoder(response.Body).Decode(&account)
	assert.Equal(t, http.StatusOK, response.StatusCode, "allow_secret_header")
	assert.Len(t, account.Object, 1, "a list in the guides")

	for file, want := range map[string]string{
		`{"bitpesa": {"api_version": "2019"}}`:               `no API version "2019"`,
		`{"bitpesa": {"keys": [{"key": "k"}]}}`:              `"k" is empty, given twice or without a secret`,
		`{"bitpesa": {"keys": [{"kyk": true}]}}`:             "bitpesa.keys.0.kyk: no such setting",
		`{"bitpesa": {"quirks": {"rounding": "up"}}}`:        "bitpesa.quirks.rounding",
		`{"bitpesa": {"ends_after": 30}}`:                    "bitpesa.ends_after: must be a time",
		`{"bitpesa": {"options": {}}}`:                       "bitpesa.options: is set by flags",
		`{"bitpesa": {"keys": [{"balances": {"USD": []}}]}}`: "bitpesa.keys.0.balances.USD",
	} {
		err := Run(ctx, []string{"-addr", "127.0.0.1:0", "-config", configFile(t, file)}, io.Discard, io.Discard)
		assert.ErrorContains(t, err, want)
	}
}
