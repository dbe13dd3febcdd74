package sqltest

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

type transportWrap = func(http.RoundTripper) http.RoundTripper

func direct(next http.RoundTripper) http.RoundTripper { return next }

// planner plans a request of a provider's test.
type planner func(ctx context.Context, tx journal.Tx, reference string) error

// outsideWorld is a provider's fake and how a new process of a merchant uses it. Two worlds
// of a flow have the same credentials, so that a process may make one and use another's fake.
type outsideWorld struct {
	process func(j *journal.Journal, name string, wrap transportWrap) planner
	fake    fakeProvider
	// ledger lists what the provider has carried out, or is about to.
	ledger func() []booked
	// books is what the ledger has to show of a reference: reference and amount, as far as
	// the provider knows them.
	books func(reference string) string
	enrol func(reference string) // before the plan, once, and done for providerReference; nil: nothing to do
}

type fakeProvider interface {
	http.Handler
	Advance(time.Duration)
	CheckLedger() error
}

func (w outsideWorld) advance(d time.Duration) { w.fake.Advance(d) }

// booked is one line of a provider's ledger.
type booked struct {
	what   string
	failed bool
}

func callback(string, decimal.Decimal, string) (string, error) {
	return "http://127.0.0.1:1/hooks", nil
}

// tell writes what the func is told into the merchant's own table.
func tell[T any]() journal.Func[T] {
	return func(ctx context.Context, tx journal.Tx, c journal.Change[T]) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO told (reference, kind) VALUES ('`+c.Reference+`', '`+string(c.Kind)+`')`)
		return err
	}
}

func planOf[P, T any](flow *journal.Flow[P, T], params func(reference string) P) planner {
	return func(ctx context.Context, tx journal.Tx, reference string) error {
		return flow.Plan(ctx, tx, params(reference))
	}
}

const (
	providerReference = referencePrefix + "1"
	referencePrefix   = "order-"
)

// ordinal counts references: 0 for providerReference, and for those of other tests.
func ordinal(reference string) int64 {
	n, err := strconv.ParseInt(strings.TrimPrefix(reference, referencePrefix), 10, 64)
	if err != nil || !strings.HasPrefix(reference, referencePrefix) {
		return 0
	}
	return n - 1
}

// more adds steps to the amount of the first reference, so that each has its own.
func more(first decimal.Decimal, reference, step string) decimal.Decimal {
	return first.Add(decimal.RequireFromString(step).Mul(decimal.NewFromInt(ordinal(reference))))
}

// some is the usual number of a payer or payee, or for one of ten references a number whose
// payment fails.
func some(reference, usual, failing string) string {
	if ordinal(reference)%10 == 3 {
		return failing
	}
	return usual
}

func kpayParams(reference string) kpay.PayParams {
	payer := some(reference, "0783300000", "0783300001")
	if ordinal(reference)%10 == 7 {
		payer = "0783300007" // refused in the response
	}
	return kpay.PayParams{
		RefID: reference, Amount: more(decimal.NewFromInt(4200), reference, "1"), Method: kpay.MethodMoMo, MSISDN: payer,
		Email: "customer@example.com", CustomerName: "John Doe", CustomerNumber: payer, Details: "Order #123",
		RedirectURL: "https://shop.example/thanks",
	}
}

func kpayWorld() outsideWorld {
	srv := kpaytest.New(kpaytest.Config{LookupLag: time.Second})
	return outsideWorld{
		process: func(j *journal.Journal, name string, wrap transportWrap) planner {
			cfg := srv.ClientConfig()
			cfg.CallbackURL, cfg.MaxAttempts = callback, 1
			cfg.HTTPClient = &http.Client{Transport: wrap(cfg.HTTPClient.Transport)}
			client, err := kpay.New(cfg)
			must(err)
			return planOf(journal.KPay(j, name, client, tell[kpay.Payment]()), kpayParams)
		},
		fake: srv,
		ledger: func() (all []booked) {
			for _, p := range srv.Payments() {
				if p.Scenario != kpaytest.ScenarioRefused {
					all = append(all, booked{p.RefID + " " + p.Amount.String(), p.StatusID != kpay.CodePaid})
				}
			}
			return all
		},
		books: func(reference string) string { return reference + " " + kpayParams(reference).Amount.String() },
	}
}

func kasapayParams(reference string) kasapay.CreatePayoutParams {
	return kasapay.CreatePayoutParams{
		Reference: reference, RecipientType: kasapay.Paybill, RecipientAccountNumber: some(reference, "565601", "560001"), RecipientName: "Unga Mills",
		AccountReference: "bakery", Amount: more(decimal.RequireFromString("1500.00"), reference, "1"), Currency: "KES", Country: "KEN", Description: "Delivery 7",
	}
}

func kasapayWorld() outsideWorld {
	srv := kasapaytest.New(kasapaytest.Config{Balances: map[string]decimal.Decimal{"KES": plenty}})
	return outsideWorld{
		process: func(j *journal.Journal, name string, wrap transportWrap) planner {
			cfg := srv.ClientConfig()
			cfg.CallbackURL, cfg.MaxAttempts = callback, 1
			cfg.HTTPClient = &http.Client{Transport: wrap(cfg.HTTPClient.Transport)}
			client, err := kasapay.New(cfg)
			must(err)
			return planOf(journal.Kasapay(j, name, client.Payouts, tell[kasapay.Payout]()), kasapayParams)
		},
		fake: srv,
		ledger: func() (all []booked) {
			for _, p := range srv.Payouts() {
				all = append(all, booked{p.Reference + " " + p.Amount.String(), p.Status == kasapay.StatusFailed})
			}
			return all
		},
		books: func(reference string) string { return reference + " " + kasapayParams(reference).Amount.String() },
	}
}

func transactionParams(reference string) bitpesa.TransactionParams {
	return bitpesa.TransactionParams{
		InputCurrency: "USD", ExternalID: reference,
		Sender: bitpesa.SenderParams{
			FirstName: "Jane", LastName: "Doe", Country: "US", City: "New York", Street: "20 W 34th St", PostalCode: "10001",
			PhoneNumber: "+15555551234", Email: "jane@example.com", IP: "127.0.0.1", BirthDate: "1974-12-24",
		},
		Recipients: []bitpesa.RecipientParams{{
			RequestedAmount: more(decimal.NewFromInt(155000), reference, "1"), RequestedCurrency: "NGN",
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
		process: func(j *journal.Journal, name string, wrap transportWrap) planner {
			return planOf(journal.BitPesa(j, name, bitpesaClient(srv, wrap), tell[bitpesa.Transaction]()), transactionParams)
		},
		fake: srv,
		ledger: func() (all []booked) {
			for _, t := range srv.Transactions(bitpesatest.TestKey) {
				r, _ := srv.Recipient(t.RecipientIDs[0])
				for range srv.Debits(t.ExternalID) {
					all = append(all, booked{t.ExternalID + " " + r.Requested.String(), false})
				}
			}
			return all
		},
		books: func(reference string) string {
			return reference + " " + transactionParams(reference).Recipients[0].RequestedAmount.String()
		},
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

var plenty = decimal.NewFromInt(1_000_000_000)

// newKapiten is a fake on the wall clock's time, because a search ends at rows that are
// older than the entry.
func newKapiten() (*kapitentest.Fake, kapitentest.Company) {
	cfg := kapitentest.Config{Autopilot: true, AutopilotStart: time.Second, AutopilotStep: time.Second}
	cfg.Options.Start = time.Now()
	srv := kapitentest.New(cfg)
	return srv, srv.AddCompany(kapitentest.Company{Name: "The shop", Balance: plenty})
}

func rideWorld() outsideWorld {
	srv, company := newKapiten()
	return outsideWorld{
		process: func(j *journal.Journal, name string, wrap transportWrap) planner {
			return planOf(journal.KapitenRides(j, name, kapitenClient(srv, company, wrap), company.ID, tell[kapiten.Ride]()), rideParams)
		},
		fake: srv,
		ledger: func() (all []booked) {
			for _, r := range srv.Rides(company.ID) {
				all = append(all, booked{r.ExternalID, r.Status != kapiten.RideCompleted})
			}
			return all
		},
		books: func(reference string) string { return reference }, // the price is Kapiten's
	}
}

func topUpWorld() outsideWorld {
	srv, company := newKapiten()
	before := len(srv.Transactions(company.ID))
	params := func(reference string) kapiten.TopUpParams {
		return kapiten.TopUpParams{Amount: more(decimal.NewFromInt(5000), reference, "1"), PhoneNumber: "0788123456", Description: reference}
	}
	return outsideWorld{
		process: func(j *journal.Journal, name string, wrap transportWrap) planner {
			return planOf(journal.KapitenTopUp(j, name, kapitenClient(srv, company, wrap), company.ID, tell[kapiten.Transaction]()), params)
		},
		fake: srv,
		ledger: func() (all []booked) {
			for _, t := range srv.Transactions(company.ID)[before:] {
				all = append(all, booked{t.Description + " " + t.Amount.String(), t.Status == kapiten.TransactionFailed})
			}
			return all
		},
		books: func(reference string) string { return reference + " " + params(reference).Amount.String() },
	}
}

// flowWorlds has a world for each flow, and the class of its write.
var flowWorlds = sync.OnceValue(func() map[string]flowWorld {
	all := kotaniWorlds()
	all["kpay"] = flowWorld{sdk.Referenced, kpayWorld}
	all["kasapay"] = flowWorld{sdk.Referenced, kasapayWorld}
	all["bitpesa"] = flowWorld{sdk.Referenced, bitpesaWorld}
	all["rides"] = flowWorld{sdk.Searched, rideWorld}
	all["top-up"] = flowWorld{sdk.Once, topUpWorld}
	return all
})

type flowWorld struct {
	class sdk.Class
	world func() outsideWorld
}
