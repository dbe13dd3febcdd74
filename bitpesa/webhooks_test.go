package bitpesa_test

import (
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestTheKindOfAnEventSelectsItsObject(t *testing.T) {
	for name, object := range map[bitpesa.EventName]func(*bitpesa.Event) string{
		bitpesa.EventTransactionPaidIn: func(e *bitpesa.Event) string { return e.Transaction.ID },
		bitpesa.EventRecipientError:    func(e *bitpesa.Event) string { return e.Recipient.ID },
		bitpesa.EventSenderApproved:    func(e *bitpesa.Event) string { return e.Sender.ID },
		bitpesa.EventPayinPaidIn:       func(e *bitpesa.Event) string { return e.PayinMethod.ID },
		"payout_method.created":        func(e *bitpesa.Event) string { return e.PayoutMethod.ID },
		"document.created":             func(e *bitpesa.Event) string { return e.Document.ID },
		"mandate.signed":               (*bitpesa.Event).ID,
		"nonsense":                     (*bitpesa.Event).ID,
	} {
		body := `{"webhook":"w-1","event":"` + string(name) + `","object":{"id":"x-1","state":"s","metadata":{"order":"7"}}}`
		e, err := bitpesa.ParseEvent([]byte(body))
		require.NoError(t, err, name)
		assert.Equal(t, "x-1", object(&e), name)
		assert.Equal(t, "x-1", e.ID())
		assert.Equal(t, "w-1", e.Webhook)
		assert.Equal(t, body, string(e.Raw))
		typed := 0
		for _, set := range []bool{e.Transaction != nil, e.Recipient != nil, e.Sender != nil, e.PayinMethod != nil, e.PayoutMethod != nil, e.Document != nil} {
			if set {
				typed++
			}
		}
		assert.LessOrEqual(t, typed, 1, name)
		if e.Transaction != nil || e.Recipient != nil || e.Sender != nil || e.PayinMethod != nil {
			assert.Equal(t, "s", e.State(), name)
		} else {
			assert.Empty(t, e.State(), name)
		}
	}
}

func TestWhatIsNoEventIsRefused(t *testing.T) {
	for _, body := range []string{
		``, `[]`, `null`, `{}`, `{"event":"transaction.paid_in"}`, `{"event":"","object":{"id":"t-1"}}`, `{"object":{"id":"t-1"}}`,
		`{"event":"transaction.paid_in","object":null}`, `{"event":"transaction.paid_in","object":"t-1"}`, `{"event":"transaction.paid_in","object":{"id":""}}`,
		`{"event":["x"],"object":{"id":"t-1"}}`, `{"event":"x.y","object":{"id":{}}}`,
	} {
		_, err := bitpesa.ParseEvent([]byte(body))
		assert.Error(t, err, body)
	}
}

// BitPesa's API of 2019 refuses a transaction whose new sender has a taken
// external id; the transaction does not exist then.
func TestADuplicateSenderIsNoDuplicateTransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newStub(t, func(r request) response {
			if r.Method == "GET" {
				return list("", 0)
			}
			return says(422, `{"object":{"sender":{"errors":{"external_id":[{"error":"taken"}]}}},"meta":{"existing":{"sender":{"id":"s-1","state":"approved"}}}}`)
		})
		got, err := newClient(t, server).Transactions.PayFromBalance(t.Context(), validTransaction())
		require.ErrorIs(t, err, sdk.ErrDuplicate)
		assert.Nil(t, got)
		var apiErr *sdk.Error
		require.ErrorAs(t, err, &apiErr)
		assert.Equal(t, bitpesa.OpCreateTransaction, apiErr.Operation)
		assert.Nil(t, apiErr.Detail.(bitpesa.ExistingObject).Transaction)
		require.NotNil(t, apiErr.Detail.(bitpesa.ExistingObject).Sender)
		assert.Equal(t, []string{"taken"}, apiErr.Fields["sender.external_id"])
	})
}

// eventConstants are the events that have a name in this package.
var eventConstants = []bitpesa.EventName{
	bitpesa.EventTransactionCreated, bitpesa.EventTransactionPaidIn, bitpesa.EventTransactionPaidOut, bitpesa.EventTransactionPaid, bitpesa.EventTransactionMispaid,
	bitpesa.EventTransactionError, bitpesa.EventTransactionCanceled, bitpesa.EventTransactionRefunded, bitpesa.EventTransactionApproved, bitpesa.EventTransactionPending,
	bitpesa.EventTransactionReceived, bitpesa.EventTransactionProcessing, bitpesa.EventTransactionException,
	bitpesa.EventRecipientPending, bitpesa.EventRecipientPaidOut, bitpesa.EventRecipientError, bitpesa.EventRecipientManual, bitpesa.EventRecipientStuck,
	bitpesa.EventRecipientOverpaid, bitpesa.EventRecipientCanceled, bitpesa.EventRecipientRefunded, bitpesa.EventRecipientException,
	bitpesa.EventSenderInitial, bitpesa.EventSenderVerified, bitpesa.EventSenderApproved, bitpesa.EventSenderRejected, bitpesa.EventSenderBanned, bitpesa.EventSenderDisabled,
	bitpesa.EventPayinInitial, bitpesa.EventPayinIncomplete, bitpesa.EventPayinPending, bitpesa.EventPayinProcessing, bitpesa.EventPayinPaidIn, bitpesa.EventPayinError,
	bitpesa.EventPayinRefunded, bitpesa.EventPayinCanceled, bitpesa.EventPayinMispaid, bitpesa.EventPayinException, bitpesa.EventPayoutMethodDisabled,
}

func TestEveryEventOfTheFakeHasAConstant(t *testing.T) {
	names, err := newWorld(t).client.Webhooks.Events(t.Context())
	require.NoError(t, err)
	assert.ElementsMatch(t, eventConstants, append(names.Items, bitpesa.EventTransactionPaid), "the last one is in the vendor's examples only")
}

// A merchant who follows the events alone knows each state, also of what was canceled
// and of what waited for a sender's approval.
func TestEventsTellEachStateToTheClient(t *testing.T) {
	var mu sync.Mutex
	var story []string
	receiver := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		event, err := bitpesa.ParseEvent(body)
		assert.NoError(t, err)
		mu.Lock()
		defer mu.Unlock()
		story = append(story, string(event.Name)+" "+event.State())
	})
	srv := bitpesatest.NewServer(t, bitpesatest.Config{Options: fake.Options{Callbacks: receiver}})
	cfg := srv.ClientConfig()
	cfg.Key, cfg.Secret = bitpesatest.KYCKey, bitpesatest.KYCSecret
	client, err := bitpesa.New(cfg)
	require.NoError(t, err)
	ctx := t.Context()
	_, err = client.Webhooks.Create(ctx, bitpesa.WebhookParams{URL: "http://merchant.test/hooks", Events: eventConstants})
	require.NoError(t, err)

	sender := validSender()
	_, err = client.Senders.Create(ctx, sender)
	var refused *sdk.Error
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, []string{"blank"}, refused.Fields["documents"], "the second account needs papers")
	sender.Documents = []bitpesa.DocumentParams{{Upload: "data:image/png;base64,AAAA", UploadFileName: "passport.png"}}
	stored, err := client.Senders.Create(ctx, sender)
	require.NoError(t, err)
	assert.Equal(t, bitpesa.SenderInitial, stored.State)

	p := validTransaction()
	p.Sender = bitpesa.SenderParams{ID: stored.ID}
	p.Recipients[0].PayoutMethod.Details.BankAccount = "1234567819" // fails
	tx, err := client.Transactions.Create(ctx, p)
	require.NoError(t, err)
	assert.Equal(t, bitpesa.TransactionInitial, tx.State)
	require.NoError(t, srv.MoveSender(stored.ID, bitpesa.SenderApproved))
	srv.Flush()
	assert.ElementsMatch(t, []string{"transaction.created initial", "sender.approved approved", "transaction.approved approved"}, story, "about two objects, so in any order")
	story = nil
	require.NoError(t, fails(client.Debits.Create(ctx, bitpesa.DebitParams{ToID: tx.ID})))
	srv.Advance(31 * time.Second)
	require.NoError(t, fails(client.Transactions.Cancel(ctx, tx.ID)))
	srv.Flush()
	assert.Equal(t, []string{
		"transaction.paid_in received", "recipient.pending pending", "recipient.error error", "transaction.error manual", "recipient.canceled canceled",
		"transaction.canceled canceled", "recipient.refunded refunded", "transaction.refunded refunded",
	}, story)
}

func TestTheFakeWritesTodaysForms(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	currencies, err := w.client.Info.Currencies(ctx)
	require.NoError(t, err)
	assert.Equal(t, 100, currencies.Items[0].SubunitToUnit, "a text on the wire")
	for _, version := range []bitpesatest.APIVersion{bitpesatest.VersionToday, bitpesatest.VersionBitPesa} {
		client, err := bitpesa.New(bitpesatest.NewServer(t, bitpesatest.Config{APIVersion: version}).ClientConfig())
		require.NoError(t, err)
		p := validTransaction()
		p.Sender = validSender()
		tx, err := client.Transactions.Create(ctx, p)
		require.NoError(t, err)
		for name, at := range map[string]time.Time{
			"created": tx.CreatedAt, "updated": tx.UpdatedAt, "expires": tx.ExpiresAt, "recipient": tx.Recipients[0].CreatedAt, "sender": tx.Sender.CreatedAt,
		} {
			assert.False(t, at.IsZero(), "%s with API version %q", name, version)
		}
	}
	all := bitpesa.PayoutDetails{
		FirstName: "A", LastName: "B", IdentityCardType: "DNI", IdentityCardID: "1", BankCode: "2", BankAccount: "3", BankAccountType: "10", IBAN: "CR05", Street: "S",
		PhoneNumber: "+84912345678", MobileProvider: "viettel",
	}
	for _, corridor := range []bitpesa.PayoutType{bitpesa.PENBank, bitpesa.GTQBank, bitpesa.CRCBank, bitpesa.MADBank, bitpesa.VNDBank, bitpesa.VNDMobile} {
		p := validTransaction()
		p.ExternalID, p.Sender.ID = string(corridor), w.sender(t)
		p.Recipients[0].RequestedCurrency, p.Recipients[0].PayoutMethod = "USD", bitpesa.PayoutMethodParams{Type: corridor, Details: all}
		require.NoError(t, fails(w.client.Transactions.PayFromBalance(ctx, p)), corridor)
	}
}

func TestMetadataComesBackInWebhooks(t *testing.T) {
	var mu sync.Mutex
	got := map[string][]bitpesa.Metadata{}
	srv := bitpesatest.NewServer(t, bitpesatest.Config{Options: fake.Options{Callbacks: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		event, err := bitpesa.ParseEvent(body)
		if assert.NoError(t, err) && event.Transaction != nil {
			tx := event.Transaction
			mu.Lock()
			defer mu.Unlock()
			got["transaction"] = append(got["transaction"], tx.Metadata)
			got["sender"] = append(got["sender"], tx.Sender.Metadata)
			got["recipient"] = append(got["recipient"], tx.Recipients[0].Metadata)
			got["payout method"] = append(got["payout method"], tx.Recipients[0].PayoutMethod.Metadata)
		}
	})}})
	client, err := bitpesa.New(srv.ClientConfig())
	require.NoError(t, err)
	require.NoError(t, fails(client.Webhooks.Create(t.Context(), bitpesa.WebhookParams{URL: "http://merchant.test/hooks", Events: eventConstants})))
	p := validTransaction()
	p.Sender = validSender()
	p.Metadata, p.Sender.Metadata = bitpesa.Metadata{"order": "7"}, bitpesa.Metadata{"customer": "8"}
	p.Recipients[0].Metadata, p.Recipients[0].PayoutMethod.Metadata = bitpesa.Metadata{"supplier": "9"}, bitpesa.Metadata{"account": "10"}
	require.NoError(t, fails(client.Transactions.PayFromBalance(t.Context(), p)))
	srv.Flush()
	for kind, want := range map[string]bitpesa.Metadata{"transaction": p.Metadata, "sender": p.Sender.Metadata, "recipient": p.Recipients[0].Metadata, "payout method": p.Recipients[0].PayoutMethod.Metadata} {
		require.NotEmpty(t, got[kind], kind)
		for _, shown := range got[kind] {
			assert.Equal(t, want, shown, kind)
		}
	}
}
