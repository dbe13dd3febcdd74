package kpaytest

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/kpay"
)

// Fields of the checkout form. The last two may be left out by programs; what
// is sent is checked.
const (
	fieldCard   = "card_number"
	fieldExpiry = "expiry_date" // MM/YY
	fieldCVV    = "cvv"
)

//go:embed checkout.html
var checkoutHTML string

var checkoutPage = template.Must(template.New("checkout").Parse(checkoutHTML))

type checkoutView struct {
	Payment
	Retailer string
	Pending  bool
	Paid     bool
	Problem  string // with what was typed
}

// serveCheckout is the hosted page: GET shows it, POST pays. It takes a card
// whatever the payment's method (assumed). The payer needs no credentials.
func (f *Fake) serveCheckout(rw http.ResponseWriter, r *http.Request, id string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost {
		rw.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(rw, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	view, known := f.checkoutView(id)
	if !known {
		http.Error(rw, "No such payment.", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodPost {
		showCheckout(rw, http.StatusOK, view)
		return
	}
	card, problem := f.readCard(r)
	if problem != "" {
		view.Problem = problem
		showCheckout(rw, http.StatusUnprocessableEntity, view)
		return
	}
	view = f.payByCard(id, card)
	if !webURL(view.RedirectURL) {
		showCheckout(rw, http.StatusOK, view)
		return
	}
	rw.Header().Set("Location", view.RedirectURL)
	rw.WriteHeader(http.StatusSeeOther)
}

func (f *Fake) checkoutView(id string) (checkoutView, bool) {
	f.world.Lock()
	defer f.world.Unlock()
	p := f.state.byCheckout[id]
	if p == nil {
		return checkoutView{}, false
	}
	return f.view(p), true
}

func (f *Fake) view(p *Payment) checkoutView {
	retailer, _ := f.retailer(p.RetailerID)
	return checkoutView{Payment: *p, Retailer: retailer.Name, Pending: !p.final(), Paid: p.StatusID == kpay.CodePaid}
}

// readCard reads the form and says what is wrong with it. A wrong number is a
// slip of the finger: nothing happens to the payment.
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

// payByCard settles the payment unless it is final already: the second click
// changes nothing.
func (f *Fake) payByCard(id, card string) checkoutView {
	f.world.Lock()
	defer f.world.Unlock()
	p := f.state.byCheckout[id]
	if p == nil { // gone with a reset meanwhile
		return checkoutView{}
	}
	if !p.final() {
		if pays(kpay.TestCard(card)) {
			p.PayAccount = maskCard(card)
			f.settle(p, kpay.CodePaid, descPaid)
		} else {
			f.settle(p, kpay.CodeFailed, "Card declined.")
		}
	}
	return f.view(p)
}

// webURL says that a browser can be sent there.
func webURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func showCheckout(rw http.ResponseWriter, status int, view checkoutView) {
	var page bytes.Buffer
	if err := checkoutPage.Execute(&page, view); err != nil {
		panic(err) // the template and its data are both in here
	}
	h := rw.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	rw.WriteHeader(status)
	_, _ = rw.Write(page.Bytes()) // into memory
}
