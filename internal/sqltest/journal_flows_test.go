package sqltest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"iter"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
	"github.com/kapiteni/kapiten-go/sdk/journal"
	"github.com/kapiteni/kapiten-go/webhook"
)

type transportWrap = func(http.RoundTripper) http.RoundTripper

func tell[T any]() journal.Func[T] {
	told := telling(providerReference)
	return func(ctx context.Context, tx journal.Tx, c journal.Change[T]) error { return told(ctx, tx, c.Kind) }
}

func planOf[P, T any](flow *journal.Flow[P, T], params P) planner {
	return func(ctx context.Context, tx journal.Tx) error { return flow.Plan(ctx, tx, params) }
}

var (
	twenty = decimal.NewFromInt(20)
	txHash = "0x" + strings.Repeat("ab", 32)
)

const kenyan = "254712345678"

// shopSigner is one wallet for all worlds, because its arithmetic is slow.
var shopSigner = sync.OnceValue(func() kotani.Signer { return kotanitest.NewSigner("shop") })

// kotaniWorld is a flow of Kotani. count counts what the fake has carried out.
func kotaniWorld(flow func(*journal.Journal, *kotani.Client) planner, count func(*kotanitest.Fake) int, before ...func(*kotani.Client)) func() outsideWorld {
	return kotaniWorldWith(kotanitest.Config{}, flow, count, before...)
}

func kotaniWorldWith(cfg kotanitest.Config, flow func(*journal.Journal, *kotani.Client) planner, count func(*kotanitest.Fake) int, before ...func(*kotani.Client)) func() outsideWorld {
	return func() outsideWorld {
		cfg := cfg
		cfg.FiatConnect = kotanitest.FiatConnectConfig{KYCNotRequired: true}
		srv := kotanitest.New(cfg)
		key := srv.FiatConnect.AddClient("http://127.0.0.1:1/nobody").APIKey
		client := func(wrap transportWrap) *kotani.Client {
			cfg := srv.ClientConfig()
			cfg.CallbackURL = callback
			cfg.FiatConnect.Signer, cfg.FiatConnect.APIKey = shopSigner(), key
			cfg.HTTPClient = &http.Client{Transport: wrap(cfg.HTTPClient.Transport)}
			c, err := kotani.New(cfg)
			must(err)
			return c
		}
		for _, b := range before {
			b(client(func(next http.RoundTripper) http.RoundTripper { return next }))
		}
		return outsideWorld{
			process: func(j *journal.Journal, wrap transportWrap) planner { return flow(j, client(wrap)) },
			advance: func(d time.Duration) { srv.Advance(d) },
			debits:  func() int { return count(srv) },
		}
	}
}

func transactionsOf(srv *kotanitest.Fake) int { return len(srv.Transactions()) }
func transfersOf(srv *kotanitest.Fake) int    { return len(srv.FiatConnect.Transfers()) }

func entriesOf(currency, kind string) func(*kotanitest.Fake) int {
	return func(srv *kotanitest.Fake) (n int) {
		for _, e := range srv.Entries(currency) {
			if e.Kind == kind && e.Amount.IsNegative() {
				n++
			}
		}
		return n
	}
}

func named[P any](params P) journal.Named[P] {
	return journal.Named[P]{Reference: providerReference, Params: params}
}

// fiatAccount is made before the test; its id is the same in each new fake.
var fiatAccount = kotani.MobileMoneyAccount{AccountName: "Jane", InstitutionName: "Safaricom", Mobile: "+254712345678", Country: "KE", Operator: "M-Pesa"}

func fiatConnectWorld(flow func(*journal.Journal, string, *kotani.FiatConnect, journal.Func[kotani.Transfer]) *journal.Flow[journal.FiatConnectTransfer, kotani.Transfer], quote kotani.TransferQuoteParams) func() outsideWorld {
	account := ""
	return kotaniWorld(func(j *journal.Journal, c *kotani.Client) planner {
		return planOf(flow(j, "pay", c.FiatConnect, tell[kotani.Transfer]()), journal.FiatConnectTransfer{
			Reference: providerReference, FiatAccountID: account, Quote: quote,
		})
	}, transfersOf, func(c *kotani.Client) {
		added, err := c.FiatConnect.AddAccount(context.Background(), fiatAccount)
		must(err)
		account = added.ID
	})
}

func transactionParams(reference string) bitpesa.TransactionParams {
	return bitpesa.TransactionParams{
		InputCurrency: "USD", ExternalID: reference,
		Sender: bitpesa.SenderParams{
			FirstName: "Jane", LastName: "Doe", Country: "US", City: "New York", Street: "20 W 34th St", PostalCode: "10001",
			PhoneNumber: "+15555551234", Email: "jane@example.com", IP: "127.0.0.1", BirthDate: "1974-12-24",
		},
		Recipients: []bitpesa.RecipientParams{{
			RequestedAmount: decimal.NewFromInt(155000), RequestedCurrency: "NGN",
			PayoutMethod: bitpesa.PayoutMethodParams{Type: "NGN::Bank", Details: bitpesa.PayoutDetails{
				FirstName: "John", LastName: "Doe", BankCode: "058", BankAccount: "1234567890", BankAccountType: "20",
			}},
		}},
	}
}

func bitpesaClient(srv *bitpesatest.Fake, wrap transportWrap) *bitpesa.Client {
	cfg := srv.ClientConfig()
	cfg.HTTPClient = &http.Client{Transport: wrap(cfg.HTTPClient.Transport)}
	c, err := bitpesa.New(cfg)
	must(err)
	return c
}

func bitpesaWorld() outsideWorld {
	srv := bitpesatest.New(bitpesatest.Config{})
	return outsideWorld{
		process: func(j *journal.Journal, wrap transportWrap) planner {
			return planOf(journal.BitPesa(j, "pay", bitpesaClient(srv, wrap), tell[bitpesa.Transaction]()), transactionParams(providerReference))
		},
		advance: func(d time.Duration) { srv.Advance(d) },
		debits:  func() int { return len(srv.Debits(providerReference)) },
	}
}

func rideParams(reference string) kapiten.CreateRideParams {
	return kapiten.CreateRideParams{
		ExternalID: reference, PickupAddress: "KK 12 Ave, Kigali", Pickup: kapiten.Location{Latitude: -1.9441, Longitude: 30.0619},
		DropoffAddress: "KG 7 Ave, Kigali", Dropoff: kapiten.Location{Latitude: -1.9706, Longitude: 30.1044},
		Sender: kapiten.Contact{Name: "The shop", Phone: "0788000001"}, Receiver: kapiten.Contact{Name: "Ama", Phone: "0788123456"},
	}
}

func kapitenClient(srv *kapitentest.Fake, company kapitentest.Company, wrap transportWrap) *kapiten.Client {
	cfg := srv.ClientConfig(company)
	cfg.HTTPClient = &http.Client{Transport: wrap(cfg.HTTPClient.Transport)}
	c, err := kapiten.New(cfg)
	must(err)
	return c
}

// newKapiten is a fake on the wall clock's time, because a search ends at rows that are
// older than the entry.
func newKapiten() (*kapitentest.Fake, kapitentest.Company) {
	cfg := kapitentest.Config{Autopilot: true, AutopilotStart: time.Second, AutopilotStep: time.Second}
	cfg.Options.Start = time.Now()
	srv := kapitentest.New(cfg)
	return srv, srv.AddCompany(kapitentest.Company{Name: "The shop", Balance: decimal.NewFromInt(100_000)})
}

func rideWorld() outsideWorld {
	srv, company := newKapiten()
	return outsideWorld{
		process: func(j *journal.Journal, wrap transportWrap) planner {
			return planOf(journal.KapitenRides(j, "pay", kapitenClient(srv, company, wrap), company.ID, tell[kapiten.Ride]()), rideParams(providerReference))
		},
		advance: func(d time.Duration) { srv.Advance(d) },
		debits:  func() int { return len(srv.Rides(company.ID)) },
	}
}

func topUpWorld() outsideWorld {
	srv, company := newKapiten()
	before := len(srv.Transactions(company.ID))
	return outsideWorld{
		process: func(j *journal.Journal, wrap transportWrap) planner {
			return planOf(journal.KapitenTopUp(j, "pay", kapitenClient(srv, company, wrap), company.ID, tell[kapiten.Transaction]()),
				kapiten.TopUpParams{Amount: decimal.NewFromInt(5000), PhoneNumber: "0788123456", Description: providerReference})
		},
		advance: func(d time.Duration) { srv.Advance(d) },
		debits:  func() int { return len(srv.Transactions(company.ID)) - before },
	}
}

// flowWorlds has a world for each flow, and the class of its write.
var flowWorlds = map[string]struct {
	class sdk.Class
	world func() outsideWorld
}{
	"kpay":    {sdk.Referenced, kpayWorld},
	"kasapay": {sdk.Referenced, kasapayWorld},
	"bitpesa": {sdk.Referenced, bitpesaWorld},
	"rides":   {sdk.Searched, rideWorld},
	"top-up":  {sdk.Once, topUpWorld},
	"fiatconnect in": {sdk.Keyed, fiatConnectWorld(journal.FiatConnectIn, kotani.TransferQuoteParams{
		FiatType: kotani.FiatKES, CryptoType: kotani.CryptoCUSD, FiatAmount: decimal.NewFromInt(2500), Country: "KE"})},
	"fiatconnect out": {sdk.Keyed, fiatConnectWorld(journal.FiatConnectOut, kotani.TransferQuoteParams{
		FiatType: kotani.FiatKES, CryptoType: kotani.CryptoCUSD, CryptoAmount: decimal.NewFromInt(25), Country: "KE"})},
	"kotani deposit": {sdk.Searched, kotaniWorld(func(j *journal.Journal, c *kotani.Client) planner {
		return planOf(journal.KotaniDeposit(j, "pay", c, tell[kotani.Transaction]()), kotani.DepositParams{Amount: twenty, PhoneNumber: kenyan, ExternalID: providerReference})
	}, transactionsOf)},
	"kotani quoted deposit": {sdk.Searched, kotaniWorld(func(j *journal.Journal, c *kotani.Client) planner {
		return planOf(journal.KotaniDepositQuoted(j, "pay", c, tell[kotani.Transaction]()), journal.KotaniQuotedDeposit{
			PhoneNumber: kenyan, ExternalID: providerReference, Quote: kotani.QuoteParams{Amount: decimal.NewFromInt(1000), Currency: "KES", CryptoType: "cUSD"},
			Limits: journal.QuoteLimits{MostPaid: decimal.NewFromInt(1000)},
		})
	}, transactionsOf)},
	"kotani withdraw": {sdk.Searched, kotaniWorld(func(j *journal.Journal, c *kotani.Client) planner {
		return planOf(journal.KotaniWithdraw(j, "pay", c, tell[kotani.Transaction]()), kotani.WithdrawParams{Amount: twenty, PhoneNumber: kenyan, ExternalID: providerReference})
	}, transactionsOf)},
	"kotani bank": {sdk.Searched, kotaniWorld(func(j *journal.Journal, c *kotani.Client) planner {
		return planOf(journal.KotaniWithdrawToBank(j, "pay", c, tell[kotani.Transaction]()), kotani.BankWithdrawParams{
			Amount: twenty, AccountNumber: "0123456789", AccountName: "Jane", Bank: kotani.BankEquity, ExternalID: providerReference,
		})
	}, transactionsOf)},
	"kotani paybill": {sdk.Once, kotaniWorld(func(j *journal.Journal, c *kotani.Client) planner {
		return planOf(journal.KotaniPayBill(j, "pay", c, tell[kotani.Transaction]()), named(kotani.PayBillParams{MerchantNumber: "888880", AccountNumber: "01", Amount: twenty}))
	}, transactionsOf)},
	"kotani till": {sdk.Once, kotaniWorld(func(j *journal.Journal, c *kotani.Client) planner {
		return planOf(journal.KotaniPayTill(j, "pay", c, tell[kotani.Transaction]()), named(kotani.PayTillParams{TillNumber: "12345", Amount: twenty}))
	}, transactionsOf)},
	"kotani stellar": {sdk.Once, kotaniWorld(func(j *journal.Journal, c *kotani.Client) planner {
		return planOf(journal.KotaniStellarCashOut(j, "pay", c, tell[kotani.Transaction]()), named(kotani.CashOutParams{Country: kotani.Kenya, PhoneNumber: kenyan, TxHash: txHash}))
	}, transactionsOf)},
	"kotani tron": {sdk.Once, kotaniWorld(func(j *journal.Journal, c *kotani.Client) planner {
		return planOf(journal.KotaniTronCashOut(j, "pay", c, tell[kotani.Transaction]()), named(kotani.CashOutParams{Country: kotani.Kenya, PhoneNumber: kenyan, TxHash: txHash}))
	}, transactionsOf)},
	"kotani cash-in": {sdk.Once, kotaniWorld(func(j *journal.Journal, c *kotani.Client) planner {
		return planOf(journal.KotaniTronCashIn(j, "pay", c, tell[kotani.Transaction]()), named(kotani.CashInParams{Country: kotani.Kenya, PhoneNumber: kenyan, Amount: twenty}))
	}, transactionsOf)},
	"kotani mpesa": {sdk.Once, kotaniWorld(func(j *journal.Journal, c *kotani.Client) planner {
		return planOf(journal.KotaniSendToMpesa(j, "pay", c, tell[kotani.MpesaPayout]()), named(kotani.SendToMpesaParams{PhoneNumber: kenyan, TxHash: txHash}))
	}, transactionsOf)},
	"kotani celo": {sdk.Once, kotaniWorld(func(j *journal.Journal, c *kotani.Client) planner {
		return planOf(journal.KotaniBuyCelo(j, "pay", c, tell[kotani.CeloPurchase]()), named(kotani.BuyCeloParams{PhoneNumber: kenyan, Amount: decimal.RequireFromString("1.5")}))
	}, transactionsOf, func(c *kotani.Client) {
		_, err := c.KYC.CreateUser(context.Background(), kenyan)
		must(err)
	})},
	"kotani claim": {sdk.Once, kotaniWorld(func(j *journal.Journal, c *kotani.Client) planner {
		return planOf(journal.KotaniClaim(j, "pay", c, tell[kotani.UBIClaim]()), named(kotani.UBIParams{PhoneNumber: kenyan, ProgramID: "p-1"}))
	}, entriesOf("cUSD", kotani.OpUBIClaim), func(c *kotani.Client) {
		_, err := c.KYC.CreateUser(context.Background(), kenyan)
		must(err)
		_, err = c.UBI.SetBeneficiary(context.Background(), kotani.UBIParams{PhoneNumber: kenyan, ProgramID: "p-1"})
		must(err)
	})},
}

// full is the long run.
func full() bool { return os.Getenv("KAPITEN_FULL") != "" }

// TestJournalCrashOfEachFlow stops the process at each statement and each call of each
// flow, and again in its second life. The provider acts at most once, the entry ends
// final or waits for a person, and the func runs once per change. KAPITEN_FULL=1 does
// the same on PostgreSQL.
func TestJournalCrashOfEachFlow(t *testing.T) {
	t.Parallel()
	for name, flow := range flowWorlds {
		shops := map[string]func(*testing.T) shop{"": sqliteShop}
		if full() {
			shops[" on postgres"] = postgresShop
		}
		for on, open := range shops {
			t.Run(name+on, func(t *testing.T) {
				t.Parallel()
				s, ends := open(t), map[string]int{}
				k := 0
				for died := true; died; k++ {
					clear(t, s.plain)
					w := flow.world()
					var state string
					state, died = s.lives(t, w, k)
					s.check(t, w, flow.class, state, k)
					ends[state]++
				}
				require.Greater(t, k, 25, "the process has more steps than these")
				require.Greater(t, ends["final"], ends["stuck"])
				t.Log(k, "steps", ends)
			})
		}
	}
}

// lives runs a process that dies at step k, and again in its second life, until its
// entry has come to an end.
func (s shop) lives(t *testing.T, w outsideWorld, k int) (state string, died bool) {
	t.Helper()
	for life := 0; life < 30 && (life < 2 || state != "final" && state != "stuck"); life++ {
		g := &gate{left: -1}
		switch life {
		case 0:
			g.left = k
		case 1:
			g.left = 3 + k*7%41
		}
		s.live(t, w, g)
		if life == 0 {
			died = g.died()
		}
		w.advance(10 * time.Second)
		state = s.later(t)
	}
	return state, died
}

func (s shop) check(t *testing.T, w outsideWorld, class sdk.Class, state string, k int) {
	t.Helper()
	told := changes(t, s.plain, providerReference)
	require.LessOrEqual(t, w.debits(), 1, "k=%d: %v", k, told)
	var reason string
	require.NoError(t, s.plain.QueryRowContext(t.Context(), `SELECT COALESCE((SELECT reason || ': ' || note FROM journal_stuck), '')`).Scan(&reason))
	switch state {
	case "final":
		require.Equal(t, 1, w.debits(), "k=%d: %v", k, told)
		require.Equal(t, "succeeded", told[len(told)-1], "k=%d: %v", k, told)
		require.LessOrEqual(t, len(told), 2, "k=%d: %v", k, told)
	case "stuck":
		require.NotEqual(t, sdk.Referenced, class, "k=%d: a unique reference is always settled: %s", k, reason)
		require.Equal(t, "stuck", told[len(told)-1], "k=%d: %v", k, told)
		require.Len(t, told, 1, "k=%d: %v %s", k, told, reason)
	default:
		t.Fatalf("k=%d: it ended %s, %v", k, state, told)
	}
}

// signed stands for a signature that holds.
type signed struct{}

func (signed) Authenticate(*webhook.Delivery) (webhook.Proof, error) {
	return webhook.Proof{Signed: true}, nil
}

// counted counts requests.
type counted struct {
	next http.RoundTripper
	n    *int
}

func (c counted) RoundTrip(r *http.Request) (*http.Response, error) {
	*c.n++
	return c.next.RoundTrip(r)
}

// TestJournalBitPesaEvents: a signed event that ends an entry is a fact, and nobody asks.
// The same event without a signature, or about another transaction, is a knock.
func TestJournalBitPesaEvents(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		srv, asked := bitpesatest.New(bitpesatest.Config{}), 0
		j, err := journal.Open(t.Context(), db, dialect, journal.Config{KnockGap: time.Millisecond})
		require.NoError(t, err)
		flow := journal.BitPesa(j, "pay", bitpesaClient(srv, func(next http.RoundTripper) http.RoundTripper { return counted{next, &asked} }), nil)
		m := &merchant{t: t, db: db, j: j}
		open := func(reference string) bitpesatest.Transaction {
			tx, err := db.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			require.NoError(t, flow.Plan(t.Context(), tx, transactionParams(reference)))
			require.NoError(t, tx.Commit())
			for range 2 {
				_, err = j.Work(t.Context())
				require.NoError(t, err)
			}
			require.Equal(t, journal.StateOpen, m.entry(reference).State, m.history(reference))
			all := srv.Transactions(bitpesatest.TestKey)
			return all[len(all)-1]
		}
		event := func(id, reference, state string) []byte {
			return []byte(`{"webhook":"w","event":"transaction.paid_out","object":{"id":"` + id + `","external_id":"` + reference + `","state":"` + state + `"}}`)
		}
		first, second := open("a"), open("b")
		asked = 0
		post := func(auth webhook.Authenticator, body []byte) {
			require.Equal(t, http.StatusOK, postTo(t, flow.Knock(auth), body).Code)
		}
		post(signed{}, event(first.ID, "a", "paid"))
		require.Eventually(t, func() bool { return m.entry("a").State == journal.StateFinal }, 10*time.Second, time.Millisecond)
		require.Equal(t, journal.Succeeded, m.entry("a").Standing)
		require.Contains(t, m.history("a"), "signed")
		require.Zero(t, asked)

		for i, body := range [][]byte{
			event(first.ID, "b", "paid"),       // another transaction
			event(second.ID, "b", "canceled"),  // does not show whether somebody was paid
			event(second.ID, "b", "received"),  // no end
			event(second.ID, "nobody", "paid"), // unknown
		} {
			post(signed{}, body)
			if i < 3 {
				require.Eventually(t, func() bool { return m.knocks("b") == i+1 }, 10*time.Second, time.Millisecond)
			}
		}
		post(webhook.PathSecret(knockSecret), event(second.ID, "b", "paid"))
		require.Eventually(t, func() bool { return m.knocks("b") == 4 }, 10*time.Second, time.Millisecond)
		require.Equal(t, journal.StateOpen, m.entry("b").State)

		// What is final is not undone by an old event, but by asking.
		post(signed{}, event(first.ID, "a", "canceled"))
		require.Eventually(t, func() bool { return m.knocks("a") == 1 }, 10*time.Second, time.Millisecond)
		require.Equal(t, journal.Succeeded, m.entry("a").Standing)
	})
}

// TestJournalBitPesaRecipients: a recipient that fails waits for a person, and the
// journal goes on by itself once he has acted.
func TestJournalBitPesaRecipients(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		for name, test := range map[string]struct {
			change func(*bitpesa.TransactionParams)
			act    func(*testing.T, *bitpesa.Client, *bitpesa.Transaction)
			told   []string
			state  journal.State
		}{
			"corrected": {func(*bitpesa.TransactionParams) {}, func(t *testing.T, c *bitpesa.Client, tx *bitpesa.Transaction) {
				_, err := c.Recipients.Correct(t.Context(), tx.ID, tx.Recipients[0].ID, bitpesa.RecipientUpdate{
					PayoutMethod: bitpesa.PayoutMethodParams{Type: "NGN::Bank", Details: bitpesa.PayoutDetails{BankAccount: "3234567890"}},
				})
				require.NoError(t, err)
			}, []string{"pending", "stuck", "succeeded"}, journal.StateFinal},
			"cancelled and refunded": {func(*bitpesa.TransactionParams) {}, func(t *testing.T, c *bitpesa.Client, tx *bitpesa.Transaction) {
				_, err := c.Transactions.Cancel(t.Context(), tx.ID)
				require.NoError(t, err)
			}, []string{"pending", "stuck", "failed"}, journal.StateFinal},
			"one paid, the other refunded": {func(p *bitpesa.TransactionParams) {
				good := p.Recipients[0]
				good.PayoutMethod.Details.BankAccount = "2234567890"
				p.Recipients = append(p.Recipients, good)
			}, func(t *testing.T, c *bitpesa.Client, tx *bitpesa.Transaction) {
				_, err := c.Transactions.Cancel(t.Context(), tx.ID)
				require.NoError(t, err)
			}, []string{"pending", "stuck"}, journal.StateStuck},
		} {
			t.Run(name, func(t *testing.T) {
				srv := bitpesatest.New(bitpesatest.Config{})
				newMerchant(t, db, dialect, newBank(sdk.Once))
				clear(t, db)
				j, err := journal.Open(t.Context(), db, dialect, journal.Config{})
				require.NoError(t, err)
				client := bitpesaClient(srv, func(next http.RoundTripper) http.RoundTripper { return next })
				params := transactionParams(providerReference)
				test.change(&params)
				flow := journal.BitPesa(j, "pay", client, tell[bitpesa.Transaction]())
				tx, err := db.BeginTx(t.Context(), nil)
				require.NoError(t, err)
				require.NoError(t, flow.Plan(t.Context(), tx, params))
				require.NoError(t, tx.Commit())
				m := &merchant{t: t, db: db, j: j}
				m.work(0)
				m.work(0)
				require.NoError(t, srv.MoveRecipient(srv.Recipients(bitpesatest.TestKey)[0].ID, bitpesa.RecipientError, "416"))
				work := func(until journal.State) {
					for range 20 {
						m.work(time.Hour)
						srv.Advance(time.Hour)
						if m.entry(providerReference).State == until {
							return
						}
					}
				}
				work(journal.StateStuck)
				require.Equal(t, journal.ReasonAction, m.entry(providerReference).Reason, m.history(providerReference))
				transaction, err := client.Transactions.Find(t.Context(), providerReference)
				require.NoError(t, err)
				require.True(t, transaction.NeedsAction())
				test.act(t, client, transaction)
				for range 5 {
					m.work(time.Hour)
					srv.Advance(time.Hour)
				}
				require.Equal(t, test.state, m.entry(providerReference).State, m.history(providerReference))
				require.Equal(t, test.told, changes(t, db, providerReference))
			})
		}
	})
}

// TestJournalCompare holds the journal against the providers' own lists.
func TestJournalCompare(t *testing.T) {
	onJournals(t, func(t *testing.T, db *sql.DB, dialect journal.Dialect) {
		j, err := journal.Open(t.Context(), db, dialect, journal.Config{})
		require.NoError(t, err)
		plain := func(next http.RoundTripper) http.RoundTripper { return next }
		srv, company := newKapiten()
		payouts := bitpesatest.New(bitpesatest.Config{Options: fake.Options{Start: time.Now()}})
		momo := kotanitest.New(kotanitest.Config{Options: fake.Options{Start: time.Now()}})
		kotaniClient, err := kotani.New(momo.ClientConfig())
		require.NoError(t, err)
		client, transfers := kapitenClient(srv, company, plain), bitpesaClient(payouts, plain)
		rides := journal.KapitenRides(j, "rides", client, company.ID, nil)
		topUps := journal.KapitenTopUp(j, "top-ups", client, company.ID, nil)
		pays := journal.BitPesa(j, "bitpesa", transfers, nil)
		withdraws := journal.KotaniWithdraw(j, "withdraws", kotaniClient, nil)
		none := journal.KotaniClaim(j, "none", kotaniClient, nil)
		topUp := func(reference string) kapiten.TopUpParams {
			return kapiten.TopUpParams{Amount: decimal.NewFromInt(5000), PhoneNumber: "0788123456", Description: reference, CompanyID: company.ID}
		}
		withdraw := func(reference string) kotani.WithdrawParams {
			return kotani.WithdrawParams{Amount: twenty, PhoneNumber: kenyan, ExternalID: reference}
		}
		tx, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		for _, reference := range []string{"a", "b"} {
			require.NoError(t, rides.Plan(t.Context(), tx, rideParams(reference)))
			require.NoError(t, topUps.Plan(t.Context(), tx, topUp(reference)))
			require.NoError(t, pays.Plan(t.Context(), tx, transactionParams(reference)))
			require.NoError(t, withdraws.Plan(t.Context(), tx, withdraw(reference)))
		}
		require.NoError(t, tx.Commit())
		window := journal.Window{From: time.Now().Add(-10 * time.Minute), To: time.Now().Add(10 * time.Minute)}
		for range 8 {
			_, err := j.Work(t.Context())
			require.NoError(t, err)
			srv.Advance(5 * time.Second)
			payouts.Advance(30 * time.Second)
			momo.Advance(10 * time.Second)
			_, err = db.ExecContext(t.Context(), `UPDATE journal_entries SET due_at = 1 WHERE due_at IS NOT NULL`)
			require.NoError(t, err)
		}
		found := func(list iter.Seq2[journal.Mismatch, error]) (all []string) {
			for m, err := range list {
				require.NoError(t, err)
				all = append(all, string(m.What)+" "+m.Reference)
			}
			slices.Sort(all)
			return all
		}
		require.Empty(t, found(rides.Compare(t.Context(), window)))
		require.Empty(t, found(topUps.Compare(t.Context(), window)))
		require.Empty(t, found(pays.Compare(t.Context(), window)))
		require.Empty(t, found(withdraws.Compare(t.Context(), window)))

		// Each kind of difference.
		extra := rideParams("c")
		extra.CompanyID = company.ID
		_, err1 := client.Rides.Create(t.Context(), extra)
		_, err2 := client.Wallet.TopUp(t.Context(), topUp("c"))
		_, err3 := transfers.Transactions.Create(t.Context(), transactionParams("c"))
		_, err4 := kotaniClient.Fiat.Withdraw(t.Context(), withdraw("c"))
		must(err1, err2, err3, err4)
		for _, statement := range []string{
			`UPDATE journal_details SET amount = '1' WHERE entry IN (SELECT id FROM journal_entries WHERE reference = 'a')`,
			`UPDATE journal_entries SET standing = 'failed' WHERE reference = 'b'`,
			`INSERT INTO journal_entries (` + allColumns + `) SELECT ` + strings.Replace(allColumns, "reference", "'lost'", 1) + ` FROM journal_entries WHERE reference = 'a'`,
		} {
			_, err := db.ExecContext(t.Context(), statement)
			require.NoError(t, err)
		}
		want := []string{"amount-differs a", "extra c", "missing lost", "status-differs b"}
		require.Equal(t, want[1:], found(rides.Compare(t.Context(), window)), "a list of rides shows no money")
		require.Equal(t, want, found(topUps.Compare(t.Context(), window)))
		require.Equal(t, want, found(pays.Compare(t.Context(), window)))
		require.Equal(t, want, found(withdraws.Compare(t.Context(), window)))
		// More rows than Kotani lists by itself. A list that tells of yet more is not whole.
		for i := range 60 {
			_, err := kotaniClient.Fiat.Withdraw(t.Context(), withdraw("more-"+strconv.Itoa(i)))
			require.NoError(t, err)
		}
		all := found(withdraws.Compare(t.Context(), window))
		require.Len(t, all, len(want)+60)
		for _, mismatch := range want {
			require.Contains(t, all, mismatch)
		}
		cut := momo.ClientConfig()
		inner := cut.HTTPClient.Transport
		cut.HTTPClient = &http.Client{Transport: rewriting(func(r *http.Request) (*http.Response, error) {
			response, err := inner.RoundTrip(r)
			if err == nil && r.URL.Query().Has("transactionType") {
				response.Body, response.ContentLength = io.NopCloser(strings.NewReader(`{"result":[],"total":62}`)), -1
			}
			return response, err
		})}
		cutClient, err := kotani.New(cut)
		require.NoError(t, err)
		j2, err := journal.Open(t.Context(), db, dialect, journal.Config{})
		require.NoError(t, err)
		told := 0
		for m, err := range journal.KotaniWithdraw(j2, "withdraws", cutClient, nil).Compare(t.Context(), window) {
			told++
			require.ErrorContains(t, err, "not whole", m)
		}
		require.Equal(t, 1, told)
		for _, err := range none.Compare(t.Context(), window) {
			require.ErrorIs(t, err, journal.ErrNotPossible)
		}
		for _, err := range pays.Compare(canceled(t), window) {
			require.Error(t, err)
		}
		for range pays.Compare(t.Context(), window) {
			break // nothing more is asked for
		}
	})
}

// TestJournalCompareShowsASecondRow holds two rows of a provider against one entry.
func TestJournalCompareShowsASecondRow(t *testing.T) {
	c := newComparing(t)
	rides := journal.KapitenRides(c.j, "rides", c.kapiten, c.company.ID, nil)
	topUps := journal.KapitenTopUp(c.j, "top-ups", c.kapiten, c.company.ID, nil)
	topUp := kapiten.TopUpParams{Amount: decimal.NewFromInt(5000), PhoneNumber: "0788123456", Description: "a", CompanyID: c.company.ID}
	scripted := c.scripted(&[]journal.Row{
		{Reference: "a", ID: "1", Standing: journal.Succeeded}, {Reference: "a", ID: "1", Standing: journal.Succeeded},
		{Reference: "a", Standing: journal.Succeeded}, {Reference: "b", Standing: journal.Succeeded},
		{Reference: "b", Standing: journal.Succeeded}, {Reference: "b", ID: "2", Standing: journal.Succeeded},
	})
	c.plan(func(tx journal.Tx) error {
		return errors.Join(rides.Plan(t.Context(), tx, rideParams("a")), topUps.Plan(t.Context(), tx, topUp))
	})
	window := around(0, 10*time.Minute)
	require.Empty(t, mismatches(t, rides.Compare(t.Context(), window)))
	require.Empty(t, mismatches(t, topUps.Compare(t.Context(), window)))
	again := rideParams("a")
	again.CompanyID = c.company.ID
	_, err1 := c.kapiten.Rides.Create(t.Context(), again)
	_, err2 := c.kapiten.Wallet.TopUp(t.Context(), topUp)
	must(err1, err2)
	c.advance(time.Minute)
	require.Equal(t, []string{"extra a: a second under this reference"}, mismatches(t, rides.Compare(t.Context(), window)))
	require.Equal(t, []string{"extra a: a second under this reference"}, mismatches(t, topUps.Compare(t.Context(), window)))

	// A row that a moving list shows again is no second. Two rows without an id may be the same.
	c.paid("a", "b")
	require.Empty(t, mismatches(t, scripted.Compare(t.Context(), window)))
}

// TestJournalCompareCallsNoFalseDifference has both sides of each rule.
func TestJournalCompareCallsNoFalseDifference(t *testing.T) {
	window := around(0, 10*time.Minute)
	withdrawal := func(reference string) kotani.WithdrawParams {
		return kotani.WithdrawParams{Amount: twenty, PhoneNumber: kenyan, ExternalID: reference}
	}
	t.Run("a list that begins with its oldest rows", func(t *testing.T) {
		const older = 240
		for _, test := range []struct {
			name  string
			pages int // of 20
			step  time.Duration
			turn  bool
		}{
			{"newest first", 6, time.Minute, false},
			{"oldest first", 13, time.Minute, true},
			{"of one time, and then the newest", 13, 0, true},
		} {
			t.Run(test.name, func(t *testing.T) {
				c := newComparing(t)
				c.paid("a")
				c.exec(`UPDATE journal_entries SET flow = 'rides'`)
				row := func(reference string, at time.Time) string {
					return `{"id":"` + reference + `","external_id":"` + reference + `","status":"COMPLETED","created_at":"` + at.UTC().Format(time.RFC3339) + `"}`
				}
				list := []string{row("a", time.Now())}
				for i := range older {
					list = append(list, row("old-"+strconv.Itoa(i), time.Now().Add(-48*time.Hour-time.Duration(i)*test.step)))
				}
				if test.turn {
					slices.Reverse(list)
				}
				pages := 0
				cfg := c.rides.ClientConfig(c.company)
				cfg.HTTPClient = &http.Client{Transport: rewriting(func(r *http.Request) (*http.Response, error) {
					next := "null"
					if pages++; pages*20 < len(list) {
						next = `"https://kapiten.example/?page=` + strconv.Itoa(pages+1) + `"`
					}
					body := `{"count":` + strconv.Itoa(len(list)) + `,"next":` + next + `,"previous":null,"results":[` + strings.Join(list[(pages-1)*20:min(pages*20, len(list))], ",") + `]}`
					return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
				})}
				client, err := kapiten.New(cfg)
				require.NoError(t, err)
				require.Empty(t, mismatches(t, journal.KapitenRides(c.j, "rides", client, c.company.ID, nil).Compare(t.Context(), window)))
				require.Equal(t, test.pages, pages)
			})
		}
	})
	t.Run("a list of Kotani's in any order", func(t *testing.T) {
		c := newComparing(t)
		c.momo = kotanitest.New(kotanitest.Config{Options: fake.Options{Start: time.Now().Add(-48 * time.Hour)}})
		cfg := c.momo.ClientConfig()
		inner := cfg.HTTPClient.Transport
		cfg.HTTPClient = &http.Client{Transport: rewriting(func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Has("transactionType") {
				r = r.Clone(r.Context())
				r.URL.RawQuery += "&orderBy=asc"
			}
			return inner.RoundTrip(r)
		})}
		client, err := kotani.New(cfg)
		require.NoError(t, err)
		for i := range 120 {
			_, err := client.Fiat.Withdraw(t.Context(), withdrawal("old-"+strconv.Itoa(i)))
			require.NoError(t, err)
		}
		c.momo.Advance(48 * time.Hour)
		withdraws := journal.KotaniWithdraw(c.j, "withdraws", client, nil)
		c.plan(func(tx journal.Tx) error { return withdraws.Plan(t.Context(), tx, withdrawal("a")) })
		require.Empty(t, mismatches(t, withdraws.Compare(t.Context(), window)))
		c.exec(`UPDATE journal_entries SET reference = 'lost'`)
		require.Equal(t, []string{"extra a", "missing lost"}, mismatches(t, withdraws.Compare(t.Context(), window)))
	})
	t.Run("an entry that failed may be in no list", func(t *testing.T) {
		c := newComparing(t)
		pays := c.scripted(new([]journal.Row))
		c.paid("a", "b", "c")
		c.exec(`UPDATE journal_entries SET standing = 'failed' WHERE reference = 'a'`)
		c.exec(`UPDATE journal_entries SET standing = 'reversed' WHERE reference = 'b'`)
		require.Equal(t, []string{"missing b", "missing c"}, mismatches(t, pays.Compare(t.Context(), window)))
	})
	t.Run("a top-up that failed shows a reason", func(t *testing.T) {
		c := newComparing(t)
		topUps := journal.KapitenTopUp(c.j, "top-ups", c.kapiten, c.company.ID, nil)
		topUp := func(reference string) kapiten.TopUpParams {
			return kapiten.TopUpParams{Amount: decimal.NewFromInt(5000), PhoneNumber: "0788123456", Description: reference, CompanyID: c.company.ID}
		}
		references := []string{"a", "a: b", "c: d: e"}
		tx, err := c.db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		for _, reference := range references {
			require.NoError(t, topUps.Plan(t.Context(), tx, topUp(reference)))
		}
		require.NoError(t, tx.Commit())
		_, err = c.j.Work(t.Context())
		require.NoError(t, err)
		fail := func() {
			for _, transaction := range c.rides.Transactions(c.company.ID) {
				if transaction.Status == kapiten.TransactionPending {
					require.NoError(t, c.rides.MoveTopUp(transaction.ID, kapiten.TransactionFailed, "the payer: said no"))
				}
			}
		}
		fail()
		c.settle()
		require.Empty(t, mismatches(t, topUps.Compare(t.Context(), window)))
		c.exec(`UPDATE journal_entries SET standing = 'succeeded' WHERE reference = 'a: b'`)
		require.Equal(t, []string{"status-differs a: b"}, mismatches(t, topUps.Compare(t.Context(), window)))
		// An entry that nobody has made, and a deposit that did not fail.
		_, err = c.kapiten.Wallet.TopUp(t.Context(), topUp("x"))
		require.NoError(t, err)
		fail()
		_, err = c.kapiten.Wallet.TopUp(t.Context(), topUp("a: z"))
		require.NoError(t, err)
		require.Equal(t, []string{"extra a: z", "extra x: the payer: said no", "status-differs a: b"}, mismatches(t, topUps.Compare(t.Context(), window)))
	})
	t.Run("another flow of the account", func(t *testing.T) {
		c := newComparing(t)
		withdraws := journal.KotaniWithdraw(c.j, "withdraws", c.kotani, nil)
		banks := journal.KotaniWithdrawToBank(c.j, "banks", c.kotani, nil)
		deposits := journal.KotaniDeposit(c.j, "deposits", c.kotani, nil)
		c.plan(func(tx journal.Tx) error {
			return errors.Join(withdraws.Plan(t.Context(), tx, withdrawal("a")),
				banks.Plan(t.Context(), tx, kotani.BankWithdrawParams{Amount: twenty, AccountNumber: "0123456789", AccountName: "Jane", Bank: kotani.BankEquity, ExternalID: "bank"}),
				deposits.Plan(t.Context(), tx, kotani.DepositParams{Amount: twenty, PhoneNumber: kenyan, ExternalID: "deposit"}))
		})
		require.Empty(t, mismatches(t, withdraws.Compare(t.Context(), window)))
		require.Empty(t, mismatches(t, banks.Compare(t.Context(), window)))
		require.Empty(t, mismatches(t, deposits.Compare(t.Context(), window)))
		_, err := c.kotani.Fiat.Withdraw(t.Context(), withdrawal("deposit")) // no flow of withdrawals has it
		require.NoError(t, err)
		require.Equal(t, []string{"extra deposit"}, mismatches(t, withdraws.Compare(t.Context(), window)))
		require.Equal(t, []string{"extra deposit"}, mismatches(t, banks.Compare(t.Context(), window)))
	})
	t.Run("an entry and its row outside of the window", func(t *testing.T) {
		c := newComparing(t)
		rows := []journal.Row{{Reference: "a", ID: "1", Standing: journal.Succeeded, At: time.Now()}, {Reference: "b", ID: "2", Standing: journal.Succeeded}}
		pays := c.scripted(&rows)
		c.paid("a", "b")
		c.exec(`UPDATE journal_entries SET standing = 'failed'`)
		require.Equal(t, []string{"status-differs a", "status-differs b"}, mismatches(t, pays.Compare(t.Context(), window)))
		before := around(time.Hour, 30*time.Minute)
		require.Empty(t, mismatches(t, pays.Compare(t.Context(), before)))
		rows[0].At = time.Now().Add(-time.Hour)
		require.Equal(t, []string{"status-differs a"}, mismatches(t, pays.Compare(t.Context(), before)), "its row is in the window")
		require.Equal(t, []string{"status-differs a", "status-differs b"}, mismatches(t, pays.Compare(t.Context(), window)), "the entry is in the window")
	})
	t.Run("rows without an id", func(t *testing.T) {
		c := newComparing(t)
		pays := c.scripted(&[]journal.Row{{Reference: "x"}, {Reference: "y"}, {Reference: "x"}})
		require.Equal(t, []string{"extra x", "extra y"}, mismatches(t, pays.Compare(t.Context(), window)))
	})
}

// comparing is a journal beside Kapiten's and Kotani's fakes.
type comparing struct {
	t       *testing.T
	db      *sql.DB
	m       *merchant
	j       *journal.Journal
	kapiten *kapiten.Client
	kotani  *kotani.Client
	company kapitentest.Company
	rides   *kapitentest.Fake
	momo    *kotanitest.Fake
}

func newComparing(t *testing.T) *comparing {
	c := &comparing{t: t, db: openImmediate(t)}
	c.m = newMerchant(t, c.db, journal.SQLite, newBank(sdk.Searched))
	var err error
	c.j, err = journal.Open(t.Context(), c.db, journal.SQLite, journal.Config{})
	require.NoError(t, err)
	srv, company := newKapiten()
	c.rides, c.company = srv, company
	c.kapiten = kapitenClient(srv, company, func(next http.RoundTripper) http.RoundTripper { return next })
	c.momo = kotanitest.New(kotanitest.Config{Options: fake.Options{Start: time.Now()}})
	c.kotani, err = kotani.New(c.momo.ClientConfig())
	require.NoError(t, err)
	return c
}

func (c *comparing) advance(by time.Duration) {
	c.rides.Advance(by)
	c.momo.Advance(by)
}

// plan commits, and works until all is final.
func (c *comparing) plan(plan func(journal.Tx) error) {
	tx, err := c.db.BeginTx(c.t.Context(), nil)
	require.NoError(c.t, err)
	require.NoError(c.t, plan(tx))
	require.NoError(c.t, tx.Commit())
	c.settle()
}

func (c *comparing) settle() {
	for range 8 {
		_, err := c.j.Work(c.t.Context())
		require.NoError(c.t, err)
		c.advance(10 * time.Second)
		c.exec(`UPDATE journal_entries SET due_at = 1 WHERE due_at IS NOT NULL`)
	}
}

func (c *comparing) exec(statement string) {
	_, err := c.db.ExecContext(c.t.Context(), statement)
	require.NoError(c.t, err)
}

// scripted is the bank's flow with a list.
func (c *comparing) scripted(rows *[]journal.Row) *journal.Flow[order, receipt] {
	p := c.m.bank.provider()
	p.Ledger = func(context.Context, journal.Window) iter.Seq2[journal.Row, error] {
		return func(yield func(journal.Row, error) bool) {
			for _, row := range *rows {
				if !yield(row, nil) {
					return
				}
			}
		}
	}
	return journal.New(c.j, "pay", p, nil)
}

// paid makes entries of the bank's flow that are final.
func (c *comparing) paid(references ...string) {
	for _, reference := range references {
		c.m.mustPlan(reference)
		c.m.work(0)
		c.m.bank.set(reference, "paid")
	}
	c.m.again(2, time.Minute)
}

// around is a window in the middle of which lies a time some time ago.
func around(ago, half time.Duration) journal.Window {
	middle := time.Now().Add(-ago)
	return journal.Window{From: middle.Add(-half), To: middle.Add(half)}
}

// mismatches lists differences, and the notes of those whose entry is known and extra.
func mismatches(t *testing.T, list iter.Seq2[journal.Mismatch, error]) (all []string) {
	for m, err := range list {
		require.NoError(t, err)
		text := string(m.What) + " " + m.Reference
		if m.What == journal.Extra && m.Entry != nil {
			text += ": " + m.Note
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}

type rewriting func(*http.Request) (*http.Response, error)

func (f rewriting) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func canceled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

const allColumns = `flow, reference, digest, digest_version, state, standing, resume, owed, step, lane, due_at, holder, fence,
	knocks, tries, attempts, opened, looks, contested, approved, resend, since_at, created_at, changed_at, first_sent_at, sent_at, asked_at`

// byteTransport stops the process once so many bytes have gone over the wire: in the
// middle of a request, or of a response whose request was carried out.
type byteTransport struct {
	next http.RoundTripper
	gate *gate
}

type bytesLeft struct {
	mu sync.Mutex
	n  int
}

// take returns how many of the wanted bytes may still go over the wire.
func (b *bytesLeft) take(wanted int) int {
	if b == nil {
		return wanted
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(wanted, b.n)
	b.n -= n
	return n
}

// rest is how many are left. A killed process may still be on its way to a request.
func (b *bytesLeft) rest() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.n
}

func (b byteTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.gate.bytes.take(1) == 0 {
		b.gate.kill()
	}
	if b.gate.died() {
		return nil, errDead
	}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r = r.Clone(context.WithoutCancel(r.Context()))
		r.Body = io.NopCloser(&countedReader{bytes.NewReader(body), b})
	}
	response, err := b.next.RoundTrip(r.WithContext(context.WithoutCancel(r.Context())))
	if err == nil && b.gate.bytes.take(1) == 0 {
		b.gate.kill()
	}
	if b.gate.died() || err != nil {
		return nil, errDead
	}
	response.Body = io.NopCloser(&countedReader{response.Body, b})
	return response, nil
}

type countedReader struct {
	io.Reader
	b byteTransport
}

func (c *countedReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if c.b.gate.bytes.take(1) == 0 {
		c.b.gate.kill()
		return 0, errDead
	}
	return c.Reader.Read(p[:1])
}

// wire is a connection to the database of a process that may die in the middle of a
// message. The server acts on what is whole, and nobody hears of it.
type wire struct {
	net.Conn
	gate *gate
}

func (w wire) Write(p []byte) (int, error) {
	if w.gate.died() {
		return 0, w.die()
	}
	n := w.gate.bytes.take(len(p))
	sent, err := w.Conn.Write(p[:n])
	if err == nil && n < len(p) {
		err = w.die()
	}
	return sent, err
}

func (w wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if w.gate.died() {
		return 0, w.die()
	}
	if heard := w.gate.bytes.take(n); heard < n {
		return heard, w.die()
	}
	return n, err
}

func (w wire) die() error {
	w.gate.kill()
	_ = w.Conn.Close()
	return errDead
}

// wiredShop is a PostgreSQL of which each byte is counted, in both directions.
func wiredShop(t *testing.T) shop {
	t.Helper()
	plain, dsn := openPostgres(t)
	newMerchant(t, plain, journal.PostgreSQL, newBank(sdk.Once))
	return shop{journal.PostgreSQL, plain, func(g *gate) *sql.DB {
		cfg, err := pgx.ParseConfig(dsn)
		must(err)
		cfg.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
			if g.died() { // also for pgx's request to cancel a statement
				return nil, errDead
			}
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			return wire{conn, g}, err
		}
		return stdlib.OpenDB(*cfg)
	}}
}

// boundaries is how many bytes of each flow the normal run tries, and wireBoundaries how many
// the long run tries of a flow with its database on the wire.
const boundaries, wireBoundaries = 14, 500

// TestJournalCrashAtEachByte stops the process within each request and each response of
// each flow: with KAPITEN_FULL=1 after every byte, otherwise at equal distances. The head
// of a request or response is one byte here, because the fakes stand in one process.
//
// On PostgreSQL the bytes to the server and from it count, too. Most of them are the texts
// of statements, so that the long run tries each byte of KPay only, and equal distances of
// the other flows. They begin at another byte in each flow.
func TestJournalCrashAtEachByte(t *testing.T) {
	t.Parallel()
	for i, name := range slices.Sorted(maps.Keys(flowWorlds)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			most := 0
			if !full() {
				most = boundaries
			}
			sqliteShop(t).crashAtBytes(t, name, 0, most)
		})
		t.Run(name+" on postgres", func(t *testing.T) {
			t.Parallel()
			most := wireBoundaries
			switch {
			case !full():
				most = boundaries
			case name == "kpay":
				most = 0
			}
			require.Greater(t, wiredShop(t).crashAtBytes(t, name, i, most), 10_000, "the statements are among the bytes")
		})
	}
}

// crashAtBytes runs processes of a flow that die after more and more bytes, at about so
// many boundaries; 0: at all. It returns how many bytes a process needs.
func (s shop) crashAtBytes(t *testing.T, name string, first, most int) (all int) {
	t.Helper()
	flow, ends := flowWorlds[name], map[string]int{}
	// dies runs a process that dies after k bytes, and says how many went over the wire.
	dies := func(k int) (int, bool) {
		clear(t, s.plain)
		w, g, state := flow.world(), &gate{left: -1, bytes: &bytesLeft{n: k}}, ""
		process := w.process
		w.process = func(j *journal.Journal, _ transportWrap) planner {
			return process(j, func(next http.RoundTripper) http.RoundTripper { return byteTransport{next, g} })
		}
		s.live(t, w, g)
		w.process = process
		for life := 0; life < 30 && (life == 0 || state != "final" && state != "stuck"); life++ {
			w.advance(10 * time.Second)
			s.later(t)
			s.live(t, w, &gate{left: -1})
			state = s.later(t)
		}
		s.check(t, w, flow.class, state, k)
		ends[state]++
		return k - g.bytes.rest(), g.died()
	}
	all, died := dies(1 << 30)
	require.False(t, died)
	stride := 1
	if most > 0 {
		stride = max(1, all/most)
	}
	tried := 0
	for k := first % stride; ; k += stride {
		if _, died = dies(k); !died {
			break
		}
		tried++
	}
	require.GreaterOrEqual(t, tried, boundaries)
	t.Logf("%d bytes, %d boundaries, stride %d: %v", all, tried, stride, ends)
	return all
}
