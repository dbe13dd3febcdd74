package kotani_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	client            *kotani.Client
	quote             string // accepted
	account           string
	quoteIn, quoteOut string
}

const customer = "254712345678"

func newWorld(t *testing.T, change ...func(*kotani.Config)) world {
	t.Helper()
	taken := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}) // every callback
	srv := kotanitest.NewServer(t, kotanitest.Config{Options: fake.Options{RealTime: true, Callbacks: taken}})
	cfg := srv.ClientConfig()
	cfg.FiatConnect.Signer = &wallet{address: walletAddress}
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
	return w
}

// write is one of the calls that move money.
type write struct {
	op   string
	path string // glob of the request that goes wrong
	kind string // settled: by lookup, hash or key; once: never repeated
	call func(context.Context, world) error
}

func (wr write) fiatConnect() bool {
	return wr.op == kotani.OpTransferIn || wr.op == kotani.OpTransferOut
}

// works counts what the fake did.
func (wr write) works(w world) int {
	switch wr.op {
	case kotani.OpBuyCelo, kotani.OpUBIClaim:
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

var writes = []write{
	{kotani.OpDeposit, "/transactions/deposit/stkpush", "settled", func(ctx context.Context, w world) error {
		got, err := w.client.Fiat.Deposit(ctx, validDeposit)
		return named(got, err)
	}},
	{kotani.OpDepositQuoted, "/transactions/deposit/quote", "settled", func(ctx context.Context, w world) error {
		got, err := w.client.Fiat.DepositQuoted(ctx, kotani.QuotedDepositParams{AcceptedQuoteID: w.quote, PhoneNumber: customer, ExternalID: "order-1"})
		return named(got, err)
	}},
	{kotani.OpWithdraw, "/transactions/withdraw/momo", "settled", func(ctx context.Context, w world) error {
		got, err := w.client.Fiat.Withdraw(ctx, validWithdraw)
		return named(got, err)
	}},
	{kotani.OpWithdrawToBank, "/transactions/withdraw/bank", "settled", func(ctx context.Context, w world) error {
		got, err := w.client.Fiat.WithdrawToBank(ctx, validBank)
		return named(got, err)
	}},
	{kotani.OpSendToMpesa, "/transactions/withdraw/sendToMpesa", "settled", func(ctx context.Context, w world) error {
		_, err := w.client.Celo.SendToMpesa(ctx, validMpesa)
		return err
	}},
	{kotani.OpTransferIn, "/transfer/in", "settled", func(ctx context.Context, w world) error {
		_, err := w.client.FiatConnect.TransferIn(ctx, kotani.TransferParams{FiatAccountID: w.account, QuoteID: w.quoteIn})
		return err
	}},
	{kotani.OpTransferOut, "/transfer/out", "settled", func(ctx context.Context, w world) error {
		_, err := w.client.FiatConnect.TransferOut(ctx, kotani.TransferParams{FiatAccountID: w.account, QuoteID: w.quoteOut})
		return err
	}},
	{kotani.OpBuyCelo, "/dex/buyCelo", "once", func(ctx context.Context, w world) error {
		_, err := w.client.Celo.Buy(ctx, kotani.BuyCeloParams{PhoneNumber: customer, Amount: decimal.NewFromInt(1)})
		return err
	}},
	{kotani.OpPayBill, "/transactions/paybill", "once", func(ctx context.Context, w world) error {
		_, err := w.client.Fiat.PayBill(ctx, kotani.PayBillParams{MerchantNumber: "888880", AccountNumber: "01", Amount: twenty})
		return err
	}},
	{kotani.OpPayTill, "/transactions/till", "once", func(ctx context.Context, w world) error {
		_, err := w.client.Fiat.PayTill(ctx, kotani.PayTillParams{TillNumber: "12345", Amount: twenty})
		return err
	}},
	{kotani.OpStellarCashOut, "/stellar/cashout/KE", "once", func(ctx context.Context, w world) error {
		_, err := w.client.Stellar.CashOut(ctx, kotani.CashOutParams{Country: kotani.Kenya, PhoneNumber: customer, TxHash: hash})
		return err
	}},
	{kotani.OpTronCashOut, "/tron/cashout/KE", "once", func(ctx context.Context, w world) error {
		_, err := w.client.Tron.CashOut(ctx, kotani.CashOutParams{Country: kotani.Kenya, PhoneNumber: customer, TxHash: hash})
		return err
	}},
	{kotani.OpTronCashIn, "/tron/cashin/KE", "once", func(ctx context.Context, w world) error {
		_, err := w.client.Tron.CashIn(ctx, kotani.CashInParams{Country: kotani.Kenya, PhoneNumber: customer, Amount: twenty})
		return err
	}},
	{kotani.OpUBIClaim, "/transactions/ubi/claimfunds", "once", func(ctx context.Context, w world) error {
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

func named(got *kotani.Transaction, err error) error {
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

func TestFaultMatrix(t *testing.T) {
	const forever = 3600
	refused := func(cfg *kotani.Config) {
		cfg.HTTPClient = &http.Client{Transport: &http.Transport{
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
			},
		}}
	}
	const unknown, rejected = "unknown", "rejected"
	done := end{"", 1}
	cases := []struct {
		name          string
		client        func(*kotani.Config)
		fault         fake.Fault
		limit, cancel time.Duration // deadline of the call; when the caller gives up
		settled, once end
		is            error
		elapsed       time.Duration // exact, when not 0
	}{
		{name: "connection refused", client: refused, is: sdk.ErrNotSent, settled: end{"not sent", 0}, once: end{"not sent", 0}},
		{name: "dropped before the work", fault: fake.Fault{Kind: fake.FaultDropBefore, Times: 1}, settled: done, once: end{unknown, 0}},
		{name: "dropped after the work", fault: fake.Fault{Kind: fake.FaultDropAfter, Times: 1}, settled: done, once: end{unknown, 1}},
		{name: "truncated 2xx", fault: fake.Fault{Kind: fake.FaultTruncate, Times: 1}, settled: done, once: end{unknown, 1}},
		{name: "malformed 2xx", fault: fake.Fault{Kind: fake.FaultMalformed, Times: 1}, settled: done, once: end{unknown, 1}, is: sdk.ErrUnexpectedResponse},
		{name: "HTML 502", fault: fake.Fault{Kind: fake.FaultHTML, Times: 1}, settled: done, once: end{unknown, 0}, is: sdk.ErrServer},
		{name: "HTML 403", fault: fake.Fault{Kind: fake.FaultHTML, Status: 403}, settled: end{unknown, 0}, once: end{unknown, 0}, is: sdk.ErrForbidden},
		{name: "500 in the provider's format", fault: fake.Fault{Kind: fake.FaultStatus, Status: 500, Times: 1}, settled: done, once: end{unknown, 0}, is: sdk.ErrServer},
		{name: "401 once", fault: fake.Fault{Kind: fake.FaultStatus, Status: 401, Times: 1}, settled: done, once: done},
		{name: "401 for ever", fault: fake.Fault{Kind: fake.FaultStatus, Status: 401}, settled: end{rejected, 0}, once: end{rejected, 0}, is: sdk.ErrUnauthorized},
		{name: "expired token", fault: fake.Fault{Kind: fake.FaultExpireToken, Times: 1}, settled: done, once: done},
		{name: "429 with Retry-After", fault: fake.Fault{Kind: fake.FaultRateLimit, Seconds: 7, Times: 1}, settled: done, once: done, elapsed: 7 * time.Second},
		{name: "429 for longer than anybody waits", fault: fake.Fault{Kind: fake.FaultRateLimit, Seconds: 86400}, settled: end{rejected, 0}, once: end{rejected, 0}, is: sdk.ErrRateLimited},
		{name: "hang until the deadline", fault: fake.Fault{Kind: fake.FaultDelay, Seconds: forever}, limit: 5 * time.Second,
			settled: end{unknown, 0}, once: end{unknown, 0}, is: context.DeadlineExceeded, elapsed: 5 * time.Second},
		{name: "hang of one attempt", fault: fake.Fault{Kind: fake.FaultDelay, Seconds: forever, Times: 1}, settled: done, once: end{unknown, 0}},
		{name: "cancelled during a hang", fault: fake.Fault{Kind: fake.FaultDelay, Seconds: forever}, cancel: 3 * time.Second,
			settled: end{unknown, 0}, once: end{unknown, 0}, is: context.Canceled, elapsed: 3 * time.Second},
		{name: "cancelled while waiting between attempts", fault: fake.Fault{Kind: fake.FaultRateLimit, Seconds: 30}, cancel: 3 * time.Second,
			settled: end{rejected, 0}, once: end{rejected, 0}, is: context.Canceled, elapsed: 3 * time.Second},
	}
	for _, tc := range cases {
		for _, wr := range writes {
			t.Run(tc.name+"/"+wr.op, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var change []func(*kotani.Config)
					if tc.client != nil {
						change = append(change, tc.client)
					}
					w := newWorld(t, change...)
					if fault := tc.fault; fault.Kind != "" {
						fault.Method, fault.Path = "POST", wr.path
						if wr.fiatConnect() {
							require.NoError(t, w.FiatConnect.AddFault(fault))
						} else {
							require.NoError(t, w.AddFault(fault))
						}
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
					start := time.Now()
					err := wr.call(ctx, w)
					elapsed := time.Since(start)

					want := tc.once
					if wr.kind == "settled" {
						want = tc.settled
					}
					assert.Equal(t, want.works, wr.works(w), "done by the fake")
					assert.NoError(t, w.CheckLedger())
					if tc.elapsed > 0 {
						assert.Equal(t, tc.elapsed, elapsed)
					}
					if want.outcome == "" {
						assert.NoError(t, err)
						return
					}
					e := failure(t, err)
					assert.Equal(t, want.outcome, e.Outcome.String())
					if tc.is != nil {
						assert.ErrorIs(t, err, tc.is)
					}
					assert.Equal(t, want.outcome == unknown, errors.Is(err, sdk.ErrOutcomeUnknown))
				})
			})
		}
	}
}
