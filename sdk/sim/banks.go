package sim

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
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
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Payment is a collection, a payout, a ride, a transaction or a transfer as its
// provider's fake has it.
type Payment struct {
	Provider, ID, Reference string
	Amount                  decimal.Decimal // as the merchant asked for it
	Currency                string
	Account                 string // a phone or account number of the other side, who pays or is paid; empty if the ledger shows none, or several
	Debits                  int    // entries of the ledger by which it took money
	Pending                 bool   // the provider has not finished with it
}

// bank is what the simulation knows of a fake.
type bank struct {
	w          *World
	name       string
	network    *http.Transport // to the fakes, without trouble
	fault      func(fake.Fault) error
	operations []sdk.Operation
	payments   func() []Payment
	check      func() error
	field      *regexp.Regexp // finds the reference in a body
	tokens     bool           // it gives out tokens that can expire
	unnamed    bool           // what it says of a write need not name the reference
	looks      bool           // whoever is refused here must look for an earlier payment
	faultAt    time.Duration  // when a request last met a fault

	aliases map[string]string // what a forgetful provider calls a repeated reference
}

// field matches a JSON field with a text.
func field(name string) *regexp.Regexp { return regexp.MustCompile(`"` + name + `":"([^"]+)"`) }

// faked is the part of a fake's Control that the simulation needs.
type faked interface {
	HTTPClient() *http.Client
	AddFault(f fake.Fault) error
}

func (w *World) addBank(f faked, b *bank) {
	b.w, b.fault = w, f.AddFault
	pipe, ok := f.HTTPClient().Transport.(*http.Transport)
	if !ok {
		panic(fmt.Sprintf("sim: the fake of %s has a %T, and not the transport over a pipe", b.name, f.HTTPClient().Transport))
	}
	b.network = pipe
	b.aliases = map[string]string{}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.banks = append(w.banks, b)
}

func (w *World) bank(name string) *bank {
	for _, b := range w.banks {
		if b.name == name {
			return b
		}
	}
	return nil
}

// bankOf finds a fake by the host of a request.
func (w *World) bankOf(host string) *bank {
	name, _, _ := strings.Cut(host, ".")
	if name == "fiatconnect" { // the section of Kotani Pay has a host of its own, too
		name = "kotani"
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bank(name)
}

// KPay is the world's fake of KPay, made when it is first asked for. change may set
// it up.
func (w *World) KPay(change ...func(*kpaytest.Config)) *kpaytest.Fake {
	w.making.Lock()
	defer w.making.Unlock()
	if w.kpay == nil {
		c := kpaytest.Config{LookupLag: w.lag()}
		apply(&c, change)
		w.kpay = kpaytest.NewIn(w.fakes, c)
		w.addBank(w.kpay, &bank{name: "kpay", operations: kpay.Operations(), check: w.kpay.CheckLedger, field: field("refid"), payments: func() (all []Payment) {
			for _, p := range w.kpay.Payments() {
				all = append(all, Payment{"kpay", p.TID, p.RefID, p.Amount, p.Currency, p.MSISDN, len(w.kpay.Debits(p.TID)), p.Ended.IsZero()})
			}
			return all
		}})
	}
	return w.kpay
}

// Kasapay is the world's fake of Kasapay.
func (w *World) Kasapay(change ...func(*kasapaytest.Config)) *kasapaytest.Fake {
	w.making.Lock()
	defer w.making.Unlock()
	if w.kasapay == nil {
		c := kasapaytest.Config{}
		apply(&c, change)
		w.kasapay = kasapaytest.NewIn(w.fakes, c)
		w.addBank(w.kasapay, &bank{name: "kasapay", tokens: true, looks: true, operations: kasapay.Operations(), check: w.kasapay.CheckLedger, field: field("payout_reference"), unnamed: true, payments: func() (all []Payment) {
			for _, p := range w.kasapay.Payouts() {
				all = append(all, Payment{"kasapay", p.TransactionID, p.Reference, p.Amount, p.Currency, p.AccountNumber, len(w.kasapay.Debits(p.Reference)), p.Status == kasapay.StatusPending})
			}
			return all
		}})
	}
	return w.kasapay
}

// hookSecret ends the path of Kapiten's callbacks, which have one URL for all rides.
const hookSecret = "0123456789abcdef0123456789abcdef"

// Kapiten is the world's fake of Kapiten, with one company, whose callbacks go to
// Company.WebhookURL.
func (w *World) Kapiten(change ...func(*kapitentest.Config)) (*kapitentest.Fake, kapitentest.Company) {
	w.making.Lock()
	defer w.making.Unlock()
	if w.kapiten == nil {
		c := kapitentest.Config{ListLag: w.lag(), Autopilot: true, Quirks: kapitentest.Quirks{ShowRequest: true}}
		apply(&c, change)
		w.kapiten = kapitentest.NewIn(w.fakes, c)
		w.company = w.kapiten.AddCompany(kapitentest.Company{Name: "Shop", Balance: decimal.NewFromInt(1_000_000), WebhookURL: "https://shop.example/hooks/kapiten/" + hookSecret})
		over := map[kapiten.RideStatus]bool{kapiten.RideCompleted: true, kapiten.RideCancelled: true, kapiten.RideRejected: true}
		w.addBank(w.kapiten, &bank{name: "kapiten", operations: kapiten.Operations(), check: w.kapiten.CheckLedger, field: field("external_id"), payments: func() (all []Payment) {
			for _, r := range w.kapiten.Rides(w.company.ID) {
				all = append(all, Payment{"kapiten", r.ID, r.ExternalID, r.Price, "RWF", r.Receiver.Phone, len(w.kapiten.Debits(r.ID)), !over[r.Status]})
			}
			return all
		}})
	}
	return w.kapiten, w.company
}

// Kotani is the world's fake of Kotani Pay with its FiatConnect section. It takes an
// external id again, because no document says that it is unique.
func (w *World) Kotani(change ...func(*kotanitest.Config)) *kotanitest.Fake {
	w.making.Lock()
	defer w.making.Unlock()
	if w.kotani == nil {
		c := kotanitest.Config{Quirks: kotanitest.Quirks{ReferencesRepeat: true}}
		apply(&c, change)
		w.kotani = kotanitest.NewIn(w.fakes, c)
		w.addBank(w.kotani, &bank{name: "kotani", tokens: true, operations: kotani.Operations(), check: w.kotani.CheckLedger, field: field("(?:externalId|external_id|quoteId)"), payments: func() (all []Payment) {
			for _, t := range w.kotani.Transactions() {
				all = append(all, Payment{"kotani", t.RequestID, t.ExternalID, t.Amount, t.Currency, cmp.Or(t.Phone, t.Account), len(w.kotani.Debits(t.RequestID)), t.Status == kotani.StatusPending})
			}
			for _, t := range w.kotani.FiatConnect.Transfers() {
				p := Payment{"kotani", t.ID, t.QuoteID, t.FiatAmount, t.Fiat, t.FiatAccountID, 1, t.Status != kotani.TransferComplete && t.Status != kotani.TransferFailed}
				if t.Status == kotani.TransferFailed {
					p.Debits = 0
				}
				all = append(all, p)
			}
			return all
		}})
	}
	return w.kotani
}

// BitPesa is the world's fake of BitPesa.
func (w *World) BitPesa(change ...func(*bitpesatest.Config)) *bitpesatest.Fake {
	w.making.Lock()
	defer w.making.Unlock()
	if w.bitpesa == nil {
		c := bitpesatest.Config{}
		apply(&c, change)
		w.bitpesa = bitpesatest.NewIn(w.fakes, c)
		w.addBank(w.bitpesa, &bank{name: "bitpesa", operations: bitpesa.Operations(), check: w.bitpesa.CheckLedger, field: field("external_id"), payments: func() (all []Payment) {
			for _, t := range w.bitpesa.Transactions(bitpesatest.TestKey) {
				p := Payment{Provider: "bitpesa", ID: t.ID, Reference: t.ExternalID, Currency: t.Currency, Debits: len(w.bitpesa.Debits(t.ID))}
				for _, id := range t.RecipientIDs {
					if r, ok := w.bitpesa.Recipient(id); ok {
						p.Amount, p.Currency, p.Account = p.Amount.Add(r.Requested), r.RequestedCurrency, r.Account
					}
				}
				if len(t.RecipientIDs) > 1 {
					p.Account = "" // there is no one account
				}
				all = append(all, p)
			}
			return all
		}})
	}
	return w.bitpesa
}

func apply[C any](c *C, changes []func(*C)) {
	for _, change := range changes {
		change(c)
	}
}

// lag is how long a provider of this day does not show what it has taken.
func (w *World) lag() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.profile.Prompt {
		return [...]time.Duration{0, 500 * time.Millisecond, 1000 * time.Millisecond}[w.choices.choose(3)] // and held back no more than 1.5 s: shown before the third lookup
	}
	return [...]time.Duration{0, 0, 2 * time.Second, 20 * time.Second}[w.choices.choose(4)]
}

// KPayConfig configures a client of the world's KPay for this process.
func (p *Process) KPayConfig() kpay.Config {
	c := p.w.KPay().ClientConfig()
	c.Options = p.Options()
	return c
}

// KasapayConfig configures a client of the world's Kasapay for this process.
func (p *Process) KasapayConfig() kasapay.Config {
	c := p.w.Kasapay().ClientConfig()
	c.Options = p.Options()
	return c
}

// KapitenConfig configures a client of the world's Kapiten for this process.
func (p *Process) KapitenConfig() kapiten.Config {
	f, company := p.w.Kapiten()
	c := f.ClientConfig(company)
	c.Options = p.Options()
	return c
}

// KotaniConfig configures a client of the world's Kotani Pay for this process.
func (p *Process) KotaniConfig() kotani.Config {
	c := p.w.Kotani().ClientConfig()
	c.Options = p.Options()
	return c
}

// BitPesaConfig configures a client of the world's BitPesa for this process.
func (p *Process) BitPesaConfig() bitpesa.Config {
	c := p.w.BitPesa().ClientConfig()
	c.Options = p.Options()
	return c
}

// spoil makes the provider's next request go wrong.
func (b *bank) spoil(f fake.Fault) {
	if err := b.fault(f); err != nil {
		b.w.violate("fake", "%v", err)
	}
}

// known are the payments of a provider by their ids.
func (b *bank) known() map[string]Payment {
	known := map[string]Payment{}
	for _, p := range b.payments() {
		known[p.ID] = p
	}
	return known
}

func (b *bank) reference(body []byte) string {
	if m := b.field.FindSubmatch(body); m != nil {
		return string(m[1])
	}
	return ""
}

// describe names a request for people, and says whether it is a write.
func (b *bank) describe(req *http.Request, body []byte) (label string, write bool) {
	label, write = req.Method+" "+req.URL.Path, req.Method != http.MethodGet
	for _, op := range b.operations {
		if op.Method == req.Method && fits(op.Path, req.URL.Path) {
			label, write = op.Name, op.Class != sdk.Safe
			break
		}
	}
	if b.name == "kpay" {
		var asked struct{ Action string }
		_ = json.Unmarshal(body, &asked)
		label, write = asked.Action, asked.Action == "pay"
	}
	reference := b.reference(body)
	if reference == "" && strings.Contains(label, "status") {
		reference = strings.TrimSuffix(req.URL.Path[:max(strings.LastIndexByte(req.URL.Path, '/'), 0)], "/")
		reference = reference[strings.LastIndexByte(reference, '/')+1:]
	}
	if id := req.URL.Query().Get("external_id"); id != "" {
		reference = id
	}
	if reference != "" {
		label += " " + reference
	}
	return label, write
}

func fits(template, path string) bool {
	a, b := strings.Split(template, "/"), strings.Split(path, "/")
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && !strings.HasPrefix(a[i], "{") {
			return false
		}
	}
	return true
}

// translate is the body which the fake gets. A forgetful provider takes a reference
// again: its fake knows the repetition by another name.
func (b *bank) translate(out *outgoing) []byte {
	reference := b.reference(out.body)
	if !out.write || !b.w.profile.Forgetful || reference == "" || b.name != "kpay" && b.name != "kasapay" {
		return out.body
	}
	n := 1
	for _, p := range b.all() {
		if p.Reference == reference {
			n++
		}
	}
	if n == 1 {
		return out.body
	}
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	alias := reference + "-again" + strconv.Itoa(n)
	b.aliases[alias] = reference
	return bytes.Replace(out.body, []byte(`"`+reference+`"`), []byte(`"`+alias+`"`), 1)
}

// back undoes in a response, or in a callback, what translate did.
func (b *bank) back(body []byte) []byte {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	for alias, reference := range b.aliases {
		body = bytes.ReplaceAll(body, []byte(`"`+alias+`"`), []byte(`"`+reference+`"`))
	}
	return body
}

// all are the payments of a bank by the references that the merchant knows.
func (b *bank) all() []Payment {
	payments := b.payments()
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	for i, p := range payments {
		if reference := b.aliases[p.Reference]; reference != "" {
			payments[i].Reference = reference
		}
	}
	return payments
}

var _ fake.TB = (*quietTB)(nil)

// quietTB collects what a fake reports about itself.
type quietTB struct{ report func(string) }

func (t *quietTB) Helper()                      {}
func (t *quietTB) Cleanup(func())               {}
func (t *quietTB) Errorf(f string, args ...any) { t.report(fmt.Sprintf(f, args...)) }
