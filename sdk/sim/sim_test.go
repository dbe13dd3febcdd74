package sim_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/sim"
)

func TestAFailingDayIsShrunkAndMadeAgain(t *testing.T) {
	t.Parallel()
	r := blindReport()
	require.Len(t, r.Failures, 1)
	f := r.Failures[0]
	assert.Less(t, f.Choices[1], f.Choices[0], "shrunk")
	assert.NotContains(t, f.Story, "DOES NOT REPEAT")
	assert.LessOrEqual(t, len(f.Story), 30*200)
}

// The oracle must see each lie. A program that lies about what it was told stands for
// a client that does.
func TestTheOracleSeesALie(t *testing.T) {
	t.Parallel()
	rejected := &sdk.Error{Outcome: sdk.Rejected, Reasons: []error{sdk.ErrDeclined}}
	unknown := &sdk.Error{Outcome: sdk.Unknown}
	duplicate := &sdk.Error{Outcome: sdk.Rejected, Reasons: []error{sdk.ErrDuplicate}}
	taken := &sdk.Error{Outcome: sdk.Rejected, Reasons: []error{sdk.ErrReferenceTaken, sdk.ErrDuplicate}}
	for name, lie := range map[string]struct {
		want      string
		reference string
		pay       bool
		amount    int64
		account   string
		told      []error // by the same call, again and again
	}{
		"refused":                 {sim.RejectedDebited, "order-1", true, 1000, "", []error{rejected}},
		"success":                 {sim.SuccessWithout, "order-1", false, 1000, "", []error{nil}},
		"another amount":          {sim.SuccessWithout, "order-1", true, 999, "", []error{nil}},
		"refused here":            {sim.SentRefused, "order-1-failed", true, 1000, "", []error{&sdk.Error{Outcome: sdk.NotSent, Reasons: []error{sdk.ErrValidation}}}},
		"not sent, its last step": {"", "order-1-failed", true, 1000, "", []error{&sdk.Error{Outcome: sdk.NotSent}, nil}},
		"another account":         {sim.SuccessWithout, "order-1", true, 1000, "0783300001", []error{nil}},
		"the account":             {"", "order-1", true, 1000, "+250783300000", []error{nil}},
		"unknown":                 {sim.NotSettled, "order-1", true, 1000, "", []error{unknown}},
		"a duplicate":             {sim.RejectedDebited, "order-1", true, 1000, "", []error{unknown, duplicate}},
		"found, a duplicate":      {"", "order-1", true, 1000, "", []error{unknown, nil, duplicate}},
		"another's":               {sim.MadeOtherwise, "order-1", true, 999, "0783300000", []error{unknown, taken}},
		"another account's":       {sim.MadeOtherwise, "order-1", true, 1000, "0783300001", []error{unknown, taken}},
		"nobody knows whose":      {"", "order-1", true, 1000, "", []error{unknown, taken}},
		"its own, not another's":  {sim.OwnTaken, "order-1", true, 1000, "0783300000", []error{unknown, taken}},
		"its own, in doubt":       {sim.OwnTaken, "order-1", true, 1000, "0783300000", []error{&sdk.Error{Outcome: sdk.Unknown, Reasons: []error{sdk.ErrReferenceTaken}}, nil}},
		"its own, after success":  {sim.OwnTaken, "order-1", true, 1000, "0783300000", []error{nil, taken}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := sim.Explore(t, sim.Config{Seeds: 1, Shrink: -1, Profiles: []sim.Profile{{Calm: true}}, Seed: 3}, func(w *sim.World) {
				w.KPay()
				w.Process("liar", func(p *sim.Process) error {
					client, err := kpay.New(p.KPayConfig())
					if err != nil {
						return err
					}
					ask := sim.Ask{Provider: "kpay", Reference: lie.reference, Amount: decimal.NewFromInt(lie.amount), Currency: "RWF", Account: lie.account}
					for i, told := range lie.told {
						_ = p.Call(p.Context(), ask, func(ctx context.Context) error {
							for lie.pay && i == 0 {
								_, err := client.Pay(ctx, payFor(lie.reference))
								if err == nil {
									break
								}
							}
							return told
						})
					}
					return nil
				})
			})
			if lie.want == "" {
				require.Empty(t, r.Failures)
				return
			}
			require.Len(t, r.Failures, 1)
			assert.Equal(t, lie.want, r.Failures[0].Violations[0].Kind)
			if lie.want == sim.MadeOtherwise {
				assert.Len(t, r.Failures[0].Violations, 1, "and it is not the caller's own")
			}
		})
	}
}

// A program may lose the context of a call: its write is the call's that is under way, if it
// is the only one of that process with that reference.
func TestAWriteWithoutItsContextIsTheOnlyCallsUnderWay(t *testing.T) {
	t.Parallel()
	told := func(outcome sdk.Outcome) error {
		return &sdk.Error{Outcome: outcome, Reasons: []error{sdk.ErrDeclined}}
	}
	wait := func(p *sim.Process, reference string) {
		_ = p.Call(p.Context(), askFor(reference), func(ctx context.Context) error {
			p.Sleep(ctx, time.Hour)
			return told(sdk.NotSent)
		})
	}
	for name, row := range map[string]struct {
		seen   bool
		before func(p *sim.Process)
		other  func(p *sim.Process)
	}{
		"the process's context":   {true, nil, nil},
		"another actor's context": {false, nil, nil},
		"after a doubt": {false, func(p *sim.Process) {
			_ = p.Call(p.Context(), askFor("order-1"), func(context.Context) error { return told(sdk.Unknown) })
		}, nil},
		"alone": {true, nil, nil},
		"after its like": {true, func(p *sim.Process) {
			_ = p.Call(p.Context(), askFor("order-1"), func(context.Context) error { return told(sdk.NotSent) })
		}, nil},
		"beside another": {true, func(p *sim.Process) { p.Go("beside", func(context.Context) { wait(p, "order-2") }) }, nil},
		"beside its like": {false, func(p *sim.Process) {
			p.Go("beside", func(context.Context) { wait(p, "order-1") })
			p.Sleep(p.Context(), time.Second)
		}, nil},
		"beside another process": {true, nil, func(p *sim.Process) { wait(p, "order-1") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := sim.Explore(t, sim.Config{Seeds: 1, Shrink: -1, Profiles: []sim.Profile{{Calm: true}}, Seed: 3}, func(w *sim.World) {
				w.KPay()
				if row.other != nil {
					w.Process("other", func(p *sim.Process) error { row.other(p); return nil })
				}
				w.Process("liar", func(p *sim.Process) error {
					client, err := kpay.New(p.KPayConfig())
					if err != nil {
						return err
					}
					if row.before != nil {
						row.before(p)
					}
					p.Sleep(p.Context(), time.Minute)
					pay := func(ctx context.Context) { _, _ = client.Pay(ctx, payFor("order-1")) }
					_ = p.Call(p.Context(), askFor("order-1"), func(context.Context) error {
						switch name {
						case "the process's context":
							pay(p.Context())
						case "another actor's context":
							p.Go("another", pay)
							p.Wait()
						default:
							pay(context.Background())
						}
						return told(sdk.Rejected)
					})
					p.Sleep(p.Context(), 2*time.Hour) // what is beside ends, too
					return nil
				})
			})
			if !row.seen {
				require.Empty(t, r.Failures)
				return
			}
			require.Len(t, r.Failures, 1)
			assert.Equal(t, sim.RejectedDebited, r.Failures[0].Violations[0].Kind)
		})
	}
}

// A refusal must not hide what an earlier call has made, and what the provider shows. Each
// program gets the client's own error, but for the liar.
func TestTheOracleSeesWhatARefusalHides(t *testing.T) {
	t.Parallel()
	ask := sim.Ask{Provider: "kasapay", Reference: "payout-1-slow", Amount: decimal.NewFromInt(1000), Currency: "KES", Account: "221000"}
	type payer func(ctx context.Context, reference, account string) error
	lie := func(context.Context) error {
		return &sdk.Error{Outcome: sdk.Rejected, Reasons: []error{sdk.ErrInsufficientFunds}}
	}
	for name, row := range map[string]struct {
		lies   bool
		seeds  int
		later  time.Duration // after the first call
		second func(p *sim.Process, pay payer)
	}{
		"a liar": {true, 1, time.Minute, func(p *sim.Process, _ payer) { _ = p.Call(p.Context(), ask, lie) }},
		"another's payment": {false, 1, time.Minute, func(p *sim.Process, _ payer) {
			other := ask
			other.Account = "221001"
			_ = p.Call(p.Context(), other, lie)
		}},
		"its lookup failed": {false, 1, time.Minute, func(p *sim.Process, _ payer) {
			_ = p.Call(p.Context(), ask, func(context.Context) error {
				return &sdk.Error{Outcome: sdk.Rejected, StatusCode: 400, Cause: errors.New("lookup by reference failed: no time left")}
			})
		}},
		"no account": {false, 1, time.Minute, func(p *sim.Process, _ payer) {
			other := ask
			other.Account = ""
			_ = p.Call(p.Context(), other, lie)
		}},
		"nobody says whose": {false, 1, time.Minute, func(p *sim.Process, pay payer) {
			_ = p.Call(p.Context(), sim.Ask{Provider: "kasapay", Reference: ask.Reference}, func(ctx context.Context) error { return pay(ctx, ask.Reference, "221001") })
		}},
		"it has failed": {false, 1, time.Hour, func(p *sim.Process, _ payer) {
			other := ask
			other.Reference = "payout-1-failed"
			_ = p.Call(p.Context(), other, lie)
		}},
		"a liar, later": {true, 1, time.Hour, func(p *sim.Process, _ payer) { _ = p.Call(p.Context(), ask, lie) }},
		"made meanwhile": {false, 20, 0, func(p *sim.Process, pay payer) {
			_ = p.Call(p.Context(), ask, func(ctx context.Context) error {
				p.Go("another", func(ctx context.Context) { _ = pay(ctx, ask.Reference, "221000") })
				p.Sleep(ctx, time.Minute)
				return lie(ctx)
			})
		}},
		"no time to look": {false, 40, time.Minute, func(p *sim.Process, pay payer) {
			_ = p.Call(p.Context(), ask, func(ctx context.Context) error {
				ctx, cancel := context.WithTimeout(ctx, 35*time.Millisecond)
				defer cancel()
				return pay(ctx, ask.Reference, "221000")
			})
		}},
		"an old response, shared": {false, 200, time.Minute, func(p *sim.Process, pay payer) {
			for range 10 {
				call := func(ctx context.Context) {
					_ = p.Call(ctx, ask, func(ctx context.Context) error { return pay(ctx, ask.Reference, "221000") })
				}
				over := p.Beside(p.Context(), "beside", call)
				call(p.Context())
				over()
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := sim.Explore(t, sim.Config{Seeds: row.seeds, Shrink: -1, Profiles: []sim.Profile{{Calm: true}}, Seed: 3}, func(w *sim.World) {
				float := int64(1050) // which the payout empties
				if name == "it has failed" {
					float = 5000
				}
				w.Kasapay(func(c *kasapaytest.Config) {
					c.Balances, c.RefuseBeyondFloat, c.Quirks.FloatFirst = map[string]decimal.Decimal{"KES": decimal.NewFromInt(float)}, true, true
				})
				for _, reference := range []string{ask.Reference, "payout-1-failed"} {
					w.Stuck("kasapay", reference, "the program makes no further call")
				}
				w.Process("shop", func(p *sim.Process) error {
					client, err := kasapay.New(p.KasapayConfig())
					if err != nil {
						return err
					}
					pay := func(ctx context.Context, reference, account string) error {
						_, err := client.Payouts.Create(ctx, kasapay.CreatePayoutParams{
							Reference: reference, RecipientType: kasapay.Paybill, RecipientAccountNumber: account, RecipientName: "Supplier", AccountReference: "0101",
							Amount: decimal.NewFromInt(1000), Currency: "KES", Country: "KEN", Description: "goods", CallbackURL: "https://shop.example/hooks/kasapay",
						})
						return err
					}
					_, _ = client.Payouts.Find(p.Context(), ask.Reference) // a response that may come again
					for tries := 0; row.later > 0 && tries < 20 && pay(p.Context(), ask.Reference, "221000") != nil; {
						tries++
					}
					if name == "it has failed" {
						_ = pay(p.Context(), "payout-1-failed", "221000")
					}
					p.Sleep(p.Context(), row.later)
					row.second(p, pay)
					return nil
				})
			})
			if !row.lies {
				require.Empty(t, r.Failures)
				return
			}
			require.Len(t, r.Failures, 1)
			assert.Equal(t, sim.RejectedDebited, r.Failures[0].Violations[0].Kind)
		})
	}
}

// One call that pays under two references has paid twice, though neither has two debits.
func TestACallIsDebitedOnceWhateverItsReferences(t *testing.T) {
	t.Parallel()
	for references, want := range map[string]string{"order-1": "", "order-1 order-2": sim.TwiceDebited} {
		r := sim.Explore(t, sim.Config{Seeds: 1, Shrink: -1, Profiles: []sim.Profile{{Calm: true}}, Seed: 3}, func(w *sim.World) {
			w.KPay()
			w.Process("shop", func(p *sim.Process) error {
				client, err := kpay.New(p.KPayConfig())
				if err != nil {
					return err
				}
				ask := sim.Ask{Provider: "kpay", Reference: "order-1", Amount: decimal.NewFromInt(1000), Currency: "RWF"}
				return p.Call(p.Context(), ask, func(ctx context.Context) error {
					for reference := range strings.FieldsSeq(references) {
						for err = errors.New("not yet"); err != nil; {
							_, err = client.Pay(ctx, kpay.PayParams{
								RefID: reference, Amount: decimal.NewFromInt(1000), Method: kpay.MethodMoMo, MSISDN: "0783300000", Email: "ann@example.com",
								CustomerName: "Ann", CustomerNumber: "1", Details: "x", ReturnURL: "https://shop.example/hooks/kpay", RedirectURL: "https://shop.example/",
							})
						}
					}
					return nil
				})
			})
		})
		if want == "" {
			require.Empty(t, r.Failures)
			continue
		}
		require.Len(t, r.Failures, 1)
		require.Equal(t, want, r.Failures[0].Violations[0].Kind)
	}
}

// A stranger may know the provider's headers, and genuine signatures: of the callback that
// he changes, and of earlier ones.
func TestAForgedCallbackMayBearAGenuineSignature(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]int{}
	sim.Explore(t, sim.Config{Seeds: 1000, Profiles: []sim.Profile{{Calm: true}}}, func(w *sim.World) {
		for _, body := range []string{"FAILED one", "FAILED two"} {
			w.Callback(body, time.Minute, nil, func() (*http.Request, error) {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://shop.example/hooks", strings.NewReader(body))
				if err == nil {
					req.Header.Set("Signature", body)
				}
				return req, err
			})
		}
		w.Process("shop", func(p *sim.Process) error {
			p.Handle("shop.example/hooks", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				mu.Lock()
				defer mu.Unlock()
				seen[string(body)+" as "+r.Header.Get("Signature")]++
			}))
			p.Sleep(p.Context(), time.Hour)
			return nil
		})
	})
	assert.NotZero(t, seen["SUCCESSFUL one as "], "no signature")
	assert.NotZero(t, seen["SUCCESSFUL one as FAILED one"], "its own signature, before the change")
	assert.NotZero(t, seen["SUCCESSFUL one as FAILED two"]+seen["SUCCESSFUL two as FAILED one"], "another's signature")
}

// A payment that waits for a person is excused from being settled, but not from being
// found: its lookups must not deny it once the trouble is over. A lookup before the payment
// is right to deny it.
func TestAnAbsenceIsHeldAgainstTheLedger(t *testing.T) {
	t.Parallel()
	absent := &sdk.Error{Outcome: sdk.NoEffect, Reasons: []error{sdk.ErrNotFound}}
	for name, lie := range map[string]struct {
		want      string
		paid      time.Duration // when; never: -1
		reference string        // that the lookup asks for
		after     time.Duration
		told      error
	}{
		"denied":                   {sim.AbsentDebited, 0, "order-1", time.Hour, absent},
		"denied under the old":     {sim.AbsentDebited, 0, "order-1 ", time.Hour, absent},
		"denied within trouble":    {"", 0, "order-1", 5 * time.Minute, absent},
		"denied right after it":    {"", 0, "order-1", 10*time.Minute + time.Second, absent},
		"no clear response":        {"", 0, "order-1", time.Hour, &sdk.Error{Outcome: sdk.NoEffect}},
		"found":                    {"", 0, "order-1", time.Hour, nil},
		"found, and not there":     {sim.SuccessWithout, -1, "order-1", time.Hour, nil},
		"there is no such payment": {"", -1, "order-1", time.Hour, absent},
		"of another payment":       {"", 0, "order-2", time.Hour, absent},
		"absent, then paid":        {"", 31 * time.Minute, "order-1", 30 * time.Minute, absent},
		"paid, and not shown yet":  {"", 30 * time.Minute, "order-1", 30*time.Minute + 20*time.Second, absent},
		"paid late, and denied":    {sim.AbsentDebited, 30 * time.Minute, "order-1", 40 * time.Minute, absent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := sim.Explore(t, sim.Config{Seeds: 1, Shrink: -1, Trouble: 10 * time.Minute, Profiles: []sim.Profile{{Calm: true}}, Seed: 3}, func(w *sim.World) {
				w.KPay()
				w.Process("shop", func(p *sim.Process) error {
					client, err := kpay.New(p.KPayConfig())
					if err != nil {
						return err
					}
					ask := sim.Ask{Provider: "kpay", Reference: lie.reference}
					pay := func() {
						p.Sleep(p.Context(), lie.paid-w.Since())
						_ = p.Call(p.Context(), ask, func(ctx context.Context) error {
							for lie.paid >= 0 {
								_, err := client.Pay(ctx, payFor("order-1"))
								if err == nil {
									break
								}
							}
							return &sdk.Error{Outcome: sdk.Unknown}
						})
						if lie.told != nil { // what is found is settled
							w.Stuck("kpay", lie.reference, "no clear response")
						}
					}
					if lie.paid < lie.after {
						pay()
					}
					p.Sleep(p.Context(), lie.after-w.Since())
					about := ask
					if name == "of another payment" {
						about.Reference = "order-3"
					}
					_ = p.Look(p.Context(), about, func(context.Context) error { return lie.told })
					if lie.paid > lie.after {
						pay()
					}
					return nil
				})
			})
			if lie.want == "" {
				require.Empty(t, r.Failures)
				return
			}
			require.Len(t, r.Failures, 1)
			assert.Equal(t, lie.want, r.Failures[0].Violations[0].Kind)
		})
	}
}

// A phone number may have the prefix of its country. Other accounts are compared as they are.
func TestAccountsAreTheSame(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		has, asked string
		same       bool
	}{
		{"250783300000", "0783300000", true},
		{"+250783300000", "250783300000", true},
		{"0783300000", "+250783300000", true},
		{"783300000", "250783300000", true},
		{"2348031234567", "08031234567", true},
		{"250783300000", "0783300001", false},
		{"250783300000", "254783300000", false},
		{"1112345678901", "2212345678901", false},
		{"1112345678901", "12345678901", false},
		{"9123456789", "123456789", false},
		{"000123456789", "123456789", false},
		{"KE0123456789", "0123456789", false},
		{"222221", "222221", true},
		{"222221", "22221", false},
	} {
		got := sim.Payment{Account: c.has}.Differs(sim.Ask{Account: c.asked})
		assert.Equal(t, c.same, got == "", "%s, asked %s", c.has, c.asked)
	}
}

// A remittance must reach the account that was asked for. One to two people has no one account.
func TestARemittanceToAnotherAccountIsSeen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		want  string
		asked string
		paid  []string
	}{
		"the account":     {"", "1234567890", []string{"1234567890"}},
		"another account": {sim.SuccessWithout, "1234567890", []string{"1234567891"}},
		"two people":      {"", "1234567890", []string{"1234567890", "1234567891"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := sim.Explore(t, sim.Config{Seeds: 1, Shrink: -1, Profiles: []sim.Profile{{Calm: true}}, Seed: 3}, func(w *sim.World) {
				f := w.BitPesa()
				require.NoError(t, f.Deposit(bitpesatest.TestKey, "USD", decimal.NewFromInt(1000)))
				w.Process("shop", func(p *sim.Process) error {
					client, err := bitpesa.New(p.BitPesaConfig())
					if err != nil {
						return err
					}
					params := bitpesa.TransactionParams{
						InputCurrency: "USD", ExternalID: "remit-1",
						Sender: bitpesa.SenderParams{
							FirstName: "Jane", LastName: "Doe", Country: "US", City: "New York", Street: "20 W 34th St", PostalCode: "10001",
							PhoneNumber: "+15555551234", Email: "jane@example.com", IP: "127.0.0.1", BirthDate: "1974-12-24",
						},
					}
					for _, account := range c.paid {
						params.Recipients = append(params.Recipients, bitpesa.RecipientParams{
							RequestedAmount: decimal.NewFromInt(15_500), RequestedCurrency: "NGN",
							PayoutMethod: bitpesa.PayoutMethodParams{Type: "NGN::Bank", Details: bitpesa.PayoutDetails{
								FirstName: "John", LastName: "Doe", BankCode: "058", BankAccount: account, BankAccountType: "20",
							}},
						})
					}
					ask := sim.Ask{Provider: "bitpesa", Reference: "remit-1", Amount: decimal.NewFromInt(int64(15_500 * len(c.paid))), Currency: "NGN", Account: c.asked}
					return p.Call(p.Context(), ask, func(ctx context.Context) error {
						_, err := client.Transactions.CreateAndFund(ctx, params)
						return err
					})
				})
			})
			if c.want == "" {
				require.Empty(t, r.Failures)
				return
			}
			require.Len(t, r.Failures, 1)
			assert.Equal(t, c.want, r.Failures[0].Violations[0].Kind)
		})
	}
}

// A connection may be cut after any byte, also of many: a provider gets parts of a request, and
// a client parts of a body.
func TestACutIsAnywhere(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	arrived, came := map[int]bool{}, map[int]bool{} // how many bytes
	r := sim.Explore(t, sim.Config{Seeds: clienttest.Times(250, 40)}, func(w *sim.World) {
		f := w.KPay()
		w.Process("shop", func(p *sim.Process) error {
			for range 20 {
				body := `{"action":"checkstatus","refid":"order-1","username":"none","password":"none"}` + strings.Repeat(" ", 1000)
				ctx, cancel := context.WithTimeout(p.Context(), time.Minute)
				defer cancel()
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.ClientConfig().BaseURL, strings.NewReader(body))
				if err != nil {
					return err
				}
				res, err := p.HTTPClient().Do(req)
				if err != nil {
					continue
				}
				part, err := io.ReadAll(res.Body)
				_ = res.Body.Close()
				if errors.Is(err, io.ErrUnexpectedEOF) {
					mu.Lock()
					came[len(part)] = true
					mu.Unlock()
				}
			}
			return nil
		})
		w.Check(func(sim.Ledgers) error {
			for _, req := range f.Requests() {
				if n := len(req.RequestBody); n > 0 && n < 1000 {
					mu.Lock()
					arrived[n] = true
					mu.Unlock()
				}
			}
			return nil
		})
	})
	require.Empty(t, r.Failures)
	if clienttest.RaceDetector() {
		return // races show in few days; that a cut is anywhere needs many
	}
	assert.Greater(t, len(arrived), 50, "parts of requests")
	next := 0
	for n := range arrived {
		if arrived[n+1] {
			next++
		}
	}
	assert.Positive(t, next, "two cuts with one byte between them")
	assert.Greater(t, len(came), 6, "parts of responses")
}

func TestAPanicOfTheProgramIsAViolation(t *testing.T) {
	t.Parallel()
	r := sim.Explore(t, sim.Config{Seeds: 1, Shrink: -1}, func(w *sim.World) {
		w.Process("shop", func(*sim.Process) error { panic("no such order") })
	})
	require.Len(t, r.Failures, 1)
	assert.Equal(t, "panic", r.Failures[0].Violations[0].Kind)
}

// A story keeps what it is about, however much else has happened.
func TestAStoryKeepsTheLinesAboutWhatWasBroken(t *testing.T) {
	t.Parallel()
	r := sim.Explore(t, sim.Config{Seeds: 1, Shrink: -1}, func(w *sim.World) {
		for i := range 200 {
			w.Note("kpay", "takes the money of order-%d", i)
		}
		w.Fail("order-77 has 2 debits, in 3s")
	})
	require.Len(t, r.Failures, 1)
	story := r.Failures[0].Story
	assert.Contains(t, story, "order-77\n")
	assert.Contains(t, story, "order-70\n", "what came before")
	assert.NotContains(t, story, "order-0\n")
	assert.Contains(t, story, "BROKEN")
	assert.Contains(t, story, "more\n")
	assert.Less(t, strings.Count(story, "\n"), 30)
}

// One fault may break a promise to each of many calls. The story shows some of them, and
// how it came about.
func TestAStoryIsMoreThanWhatWasBroken(t *testing.T) {
	t.Parallel()
	r := sim.Explore(t, sim.Config{Seeds: 1, Shrink: -1, Profiles: []sim.Profile{{Calm: true}}}, func(w *sim.World) {
		for i := range 40 {
			w.Note("kpay", "takes the money of order-%d", i)
		}
		w.Note("shop", "forgets everything")
		for i := range 40 {
			w.Fail("order-%d has 2 debits", i)
		}
	})
	require.Len(t, r.Failures, 1)
	story, text := r.Failures[0].Story, r.Failures[0].String()
	assert.Contains(t, story, "order-0 has 2 debits")
	assert.Contains(t, story, "order-39 has 2 debits")
	assert.LessOrEqual(t, strings.Count(story, "has 2 debits"), 6)
	assert.GreaterOrEqual(t, strings.Count(story, "takes the money of"), 6)
	assert.Contains(t, story, "forgets everything")
	assert.Len(t, r.Failures[0].Violations, 40)
	assert.Contains(t, text, "BROKEN: check: order-4 has 2 debits\nBROKEN: 35 more\n")
}

// A day that is made again is shown whole.
func TestAReplayShowsTheWholeDay(t *testing.T) { //nolint:paralleltest // sets the environment
	program := func(w *sim.World) {
		for i := range 50 {
			w.Note("shop", "thinks of order-%d", i)
		}
		w.Fail("the books are wrong")
	}
	r := sim.Explore(t, sim.Config{Seeds: 1, Shrink: -1}, program)
	require.Len(t, r.Failures, 1)
	assert.Less(t, strings.Count(r.Failures[0].Story, "thinks of"), 50)
	t.Setenv("SIM_REPLAY", r.Failures[0].Replay)
	again := sim.Explore(t, sim.Config{}, program)
	require.Len(t, again.Failures, 1)
	assert.Equal(t, 1, again.Days)
	assert.Equal(t, 50, strings.Count(again.Failures[0].String(), "thinks of"))
}

// What the ledgers did is never left out for what is said again and again, nor are the
// last lines before a promise breaks.
func TestAStoryKeepsTheLedgerAndCountsRepetitions(t *testing.T) {
	t.Parallel()
	for name, violation := range map[string]string{"named": "order-1 has 2 debits", "not named": "the books are wrong"} {
		r := sim.Explore(t, sim.Config{Seeds: 1, Shrink: -1, Profiles: []sim.Profile{{Calm: true}}}, func(w *sim.World) {
			w.Note("kpay", "has taken order-1: 1000 RWF")
			for i := range 100 {
				w.Note("shop", "kpay pay order-1: response %d", i)
			}
			w.Note("kpay", "has taken order-1: 1000 RWF")
			for i := range 1400 {
				w.Note(fmt.Sprintf("shop#%d/worker", i+1), "kpay request: connection refused")
				w.Note(fmt.Sprintf("shop#%d", i+1), "starts again")
			}
			w.Note("kpay", "takes the money of order-2")
			for i := range 100 {
				w.Note("shop", "kpay pay order-1: late response %d", i)
			}
			w.Note("world", "the last thing")
			w.Fail("%s", violation)
		})
		require.Len(t, r.Failures, 1)
		story := r.Failures[0].Story
		assert.Equal(t, 2, strings.Count(story, "has taken order-1"), name)
		assert.Contains(t, story, "takes the money of order-2", name)
		assert.Contains(t, story, "the last thing", name)
		assert.Contains(t, story, "late response 99", name)
		assert.LessOrEqual(t, strings.Count(story, "connection refused"), 1, name)
		assert.LessOrEqual(t, strings.Count(story, "\n"), 34, name)
		if name == "not named" {
			assert.Regexp(t, `connection refused \(1400 times, until \d+\.\d+\)`, story)
			assert.Regexp(t, `starts again \(1400 times`, story)
		}
	}
}

// Each unknown outcome is settled, handed to a person, or not settled, which fails.
func TestAReportSaysWhatBecameOfUnknownOutcomes(t *testing.T) {
	t.Parallel()
	unknown, again := &sdk.Error{Outcome: sdk.Unknown}, &sdk.Error{Outcome: sdk.Rejected, Reasons: []error{sdk.ErrRateLimited}}
	for name, c := range map[string]struct {
		told                     []error
		stuck                    bool
		settled, handed, between int
	}{
		"settled":             {[]error{unknown, nil}, false, 1, 0, 0},
		"handed":              {[]error{unknown}, true, 0, 1, 0},
		"handed, and settled": {[]error{unknown, nil}, true, 1, 0, 0},
		"not settled":         {[]error{unknown}, false, 0, 0, 1},
		"to be tried again":   {[]error{unknown, again}, false, 0, 0, 1},
		"never unknown":       {[]error{nil, nil}, false, 0, 0, 0},
	} {
		r := sim.Explore(t, sim.Config{Seeds: 1, Shrink: -1, Profiles: []sim.Profile{{Calm: true}}, Seed: 3}, func(w *sim.World) {
			w.KPay()
			w.Process("shop", func(p *sim.Process) error {
				client, err := kpay.New(p.KPayConfig())
				if err != nil {
					return err
				}
				for i, told := range c.told {
					_ = p.Call(p.Context(), sim.Ask{Provider: "kpay", Reference: "order-1"}, func(ctx context.Context) error {
						for i == 0 {
							_, err := client.Pay(ctx, payFor("order-1"))
							if err == nil {
								break
							}
						}
						return told
					})
				}
				if c.stuck {
					w.Stuck("kpay", "order-1", "no clear response")
				}
				return nil
			})
		})
		assert.Len(t, r.Failures, c.between, name)
		assert.Equal(t, []int{c.settled, c.handed, c.between}, []int{r.Settled, r.Handed, r.Doubts - r.Settled - r.Handed}, name)
		for _, f := range r.Failures {
			assert.True(t, strings.HasPrefix(f.String(), "seed 3, profile \n"), "nothing was shrunk: %s", f)
		}
	}
}

const blindFuzz = "SIM_TEST_BLIND" // has FuzzShop run the program that is wrong

func TestAFuzzTargetReadsAReplay(t *testing.T) {
	t.Parallel()
	r := blindReport()
	require.Len(t, r.Failures, 1)
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^FuzzShop$")
	command.Env = append(os.Environ(), blindFuzz+"=1", "SIM_REPLAY="+r.Failures[0].Replay)
	out, err := command.CombinedOutput()
	require.Error(t, err, "the fuzz target does not fail")
	assert.Contains(t, string(out), r.Failures[0].Violations[0].Text)
	assert.Contains(t, string(out), "SIM_REPLAY="+r.Failures[0].Replay+" go test -run '^FuzzShop$'")
	assert.NotContains(t, string(out), "seed 0")
	assert.NotContains(t, string(out), "shrunk")
}

func FuzzShop(f *testing.F) {
	if os.Getenv(blindFuzz) != "" {
		sim.Fuzz(f, sim.Config{}, blind)
		return
	}
	sim.Fuzz(f, sim.Config{}, careful)
}
