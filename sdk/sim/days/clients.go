package days

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk/sim"
)

func amount(n int64) decimal.Decimal { return decimal.NewFromInt(n) }

func cents(n int64) decimal.Decimal { return decimal.New(n, -2) }

// meets are what the days of each client must have met, and some more.
func meets(more ...string) []string {
	return append([]string{
		"success", "unknown", "not sent", sim.MetUnknownPaid,
		string(sim.FaultKill), string(sim.FaultFreeze), string(sim.FaultClock), string(sim.FaultOutage),
		string(sim.FaultHold), string(sim.FaultQueue), string(sim.FaultResend), string(sim.FaultFailover), string(sim.FaultProxyAfter),
	}, more...)
}

const (
	metPadded     = "a reference with white space refused"
	metAskedAgain = "a searched write made again after its success"
	metBeside     = "a searched write asked for twice at once"
	metMistaken   = "a searched write beside another with its reference"
	metCanceled   = "a transaction canceled before it was funded"
)

// ending chooses what becomes of the third order.
func ending(w *sim.World, endings ...string) string {
	return append([]string{""}, endings...)[w.Choose(len(endings)+1)]
}

// KPay collects money from three payers.
func KPay() Day {
	return Day{Name: "kpay", Config: sim.Config{Outages: []string{"kpay"}, Profiles: []sim.Profile{sim.Documented, sim.Repeating, sim.PromptForgetful}}, Meets: meets(sim.MetUnknownUnpaid, "rejected", sim.MetFound, sim.MetRefusedInFlight, sim.MetOvertaken, sim.MetResent, sim.MetTwoProcesses, sim.MetHeldRefused, sim.MetHeldDone), Program: func(w *sim.World) {
		w.KPay()
		m, third := newMerchant(w, true), ending(w, "-failed", "-slow", "-refused", "-lagging")
		if w.Profile().Prompt && third == "-lagging" {
			third = ""
		}
		m.run(func(p *sim.Process) (orders []order, err error) {
			client, err := kpay.New(p.KPayConfig())
			for i, ref := range []string{"order-1", "order-2", "order-3" + third} {
				ask := sim.Ask{Provider: "kpay", Reference: ref, Amount: amount(int64(1000 * (i + 1))), Currency: "RWF", Account: fmt.Sprintf("078330%d000", i)}
				orders = append(orders, order{
					Ask: ask,
					make: func(ctx context.Context) (result, error) {
						made, err := client.Pay(ctx, kpay.PayParams{
							RefID: ref, Amount: ask.Amount, Method: kpay.MethodMoMo, MSISDN: ask.Account, Email: "a@example.com",
							CustomerName: "A", CustomerNumber: "1", Details: "order", ReturnURL: "https://shop.example/hooks/kpay", RedirectURL: "https://shop.example/",
						})
						if err != nil {
							return result{}, err
						}
						return result{made.RefID, made.Existing}, nil
					},
					find: func(ctx context.Context) error {
						_, err := client.Find(ctx, ref)
						return err
					},
				})
			}
			return orders, err
		})
	}, Unique: true}
}

// Kasapay pays three suppliers from a float that does not suffice at first. Two
// clerks use one reference for two payouts.
func Kasapay() Day {
	return Day{Name: "kasapay", Config: sim.Config{Outages: []string{"kasapay"}, Profiles: []sim.Profile{sim.Documented, sim.Repeating, sim.PromptForgetful}}, Meets: meets(sim.MetUnknownUnpaid, "rejected", sim.MetFound, sim.MetRefusedInFlight, sim.MetOvertaken, sim.MetResent, sim.MetTwoProcesses, sim.MetHeldRefused), Program: func(w *sim.World) {
		float := w.Kasapay(func(c *kasapaytest.Config) {
			c.Balances = map[string]decimal.Decimal{"KES": amount([...]int64{2500, 400}[w.Choose(2)])}
			c.RefuseBeyondFloat, c.Quirks.FloatFirst = true, true
		})
		m, third := newMerchant(w, true), ending(w, "-failed", "-reversed", "-jammed-paid", "-refunded")
		wrong := mistakes[w.Choose(len(mistakes))]
		treasurer(w, func() error { return float.Deposit("KES", amount(100_000)) })
		m.run(func(p *sim.Process) (orders []order, err error) {
			client, err := kasapay.New(p.KasapayConfig())
			add := func(actor, ref string, n decimal.Decimal, account int64) {
				ask := sim.Ask{Provider: "kasapay", Reference: ref, Amount: n, Currency: "KES", Account: fmt.Sprint(account)}
				orders = append(orders, order{
					Ask: ask, actor: actor,
					make: func(ctx context.Context) (result, error) {
						made, err := client.Payouts.Create(ctx, kasapay.CreatePayoutParams{
							Reference: ref, RecipientType: kasapay.Paybill, RecipientAccountNumber: ask.Account, RecipientName: "Supplier", AccountReference: "0101",
							Amount: ask.Amount, Currency: "KES", Country: "KEN", Description: "goods", CallbackURL: "https://shop.example/hooks/kasapay",
						})
						if err != nil {
							return result{}, err
						}
						return result{made.Reference, made.Existing}, nil
					},
					find: func(ctx context.Context) error {
						_, err := client.Payouts.Find(ctx, ref)
						return err
					},
				})
			}
			add("", "payout-1", amount(1000), 221_000)
			add("", "payout-2", cents(1999_55), 222_000)
			add("", "payout-3"+third, cents(3000_05), 223_000)
			if !w.Profile().Forgetful {
				add("payout-2, by mistake", "payout-2", cents(1999_55-wrong.less), 222_000+wrong.account)
			}
			return orders, err
		})
	}, Unique: true}
}

// Kapiten creates three deliveries from a wallet that does not suffice at first. On
// some days two clerks ask for the first at once, or use its reference for two
// deliveries, or the third has a reference with white space. Where Kapiten shows at once
// what it has taken, the second is asked for again after its success.
func Kapiten() Day {
	return Day{Name: "kapiten", Config: sim.Config{Outages: []string{"kapiten"}, Profiles: []sim.Profile{sim.Documented, {Name: "prompt", Prompt: true}}}, Meets: meets(metAskedAgain, metBeside, metMistaken, sim.MetUnknownUnpaid, "rejected", sim.MetFound, sim.MetHeldDone, metPadded), Program: func(w *sim.World) {
		f, company := w.Kapiten(func(c *kapitentest.Config) { c.OnInsufficientFunds = kapitentest.Reject })
		if w.Choose(2) == 1 {
			_ = f.Withdraw(company.ID, amount(998_000))
		}
		m, since := newMerchant(w, false), w.Now()
		quiet, err := kapiten.New(f.ClientConfig(company))
		if err != nil {
			w.Fail("%v", err)
			return
		}
		padded := w.Choose(4) == 3
		beside, wrong := colleague(w)
		treasurer(w, func() error { return f.Deposit(company.ID, amount(100_000)) })
		m.run(func(p *sim.Process) (orders []order, err error) {
			client, err := kapiten.New(p.KapitenConfig())
			if err != nil {
				return nil, err
			}
			ride := func(i int, ref string, wrong mistake) (*order, error) {
				params := kapiten.CreateRideParams{
					CompanyID: company.ID, ExternalID: ref, Since: since,
					PickupAddress: "KK 12 Ave", Pickup: kapiten.Location{Latitude: -1.9706, Longitude: 30.1044},
					DropoffAddress: "KG 7 Ave", Dropoff: kapiten.Location{Latitude: -1.9353, Longitude: 30.0928 + float64(i)/100},
					Sender: kapiten.Contact{Name: "Shop", Phone: "0788123456"}, Receiver: kapiten.Contact{Name: "Ann", Phone: fmt.Sprintf("07886%d432%d", i, 1+wrong.account)},
				}
				if wrong.less != 0 { // elsewhere, for another price
					params.DropoffAddress, params.Dropoff.Longitude = "KG 9 Ave", 30.1228
				}
				price, err := quiet.Rides.Estimate(context.Background(), kapiten.EstimateParams{CompanyID: company.ID, Pickup: params.Pickup, Dropoff: params.Dropoff})
				if err != nil {
					return nil, err
				}
				return &order{
					Ask: sim.Ask{Provider: "kapiten", Reference: ref, Amount: price.Amount, Currency: "RWF", Account: params.Receiver.Phone},
					make: func(ctx context.Context) (result, error) {
						made, err := client.Rides.CreateOnce(ctx, params)
						if err != nil {
							return result{}, err
						}
						return result{made.ExternalID, made.Existing}, nil
					},
					find: func(ctx context.Context) error {
						_, err := client.Rides.Find(ctx, company.ID, ref, kapiten.SearchOptions{Since: since})
						return err
					},
				}, nil
			}
			for i := range 3 {
				ref := fmt.Sprintf("ride-%d", i+1)
				if i == 2 && padded {
					ref += "\u00a0" // the client refuses it, because Kapiten would cut it
					w.Met(metPadded)
				}
				o, err := ride(i, ref, mistake{})
				if err != nil {
					return nil, err
				}
				o.twice = i == 1 && w.Profile().Prompt
				if i == 0 && beside {
					o.mistaken = wrong != mistake{}
					if o.beside, err = ride(i, ref, wrong); err != nil {
						return nil, err
					}
				}
				orders = append(orders, *o)
			}
			return orders, nil
		})
	}}
}

// Kotani pays two customers and collects from one. The partner's account does not
// suffice at first. On some days two clerks ask for the first payment at once, or use one
// reference for two payments.
func Kotani() Day {
	return Day{Name: "kotani", Config: sim.Config{Outages: []string{"kotani"}}, Meets: meets(metBeside, metMistaken, sim.MetUnknownUnpaid, "rejected", sim.MetFound, sim.MetHeldDone), Program: func(w *sim.World) {
		f := w.Kotani(func(c *kotanitest.Config) { c.Balances = map[string]decimal.Decimal{"KES": amount(2500)} })
		m := newMerchant(w, false)
		beside, wrong := colleague(w)
		treasurer(w, func() error { return f.Deposit("KES", amount(100_000)) })
		m.run(func(p *sim.Process) (orders []order, err error) {
			client, err := kotani.New(p.KotaniConfig())
			movement := func(i int, kind kotani.TransactionType, wrong mistake) *order {
				ref := fmt.Sprintf("cashout-%d", i+1)
				o := &order{Ask: sim.Ask{Provider: "kotani", Reference: ref, Amount: amount(int64(1000*(i+1)) - wrong.less/300), Currency: "KES", Account: fmt.Sprintf("25471%d34567%d", i, 8+wrong.account)}}
				o.make = func(ctx context.Context) (_ result, err error) {
					made := &kotani.Transaction{}
					if kind == kotani.Payouts {
						made, err = client.Fiat.Withdraw(ctx, kotani.WithdrawParams{Amount: o.Amount, PhoneNumber: o.Account, ExternalID: ref, CallbackURL: "https://shop.example/hooks/kotani"})
					} else {
						made, err = client.Fiat.Deposit(ctx, kotani.DepositParams{Amount: o.Amount, PhoneNumber: o.Account, ExternalID: ref, CallbackURL: "https://shop.example/hooks/kotani"})
					}
					if err != nil {
						return result{}, err
					}
					return result{made.ExternalID, made.Existing}, nil
				}
				o.find = func(ctx context.Context) error {
					_, err := client.Fiat.Find(ctx, ref, kind)
					return err
				}
				return o
			}
			first := movement(0, kotani.Payouts, mistake{})
			if beside {
				first.beside, first.mistaken = movement(0, kotani.Payouts, wrong), wrong != mistake{}
			}
			return []order{*first, *movement(1, kotani.Payouts, mistake{}), *movement(2, kotani.Collections, mistake{})}, err
		})
	}}
}

// FiatConnect makes two transfers, each under an idempotency key of its own. The
// quotes and the account are there before the trouble begins.
func FiatConnect() Day {
	return Day{Name: "fiatconnect", Config: sim.Config{Outages: []string{"kotani"}, Profiles: []sim.Profile{sim.Documented, sim.Repeating}}, Meets: meets(sim.MetRefusedInFlight, sim.MetOvertaken, sim.MetResent, sim.MetTwoProcesses, sim.MetHeldRefused), Program: func(w *sim.World) {
		f := w.Kotani(func(c *kotanitest.Config) {
			c.FiatConnect.KYCNotRequired = true
			c.FiatConnect.Quirks.QuoteLifetime = 1 << 50
		})
		quiet := f.ClientConfig()
		quiet.FiatConnect.Signer = kotanitest.NewSigner("shop")
		quiet.FiatConnect.APIKey = f.FiatConnect.AddClient("https://shop.example/hooks/fiatconnect").APIKey
		setup, err := kotani.New(quiet)
		if err != nil {
			w.Fail("%v", err)
			return
		}
		ctx := context.Background()
		account, err := setup.FiatConnect.AddAccount(ctx, kotani.BankAccount{AccountName: "Jane", InstitutionName: "Bank", AccountNumber: "1234567890", Country: "KE"})
		if err != nil {
			w.Fail("%v", err)
			return
		}
		var asks []sim.Ask
		for i := range 2 {
			quote, err := setup.FiatConnect.QuoteOut(ctx, kotani.TransferQuoteParams{FiatType: "KES", CryptoType: "cUSD", Country: "KE", FiatAmount: cents(int64(1300_55 * (i + 1)))})
			if err != nil {
				w.Fail("%v", err)
				return
			}
			asks = append(asks, sim.Ask{Provider: "kotani", Reference: quote.ID, Amount: cents(int64(1300_55 * (i + 1))), Currency: "KES", Account: account.ID})
		}
		m := newMerchant(w, true)
		m.run(func(p *sim.Process) (orders []order, err error) {
			config := p.KotaniConfig()
			config.FiatConnect = quiet.FiatConnect
			client, err := kotani.New(config)
			for i, ask := range asks {
				transfer := func(ctx context.Context) error {
					_, err := client.FiatConnect.TransferOut(ctx, kotani.TransferParams{FiatAccountID: account.ID, QuoteID: ask.Reference, IdempotencyKey: fmt.Sprintf("key-%d", i+1)})
					return err
				}
				orders = append(orders, order{Ask: ask, actor: fmt.Sprintf("transfer-%d", i+1), find: transfer, make: func(ctx context.Context) (result, error) { return result{}, transfer(ctx) }})
			}
			return orders, err
		})
	}, Unique: true}
}

// BitPesa pays three people from a balance that does not suffice at first. Two clerks
// use one reference for two payments. On some days BitPesa cancels what waits for money.
func BitPesa() Day {
	return Day{Name: "bitpesa", Config: sim.Config{Outages: []string{"bitpesa"}, Profiles: []sim.Profile{sim.Documented, sim.Repeating}}, Meets: meets("rejected", metCanceled, sim.MetFound, sim.MetRefusedInFlight, sim.MetOvertaken, sim.MetResent, sim.MetTwoProcesses, sim.MetHeldRefused), Program: func(w *sim.World) {
		f := w.BitPesa(func(c *bitpesatest.Config) {
			c.Keys = []bitpesatest.Key{{Key: bitpesatest.TestKey, Secret: bitpesatest.TestSecret, Balances: map[string]decimal.Decimal{"USD": amount(150)}}}
		})
		m, oneStep := newMerchant(w, true), w.Choose(2) == 1
		wrong := mistakes[w.Choose(len(mistakes))]
		if w.Choose(4) == 3 {
			w.Actor("bitpesa's officer", func(ctx context.Context) {
				for range 60 {
					timer := time.NewTimer(500 * time.Millisecond)
					select {
					case <-timer.C:
					case <-ctx.Done():
						return
					}
					w.Quiesce("bitpesa's officer")
					for _, t := range f.Transactions(bitpesatest.TestKey) {
						if t.State == bitpesa.TransactionApproved && f.MoveTransaction(t.ID, bitpesa.TransactionCanceled) == nil {
							w.Met(metCanceled)
							w.Note("bitpesa", "cancels %s, which was never funded", t.ExternalID)
						}
					}
				}
			})
		}
		treasurer(w, func() error { return f.Deposit(bitpesatest.TestKey, "USD", amount(100_000)) })
		m.run(func(p *sim.Process) (orders []order, err error) {
			client, err := bitpesa.New(p.BitPesaConfig())
			add := func(actor, ref string, n decimal.Decimal, account int64) {
				params := remittance(ref, n, account)
				pay := client.Transactions.PayFromBalance
				if oneStep {
					pay = client.Transactions.CreateAndFund
				}
				orders = append(orders, order{
					Ask:   sim.Ask{Provider: "bitpesa", Reference: ref, Amount: n, Currency: "NGN", Account: params.Recipients[0].PayoutMethod.Details.BankAccount},
					actor: actor,
					make: func(ctx context.Context) (result, error) {
						made, err := pay(ctx, params)
						if err != nil {
							return result{}, err
						}
						return result{made.ExternalID, made.Existing}, nil
					},
				})
			}
			add("", "remit-1", amount(155_000), 1_234_155_000)
			add("", "remit-2", cents(77_500_55), 1_234_077_500)
			add("remit-2, by mistake", "remit-2", cents(77_500_55-40*wrong.less), 1_234_077_500+wrong.account)
			return orders, err
		})
	}, Unique: true}
}

// remittance sends so many naira to one person.
func remittance(ref string, n decimal.Decimal, account int64) bitpesa.TransactionParams {
	return bitpesa.TransactionParams{
		InputCurrency: "USD", ExternalID: ref,
		Sender: bitpesa.SenderParams{
			FirstName: "Jane", LastName: "Doe", Country: "US", City: "New York", Street: "20 W 34th St", PostalCode: "10001",
			PhoneNumber: "+15555551234", Email: "jane@example.com", IP: "127.0.0.1", BirthDate: "1974-12-24",
		},
		Recipients: []bitpesa.RecipientParams{{
			RequestedAmount: n, RequestedCurrency: "NGN",
			PayoutMethod: bitpesa.PayoutMethodParams{Type: "NGN::Bank", Details: bitpesa.PayoutDetails{
				FirstName: "John", LastName: "Doe", BankCode: "058", BankAccount: fmt.Sprint(account), BankAccountType: "20",
			}},
		}},
	}
}
