package fakeserver

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
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
}

func newRemitter(t *testing.T, config string) *remitter {
	t.Helper()
	r := &remitter{t: t}
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
	}))
	r.t.Cleanup(receiver.Close)
	names, err := client.Webhooks.Events(r.t.Context())
	require.NoError(r.t, err)
	_, err = client.Webhooks.Create(r.t.Context(), bitpesa.WebhookParams{URL: receiver.URL, Events: names})
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
	r := newRemitter(t, "")
	ctx := t.Context()
	waived, err := r.client.Senders.Create(ctx, remitterSender)
	require.NoError(t, err)
	assert.Equal(t, bitpesa.SenderApproved, waived.State)
	assert.Equal(t, "+256752403639", waived.PhoneNumber)

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

func TestBitPesaIsSetUpByAFile(t *testing.T) {
	r := newRemitter(t, `{"bitpesa": {
		"api_version": "bitpesa", "settle_after": "2m", "callback_retries": ["1s"], "rates": {"NGN": "1000"},
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
		assert.Equal(t, state, now.State, "settle_after")
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
		`{"bitpesa": {"settle_after": 30}}`:                  "bitpesa.settle_after: must be a time",
		`{"bitpesa": {"options": {}}}`:                       "bitpesa.options: is set by flags",
		`{"bitpesa": {"keys": [{"balances": {"USD": []}}]}}`: "bitpesa.keys.0.balances.USD",
	} {
		err := Run(ctx, []string{"-addr", "127.0.0.1:0", "-config", configFile(t, file)}, io.Discard, io.Discard)
		assert.ErrorContains(t, err, want)
	}
}
