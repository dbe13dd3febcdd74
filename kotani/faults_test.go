package kotani_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// world is a fake in a synctest bubble, whose clock is its own, made ready for
// every write: a user with a wallet, a beneficiary, an accepted quote, and a
// wallet with KYC, an account and two quotes.
type world struct {
	*kotanitest.Fake
	config            kotani.Config // of the client
	client            *kotani.Client
	last              *kotani.Transaction // where the latest deposit or withdrawal goes, if somewhere
	quote             string              // accepted
	account           string
	quoteIn, quoteOut string
}

const customer = "254712345678"

func newWorld(t *testing.T, change ...func(*kotani.Config)) world {
	t.Helper()
	return newWorldWith(t, kotanitest.Config{UniqueExternalID: true}, change...)
}

func newWorldWith(t *testing.T, config kotanitest.Config, change ...func(*kotani.Config)) world {
	t.Helper()
	taken := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}) // every callback
	config.Options = fake.Options{RealTime: true, Callbacks: taken}
	srv := kotanitest.NewServer(t, config)
	cfg := srv.ClientConfig()
	cfg.FiatConnect.Signer = known(jane())
	client, err := kotani.New(cfg)
	require.NoError(t, err)
	w, ctx := world{Fake: srv, client: client}, t.Context()

	_, err = client.KYC.CreateUser(ctx, customer)
	require.NoError(t, err)
	_, err = client.UBI.SetBeneficiary(ctx, ubi)
	require.NoError(t, err)
	quote, err := client.Quotes.In(ctx, kotani.QuoteParams{Amount: decimal.NewFromInt(1300), Currency: "KES", CryptoType: "cUSD"})
	require.NoError(t, err)
	_, err = client.Quotes.AcceptIn(ctx, quote.ID)
	require.NoError(t, err)
	w.quote = quote.ID

	fc := client.FiatConnect
	_, err = fc.AddKYC(ctx, personalKYC)
	require.NoError(t, err)
	account, err := fc.AddAccount(ctx, mobileMoney)
	require.NoError(t, err)
	w.account = account.ID
	for _, q := range []struct {
		id  *string
		get func(context.Context, kotani.TransferQuoteParams) (*kotani.TransferQuote, error)
	}{{&w.quoteIn, fc.QuoteIn}, {&w.quoteOut, fc.QuoteOut}} {
		got, err := q.get(ctx, quoteParams)
		require.NoError(t, err)
		*q.id = got.ID
	}
	if change != nil {
		for _, c := range change {
			c(&cfg)
		}
		w.client, err = kotani.New(cfg)
		require.NoError(t, err)
	}
	w.config = cfg
	return w
}

// write is one of the calls that move money.
type write struct {
	op   string
	path string // glob of the request that goes wrong
	call func(context.Context, world) error
}

func (wr write) fiatConnect() bool { return wr.class() == sdk.Keyed }

func (wr write) class() sdk.Class {
	for _, row := range kotani.Operations() {
		if row.Name == wr.op {
			return row.Class
		}
	}
	return sdk.Safe
}

// fault makes the next requests of the write go wrong.
func (wr write) fault(t *testing.T, w world, fault fake.Fault) {
	t.Helper()
	if fault.Kind == "" {
		return
	}
	fault.Method, fault.Path = "POST", wr.path
	if wr.fiatConnect() {
		require.NoError(t, w.FiatConnect.AddFault(fault))
	} else {
		require.NoError(t, w.AddFault(fault))
	}
}

// clear takes the faults away.
func (w world) clear() {
	w.ClearFaults()
	w.FiatConnect.ClearFaults()
}

// works counts what the fake did.
func (wr write) works(w world) int {
	switch wr.op {
	case kotani.OpUBIClaim:
		n, _ := w.WalletBalance(customer, kotani.ChainCelo).Float64()
		return int(n)
	case kotani.OpTransferIn, kotani.OpTransferOut:
		return len(w.FiatConnect.Transfers())
	}
	n := 0
	for _, t := range w.Transactions() {
		if t.Operation == wr.op {
			n++
		}
	}
	return n
}

// hook is a callback URL, another one for each variant of a write.
func hook(ctx context.Context, given string) string {
	if variant := clienttest.Variant(ctx); variant != "" {
		return "https://merchant.example/hook/" + variant
	}
	return given
}

func otherText(ctx context.Context, name, text, other string) string {
	if clienttest.Other(ctx) == name {
		return other
	}
	return text
}

func otherAmount(ctx context.Context, amount decimal.Decimal) decimal.Decimal {
	if clienttest.Other(ctx) == "amount" {
		return amount.Add(decimal.NewFromInt(1))
	}
	return amount
}

// others are the parameters that make another payment under the same reference.
var others = map[string][]string{
	kotani.OpDeposit: {"amount", "phone"}, kotani.OpDepositQuoted: {"phone"}, kotani.OpWithdraw: {"amount", "phone"},
	kotani.OpWithdrawToBank: {"amount", "account"}, kotani.OpTransferIn: {"account", "quote"}, kotani.OpTransferOut: {"account", "quote"},
}

var writes = []write{
	{kotani.OpDeposit, "/transactions/deposit/stkpush", func(ctx context.Context, w world) error {
		p := validDeposit
		p.CallbackURL = hook(ctx, p.CallbackURL)
		p.Amount, p.PhoneNumber = otherAmount(ctx, p.Amount), otherText(ctx, "phone", p.PhoneNumber, "254733333333")
		got, err := w.client.Fiat.Deposit(ctx, p)
		return w.named(got, err)
	}},
	{kotani.OpDepositQuoted, "/transactions/deposit/quote", func(ctx context.Context, w world) error {
		got, err := w.client.Fiat.DepositQuoted(ctx, kotani.QuotedDepositParams{AcceptedQuoteID: w.quote, PhoneNumber: otherText(ctx, "phone", customer, "254733333333"), ExternalID: "order-1", CallbackURL: hook(ctx, "")})
		return w.named(got, err)
	}},
	{kotani.OpWithdraw, "/transactions/withdraw/momo", func(ctx context.Context, w world) error {
		p := validWithdraw
		p.CallbackURL = hook(ctx, p.CallbackURL)
		p.Amount, p.PhoneNumber = otherAmount(ctx, p.Amount), otherText(ctx, "phone", p.PhoneNumber, "254733333333")
		got, err := w.client.Fiat.Withdraw(ctx, p)
		return w.named(got, err)
	}},
	{kotani.OpWithdrawToBank, "/transactions/withdraw/bank", func(ctx context.Context, w world) error {
		p := validBank
		p.CallbackURL = hook(ctx, p.CallbackURL)
		p.Amount, p.AccountNumber = otherAmount(ctx, p.Amount), otherText(ctx, "account", p.AccountNumber, "0123456780")
		got, err := w.client.Fiat.WithdrawToBank(ctx, p)
		return w.named(got, err)
	}},
	{kotani.OpSendToMpesa, "/transactions/withdraw/sendToMpesa", func(ctx context.Context, w world) error {
		_, err := w.client.Celo.SendToMpesa(ctx, validMpesa)
		return err
	}},
	{kotani.OpTransferIn, "/transfer/in", func(ctx context.Context, w world) error {
		_, err := w.client.FiatConnect.TransferIn(ctx, kotani.TransferParams{FiatAccountID: otherText(ctx, "account", w.account, "a-2"), QuoteID: otherText(ctx, "quote", w.quoteIn, "q-2"), IdempotencyKey: "order-1"})
		return err
	}},
	{kotani.OpTransferOut, "/transfer/out", func(ctx context.Context, w world) error {
		_, err := w.client.FiatConnect.TransferOut(ctx, kotani.TransferParams{FiatAccountID: otherText(ctx, "account", w.account, "a-2"), QuoteID: otherText(ctx, "quote", w.quoteOut, "q-2"), IdempotencyKey: "order-1"})
		return err
	}},
	{kotani.OpBuyCelo, "/dex/buyCelo", func(ctx context.Context, w world) error {
		_, err := w.client.Celo.Buy(ctx, kotani.BuyCeloParams{PhoneNumber: customer, Amount: decimal.NewFromInt(1)})
		return err
	}},
	{kotani.OpPayBill, "/transactions/paybill", func(ctx context.Context, w world) error {
		_, err := w.client.Fiat.PayBill(ctx, kotani.PayBillParams{MerchantNumber: "888880", AccountNumber: "01", Amount: twenty})
		return err
	}},
	{kotani.OpPayTill, "/transactions/till", func(ctx context.Context, w world) error {
		_, err := w.client.Fiat.PayTill(ctx, kotani.PayTillParams{TillNumber: "12345", Amount: twenty})
		return err
	}},
	{kotani.OpStellarCashOut, "/stellar/cashout/KE", func(ctx context.Context, w world) error {
		_, err := w.client.Stellar.CashOut(ctx, kotani.CashOutParams{Country: kotani.Kenya, PhoneNumber: customer, TxHash: hash})
		return err
	}},
	{kotani.OpTronCashOut, "/tron/cashout/KE", func(ctx context.Context, w world) error {
		_, err := w.client.Tron.CashOut(ctx, kotani.CashOutParams{Country: kotani.Kenya, PhoneNumber: customer, TxHash: hash})
		return err
	}},
	{kotani.OpTronCashIn, "/tron/cashin/KE", func(ctx context.Context, w world) error {
		_, err := w.client.Tron.CashIn(ctx, kotani.CashInParams{Country: kotani.Kenya, PhoneNumber: customer, Amount: twenty})
		return err
	}},
	{kotani.OpUBIClaim, "/transactions/ubi/claimfunds", func(ctx context.Context, w world) error {
		_, err := w.client.UBI.Claim(ctx, ubi)
		return err
	}},
}

func TestTheFaultMatrixHasEveryPaymentOfTheTable(t *testing.T) {
	var payments, covered []string
	for _, op := range kotani.Operations() {
		if op.MovesMoney {
			payments = append(payments, op.Name)
		}
	}
	for _, wr := range writes {
		covered = append(covered, wr.op)
	}
	assert.ElementsMatch(t, payments, covered)
}

func (w world) named(got *kotani.Transaction, err error) error {
	if w.last != nil && got != nil {
		*w.last = *got
	}
	if err == nil && got.ExternalID != "order-1" {
		return errors.New("another transaction")
	}
	return err
}

// end is what a fault must come to. An empty outcome means success.
type end struct {
	outcome string
	works   int
}

const unknown, rejected, notSent = "unknown", "rejected", "not sent"

// failureCase is something that goes wrong during a call.
type failureCase struct {
	name          string
	client        func(*kotani.Config, write)
	fault         fake.Fault
	limit, cancel time.Duration // deadline of the call; when the caller gives up

	// What it comes to on a fresh call, by class.
	searched, keyed, once end
	is                    error
	took                  time.Duration // keyed, exactly, when not 0
}

func refusedConnection(cfg *kotani.Config, _ write) {
	cfg.HTTPClient = &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		},
	}}
}

// holding is a network that holds the first request of a write back, and delivers
// it when the caller has long got an error.
type holding struct {
	http.RoundTripper
	path  string
	after time.Duration
	held  atomic.Bool
}

func (h *holding) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodPost || !strings.HasSuffix(req.URL.Path, h.path) || h.held.Swap(true) {
		return h.RoundTripper.RoundTrip(req)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	late := req.Clone(context.Background())
	late.Body = io.NopCloser(bytes.NewReader(body))
	go func() {
		time.Sleep(h.after)
		if resp, err := h.RoundTripper.RoundTrip(late); err == nil {
			_ = resp.Body.Close()
		}
	}()
	return nil, io.ErrUnexpectedEOF
}

func heldFor(after time.Duration) func(*kotani.Config, write) {
	return func(cfg *kotani.Config, wr write) {
		cfg.HTTPClient = &http.Client{Transport: &holding{RoundTripper: cfg.HTTPClient.Transport, path: wr.path, after: after}}
	}
}

// crash makes the call, which reaches the fake when its caller is gone.
func crash(t *testing.T, w world, wr write) {
	t.Helper()
	cfg := w.config
	cfg.MaxAttempts = 1
	heldFor(time.Second)(&cfg, wr)
	var err error
	w.client, err = kotani.New(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, wr.call(ctx, w), sdk.ErrOutcomeUnknown)
	time.Sleep(2 * time.Second)
	require.Equal(t, 1, wr.works(w))
}

func failureCases() []failureCase {
	const forever = 3600
	done, lost := end{"", 1}, end{unknown, 0}
	return []failureCase{
		{name: "nothing", searched: done, keyed: done, once: done},
		{name: "connection refused", client: refusedConnection, is: sdk.ErrNotSent, searched: end{notSent, 0}, keyed: end{notSent, 0}, once: end{notSent, 0}},
		{name: "dropped before the work", fault: fake.Fault{Kind: fake.FaultDropBefore, Times: 1}, searched: lost, keyed: done, once: lost},
		{name: "dropped after the work", fault: fake.Fault{Kind: fake.FaultDropAfter, Times: 1}, searched: done, keyed: done, once: end{unknown, 1}},
		{name: "truncated 2xx", fault: fake.Fault{Kind: fake.FaultTruncate, Times: 1}, searched: done, keyed: done, once: end{unknown, 1}},
		{name: "malformed 2xx", fault: fake.Fault{Kind: fake.FaultMalformed, Times: 1}, searched: done, keyed: done, once: end{unknown, 1}, is: sdk.ErrUnexpectedResponse},
		{name: "HTML 502", fault: fake.Fault{Kind: fake.FaultHTML, Times: 1}, searched: lost, keyed: done, once: lost, is: sdk.ErrServer},
		{name: "HTML 403", fault: fake.Fault{Kind: fake.FaultHTML, Status: 403}, searched: lost, keyed: lost, once: lost, is: sdk.ErrForbidden},
		{name: "HTML 429", fault: fake.Fault{Kind: fake.FaultHTML, Status: 429}, searched: lost, keyed: lost, once: lost, is: sdk.ErrRateLimited},
		{name: "500 in the provider's format", fault: fake.Fault{Kind: fake.FaultStatus, Status: 500, Times: 1}, searched: lost, keyed: done, once: lost, is: sdk.ErrServer},
		{name: "401 once", fault: fake.Fault{Kind: fake.FaultStatus, Status: 401, Times: 1}, searched: done, keyed: done, once: done},
		{name: "401 for ever", fault: fake.Fault{Kind: fake.FaultStatus, Status: 401}, searched: end{rejected, 0}, keyed: end{rejected, 0}, once: end{rejected, 0}, is: sdk.ErrUnauthorized},
		{name: "expired token", fault: fake.Fault{Kind: fake.FaultExpireToken, Times: 1}, searched: done, keyed: done, once: done},
		{name: "429 with Retry-After", fault: fake.Fault{Kind: fake.FaultRateLimit, Seconds: 7, Times: 1}, is: sdk.ErrRateLimited,
			searched: end{rejected, 0}, keyed: done, once: end{rejected, 0}, took: 7 * time.Second},
		{name: "429 for longer than anybody waits", fault: fake.Fault{Kind: fake.FaultRateLimit, Seconds: 86400}, is: sdk.ErrRateLimited,
			searched: end{rejected, 0}, keyed: end{rejected, 0}, once: end{rejected, 0}},
		{name: "hang until the deadline", fault: fake.Fault{Kind: fake.FaultDelay, Seconds: forever}, limit: 5 * time.Second,
			searched: lost, keyed: lost, once: lost, is: context.DeadlineExceeded, took: 5 * time.Second},
		{name: "held back, delivered late", client: heldFor(time.Minute), searched: lost, keyed: done, once: lost},
		{name: "hang of one attempt", fault: fake.Fault{Kind: fake.FaultDelay, Seconds: forever, Times: 1}, searched: lost, keyed: done, once: lost},
		{name: "cancelled during a hang", fault: fake.Fault{Kind: fake.FaultDelay, Seconds: forever}, cancel: 3 * time.Second,
			searched: lost, keyed: lost, once: lost, is: context.Canceled, took: 3 * time.Second},
	}
}

// become gives the world a fresh client, on the network of the failure case.
func (w *world) become(t *testing.T, m failureCase, wr write) {
	t.Helper()
	cfg := w.config
	if m.client != nil {
		m.client(&cfg, wr)
	}
	var err error
	w.client, err = kotani.New(cfg)
	require.NoError(t, err)
}

// run makes the call under the failure case.
func (m failureCase) run(t *testing.T, w world, wr write) (took time.Duration, err error) {
	t.Helper()
	wr.fault(t, w, m.fault)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if m.limit > 0 {
		ctx, cancel = context.WithTimeout(ctx, m.limit)
		defer cancel()
	}
	if m.cancel > 0 {
		time.AfterFunc(m.cancel, cancel)
	}
	start := time.Now()
	err = wr.call(ctx, w)
	return time.Since(start), err
}

func TestFaultMatrix(t *testing.T) {
	var many clienttest.Sixteenth
	for _, m := range failureCases() {
		for _, wr := range writes {
			if many.LeavesOut() {
				continue
			}
			t.Run(m.name+"/"+wr.op, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					w.become(t, m, wr)
					took, err := m.run(t, w, wr)
					defer time.Sleep(2 * time.Hour) // for what is held back
					want := map[sdk.Class]end{sdk.Searched: m.searched, sdk.Keyed: m.keyed, sdk.Once: m.once}[wr.class()]
					assert.Equal(t, want.works, wr.works(w), "done by the fake")
					assert.NoError(t, w.CheckLedger())
					if m.took > 0 && wr.class() == sdk.Keyed {
						assert.Equal(t, m.took, took)
					}
					if want.outcome == "" {
						assert.NoError(t, err)
						return
					}
					e := failure(t, err)
					assert.Equal(t, want.outcome, e.Outcome.String())
					if m.is != nil {
						assert.ErrorIs(t, err, m.is)
					}
					assert.Equal(t, want.outcome == unknown, errors.Is(err, sdk.ErrOutcomeUnknown))
				})
			})
		}
	}
}

// Whatever came before a call, and whatever is delivered late: at most one payment
// where the class promises it, and no payment by a call that says there was none.
func TestNoCallPaysTwiceOrLies(t *testing.T) {
	befores := map[string]func(*testing.T, world, write) (crashed bool){
		"fresh": func(*testing.T, world, write) bool { return false },
		"after 401": func(t *testing.T, w world, wr write) bool {
			wr.fault(t, w, fake.Fault{Kind: fake.FaultStatus, Status: 401, Times: 1})
			return false
		},
		"after 429": func(t *testing.T, w world, wr write) bool {
			if wr.class() != sdk.Keyed { // a call ends with the 429: the caller makes it again
				wr.fault(t, w, fake.Fault{Kind: fake.FaultRateLimit, Times: 1})
				require.ErrorIs(t, wr.call(t.Context(), w), sdk.ErrRejected)
				w.clear()
				return false
			}
			wr.fault(t, w, fake.Fault{Kind: fake.FaultRateLimit, Times: 1})
			return false
		},
		"after a crash": func(t *testing.T, w world, wr write) bool {
			crash(t, w, wr)
			return true
		},
	}
	var many clienttest.Sixteenth
	for before, prepare := range befores {
		for _, m := range failureCases() {
			for _, wr := range writes {
				for _, repeat := range []bool{false, true} {
					if repeat && wr.class() != sdk.Searched || m.client != nil && before == "after 401" {
						continue
					}
					if many.LeavesOut() {
						continue
					}
					name := before + "/" + m.name + "/" + wr.op
					if repeat {
						name += "/external ids repeat"
					}
					t.Run(name, func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							w := newWorldWith(t, kotanitest.Config{UniqueExternalID: !repeat})
							crashed := prepare(t, w, wr)
							made := wr.works(w)
							w.become(t, m, wr)
							_, err := m.run(t, w, wr)
							time.Sleep(2 * time.Hour) // all that is held back is delivered
							now := wr.works(w)
							assert.NoError(t, w.CheckLedger())
							assert.LessOrEqual(t, now-made, 1, "one call, one payment")
							if wr.class() != sdk.Once && !(crashed && repeat) {
								assert.LessOrEqual(t, now, 1, "one reference, one payment")
							}
							if err == nil {
								assert.GreaterOrEqual(t, now, 1)
								return
							}
							if errors.Is(err, sdk.ErrRejected) || errors.Is(err, sdk.ErrNotSent) {
								assert.Equal(t, made, now, "nothing moved, it said: %v", err)
							}
						})
					})
				}
			}
		}
	}
}

// After a crash the same call returns the payment that was made. Where nobody can
// say whose payment it was, the call says so.
func TestCallingAgainAfterACrash(t *testing.T) {
	for _, wr := range writes {
		t.Run(wr.op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				crash(t, w, wr)
				w.become(t, failureCase{}, wr)
				w.last = new(kotani.Transaction)
				err := wr.call(t.Context(), w)
				switch {
				case wr.class() == sdk.Searched:
					require.NoError(t, err)
					assert.True(t, w.last.Existing)
					assert.Equal(t, wr.op == kotani.OpDepositQuoted, w.last.Unverified, "a quote fixes the amount")
					assert.Equal(t, 1, wr.works(w))
				case wr.class() == sdk.Keyed:
					require.NoError(t, err)
					assert.Equal(t, 1, wr.works(w))
				case wr.op == kotani.OpSendToMpesa, wr.op == kotani.OpStellarCashOut, wr.op == kotani.OpTronCashOut:
					require.ErrorIs(t, err, sdk.ErrOutcomeUnknown, "the hash is used, and perhaps by us")
					require.ErrorIs(t, err, sdk.ErrDuplicate)
					assert.Equal(t, sdk.Look, sdk.Advise(err))
					assert.Equal(t, 1, wr.works(w))
				}
			})
		})
	}
}

// A quote that is used already may have been used by this very deposit.
func TestAUsedQuoteIsLookedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := kotani.QuotedDepositParams{AcceptedQuoteID: w.quote, PhoneNumber: customer, ExternalID: "order-1"}
		_, err := w.client.Fiat.DepositQuoted(t.Context(), p)
		require.NoError(t, err)
		again, err := w.client.Fiat.DepositQuoted(t.Context(), p)
		require.NoError(t, err)
		assert.True(t, again.Existing)
		p.ExternalID = "order-2"
		_, err = w.client.Fiat.DepositQuoted(t.Context(), p)
		require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
		p.ExternalID, p.AllowNoExternalID = "", true
		_, err = w.client.Fiat.DepositQuoted(t.Context(), p)
		require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
		require.ErrorIs(t, err, sdk.ErrDuplicate)
		assert.Len(t, w.Debits("order-1"), 1)
	})
}

// The same external id with other parameters is another payment.
func TestAnExternalIDThatIsTakenSaysSo(t *testing.T) {
	type fiat = *kotani.FiatService
	for name, call := range map[string]func(context.Context, fiat) (*kotani.Transaction, error){
		"another amount": func(ctx context.Context, f fiat) (*kotani.Transaction, error) {
			p := validWithdraw
			p.Amount = decimal.NewFromInt(21)
			return f.Withdraw(ctx, p)
		},
		"another phone": func(ctx context.Context, f fiat) (*kotani.Transaction, error) {
			p := validWithdraw
			p.PhoneNumber = "254733333333"
			return f.Withdraw(ctx, p)
		},
		"a bank account": func(ctx context.Context, f fiat) (*kotani.Transaction, error) {
			return f.WithdrawToBank(ctx, validBank)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				_, err := w.client.Fiat.Withdraw(t.Context(), validWithdraw)
				require.NoError(t, err)
				_, err = call(t.Context(), w.client.Fiat)
				require.ErrorIs(t, err, sdk.ErrReferenceTaken)
				assert.Equal(t, sdk.Unknown, failure(t, err).Outcome, "nobody promises that external ids are unique")
				assert.Len(t, w.Debits("order-1"), 1)
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		_, err := w.client.Fiat.WithdrawToBank(t.Context(), validBank)
		require.NoError(t, err)
		_, err = w.client.Fiat.Withdraw(t.Context(), validWithdraw)
		require.ErrorIs(t, err, sdk.ErrReferenceTaken, "a bank withdrawal never settles a mobile one")
		other := validBank
		other.AccountNumber = "0123456780"
		_, err = w.client.Fiat.WithdrawToBank(t.Context(), other)
		require.ErrorIs(t, err, sdk.ErrReferenceTaken)
	})
}

// Calls at the same time with one external id never both send, also where Kotani takes an
// external id twice.
func TestAnExternalIDThatIsUnderWayIsPaidOnce(t *testing.T) {
	for name, call := range map[string]func(context.Context, *kotani.FiatService) error{
		"another amount": func(ctx context.Context, f *kotani.FiatService) error {
			p := validWithdraw
			p.Amount = decimal.NewFromInt(21)
			_, err := f.Withdraw(ctx, p)
			return err
		},
		"a bank account": func(ctx context.Context, f *kotani.FiatService) error {
			_, err := f.WithdrawToBank(ctx, validBank)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorldWith(t, kotanitest.Config{})
				require.NoError(t, w.AddFault(fake.Fault{Method: "POST", Path: "/transactions/withdraw/*", Kind: fake.FaultDelay, Seconds: 1}))
				var all sync.WaitGroup
				all.Go(func() {
					_, err := w.client.Fiat.Withdraw(t.Context(), validWithdraw)
					assert.NoError(t, err)
				})
				synctest.Wait()
				for range 4 {
					all.Go(func() {
						err := call(t.Context(), w.client.Fiat)
						assert.ErrorIs(t, err, sdk.ErrReferenceTaken)
						assert.Equal(t, sdk.Unknown, failure(t, err).Outcome)
					})
				}
				all.Wait()
				time.Sleep(time.Hour)
				assert.Len(t, w.Debits("order-1"), 1)
			})
		})
	}
}

// A hundred callers of one payment share one flight, although each has minted a
// callback URL of its own.
func TestCallsWithTheSameExternalIDShareOneFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var minted atomic.Int64
		w := newWorldWith(t, kotanitest.Config{}, func(cfg *kotani.Config) {
			cfg.CallbackURL = func(string, decimal.Decimal, string) (string, error) {
				return "https://merchant.example/" + strconv.FormatInt(minted.Add(1), 10), nil
			}
		})
		p := validWithdraw
		p.CallbackURL = ""
		wr := write{op: kotani.OpWithdraw, path: "/transactions/withdraw/momo"}
		wr.fault(t, w, fake.Fault{Kind: fake.FaultDelay, Seconds: 1})
		var group sync.WaitGroup
		ids := make(chan string, 100)
		for range 100 {
			group.Go(func() {
				got, err := w.client.Fiat.Withdraw(t.Context(), p)
				if assert.NoError(t, err) {
					ids <- got.RequestID
				}
			})
		}
		group.Wait()
		close(ids)
		for id := range ids {
			assert.Equal(t, "1", id)
		}
		assert.Len(t, w.Debits("order-1"), 1)
	})
}

func TestNoPromiseBreaksForAnyWriteOfTheTable(t *testing.T) {
	var all []clienttest.MoneyWrite
	for _, wr := range writes {
		var accepts []string
		switch wr.op {
		case kotani.OpStellarCashOut, kotani.OpTronCashOut, kotani.OpTronCashIn: // their response is {} (documented)
			accepts = []string{"{} 200", "success alone"}
		}
		var own map[string]string
		throttle, expired := respond(429, "Too Many Requests"), respond(403, "Forbidden")
		if wr.class() == sdk.Keyed {
			throttle, expired = respond(429, `{"error":"TooManyRequests"}`), respond(401, `{"error":"SessionExpired"}`)
			own = map[string]string{"error 401": "FiatConnect's own response to a bad session, and repeated with the same key"}
		}
		all = append(all, clienttest.MoneyWrite{Op: wr.op, Class: wr.class(), Accepts: accepts, Own: own, Others: others[wr.op], Throttle: clienttest.Step(throttle), Expired: clienttest.Step(expired), Prepare: func(t *testing.T, over func(http.RoundTripper) http.RoundTripper) func(context.Context) error {
			w := newWorld(t, func(c *kotani.Config) { c.HTTPClient = &http.Client{Transport: over(c.HTTPClient.Transport)} })
			return func(ctx context.Context) error { return wr.call(ctx, w) }
		}})
	}
	clienttest.CheckPromises(t, kotani.Operations(), all)
}
