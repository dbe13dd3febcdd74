package bitpesa_test

import (
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// world is a fake and a client of it. Made in a synctest bubble, its clock is
// the bubble's.
type world struct {
	*bitpesatest.Fake
	client *bitpesa.Client
	config bitpesa.Config
	start  decimal.Decimal // USD on the account at first
}

// kycKey is a second account, whose senders have to be approved.
var kycKey = bitpesatest.Key{Key: "kyc-key", Secret: "kyc-secret", KYC: true, Balances: map[string]decimal.Decimal{"USD": decimal.NewFromInt(10)}}

func newWorld(t *testing.T, change ...func(*bitpesa.Config)) world {
	t.Helper()
	srv := bitpesatest.NewServer(t, bitpesatest.Config{
		Options: fake.Options{RealTime: true},
		Keys:    []bitpesatest.Key{{Key: bitpesatest.TestKey, Secret: bitpesatest.TestSecret}, kycKey},
	})
	cfg := bitpesa.Config{
		Key: bitpesatest.TestKey, Secret: bitpesatest.TestSecret,
		BaseURL: srv.URL(),
		Options: sdk.Options{HTTPClient: srv.HTTPClient()},
	}
	for _, c := range change {
		c(&cfg)
	}
	client, err := bitpesa.New(cfg)
	require.NoError(t, err)
	return world{srv, client, cfg, srv.Balance(bitpesatest.TestKey, "USD")}
}

// sender stores the usual sender.
func (w world) sender(t *testing.T) string {
	t.Helper()
	sender, err := w.client.Senders.Create(t.Context(), validSender())
	require.NoError(t, err)
	return sender.ID
}

// params pay 10,000 NGN to each account from the USD balance.
func (w world) params(externalID, senderID string, accounts ...string) bitpesa.TransactionParams {
	p := validTransaction()
	p.ExternalID, p.Sender.ID, p.Recipients = externalID, senderID, nil
	for _, account := range accounts {
		r := ngnRecipient()
		r.PayoutMethod.Details.BankAccount = account
		p.Recipients = append(p.Recipients, r)
	}
	return p
}

// spent is what has left the USD balance.
func (w world) spent() decimal.Decimal {
	return w.start.Sub(w.Balance(bitpesatest.TestKey, "USD"))
}

func (w world) wantSpent(t *testing.T, want decimal.Decimal) {
	t.Helper()
	assert.True(t, want.Equal(w.spent()), "spent %s, want %s", w.spent(), want)
	assert.NoError(t, w.CheckLedger())
}

// count is how many requests of a kind the fake worked on.
func (w world) count(method, path string) int {
	n := 0
	for _, r := range w.Requests() {
		if r.Method == method && r.Path == path && r.Status < 300 {
			n++
		}
	}
	return n
}
