package bitpesa_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// A class is what the outcome of a fault depends on.
type class string

const (
	referenced class = "referenced" // looked up, and sent once more
	named      class = "named"      // once; the path names an object
	once       class = "once"
)

// write is one of the calls that change something. prepare makes what it needs and
// returns the call with what it must take from the balance when it works.
type write struct {
	op      string
	class   class
	prepare func(t *testing.T, w world) (call func(context.Context) error, costs decimal.Decimal)
}

func free(call func(context.Context) error) (func(context.Context) error, decimal.Decimal) {
	return call, decimal.Zero
}

// failedPayout returns a transaction whose payout has just failed, and its
// recipient, which is editable and cancelable.
func failedPayout(t *testing.T, w world) (transaction *bitpesa.Transaction, recipient string) {
	t.Helper()
	sent, err := w.client.Transactions.PayFromBalance(t.Context(), w.params("failed-1", w.sender(t), failedAccount))
	require.NoError(t, err)
	failed, err := w.client.Transactions.Wait(t.Context(), sent.ID)
	require.NoError(t, err)
	require.True(t, failed.NeedsAction())
	return failed, failed.Recipients[0].ID
}

func approved(t *testing.T, w world, externalID string) *bitpesa.Transaction {
	t.Helper()
	made, err := w.client.Transactions.Create(t.Context(), w.params(externalID, w.sender(t), paidAccount))
	require.NoError(t, err)
	require.Equal(t, bitpesa.TransactionApproved, made.State)
	return made
}

func collection(t *testing.T, w world) *bitpesa.Transaction {
	t.Helper()
	p := w.params("collect-1", w.sender(t), paidAccount)
	p.InputCurrency = "XOF"
	p.PayinMethods = []bitpesa.PayinMethodParams{{Type: "XOF::Mobile", InDetails: map[string]any{"phone_number": "+221774044439", "mobile_provider": "orange", "country": "SN"}}}
	made, err := w.client.Transactions.Create(t.Context(), p)
	require.NoError(t, err)
	require.Len(t, made.PayinMethods, 1)
	return made
}

func cost(t *testing.T, w world, p bitpesa.TransactionParams) decimal.Decimal {
	t.Helper()
	sketch, err := w.client.Transactions.Calculate(t.Context(), p)
	require.NoError(t, err)
	require.True(t, sketch.InputAmount.Valid)
	return sketch.InputAmount.Decimal
}

func payoutMethod(t *testing.T, w world) string {
	t.Helper()
	m, err := w.client.PayoutMethods.Create(t.Context(), ngnRecipient().PayoutMethod)
	require.NoError(t, err)
	return m.ID
}

// varied has a note of each variant of a write.
func varied(ctx context.Context, p bitpesa.TransactionParams) bitpesa.TransactionParams {
	p.Recipients = slices.Clone(p.Recipients)
	switch r := &p.Recipients[0]; clienttest.Other(ctx) {
	case "amount":
		r.RequestedAmount = r.RequestedAmount.Add(decimal.NewFromInt(1))
	case "account":
		r.PayoutMethod.Details.BankAccount = paidAccount2
	case "bank":
		r.PayoutMethod.Details.BankCode = "044"
	case "name":
		r.PayoutMethod.Details.LastName = "Other"
	case "input currency":
		p.InputCurrency = "EUR"
	case "recipients":
		p.Recipients = append(p.Recipients, *r)
	}
	if variant := clienttest.Variant(ctx); variant != "" {
		p.Metadata = bitpesa.Metadata{"note": variant}
	}
	return p
}

func debitOf(ctx context.Context, made *bitpesa.Transaction) bitpesa.DebitParams {
	p := bitpesa.DebitParams{ToID: made.ID, Amount: made.InputAmount, Currency: "USD"}
	switch clienttest.Other(ctx) {
	case "amount":
		p.Amount.Decimal = p.Amount.Decimal.Add(decimal.NewFromInt(1))
	case "currency":
		p.Currency = "EUR"
	}
	return p
}

// others are the parameters that make another payment under the same reference.
var others = map[string][]string{
	bitpesa.OpCreateDebits:      {"amount", "currency"},
	bitpesa.OpCreateTransaction: {"amount", "account", "bank", "name", "input currency", "recipients"},
	bitpesa.OpCreateAndFund:     {"amount", "account", "bank", "name", "input currency", "recipients"},
}

// writes has an entry for every operation that is not safe.
var writes = []write{
	{bitpesa.OpCreateDebits, referenced, func(t *testing.T, w world) (func(context.Context) error, decimal.Decimal) {
		made := approved(t, w, "payout-1")
		return func(ctx context.Context) error {
			debit, err := w.client.Debits.Create(ctx, debitOf(ctx, made))
			if err == nil && debit.ToID != made.ID {
				return errors.New("another debit")
			}
			return err
		}, made.InputAmount.Decimal
	}},
	{bitpesa.OpCreateDebits, referenced, func(t *testing.T, w world) (func(context.Context) error, decimal.Decimal) {
		first := approved(t, w, "payout-1")
		p := w.params("payout-2", first.Sender.ID, paidAccount, paidAccount2)
		second, err := w.client.Transactions.Create(t.Context(), p)
		require.NoError(t, err)
		return func(ctx context.Context) error {
			debits, err := w.client.Debits.CreateMany(ctx, []bitpesa.DebitParams{{ToID: first.ID}, debitOf(ctx, second)})
			if err == nil && (len(debits) != 2 || debits[1].ToID != second.ID) {
				return errors.New("other debits")
			}
			return err
		}, first.InputAmount.Decimal.Add(second.InputAmount.Decimal)
	}},
	{bitpesa.OpCreateTransaction, referenced, func(t *testing.T, w world) (func(context.Context) error, decimal.Decimal) {
		p := w.params("payout-1", w.sender(t), paidAccount)
		return free(func(ctx context.Context) error {
			return wantExternalID(w.client.Transactions.Create(ctx, varied(ctx, p)))
		})
	}},
	{bitpesa.OpCreateTransaction, referenced, func(t *testing.T, w world) (func(context.Context) error, decimal.Decimal) {
		p := w.params("payout-1", w.sender(t), paidAccount)
		return func(ctx context.Context) error {
			return wantExternalID(w.client.Transactions.PayFromBalance(ctx, varied(ctx, p)))
		}, cost(t, w, p)
	}},
	{bitpesa.OpCreateAndFund, referenced, func(t *testing.T, w world) (func(context.Context) error, decimal.Decimal) {
		p := w.params("payout-1", w.sender(t), paidAccount)
		return func(ctx context.Context) error {
			return wantExternalID(w.client.Transactions.CreateAndFund(ctx, varied(ctx, p)))
		}, cost(t, w, p)
	}},
	{bitpesa.OpCreateTransaction, once, func(t *testing.T, w world) (func(context.Context) error, decimal.Decimal) {
		p := w.params("", w.sender(t), paidAccount)
		return free(func(ctx context.Context) error { return fails(w.client.Transactions.Create(ctx, p)) })
	}},
	{bitpesa.OpCreateSender, referenced, func(_ *testing.T, w world) (func(context.Context) error, decimal.Decimal) {
		return free(func(ctx context.Context) error { return fails(w.client.Senders.Create(ctx, validSender())) })
	}},
	{bitpesa.OpCreateSender, once, func(_ *testing.T, w world) (func(context.Context) error, decimal.Decimal) {
		p := validSender()
		p.ExternalID = ""
		return free(func(ctx context.Context) error { return fails(w.client.Senders.Create(ctx, p)) })
	}},
	{bitpesa.OpUpdateSender, named, func(t *testing.T, w world) (func(context.Context) error, decimal.Decimal) {
		id := w.sender(t)
		return free(func(ctx context.Context) error {
			return fails(w.client.Senders.Update(ctx, id, bitpesa.SenderParams{City: "Kigali"}))
		})
	}},
	{bitpesa.OpDeleteSender, named, func(t *testing.T, w world) (func(context.Context) error, decimal.Decimal) {
		id := w.sender(t)
		return free(func(ctx context.Context) error { return fails(w.client.Senders.Delete(ctx, id)) })
	}},
	{bitpesa.OpCreateDocument, once, func(_ *testing.T, w world) (func(context.Context) error, decimal.Decimal) {
		return free(func(ctx context.Context) error {
			return fails(w.client.Documents.Create(ctx, bitpesa.DocumentParams{Upload: "data:image/png;base64,iVBORw0KGgo=", UploadFileName: "passport.png"}))
		})
	}},
	{bitpesa.OpCreatePayoutMethod, once, func(_ *testing.T, w world) (func(context.Context) error, decimal.Decimal) {
		return free(func(ctx context.Context) error {
			return fails(w.client.PayoutMethods.Create(ctx, ngnRecipient().PayoutMethod))
		})
	}},
	{bitpesa.OpUpdatePayoutMethod, named, func(t *testing.T, w world) (func(context.Context) error, decimal.Decimal) {
		id := payoutMethod(t, w)
		return free(func(ctx context.Context) error {
			return fails(w.client.PayoutMethods.Update(ctx, id, bitpesa.PayoutMethodParams{Metadata: bitpesa.Metadata{"a": "b"}}))
		})
	}},
	{bitpesa.OpDeletePayoutMethod, named, func(t *testing.T, w world) (func(context.Context) error, decimal.Decimal) {
		id := payoutMethod(t, w)
		return free(func(ctx context.Context) error { return fails(w.client.PayoutMethods.Delete(ctx, id)) })
	}},
	{bitpesa.OpUpdateRecipient, named, func(t *testing.T, w world) (func(context.Context) error, decimal.Decimal) {
		_, id := failedPayout(t, w)
		return free(func(ctx context.Context) error { return fails(w.client.Recipients.Update(ctx, id, newAccount)) })
	}},
	{bitpesa.OpCancelRecipient, named, func(t *testing.T, w world) (func(context.Context) error, decimal.Decimal) {
		failed, id := failedPayout(t, w)
		return func(ctx context.Context) error { return fails(w.client.Recipients.Cancel(ctx, id)) }, failed.InputAmount.Decimal.Neg()
	}},
	{bitpesa.OpUpdatePayinMethod, named, func(t *testing.T, w world) (func(context.Context) error, decimal.Decimal) {
		id := collection(t, w).PayinMethods[0].ID
		return free(func(ctx context.Context) error {
			return fails(w.client.PayinMethods.Update(ctx, id, bitpesa.PayinMethodParams{InDetails: map[string]any{"phone_number": "+221774044439"}}))
		})
	}},
	{bitpesa.OpCancelPayinMethod, named, func(t *testing.T, w world) (func(context.Context) error, decimal.Decimal) {
		id := collection(t, w).PayinMethods[0].ID
		return free(func(ctx context.Context) error { return fails(w.client.PayinMethods.Cancel(ctx, id)) })
	}},
	{bitpesa.OpRetryPayinMethod, named, func(t *testing.T, w world) (func(context.Context) error, decimal.Decimal) {
		id := collection(t, w).PayinMethods[0].ID
		w.Advance(time.Hour / 2) // the number's last digit makes the collection fail
		m, err := w.client.PayinMethods.Get(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, bitpesa.PayinError, m.State)
		return free(func(ctx context.Context) error { return fails(w.client.PayinMethods.Retry(ctx, id)) })
	}},
	{bitpesa.OpSandboxPayIn, named, func(t *testing.T, w world) (func(context.Context) error, decimal.Decimal) {
		id := collection(t, w).ID
		return free(func(ctx context.Context) error {
			return fails(w.client.Transactions.SandboxPayIn(ctx, id, bitpesa.PayinMethodParams{Type: "XOF::Mobile"}))
		})
	}},
	{bitpesa.OpSandboxPayOut, named, func(t *testing.T, w world) (func(context.Context) error, decimal.Decimal) {
		sent, err := w.client.Transactions.PayFromBalance(t.Context(), w.params("payout-1", w.sender(t), paidAccount))
		require.NoError(t, err)
		return free(func(ctx context.Context) error { return fails(w.client.Transactions.SandboxPayOut(ctx, sent.ID)) })
	}},
	{bitpesa.OpCreateWebhook, once, func(_ *testing.T, w world) (func(context.Context) error, decimal.Decimal) {
		return free(func(ctx context.Context) error {
			return fails(w.client.Webhooks.Create(ctx, bitpesa.WebhookParams{URL: "http://shop.localhost/hooks", Events: []bitpesa.EventName{bitpesa.EventTransactionPaidOut}}))
		})
	}},
	{bitpesa.OpDeleteWebhook, named, func(t *testing.T, w world) (func(context.Context) error, decimal.Decimal) {
		hook, err := w.client.Webhooks.Create(t.Context(), bitpesa.WebhookParams{URL: "http://shop.localhost/hooks", Events: []bitpesa.EventName{bitpesa.EventTransactionPaidOut}})
		require.NoError(t, err)
		return free(func(ctx context.Context) error { return fails(w.client.Webhooks.Delete(ctx, hook.ID)) })
	}},
}

func wantExternalID(t *bitpesa.Transaction, err error) error {
	if err == nil && t.ExternalID != "payout-1" {
		return errors.New("another transaction")
	}
	return err
}

func TestTheFaultMatrixCoversEveryWrite(t *testing.T) {
	for _, op := range bitpesa.Operations() {
		covered := false
		for _, w := range writes {
			covered = covered || w.op == op.Name
		}
		assert.Equal(t, op.Class != sdk.Safe, covered, op.Name)
	}
}

// expectation is what a fault must come to. "" means success.
type expectation struct {
	outcome string
	works   int // how often the provider did it
}

// faultCase is a fault, and what it must come to for each class.
type faultCase struct {
	name   string
	client func(*bitpesa.Config)
	fault  fake.Fault
	limit  time.Duration // deadline of the call; 0: none
	cancel time.Duration // when the caller gives up; 0: never
	want   map[class]expectation
	is     error
}

func faultCases() []faultCase {
	const forever = 3600
	refused := func(cfg *bitpesa.Config) {
		cfg.HTTPClient = &http.Client{Transport: &http.Transport{
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
			},
		}}
	}
	var (
		success  = expectation{"", 1}
		rejected = expectation{"rejected", 0}
		unsent   = expectation{"not sent", 0}
		undone   = expectation{"unknown", 0} // it was not done, and nobody can know
		done     = expectation{"unknown", 1} // it was done, and nobody can know
	)
	settled := func(otherwise expectation) map[class]expectation {
		return map[class]expectation{referenced: success, named: otherwise, once: otherwise}
	}
	every := func(e expectation) map[class]expectation {
		return map[class]expectation{referenced: e, named: e, once: e}
	}
	status := func(code int) fake.Fault {
		return fake.Fault{Kind: fake.FaultStatus, Status: code, Times: 1}
	}
	return []faultCase{
		{name: "no fault", want: every(success)},
		{name: "connection refused", client: refused, is: sdk.ErrNotSent, want: every(unsent)},
		{name: "dropped before the work", fault: fake.Fault{Kind: fake.FaultDropBefore, Times: 1}, want: settled(undone)},
		{name: "dropped after the work", fault: fake.Fault{Kind: fake.FaultDropAfter, Times: 1}, want: settled(done)},
		{name: "always dropped after the work", fault: fake.Fault{Kind: fake.FaultDropAfter}, want: settled(done)},
		{name: "truncated 2xx", fault: fake.Fault{Kind: fake.FaultTruncate, Times: 1}, want: settled(done)},
		{name: "malformed 2xx", fault: fake.Fault{Kind: fake.FaultMalformed, Times: 1}, is: sdk.ErrUnexpectedResponse, want: settled(done)},
		{name: "HTML 200", fault: fake.Fault{Kind: fake.FaultHTML, Status: 200, Times: 1}, is: sdk.ErrUnexpectedResponse, want: settled(undone)},
		{name: "HTML 422", fault: fake.Fault{Kind: fake.FaultHTML, Status: 422, Times: 1}, is: sdk.ErrUnexpectedResponse, want: settled(undone)},
		{name: "HTML 502", fault: fake.Fault{Kind: fake.FaultHTML, Times: 1}, is: sdk.ErrServer, want: settled(undone)},
		{name: "500 in the provider's words", fault: status(500), is: sdk.ErrServer, want: settled(undone)},
		{name: "400", fault: status(400), is: sdk.ErrValidation, want: settled(undone)},
		{name: "401", fault: status(401), is: sdk.ErrUnauthorized, want: settled(undone)},
		{name: "403", fault: status(403), is: sdk.ErrForbidden, want: settled(undone)},
		{name: "404", fault: status(404), want: settled(undone)}, // TestErrorsOfTheProvider has what it matches
		{name: "422", fault: status(422), is: sdk.ErrValidation, want: every(rejected)},
		{name: "429 with Retry-After", fault: fake.Fault{Kind: fake.FaultRateLimit, Seconds: 7, Times: 1}, is: sdk.ErrRateLimited, want: settled(undone)},
		{name: "307", fault: status(307), is: sdk.ErrRedirected, want: settled(undone)},
		{name: "hang until the deadline", fault: fake.Fault{Kind: fake.FaultDelay, Seconds: forever}, limit: 5 * time.Second, is: context.DeadlineExceeded, want: every(undone)},
		{name: "hang of one attempt", fault: fake.Fault{Kind: fake.FaultDelay, Seconds: forever, Times: 1}, want: settled(undone)},
		{name: "cancelled during a hang", fault: fake.Fault{Kind: fake.FaultDelay, Seconds: forever}, cancel: 3 * time.Second, is: context.Canceled, want: every(undone)},
	}
}

func rowsByName() map[string]sdk.Operation {
	rows := map[string]sdk.Operation{}
	for _, op := range bitpesa.Operations() {
		rows[op.Name] = op
	}
	return rows
}

func TestFaultMatrix(t *testing.T) {
	rows := rowsByName()
	var many clienttest.Sixteenth
	for _, tc := range faultCases() {
		for _, write := range writes {
			if many.LeavesOut() {
				continue
			}
			t.Run(tc.name+"/"+write.op, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					row := rows[write.op]
					path := strings.TrimPrefix(strings.ReplaceAll(row.Path, "{id}", "*"), "/v1")
					call, costs := write.prepare(t, w)
					if tc.client != nil { // the call is a closure over the client
						*w.client = *newWorld(t, tc.client).client
					}
					fault := tc.fault
					if fault.Kind != "" {
						fault.Method, fault.Path = row.Method, path
						require.NoError(t, w.AddFault(fault))
					}
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					if tc.limit > 0 {
						ctx, cancel = context.WithTimeout(ctx, tc.limit)
						defer cancel()
					}
					if tc.cancel > 0 {
						time.AfterFunc(tc.cancel, cancel)
					}
					before := w.executed(row)
					spent := w.spent()
					err := call(ctx)

					want, is := tc.want[write.class], tc.is
					if tc.name == "connection refused" && (row.Method == http.MethodDelete || row.Name == bitpesa.OpRetryPayinMethod || row.Name == bitpesa.OpSandboxPayOut) {
						want, is = expectation{"unknown", 0}, nil // no body, and a transport of the caller's
					}
					if tc.name == "404" && write.class == named && !row.MovesMoney {
						want = expectation{"rejected", 0}
					}
					assert.Equal(t, want.works, w.executed(row)-before, "done by the fake")
					taken := w.spent().Sub(spent)
					assert.True(t, costs.Mul(decimal.NewFromInt(int64(want.works))).Equal(taken), "taken from the balance: %s", taken)
					assert.NoError(t, w.CheckLedger())
					if want.outcome == "" {
						assert.NoError(t, err)
						return
					}
					var apiErr *sdk.Error
					require.ErrorAs(t, err, &apiErr)
					assert.Equal(t, want.outcome, apiErr.Outcome.String())
					if is != nil {
						assert.ErrorIs(t, err, is)
					}
					assert.Equal(t, want.outcome == "unknown", errors.Is(err, sdk.ErrOutcomeUnknown))
				})
			})
		}
	}
}

// executed is how often the fake carried an operation out, whatever became of
// the response.
func (w world) executed(row sdk.Operation) int {
	n := 0
	for _, r := range w.Requests() {
		ok := r.Status >= 200 && r.Status < 300
		switch r.Fault {
		case fake.FaultDropAfter, fake.FaultTruncate, fake.FaultMalformed:
			ok = true
		case "", fake.FaultDelay:
		default:
			ok = false
		}
		if ok && r.Method == row.Method && matches(strings.TrimPrefix(row.Path, "/v1"), r.Path) {
			n++
		}
	}
	return n
}

func matches(template, path string) bool {
	before, after, named := strings.Cut(template, "{id}")
	if !named {
		return template == path
	}
	return strings.HasPrefix(path, before) && strings.HasSuffix(path, after) && !strings.Contains(strings.TrimSuffix(path[len(before):], after), "/")
}

// Before the fault the call has met a 401, a 429, or an earlier process has made it
// and crashed.
func TestFaultMatrixAfterOtherFaults(t *testing.T) {
	rows := rowsByName()
	preludes := map[string]fake.Fault{
		"a 401":   {Kind: fake.FaultStatus, Status: 401, Times: 1},
		"a 429":   {Kind: fake.FaultRateLimit, Seconds: 1, Times: 1},
		"a crash": {Kind: fake.FaultDropAfter, Times: 1},
	}
	var many clienttest.Sixteenth
	for prelude, before := range preludes {
		for _, tc := range faultCases() {
			if tc.client != nil {
				continue
			}
			for _, write := range writes {
				if many.LeavesOut() {
					continue
				}
				t.Run(prelude+"/"+tc.name+"/"+write.op, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						w := newWorld(t)
						row := rows[write.op]
						call, costs := write.prepare(t, w)
						started, spent := w.executed(row), w.spent()
						before.Method, before.Path = row.Method, strings.TrimPrefix(strings.ReplaceAll(row.Path, "{id}", "*"), "/v1")
						require.NoError(t, w.AddFault(before))
						crashed := prelude == "a crash"
						if crashed {
							ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
							_ = call(ctx)
							cancel()
							fresh, err := bitpesa.New(w.config)
							require.NoError(t, err)
							*w.client = *fresh
						}
						if fault := tc.fault; fault.Kind != "" {
							fault.Method, fault.Path = before.Method, before.Path
							require.NoError(t, w.AddFault(fault))
						}
						ctx, cancel := context.WithCancel(t.Context())
						defer cancel()
						if tc.limit > 0 {
							ctx, cancel = context.WithTimeout(ctx, tc.limit)
							defer cancel()
						}
						if tc.cancel > 0 {
							time.AfterFunc(tc.cancel, cancel)
						}
						ours := w.executed(row)
						err := call(ctx)
						w.ClearFaults()
						time.Sleep(2 * time.Hour) // what was delayed arrives
						synctest.Wait()

						total := w.executed(row) - started
						if errors.Is(err, sdk.ErrNotSent) || errors.Is(err, sdk.ErrRejected) {
							assert.Equal(t, ours, w.executed(row), "done by a call that says it was not: %v", err)
						}
						if err == nil {
							assert.GreaterOrEqual(t, total, 1, "nothing was done")
						}
						if write.class != referenced {
							return // the class promises one request a call, which TestFaultMatrix counts
						}
						if !crashed { // the fault hides the refusal of a duplicate
							assert.LessOrEqual(t, total, 1)
						}
						named := map[string]int{}
						for _, made := range w.Transactions(bitpesatest.TestKey) {
							named[made.ExternalID]++
						}
						assert.LessOrEqual(t, named["payout-1"], 1)
						assert.LessOrEqual(t, len(w.Senders(bitpesatest.TestKey)), 1)
						if tc.name == "no fault" {
							assert.NoError(t, err)
						}
						if costs.IsPositive() {
							for _, made := range w.Transactions(bitpesatest.TestKey) {
								assert.LessOrEqual(t, len(w.Debits(made.ID)), 1)
							}
							taken := w.spent().Sub(spent)
							assert.True(t, taken.IsZero() || taken.Equal(costs), "taken from the balance: %s", taken)
						}
						assert.NoError(t, w.CheckLedger())
					})
				})
			}
		}
	}
}

// A kept connection that is out of step brings the refusal of another request.
func TestTheRefusalOfAnotherRequestRefusesNoWrite(t *testing.T) {
	others := map[string]string{
		"transactions":  `{"id":"t-9","external_id":"another","recipients":[],"errors":{"external_id":[{"error":"taken"}]}}`,
		"debits":        `[{"to_id":"t-9","errors":{"amount":[{"error":"Insufficient balance"}]}}]`,
		"a debit":       `{"to_id":"t-9","errors":{"amount":[{"error":"Insufficient balance"}]}}`,
		"senders":       `{"id":"s-9","first_name":"x","errors":{"city":[{"error":"blank"}]}}`,
		"recipients":    `{"id":"r-9","state":"pending","requested_amount":1,"errors":{"base":["Recipient cannot be cancelled"]}}`,
		"payin_methods": `{"id":"p-9","in_details":{},"errors":{"base":["operation is unavailable"]}}`,
		"an id":         `{"id":"x-9","errors":{"base":["Recipient cannot be cancelled"]}}`,
		"a number":      `{"id":9,"errors":{"base":["Recipient cannot be cancelled"]}}`,
		"an object":     `{"id":{"a":1},"errors":{"base":["Recipient cannot be cancelled"]}}`,

		"transactions without id":  `{"recipients":[],"errors":{"input_currency":[{"error":"blank"}]}}`,
		"senders without id":       `{"last_name":"x","errors":{"city":[{"error":"blank"}]}}`,
		"recipients without id":    `{"payout_method":{},"errors":{"base":["x"]}}`,
		"payin_methods without id": `{"ux_flow":"ussd_popup","errors":{"base":["x"]}}`,
		"a list":                   `[{"errors":{"base":["x"]}}]`,

		"documents":           `{"upload_file_name":"id.png","errors":{"base":["x"]}}`,
		"webhooks":            `{"url":"https://a.example","events":["transaction.paid_out"],"errors":{"base":["x"]}}`,
		"payout_methods":      `{"type":"NGN::Bank","details":{"bank_code":"1"},"errors":{"base":["x"]}}`,
		"a document's field":  `{"errors":{"upload":[{"error":"blank"}]}}`,
		"a webhook's field":   `{"errors":{"events":[{"error":"blank"}]}}`,
		"a sender's field":    `{"errors":{"email":[{"error":"invalid"}]}}`,
		"a field beside its":  `{"errors":{"metadata":[{"error":"invalid"}],"postal_code":[{"error":"blank"}]}}`,
		"a validation":        `{},"meta":{"error":"Account Invalid"}`,
		"a validation's name": `{"account_name":null},"meta":{"error":"Account Invalid"}`,
		"another status":      `{"errors":{"base":["x"]}},"status":400`,
	}
	rows := rowsByName()
	var many clienttest.Sixteenth
	for _, write := range writes {
		row := rows[write.op]
		if !row.MovesMoney {
			continue
		}
		kind, _, _ := strings.Cut(write.op, ".")
		for other, body := range others {
			named, unnamed := strings.HasSuffix(row.Path, "}") || strings.Contains(row.Path, "{id}/"), strings.HasSuffix(other, " without id")
			switch {
			case unnamed && strings.HasPrefix(other, kind), write.op == bitpesa.OpSandboxPayIn && other == "payin_methods without id":
				continue // it may be its own
			case !named && (other == "an id" || other == "a number" || other == "an object"), write.op == bitpesa.OpCreateDebits && other == "a list":
				continue // nothing to compare with
			case write.class == once && other == "transactions":
				continue // it has no external id
			case many.LeavesOut():
				continue
			}
			t.Run(write.op+"/"+other, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := &refusing{body: `{"object":` + body + `}`}
					w := newWorld(t, r.under)
					call, _ := write.prepare(t, w)
					before := w.executed(row)
					r.delivers, r.on = true, true
					err := call(t.Context())
					assert.Equal(t, 1, w.executed(row)-before)
					assert.NotErrorIs(t, err, sdk.ErrRejected)
					if write.class != referenced {
						assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
					}
				})
			})
		}
		field, shown := "id", true
		switch kind {
		case "debits":
			field = "to_id"
		case "transactions":
			if !strings.Contains(row.Path, "{id}") {
				field, shown = "external_id", write.class == referenced
			}
		}
		for name, tc := range map[string]struct {
			body     string
			rejected bool
		}{
			"its own":                               {`{"object":{"` + field + `":%q,"errors":{"base":["no"]}}}`, true},
			"its own, of a field that nobody lists": {`{"object":{"` + field + `":%q,"errors":{"purpose_code":["blank"]}}}`, shown},
			"such a field, and no name":             {`{"object":{"x":%q,"errors":{"purpose_code":["blank"]}}}`, false},
		} {
			t.Run(write.op+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := &refusing{body: tc.body}
					w := newWorld(t, r.under)
					call, _ := write.prepare(t, w)
					before := w.executed(row)
					r.on = true
					err := call(t.Context())
					if !tc.rejected {
						assert.NotErrorIs(t, err, sdk.ErrRejected)
						return
					}
					require.ErrorIs(t, err, sdk.ErrRejected)
					assert.Zero(t, w.executed(row)-before)
				})
			})
		}
	}
}

// The README says what a write of class once comes to when it is called again.
func TestAWriteOfClassOnceCalledAgainMayTellOfTheFirstCall(t *testing.T) {
	refused := map[string]bool{
		bitpesa.OpCancelRecipient: true, bitpesa.OpCancelPayinMethod: true, bitpesa.OpRetryPayinMethod: true,
		bitpesa.OpSandboxPayIn: true, bitpesa.OpSandboxPayOut: true,
		bitpesa.OpUpdateRecipient: false, bitpesa.OpUpdatePayinMethod: false, bitpesa.OpCreateTransaction: false,
	}
	rows, seen := rowsByName(), map[string]bool{}
	for _, write := range writes {
		if !rows[write.op].MovesMoney || write.class == referenced {
			continue
		}
		seen[write.op] = true
		t.Run(write.op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				call, _ := write.prepare(t, w)
				require.NoError(t, call(t.Context()))
				before := w.executed(rows[write.op])
				err := call(t.Context())
				if refused[write.op] {
					assert.ErrorIs(t, err, sdk.ErrRejected)
					assert.Equal(t, sdk.Mend, sdk.Advise(err))
					assert.Equal(t, before, w.executed(rows[write.op]))
					return
				}
				assert.NoError(t, err)
				assert.Equal(t, before+1, w.executed(rows[write.op]), "it is done twice")
			})
		})
	}
	assert.Len(t, refused, len(seen))
}

var ownReference = regexp.MustCompile(`"(?:external_id|to_id)":"([^"]+)"`)

// refusing responds to the next write with a refusal, once the write is carried out or
// instead of that. %q in the refusal is the reference of the request, or the object that
// its path names.
type refusing struct {
	next         http.RoundTripper
	body         string
	on, delivers bool
}

func (r *refusing) under(c *bitpesa.Config) {
	r.next = c.HTTPClient.Transport
	c.HTTPClient = &http.Client{Transport: r}
}

func (r *refusing) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodGet || !r.on {
		return r.next.RoundTrip(req)
	}
	r.on = false
	parts := strings.Split(req.URL.Path, "/")
	named := parts[min(3, len(parts)-1)]
	if req.Body != nil {
		sent, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		req.Body = io.NopCloser(bytes.NewReader(sent))
		if own := ownReference.FindSubmatch(sent); own != nil {
			named = string(own[1])
		}
	}
	if r.delivers {
		resp, err := r.next.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		_ = resp.Body.Close()
	}
	body := strings.ReplaceAll(r.body, "%q", `"`+named+`"`)
	return &http.Response{StatusCode: http.StatusUnprocessableEntity, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
}

func TestNoPromiseBreaksForAnyWriteOfTheTable(t *testing.T) {
	rows := rowsByName()
	var all []clienttest.MoneyWrite
	for _, write := range writes {
		if !rows[write.op].MovesMoney {
			continue
		}
		m := clienttest.MoneyWrite{Op: write.op, Class: sdk.Once}
		if write.class == referenced {
			m.Class, m.Others = sdk.Referenced, others[write.op]
		}
		if rows[write.op].Method == http.MethodDelete {
			m.Accepts = []string{"empty 200", "204"}
		}
		m.Prepare = func(t *testing.T, over func(http.RoundTripper) http.RoundTripper) func(context.Context) error {
			w := newWorld(t, func(c *bitpesa.Config) { c.HTTPClient = &http.Client{Transport: over(c.HTTPClient.Transport)} })
			call, _ := write.prepare(t, w)
			return call
		}
		all = append(all, m)
	}
	clienttest.CheckPromises(t, bitpesa.Operations(), all)
}
