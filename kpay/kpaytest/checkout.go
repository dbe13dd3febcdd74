package kpaytest

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Fields of the checkout form. A program may leave out the last two; the fake
// checks what it gets.
const (
	fieldCard   = "card_number"
	fieldExpiry = "expiry_date" // MM/YY
	fieldCVV    = "cvv"
)

const noSuchPayment = "No such payment."

//go:embed checkout.html
var checkoutHTML string

//go:embed checkout.css
var checkoutStyle string

//go:embed checkout.js
var checkoutScript string

// checkoutPolicy allows the page its own style and script and nothing else.
var checkoutPolicy = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src " + hashOf("\n"+checkoutStyle+"\n") +
	"; script-src " + hashOf(checkoutScript)

// hashOf is how a content security policy names a text.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

var checkoutPage = template.Must(template.New("checkout").Parse(checkoutHTML))

type checkoutView struct {
	Payment
	Retailer string
	Pending  bool
	Paid     bool
	Problem  string // with what was typed
	Style    template.CSS
	Script   template.JS
	Cards    []testCard
	NextYear string // an expiry date that is good
}

// testCard is a card which the page offers.
type testCard struct{ Number, Name string }

// Grouped is the amount with its thousands apart.
func (v checkoutView) Grouped() string {
	whole, rest, _ := strings.Cut(v.Amount.String(), ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		return whole + "." + rest
	}
	return whole
}

const descCancelled = "Cancelled by the payer."

// showCheckout is the hosted page. It takes a card whatever the payment's method
// (assumed). The payer needs no credentials.
func (f *Fake) showCheckout(rw http.ResponseWriter, r *http.Request) {
	view, known := f.checkoutView(r.PathValue("id"))
	if !known {
		fake.Because(rw, noSuchPayment)
		http.Error(rw, noSuchPayment, http.StatusNotFound)
		return
	}
	fake.About(rw, view.RefID)
	writeCheckout(rw, http.StatusOK, view)
}

// submitCheckout takes the page's form and pays.
func (f *Fake) submitCheckout(rw http.ResponseWriter, r *http.Request) {
	view, known := f.checkoutView(r.PathValue("id"))
	if !known {
		fake.Because(rw, noSuchPayment)
		http.Error(rw, noSuchPayment, http.StatusNotFound)
		return
	}
	fake.About(rw, view.RefID)
	if r.PostFormValue("cancel") != "" {
		f.leave(rw, f.cancel(r, view.CheckoutID))
		return
	}
	card, problem := f.readCard(r)
	if problem != "" {
		view.Problem = problem
		fake.Because(rw, problem)
		writeCheckout(rw, http.StatusUnprocessableEntity, view)
		return
	}
	f.leave(rw, f.payByCard(r, view.CheckoutID, card))
}

// leave sends the payer back to the merchant.
func (f *Fake) leave(rw http.ResponseWriter, view checkoutView) {
	if !fake.IsWebURL(view.RedirectURL) {
		writeCheckout(rw, http.StatusOK, view)
		return
	}
	rw.Header().Set("Location", view.RedirectURL)
	rw.WriteHeader(http.StatusSeeOther)
}

func (f *Fake) checkoutView(id string) (checkoutView, bool) {
	f.world.Lock()
	defer f.world.Unlock()
	if p := f.state.byCheckout[id]; p != nil {
		return f.view(p), true
	}
	return checkoutView{}, false
}

func (f *Fake) view(p *Payment) checkoutView {
	retailer, _ := f.config.retailer(p.RetailerID)
	view := checkoutView{
		Payment: *p, Retailer: retailer.Name, Pending: !p.final(), Paid: p.StatusID == kpay.CodePaid,
		Style: template.CSS(checkoutStyle), Script: template.JS(checkoutScript), //nolint:gosec // embedded, no input
		NextYear: f.world.Now().AddDate(2, 0, 0).Format("01/06"),
	}
	for _, c := range append(payingCards(), kpay.TestAmex) {
		view.Cards = append(view.Cards, testCard{groupCard(string(c)), c.Name()})
	}
	return view
}

// readCard reads the form and says what is wrong with it. A wrong number is a
// slip of the finger, so nothing happens to the payment.
func (f *Fake) readCard(r *http.Request) (card, problem string) {
	if err := r.ParseForm(); err != nil {
		return "", "The form could not be read."
	}
	card, ok := cardNumber(r.PostForm.Get(fieldCard))
	if !ok {
		return "", "This is not a valid card number."
	}
	if expiry := strings.TrimSpace(r.PostForm.Get(fieldExpiry)); expiry != "" {
		month, year, _ := strings.Cut(strings.ReplaceAll(expiry, " ", ""), "/")
		begins, err := time.Parse("01/2006", month+"/20"+year)
		if err != nil {
			return "", "The expiry date must be MM/YY."
		}
		if !begins.AddDate(0, 1, 0).After(f.Now()) {
			return "", "This card has expired."
		}
	}
	if cvv := strings.TrimSpace(r.PostForm.Get(fieldCVV)); cvv != "" && (len(cvv) < 3 || len(cvv) > 4 || strings.Trim(cvv, "0123456789") != "") {
		return "", "The security code has three or four digits."
	}
	return card, ""
}

// payByCard finishes the payment. A second click changes nothing.
func (f *Fake) payByCard(r *http.Request, id, card string) checkoutView {
	f.world.LockFor(r)
	defer f.world.Unlock()
	p := f.state.byCheckout[id]
	if p == nil { // gone with a reset meanwhile
		return checkoutView{}
	}
	if !p.final() {
		if pays(kpay.TestCard(card)) {
			p.PayAccount = maskCard(card)
			f.finish(p, kpay.CodePaid, descPaid)
		} else {
			f.finish(p, kpay.CodeFailed, "Card declined.")
		}
	}
	return f.view(p)
}

// cancel ends the payment because the payer left. A second click changes nothing.
func (f *Fake) cancel(r *http.Request, id string) checkoutView {
	f.world.LockFor(r)
	defer f.world.Unlock()
	p := f.state.byCheckout[id]
	if p == nil { // gone with a reset meanwhile
		return checkoutView{}
	}
	if !p.final() {
		f.finish(p, kpay.CodeFailed, descCancelled)
	}
	return f.view(p)
}

func writeCheckout(rw http.ResponseWriter, status int, view checkoutView) {
	var page bytes.Buffer
	if err := checkoutPage.Execute(&page, view); err != nil {
		panic(err) // the template and its data are both in here
	}
	h := rw.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", checkoutPolicy)
	rw.WriteHeader(status)
	_, _ = rw.Write(page.Bytes()) // into memory
}

// pays knows the test cards of the reference document. The vendor's guides list
// more. The fake declines those like any other.
func pays(card kpay.TestCard) bool { return slices.Contains(payingCards(), card) }

func payingCards() []kpay.TestCard {
	return []kpay.TestCard{
		kpay.TestMastercardCommercial, kpay.TestMastercardConsumer, kpay.TestMastercardDebit,
		kpay.TestVisaClassic, kpay.TestVisaConsumer, kpay.TestVisaDebit,
	}
}

// groupCard is a card number in groups of four, as on a card.
func groupCard(number string) string {
	var groups []string
	for part := range slices.Chunk([]byte(number), 4) {
		groups = append(groups, string(part))
	}
	return strings.Join(groups, " ")
}

// cardNumber takes spaces and hyphens out of a typed number. It reports whether
// the rest is a card number: 12 to 19 digits with the right check digit (Luhn).
func cardNumber(typed string) (string, bool) {
	number := strings.NewReplacer(" ", "", "-", "").Replace(typed)
	if len(number) < 12 || len(number) > 19 || strings.Trim(number, "0123456789") != "" {
		return "", false
	}
	sum := 0
	for i := range number {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			d *= 2
			if d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return number, sum%10 == 0
}

// maskCard keeps the first six and the last four digits.
func maskCard(number string) string {
	return number[:6] + strings.Repeat("*", len(number)-10) + number[len(number)-4:]
}
