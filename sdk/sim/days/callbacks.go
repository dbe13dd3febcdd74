package days

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk/sim"
	"github.com/kapiteni/kapiten-go/webhook"
)

// Callbacks receives the callbacks of two of the seven sources of package webhook. The
// payments are made before the trouble begins. Each change must be handed on once and
// in order, nothing else ever, and the last change in the end.
//
// With a dialect the handlers share an SQLInbox on Process.DB, in one process or in
// two. Without, each has a MemoryInbox, in a process that never dies.
//
// Where callbacks may be swallowed (Profile.Swallows), a Reconciler asks. It does not
// ask again after a final status: a swallowed reversal is outside of what it promises.
func Callbacks(dialect webhook.Dialect) Day {
	name, profiles := "callbacks", []sim.Profile{
		{Name: "calm", Calm: true}, {Name: "calm, swallowing", Calm: true, Swallows: true},
	}
	if dialect != "" {
		name, profiles = "callbacks on SQL", []sim.Profile{sim.Documented, {Name: "swallowing", Swallows: true}}
	}
	return Day{
		Name:   name,
		Config: sim.Config{Outages: []string{"kpay", "kasapay", "kapiten", "kotani"}, Profiles: profiles, Settle: 12 * time.Hour},
		Meets: []string{
			string(sim.FaultCallbackLost), string(sim.FaultCallbackLate), string(sim.FaultCallbackTwice), string(sim.FaultCallbackForged),
			string(sim.FaultCallbackReplay), string(sim.FaultCallbackSwallowed), sim.MetForgedRefused, sim.MetForgedAcknowledged, metReversed, metUnacknowledged,
		},
		Program: func(w *sim.World) {
			r := &receiver{w: w, dialect: dialect, wanted: map[string]map[string][]string{}, told: map[string][]string{}}
			sources := []func() (mounting, error){r.kpay, r.kasapay, r.kapiten, r.kotani, r.fiatConnect, r.bitpesa, r.kotaniV3}
			if w.Profile().Swallows {
				sources = sources[:len(sources)-1] // nobody can be asked about events of v3
			}
			first, second := w.Choose(len(sources)), w.Choose(len(sources))
			var mounts []mounting
			for i, source := range sources {
				if i != first && i != second {
					continue
				}
				mount, err := source()
				if err != nil {
					w.Fail("%v", err)
					return
				}
				mounts = append(mounts, mount)
			}
			names := []string{"shop"}
			if dialect != "" && w.Choose(3) == 2 {
				names = append(names, "twin")
			}
			for _, name := range names {
				w.Process(name, func(p *sim.Process) error { return r.serve(p, mounts) })
			}
			w.Check(r.audit)
		},
	}
}

const (
	metReversed       = "a success taken back after it was handed on"
	metUnacknowledged = "a callback that the handler did not acknowledge"
	hookSecret        = "0123456789abcdef0123456789abcdef"
	hookHost          = "shop.example/hooks/"
)

// receiver is a merchant who receives callbacks.
type receiver struct {
	w       *sim.World
	dialect webhook.Dialect
	// wanted are the statuses of each payment in order, by provider and reference. A
	// jump over some is right, because callbacks get lost; the last one must come.
	wanted map[string]map[string][]string

	mu   sync.Mutex
	told map[string][]string // without a database
}

// mounting puts a handler into a process, and returns a round of its reconciler.
type mounting func(p *sim.Process, inbox webhook.Inbox) (sweep func(context.Context), err error)

func (r *receiver) want(provider, reference string, statuses ...string) {
	if r.wanted[provider] == nil {
		r.wanted[provider] = map[string][]string{}
	}
	r.wanted[provider][reference] = statuses
}

// serve is a process of the merchant.
func (r *receiver) serve(p *sim.Process, mounts []mounting) error {
	ctx, db := p.Context(), (*sql.DB)(nil)
	var shared webhook.Inbox
	if r.dialect != "" {
		db = p.DB()
		if _, err := db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS told (id integer PRIMARY KEY, payment text NOT NULL, status text NOT NULL)`); err != nil {
			return err
		}
		inbox, err := webhook.NewSQLInbox(db, r.dialect)
		if err != nil {
			return err
		}
		if err := errors.Join(inbox.Migrate(ctx), inbox.Check(ctx)); err != nil {
			return err
		}
		shared = inbox
	}
	var sweeps []func(context.Context)
	for _, mount := range mounts {
		inbox := shared
		if inbox == nil {
			inbox = webhook.NewMemoryInbox(webhook.MemoryInboxConfig{Now: p.Now})
		}
		sweep, err := mount(p, inbox)
		if err != nil {
			return err
		}
		sweeps = append(sweeps, sweep)
	}
	for waited := 30 * time.Second; ; waited = min(waited*2, 10*time.Minute) {
		p.Sleep(ctx, waited)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// FiatConnect gives up within the trouble, after its fourth retry.
		if r.w.Profile().Swallows || r.w.Since() > 2*time.Hour {
			for _, sweep := range sweeps {
				sweep(ctx)
			}
		}
		told, err := r.all(ctx, db)
		if err != nil {
			return err
		}
		if r.complete(told) == nil || r.w.Since() > 11*time.Hour {
			return nil
		}
	}
}

// mounted makes the handler of one source.
func mounted[E any](r *receiver, provider, path string, auth func(p *sim.Process) webhook.Authenticator,
	build func(p *sim.Process, c webhook.Config[E]) (*webhook.Handler[E], error), lookup func(p *sim.Process) (func(context.Context, string) (E, error), error),
) mounting {
	return func(p *sim.Process, inbox webhook.Inbox) (func(context.Context), error) {
		c := webhook.Config[E]{
			Auth: auth(p), Inbox: inbox,
			Known: func(_ context.Context, reference string) (bool, error) {
				return r.wanted[provider][reference] != nil, nil
			},
			Observe: func(_ context.Context, o webhook.Observation) {
				if o.Step == webhook.StepRefused {
					r.w.Met(metUnacknowledged)
				}
			},
		}
		note := func(e webhook.Event[E]) (payment string) {
			if payment = provider + " " + e.Reference; r.wanted[provider][e.Reference] == nil {
				return ""
			}
			r.w.Note(p.Name(), "is told %s: %s (%s)", payment, e.Status, e.Transition)
			if e.Trust == webhook.Posted {
				r.w.Fail("%s: %s is nobody's word", payment, e.Status)
			}
			if e.Transition == webhook.Reversed {
				r.w.Met(metReversed)
			}
			return payment
		}
		if r.dialect == "" {
			c.Handle = func(_ context.Context, e webhook.Event[E]) error {
				if payment := note(e); payment != "" {
					r.mu.Lock()
					defer r.mu.Unlock()
					r.told[payment] = append(r.told[payment], e.Status)
				}
				return nil
			}
		} else {
			c.HandleTx = func(ctx context.Context, tx *sql.Tx, e webhook.Event[E]) error {
				payment := note(e)
				if payment == "" {
					return nil
				}
				_, err := tx.ExecContext(ctx, `INSERT INTO told (payment, status) VALUES ($1, $2)`, payment, e.Status)
				return err
			}
		}
		h, err := build(p, c)
		if err != nil {
			return nil, err
		}
		p.Handle(path, h)
		config := webhook.ReconcilerConfig[E]{Handler: h, Workers: 1, Now: p.Now, Open: func(context.Context) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) {
				for _, reference := range slices.Sorted(maps.Keys(r.wanted[provider])) {
					if !yield(reference, nil) {
						return
					}
				}
			}
		}}
		if lookup != nil {
			if config.Ask, err = lookup(p); err != nil {
				return nil, err
			}
		} else if !r.w.Profile().Swallows {
			return func(context.Context) {}, nil
		}
		reconciler, err := webhook.NewReconciler(config)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context) { _, _ = reconciler.Sweep(ctx) }, nil // what failed comes again
	}
}

// all is what the merchant was told.
func (r *receiver) all(ctx context.Context, db *sql.DB) (map[string][]string, error) {
	told := map[string][]string{}
	if db == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		for payment, statuses := range r.told {
			told[payment] = slices.Clone(statuses)
		}
		return told, nil
	}
	rows, err := db.QueryContext(ctx, `SELECT payment, status FROM told ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var payment, status string
		if err := rows.Scan(&payment, &status); err != nil {
			return nil, err
		}
		told[payment] = append(told[payment], status)
	}
	return told, rows.Err()
}

// audit compares what the merchant was told with what has happened.
func (r *receiver) audit(sim.Ledgers) error {
	if r.dialect == "" {
		told, _ := r.all(context.Background(), nil) // from memory
		return r.complete(told)
	}
	return r.w.Books(func(db *sql.DB) error {
		told, err := r.all(context.Background(), db)
		if err != nil {
			return err
		}
		return r.complete(told)
	})
}

func (r *receiver) complete(told map[string][]string) error {
	for _, provider := range slices.Sorted(maps.Keys(r.wanted)) {
		for _, reference := range slices.Sorted(maps.Keys(r.wanted[provider])) {
			wanted, statuses := r.wanted[provider][reference], told[provider+" "+reference]
			rest := wanted
			for i, status := range statuses {
				at := slices.Index(rest, status)
				if at < 0 && provider == "kotani-v3" && slices.Contains(wanted, status) && slices.Index(statuses, status) == i &&
					!kotani.TransactionStatus(status).Final() {
					continue // the running states of KotaniStates follow each other in any order, once each
				}
				if at < 0 {
					return fmt.Errorf("%s %s went %s, and the merchant was told %s", provider, reference, strings.Join(wanted, ", "), strings.Join(statuses, ", "))
				}
				rest = rest[at+1:]
			}
			if len(rest) > 0 {
				return fmt.Errorf("%s %s went %s, and the merchant was told only %s", provider, reference, strings.Join(wanted, ", "), strings.Join(statuses, ", "))
			}
		}
	}
	return nil
}

// secretPath is how an unsigned provider proves that it knows the way.
func secretPath(*sim.Process) webhook.Authenticator { return webhook.PathSecret(hookSecret) }

// ending chooses how a payment goes. The last ending is for days on which each callback
// comes in the end.
func (r *receiver) ending(endings ...string) string {
	if r.w.Profile().Swallows {
		endings = endings[:len(endings)-1]
	}
	return endings[r.w.Choose(len(endings))]
}

func (r *receiver) kpay() (mounting, error) {
	client, err := kpay.New(r.w.KPay().ClientConfig())
	if err != nil {
		return nil, err
	}
	for i := range 2 {
		ref := fmt.Sprintf("order-%d%s", i+1, r.ending("", "-failed", "-slow", ""))
		_, err := client.Pay(context.Background(), kpay.PayParams{
			RefID: ref, Amount: amount(1000), Method: kpay.MethodMoMo, MSISDN: "0783300000", Email: "a@example.com", CustomerName: "A",
			CustomerNumber: "1", Details: "order", ReturnURL: "https://" + hookHost + "kpay/" + hookSecret, RedirectURL: "https://shop.example/",
		})
		if err != nil {
			return nil, err
		}
		last := kpay.CodePaid
		if strings.HasSuffix(ref, "-failed") {
			last = kpay.CodeFailed
		}
		r.want("kpay", ref, string(kpay.CodePending), string(last))
	}
	return mounted(r, "kpay", hookHost+"kpay/"+hookSecret, secretPath, func(p *sim.Process, c webhook.Config[kpay.Payment]) (*webhook.Handler[kpay.Payment], error) {
		asking, err := kpay.New(p.KPayConfig())
		if err != nil {
			return nil, err
		}
		return webhook.NewKPay(asking, c)
	}, nil), nil
}

// kasapay has a capability URL for each payout.
func (r *receiver) kasapay() (mounting, error) {
	capabilities, err := webhook.NewCapabilities(webhook.CapabilityConfig{Provider: "kasapay", BaseURL: "https://" + hookHost + "kasapay"}, hookSecret)
	if err != nil {
		return nil, err
	}
	config := r.w.Kasapay().ClientConfig()
	config.CallbackURL = capabilities.Mint
	client, err := kasapay.New(config)
	if err != nil {
		return nil, err
	}
	for i := range 2 {
		ref := fmt.Sprintf("payout-%d%s", i+1, r.ending("", "-failed", "-jammed-paid", "-reversed"))
		_, err := client.Payouts.Create(context.Background(), kasapay.CreatePayoutParams{
			Reference: ref, RecipientType: kasapay.Paybill, RecipientAccountNumber: "222222", RecipientName: "Supplier", AccountReference: "0101",
			Amount: amount(1000), Currency: "KES", Country: "KEN", Description: "goods",
		})
		if err != nil {
			return nil, err
		}
		statuses := []kasapay.PaymentStatus{kasapay.StatusPending, kasapay.StatusProcessed}
		switch {
		case strings.HasSuffix(ref, "-failed"):
			statuses = []kasapay.PaymentStatus{kasapay.StatusPending, kasapay.StatusFailed}
		case strings.HasSuffix(ref, "-jammed-paid"):
			statuses = []kasapay.PaymentStatus{kasapay.StatusPending, kasapay.StatusJammed, kasapay.StatusProcessed}
		case strings.HasSuffix(ref, "-reversed"):
			statuses = append(statuses, kasapay.StatusReversed)
		}
		r.want("kasapay", ref, texts(statuses)...)
	}
	return mounted(r, "kasapay", hookHost+"kasapay/", func(*sim.Process) webhook.Authenticator { return capabilities }, func(p *sim.Process, c webhook.Config[kasapay.Payout]) (*webhook.Handler[kasapay.Payout], error) {
		asking, err := kasapay.New(p.KasapayConfig())
		if err != nil {
			return nil, err
		}
		return webhook.NewKasapay(asking.Payouts, c)
	}, nil), nil
}

func texts[T ~string](list []T) (out []string) {
	for _, s := range list {
		out = append(out, string(s))
	}
	return out
}

func (r *receiver) kapiten() (mounting, error) {
	f, company := r.w.Kapiten()
	client, err := kapiten.New(f.ClientConfig(company))
	if err != nil {
		return nil, err
	}
	good := []kapiten.RideStatus{
		kapiten.RidePending, kapiten.RideAccepted, kapiten.RideWaitingPickup, kapiten.RidePickedUp, kapiten.RideInTransit, kapiten.RideWaitingDelivery, kapiten.RideCompleted,
	}
	for i := range 2 {
		phone := r.ending("0788654321", "0788650001", "0788650002", "0788650004", "0788654321")
		ride, err := client.Rides.Create(context.Background(), kapiten.CreateRideParams{
			CompanyID: company.ID, ExternalID: fmt.Sprintf("ride-%d", i+1),
			PickupAddress: "KK 12 Ave", Pickup: kapiten.Location{Latitude: -1.9706, Longitude: 30.1044},
			DropoffAddress: "KG 7 Ave", Dropoff: kapiten.Location{Latitude: -1.9353, Longitude: 30.0928},
			Sender: kapiten.Contact{Name: "Shop", Phone: "0788123456"}, Receiver: kapiten.Contact{Name: "Ann", Phone: phone},
		})
		if err != nil {
			return nil, err
		}
		statuses := good
		switch phone[6:] {
		case "0001":
			statuses = []kapiten.RideStatus{kapiten.RidePending, kapiten.RideRejected}
		case "0002":
			statuses = []kapiten.RideStatus{kapiten.RidePending, kapiten.RideAccepted, kapiten.RideWaitingPickup, kapiten.RideCancelled}
		case "0004":
			statuses = append(slices.Clone(good[:5]), kapiten.RideCancelled)
		}
		r.want("kapiten", ride.ID, texts(statuses)...)
	}
	return mounted(r, "kapiten", strings.TrimPrefix(company.WebhookURL, "https://"), secretPath, func(p *sim.Process, c webhook.Config[kapiten.Ride]) (*webhook.Handler[kapiten.Ride], error) {
		asking, err := kapiten.New(p.KapitenConfig())
		if err != nil {
			return nil, err
		}
		return webhook.NewKapiten(asking.Rides, company.ID, c)
	}, nil), nil
}

func (r *receiver) kotani() (mounting, error) {
	client, err := kotani.New(r.kotaniFake().ClientConfig())
	if err != nil {
		return nil, err
	}
	for i := range 2 {
		ref, phone := fmt.Sprintf("cashout-%d", i+1), r.ending("254712345678", "254712340001", "254712340004", "254712340005")
		_, err := client.Fiat.Withdraw(context.Background(), kotani.WithdrawParams{
			Amount: amount(1000), PhoneNumber: phone, ExternalID: ref, CallbackURL: "https://" + hookHost + "kotani/" + hookSecret,
		})
		if err != nil {
			return nil, err
		}
		statuses := []kotani.TransactionStatus{kotani.StatusPending, kotani.StatusSuccessful}
		switch phone[8:] {
		case "0001":
			statuses[1] = kotani.StatusFailed
		case "0005":
			statuses = append(statuses, kotani.StatusReversed)
		}
		r.want("kotani", ref, texts(statuses)...)
	}
	return mounted(r, "kotani", hookHost+"kotani/"+hookSecret, secretPath, func(p *sim.Process, c webhook.Config[kotani.Transaction]) (*webhook.Handler[kotani.Transaction], error) {
		asking, err := kotani.New(p.KotaniConfig())
		if err != nil {
			return nil, err
		}
		return webhook.NewKotani(asking.Fiat, kotani.Payouts, c)
	}, nil), nil
}

// kotaniV3 has events that the fake does not send: they are signed here.
func (r *receiver) kotaniV3() (mounting, error) {
	for i := range 2 {
		ref := fmt.Sprintf("deposit-%d", i+1)
		statuses := [][]kotani.TransactionStatus{
			{kotani.StatusPending, kotani.StatusSuccessful},
			{kotani.StatusPending, kotani.StatusFailed},
			{kotani.StatusPending, kotani.StatusProcessing, kotani.StatusSuccessful, kotani.StatusReversed},
		}[r.w.Choose(3)]
		for n, status := range statuses {
			after := time.Duration(n+1) * 20 * time.Second
			r.w.Callback(fmt.Sprintf("kotani v3 %s %s", ref, status), after, []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour}, func() (*http.Request, error) {
				data := fmt.Sprintf(`{"reference_id":%q,"status":%q,"amount":1000}`, ref, status)
				return webhook.NewKotaniV3TestDelivery("https://"+hookHost+"kotani-v3", hookSecret, kotani.V3DepositUpdated, []byte(data))
			})
		}
		r.want("kotani-v3", ref, texts(statuses)...)
	}
	return mounted(r, "kotani-v3", hookHost+"kotani-v3", func(*sim.Process) webhook.Authenticator { return webhook.KotaniV3Signature(hookSecret) },
		func(_ *sim.Process, c webhook.Config[kotani.V3Event]) (*webhook.Handler[kotani.V3Event], error) {
			c.Known = nil
			return webhook.NewKotaniV3(c)
		}, nil), nil
}

func (r *receiver) kotaniFake() *kotanitest.Fake {
	return r.w.Kotani(func(c *kotanitest.Config) { c.FiatConnect.KYCNotRequired = true })
}

func (r *receiver) fiatConnect() (mounting, error) {
	f := r.kotaniFake()
	config, ctx := f.ClientConfig(), context.Background()
	credentials := f.FiatConnect.AddClient("https://" + hookHost + "fiatconnect")
	config.FiatConnect.Signer, config.FiatConnect.APIKey = kotanitest.NewSigner("shop"), credentials.APIKey
	client, err := kotani.New(config)
	if err != nil {
		return nil, err
	}
	account, err := client.FiatConnect.AddAccount(ctx, kotani.BankAccount{AccountName: "Jane", InstitutionName: "Bank", AccountNumber: "1234567890", Country: "KE"})
	if err != nil {
		return nil, err
	}
	for i := range 2 {
		quote, err := client.FiatConnect.QuoteOut(ctx, kotani.TransferQuoteParams{FiatType: "KES", CryptoType: "cUSD", Country: "KE", FiatAmount: amount(int64(1300 * (i + 1)))})
		if err != nil {
			return nil, err
		}
		transfer, err := client.FiatConnect.TransferOut(ctx, kotani.TransferParams{FiatAccountID: account.ID, QuoteID: quote.ID, IdempotencyKey: fmt.Sprintf("key-%d", i+1)})
		if err != nil {
			return nil, err
		}
		r.want("fiatconnect", transfer.ID, texts([]kotani.TransferStatus{
			kotani.TransferStarted, kotani.TransferReadyForUserToSendCryptoFunds, kotani.TransferReceivedCryptoFunds, kotani.TransferComplete,
		})...)
	}
	return mounted(r, "fiatconnect", hookHost+"fiatconnect", func(p *sim.Process) webhook.Authenticator {
		c := webhook.SignatureConfig{}
		if r.w.Profile().Swallows { // then a clock that is wrong costs time, and nothing is lost
			c.Now = p.Now
		}
		return webhook.FiatConnectSignature(c, credentials.WebhookSecret)
	}, func(_ *sim.Process, c webhook.Config[kotani.FiatConnectEvent]) (*webhook.Handler[kotani.FiatConnectEvent], error) {
		c.Known = nil
		return webhook.NewFiatConnect(c)
	}, func(p *sim.Process) (func(context.Context, string) (kotani.FiatConnectEvent, error), error) {
		c := p.KotaniConfig()
		c.FiatConnect = config.FiatConnect
		asking, err := kotani.New(c)
		return func(ctx context.Context, id string) (e kotani.FiatConnectEvent, err error) {
			e.Transfer, err = asking.FiatConnect.GetTransfer(ctx, id)
			return e, err
		}, err
	}), nil
}

func (r *receiver) bitpesa() (mounting, error) {
	const url = "https://" + hookHost + "bitpesa"
	ctx := context.Background()
	client, err := bitpesa.New(r.w.BitPesa().ClientConfig())
	if err != nil {
		return nil, err
	}
	_, err = client.Webhooks.Create(ctx, bitpesa.WebhookParams{URL: url, Events: []bitpesa.EventName{
		bitpesa.EventTransactionCreated, bitpesa.EventTransactionApproved, bitpesa.EventTransactionPaidIn, bitpesa.EventTransactionReceived,
		bitpesa.EventTransactionPaidOut, bitpesa.EventTransactionCanceled, bitpesa.EventTransactionRefunded,
	}})
	if err != nil {
		return nil, err
	}
	for i := range 2 {
		t, err := client.Transactions.CreateAndFund(ctx, remittance(fmt.Sprintf("remit-%d", i+1), amount(15_500), 1_234_015_500))
		if err != nil {
			return nil, err
		}
		r.want("bitpesa", t.ID, texts([]bitpesa.TransactionState{
			bitpesa.TransactionInitial, bitpesa.TransactionApproved, bitpesa.TransactionPending, bitpesa.TransactionReceived, bitpesa.TransactionPaid,
		})...)
	}
	return mounted(r, "bitpesa", hookHost+"bitpesa", func(*sim.Process) webhook.Authenticator {
		return webhook.BitPesaSignature(url, webhook.BitPesaKey{Key: bitpesatest.TestKey, Secret: bitpesatest.TestSecret})
	}, func(_ *sim.Process, c webhook.Config[bitpesa.Event]) (*webhook.Handler[bitpesa.Event], error) {
		c.Known = nil
		return webhook.NewBitPesa(c)
	}, func(p *sim.Process) (func(context.Context, string) (bitpesa.Event, error), error) {
		asking, err := bitpesa.New(p.BitPesaConfig())
		if err != nil {
			return nil, err
		}
		return webhook.AskBitPesa(asking.Transactions), nil
	}), nil
}
