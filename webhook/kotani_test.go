package webhook_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/webhook"
)

// books are Kotani's own, as a merchant's confirmations see them.
type books struct {
	mu    sync.Mutex
	says  map[string]kotani.Transaction // by external id and kind, or by request id
	asked []string
}

func (b *books) set(key string, t kotani.Transaction) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.says == nil {
		b.says = map[string]kotani.Transaction{}
	}
	b.says[key] = t
}

func (b *books) look(key string) (*kotani.Transaction, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, key)
	t, ok := b.says[key]
	if !ok {
		return nil, fmt.Errorf("%w: no such transaction", sdk.ErrNotFound)
	}
	return &t, nil
}

func (b *books) Find(_ context.Context, externalID string, kind kotani.TransactionType) (*kotani.Transaction, error) {
	return b.look(externalID + " " + string(kind))
}

func (b *books) Get(_ context.Context, requestID string) (*kotani.Transaction, error) {
	return b.look(requestID)
}

// till is a merchant who gets Kotani's callbacks.
type till struct {
	books
	reports
	*webhook.Handler[kotani.Transaction]

	mutex sync.Mutex
	told  []webhook.Event[kotani.Transaction]
}

func newTill(t *testing.T, kind kotani.TransactionType, auth webhook.Authenticator) *till {
	t.Helper()
	m := &till{}
	if auth == nil {
		auth = webhook.PathSecret(pathSecret)
	}
	h, err := webhook.NewKotani(&m.books, kind, webhook.Config[kotani.Transaction]{
		Auth: auth, Known: everything, Report: m.add,
		Handle: func(_ context.Context, ev webhook.Event[kotani.Transaction]) error {
			m.mutex.Lock()
			defer m.mutex.Unlock()
			m.told = append(m.told, ev)
			return nil
		},
	})
	require.NoError(t, err)
	m.Handler = h
	return m
}

func (m *till) heard() []string {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	var out []string
	for _, ev := range m.told {
		out = append(out, ev.Reference+" "+ev.Status+" "+string(ev.Transition)+" "+ev.Trust.String())
	}
	return out
}

func transaction(externalID string, status kotani.TransactionStatus, amount string) kotani.Transaction {
	return kotani.Transaction{
		RequestID: "7", ExternalID: externalID, Type: kotani.Payouts, Status: status, Currency: "KES",
		Amount: decimal.NewNullDecimal(decimal.RequireFromString(amount)),
	}
}

func TestKotaniCallbacksCountOnlyAsTheAPIConfirmsThem(t *testing.T) {
	for name, tc := range map[string]struct {
		kind     kotani.TransactionType
		truth    kotani.Transaction
		key      string
		posted   string
		response int
		heard    []string
		is       error
	}{
		"confirmed": {kotani.Payouts, transaction("o1", "SUCCESSFUL", "20"), "o1 Payouts",
			`{"externalId":"o1","status":"success","txhash":""}`, 200, []string{"o1 SUCCESSFUL advanced confirmed"}, nil},
		"by request id": {kotani.Payouts, transaction("o1", "SUCCESSFUL", "20"), "7",
			`{"requestId":"7","status":"SUCCESSFUL"}`, 200, []string{"o1 SUCCESSFUL advanced confirmed"}, nil},
		"the API is further on": {kotani.Payouts, transaction("o1", "SUCCESSFUL", "20"), "o1 Payouts",
			`{"externalId":"o1","status":"PENDING"}`, 200, []string{"o1 SUCCESSFUL advanced confirmed"}, nil},
		"what was posted counts for nothing": {kotani.Payouts, transaction("o1", "SUCCESSFUL", "20"), "o1 Payouts",
			`{"externalId":"o1","requestId":"8","transactionType":"Collections","status":"SUCCESSFUL","amount":"2000","currency":"USD"}`, 200, []string{"o1 SUCCESSFUL advanced confirmed"}, nil},
		"not true yet": {kotani.Payouts, transaction("o1", "PENDING", "20"), "o1 Payouts",
			`{"externalId":"o1","status":"SUCCESSFUL"}`, 503, []string{"o1 PENDING advanced confirmed"}, webhook.ErrNotConfirmed},
		"a response of the other kind": {kotani.Collections, transaction("o1", "SUCCESSFUL", "20"), "o1 Collections",
			`{"externalId":"o1","status":"SUCCESSFUL"}`, 422, nil, webhook.ErrMismatch},
		"a response of the other kind, by request id": {kotani.Collections, transaction("o1", "SUCCESSFUL", "20"), "7",
			`{"requestId":"7","status":"SUCCESSFUL"}`, 422, nil, webhook.ErrMismatch},
		"nobody knows it": {kotani.Payouts, transaction("o1", "SUCCESSFUL", "20"), "o1 Payouts",
			`{"externalId":"o2","status":"SUCCESSFUL"}`, 503, nil, sdk.ErrNotFound},
		"two values of one key": {kotani.Payouts, transaction("o1", "SUCCESSFUL", "20"), "o1 Payouts",
			`{"externalId":"o1","status":"FAILED","status":"SUCCESSFUL"}`, 400, nil, webhook.ErrMalformed},
		"no reference": {kotani.Payouts, transaction("o1", "SUCCESSFUL", "20"), "o1 Payouts",
			`{"status":"SUCCESSFUL"}`, 400, nil, webhook.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			m := newTill(t, tc.kind, nil)
			m.set(tc.key, tc.truth)
			synctest.Test(t, func(t *testing.T) { assert.Equal(t, tc.response, post(m, tc.posted).Code) })
			assert.Equal(t, tc.heard, m.heard())
			if tc.is == nil {
				assert.NoError(t, m.last())
				assert.True(t, money("20").Decimal.Equal(m.told[0].Amount.Decimal))
				assert.Equal(t, kotani.Payouts, m.told[0].Data.Type)
			} else {
				assert.ErrorIs(t, m.last(), tc.is)
			}
		})
	}
}

func TestKotaniChangesTakeEffectOnceUnderWhateverName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newTill(t, kotani.Payouts, nil)
		for _, status := range []kotani.TransactionStatus{"EXPIRED", "SUCCESSFUL", "REVERSED"} {
			m.set("o1 Payouts", transaction("o1", status, "20"))
			m.set("7", transaction("o1", status, "20"))
			assert.Equal(t, 200, post(m, `{"externalId":"o1","status":"`+string(status)+`"}`).Code)
			assert.Equal(t, 200, post(m, `{"requestId":"7","status":"`+string(status)+`"}`).Code)
			_, err := m.Feed(t.Context(), transaction("o1", status, "20"))
			require.NoError(t, err)
		}
		assert.Equal(t, []string{"o1 EXPIRED advanced confirmed", "o1 SUCCESSFUL corrected confirmed", "o1 REVERSED reversed confirmed"}, m.heard())
	})
}

func TestDepositsAndWithdrawalsOfOneNameAreApart(t *testing.T) {
	inbox := webhook.NewMemoryInbox(webhook.MemoryInboxConfig{})
	var told []string
	b := &books{}
	for _, kind := range []kotani.TransactionType{kotani.Payouts, kotani.Collections} {
		t1 := transaction("o1", "SUCCESSFUL", "20")
		t1.Type = kind
		b.set("o1 "+string(kind), t1)
		cfg := goodConfig[kotani.Transaction]()
		cfg.Inbox = inbox
		cfg.Handle = func(_ context.Context, ev webhook.Event[kotani.Transaction]) error {
			told = append(told, string(ev.Data.Type))
			return nil
		}
		h, err := webhook.NewKotani(b, kind, cfg)
		require.NoError(t, err)
		assert.Equal(t, 200, post(h, `{"externalId":"o1","status":"SUCCESSFUL"}`).Code)
	}
	assert.Equal(t, []string{"Payouts", "Collections"}, told)
}

func TestStrangersAreAskedAboutNowhere(t *testing.T) {
	m := newTill(t, kotani.Payouts, nil)
	for range 50 {
		assert.Equal(t, 401, postTo(m, "/hooks/guessed", `{"externalId":"o1","status":"SUCCESSFUL"}`).Code)
	}
	assert.Empty(t, m.asked)
}

func TestAKotaniCallbackByACapabilityIsAboutItsTransaction(t *testing.T) {
	caps, err := webhook.NewCapabilities(webhook.CapabilityConfig{Provider: "kotani", BaseURL: "https://shop.example/hooks"}, capabilityKey)
	require.NoError(t, err)
	m := newTill(t, kotani.Payouts, caps)
	m.set("o1 Payouts", transaction("o1", "SUCCESSFUL", "20"))
	m.set("o2 Payouts", transaction("o2", "SUCCESSFUL", "20"))
	url, err := caps.Mint("o1", decimal.NewFromInt(20), "")
	require.NoError(t, err)
	assert.Equal(t, 422, postTo(m, url, `{"externalId":"o2","status":"SUCCESSFUL"}`).Code)
	assert.Empty(t, m.heard())
	assert.Equal(t, 200, postTo(m, url, `{"requestId":"7","status":"SUCCESSFUL"}`).Code, "Kotani's own id will do")
	assert.Equal(t, []string{"o1 SUCCESSFUL advanced confirmed"}, m.heard())
	assert.Equal(t, []string{"o1 Payouts"}, m.asked)
}

func TestALostKotaniCallbackIsFoundByTheReconciler(t *testing.T) {
	m := newTill(t, kotani.Payouts, nil)
	truth := transaction("", "SUCCESSFUL", "20") // the API shows neither external id nor kind
	truth.Type = ""
	m.set("o1 Payouts", truth)
	r, err := webhook.NewReconciler(webhook.ReconcilerConfig[kotani.Transaction]{Handler: m.Handler, Open: open("o1", "o9")})
	require.NoError(t, err)
	sweep, err := r.Sweep(t.Context())
	require.NoError(t, err)
	assert.Equal(t, webhook.Sweep{Open: 2, Asked: 2, Applied: 1, Failed: 1}, sweep)
	assert.Equal(t, kotani.Payouts, m.told[0].Data.Type)
}

func TestKotaniStates(t *testing.T) {
	states := webhook.KotaniStates()
	for _, tc := range []struct {
		from, to kotani.TransactionStatus
		want     webhook.Transition
	}{
		{"PENDING", "PROCESSING", webhook.Advanced}, {"PROCESSING", "PENDING", webhook.Advanced},
		{"PENDING", "SUCCESSFUL", webhook.Advanced}, {"RETRY", "FAILED", webhook.Advanced},
		{"SUCCESSFUL", "REVERSED", webhook.Reversed}, {"SUCCESSFUL", "PENDING", webhook.Stale}, {"REVERSED", "SUCCESSFUL", webhook.Stale},
		{"FAILED", "SUCCESSFUL", webhook.Corrected}, {"SUCCESSFUL", "FAILED", webhook.Reversed}, {"FAILED", "EXPIRED", webhook.Unexpected},
		{"PENDING", "REQUIRE_REVIEW", webhook.Advanced}, {"REQUIRE_REVIEW", "SUCCESSFUL", webhook.Advanced},
		{"SUCCESSFUL", "SUCCESSFUL", webhook.Duplicate},
	} {
		assert.Equal(t, tc.want, states.Transition(string(tc.from), string(tc.to)), "%s to %s", tc.from, tc.to)
	}
	for _, status := range []kotani.TransactionStatus{
		kotani.StatusSuccessful, kotani.StatusFailed, kotani.StatusCancelled, kotani.StatusExpired, kotani.StatusDeclined, kotani.StatusPermanentlyFailed, kotani.StatusReversed,
		kotani.StatusPending, kotani.StatusInitiated, kotani.StatusInProgress, kotani.StatusProcessing, kotani.StatusRetry, kotani.StatusTransactionInitiated,
	} {
		assert.Equal(t, status.Final(), states.Final(string(status)), "%s: client and table agree", status)
	}
}
