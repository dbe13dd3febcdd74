package webhook_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

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

func newTill(t *testing.T, kind kotani.TransactionType, auth ...webhook.Authenticator) *till {
	t.Helper()
	m := &till{}
	if auth == nil {
		auth = []webhook.Authenticator{webhook.PathSecret(pathSecret)}
	}
	h, err := webhook.NewKotani(&m.books, kind, webhook.Config[kotani.Transaction]{
		Auth: auth, Report: m.add,
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
		"the kind of the callback": {"", transaction("o1", "FAILED", "20"), "o1 Payouts",
			`{"externalId":"o1","transactionType":"Payouts","status":"FAILED","amount":20.00}`, 200, []string{"o1 FAILED advanced confirmed"}, nil},
		"by request id": {"", transaction("made-up", "SUCCESSFUL", "20"), "7",
			`{"requestId":"7","status":"SUCCESSFUL"}`, 200, []string{"7 SUCCESSFUL advanced confirmed"}, nil},
		"the API is further on": {kotani.Payouts, transaction("o1", "SUCCESSFUL", "20"), "o1 Payouts",
			`{"externalId":"o1","status":"PENDING"}`, 200, []string{"o1 SUCCESSFUL advanced confirmed"}, nil},
		"not true yet": {kotani.Payouts, transaction("o1", "PENDING", "20"), "o1 Payouts",
			`{"externalId":"o1","status":"SUCCESSFUL"}`, 503, nil, webhook.ErrNotConfirmed},
		"not true": {kotani.Payouts, transaction("o1", "FAILED", "20"), "o1 Payouts",
			`{"externalId":"o1","status":"SUCCESSFUL"}`, 422, nil, webhook.ErrMismatch},
		"another amount": {kotani.Payouts, transaction("o1", "SUCCESSFUL", "20"), "o1 Payouts",
			`{"externalId":"o1","status":"SUCCESSFUL","amount":"2000"}`, 422, nil, webhook.ErrMismatch},
		"another currency": {kotani.Payouts, transaction("o1", "SUCCESSFUL", "20"), "o1 Payouts",
			`{"externalId":"o1","status":"SUCCESSFUL","currency":"USD"}`, 422, nil, webhook.ErrMismatch},
		"another request": {kotani.Payouts, transaction("o1", "SUCCESSFUL", "20"), "o1 Payouts",
			`{"externalId":"o1","requestId":"8","status":"SUCCESSFUL"}`, 422, nil, webhook.ErrMismatch},
		"the other kind": {kotani.Payouts, transaction("o1", "SUCCESSFUL", "20"), "o1 Payouts",
			`{"externalId":"o1","transactionType":"Collections","status":"SUCCESSFUL"}`, 422, nil, webhook.ErrMismatch},
		"a response of the other kind": {kotani.Collections, transaction("o1", "SUCCESSFUL", "20"), "o1 Collections",
			`{"externalId":"o1","status":"SUCCESSFUL"}`, 422, nil, webhook.ErrMismatch},
		"a response of the other kind, by request id": {kotani.Collections, transaction("o1", "SUCCESSFUL", "20"), "7",
			`{"requestId":"7","status":"SUCCESSFUL"}`, 422, nil, webhook.ErrMismatch},
		"nobody knows it": {kotani.Payouts, transaction("o1", "SUCCESSFUL", "20"), "o1 Payouts",
			`{"externalId":"o2","status":"SUCCESSFUL"}`, 503, nil, sdk.ErrNotFound},
		"no kind to ask for": {"", transaction("o1", "SUCCESSFUL", "20"), "o1 Payouts",
			`{"externalId":"o1","status":"SUCCESSFUL"}`, 400, nil, webhook.ErrMalformed},
		"two values of one key": {kotani.Payouts, transaction("o1", "SUCCESSFUL", "20"), "o1 Payouts",
			`{"externalId":"o1","status":"FAILED","status":"SUCCESSFUL"}`, 400, nil, webhook.ErrMalformed},
		"no reference": {kotani.Payouts, transaction("o1", "SUCCESSFUL", "20"), "o1 Payouts",
			`{"status":"SUCCESSFUL"}`, 400, nil, webhook.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			m := newTill(t, tc.kind)
			m.set(tc.key, tc.truth)
			assert.Equal(t, tc.response, post(m, tc.posted).Code)
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

func TestKotaniDuplicatesAskOnceAndDisorderIsSortedOut(t *testing.T) {
	m := newTill(t, kotani.Payouts)
	m.set("o1 Payouts", transaction("o1", "SUCCESSFUL", "20"))
	for _, status := range []string{"SUCCESSFUL", "SUCCESSFUL", "Success", "completed", "PENDING", "PROCESSING"} {
		assert.Equal(t, 200, post(m, `{"externalId":"o1","status":"`+status+`"}`).Code, status)
	}
	assert.Equal(t, []string{"o1 Payouts"}, m.asked)
	m.set("o1 Payouts", transaction("o1", "REVERSED", "20"))
	assert.Equal(t, 200, post(m, `{"externalId":"o1","status":"REVERSED"}`).Code)
	assert.Equal(t, 200, post(m, `{"externalId":"o1","status":"FAILED"}`).Code, "acknowledged, and kept for people")
	assert.ErrorIs(t, m.last(), webhook.ErrImpossible)
	assert.Equal(t, []string{"o1 SUCCESSFUL advanced confirmed", "o1 REVERSED reversal confirmed"}, m.heard())
}

func TestStrangersAreAskedAboutNowhere(t *testing.T) {
	m := newTill(t, kotani.Payouts)
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
	m := newTill(t, kotani.Payouts)
	truth := transaction("", "SUCCESSFUL", "20")
	truth.Type = ""
	m.set("o1 Payouts", truth)
	found, err := webhook.LookupKotani(&m.books, kotani.Payouts)(t.Context(), "o1")
	require.NoError(t, err)
	assert.Equal(t, "o1", found.ExternalID)
	assert.Equal(t, kotani.Payouts, found.Type)
	transition, err := m.Feed(t.Context(), found)
	require.NoError(t, err)
	assert.Equal(t, webhook.Advanced, transition)
	_, err = webhook.LookupKotani(&m.books, kotani.Payouts)(t.Context(), "o9")
	assert.ErrorIs(t, err, sdk.ErrNotFound)
}

func TestKotaniStates(t *testing.T) {
	states := webhook.KotaniStates()
	for _, tc := range []struct {
		from, to kotani.TransactionStatus
		want     webhook.Transition
	}{
		{"PENDING", "PROCESSING", webhook.Advanced}, {"PROCESSING", "PENDING", webhook.Advanced},
		{"PENDING", "SUCCESSFUL", webhook.Advanced}, {"RETRY", "FAILED", webhook.Advanced},
		{"SUCCESSFUL", "REVERSED", webhook.Reversal}, {"SUCCESSFUL", "PENDING", webhook.Stale}, {"REVERSED", "SUCCESSFUL", webhook.Stale},
		{"FAILED", "SUCCESSFUL", webhook.Impossible}, {"SUCCESSFUL", "FAILED", webhook.Impossible}, {"FAILED", "REVERSED", webhook.Impossible},
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

func TestAKotaniHandlerNeedsSomethingToBelieve(t *testing.T) {
	_, err := webhook.NewKotani(nil, kotani.Payouts, webhook.Config[kotani.Transaction]{
		Handle: func(context.Context, webhook.Event[kotani.Transaction]) error { return nil },
	})
	assert.ErrorIs(t, err, webhook.ErrConfiguration)
}
