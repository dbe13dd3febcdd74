package kpaytest

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// serveAPI carries out pay and checkstatus. The body's action tells them apart. The
// document's curl is a GET without a body: it shows whether the credentials are good,
// because a request without parameters is all that is refused then (assumed).
func (f *Fake) serveAPI(rw http.ResponseWriter, r *http.Request) {
	if why := f.admit(r); why != nil {
		status := http.StatusOK
		if why.code == missingAuth.code && f.config.Quirks.HTTP401 {
			status = http.StatusUnauthorized
		}
		fake.Because(rw, why.reply)
		f.write(rw, status, why.body())
		return
	}
	var req request
	if r.Method == http.MethodPost {
		req = readRequest(r)
	}
	body := f.act(r, req)
	if code, ok := body["retcode"].(int); ok && code != 0 {
		why := fmt.Sprint(body["reply"])
		if more, ok := body["statusmsg"]; ok {
			why += ": " + fmt.Sprint(more)
		}
		fake.Because(rw, why)
	}
	f.write(rw, http.StatusOK, body)
}

func (f *Fake) act(r *http.Request, req request) response {
	f.world.LockFor(r)
	defer f.world.Unlock()
	switch req["action"] {
	case "", "pay": // the documents' own samples leave it out
		return f.pay(r, req)
	case "checkstatus":
		return f.checkStatus(req)
	}
	return f.refuseRequest(missingParameters.naming("action"), req["refid"])
}

// admit checks what comes before the request itself.
func (f *Fake) admit(r *http.Request) *refusal {
	name, password, basic := r.BasicAuth()
	key, wantKey := r.Header.Get("Kpay-Key"), f.config.APIKey
	switch {
	case f.config.Quirks.RequireHTTPS && f.world.ExternalURL(r).Scheme != "https":
		return &plainHTTP
	case !basic || wantKey != "" && key == "":
		return &missingAuth
	case name != f.config.Username || password != f.config.Password || wantKey != "" && key != wantKey:
		return &wrongPair
	case !f.allowed(r):
		return &foreignAddress
	}
	return nil
}

func (f *Fake) allowed(r *http.Request) bool {
	if len(f.config.Quirks.AllowedIPs) == 0 {
		return true
	}
	address := netip.MustParseAddr("127.0.0.1") // an in-memory pipe has no address
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		if parsed, err := netip.ParseAddr(host); err == nil {
			address = parsed.Unmap()
		}
	}
	for _, p := range f.config.Quirks.AllowedIPs {
		if p.Contains(address) {
			return true
		}
	}
	return false
}

// pay carries out the action pay. The lock is held.
func (f *Fake) pay(r *http.Request, req request) response {
	if why, refused := f.checkPay(req); refused {
		return f.refuseRequest(why, req["refid"])
	}
	p := f.newPayment(req)
	switch p.Scenario {
	case ScenarioRefused:
		return f.refusePayment(p, refusedPayment)
	case ScenarioRefusedNoFunds:
		return f.refusePayment(p, refusedNoFunds)
	case ScenarioImmediate:
		f.state.add(p)
		f.finish(p, kpay.CodePaid, "SUCCESSFUL")
		return response{
			"tid": p.TID, "refid": p.RefID, "momtransactionid": p.MoMoTransactionID,
			"statusdesc": p.StatusDesc, "statusid": string(p.StatusID), "retcode": 0,
		}
	}
	f.state.add(p)
	f.schedule(p)
	return response{
		"reply": "PENDING", "url": f.checkoutURL(r, p), "success": 1, "authkey": f.authKey(),
		"tid": p.TID, "refid": p.RefID, "retcode": 0,
	}
}

// checkPay checks a pay request in the order of the package comment.
func (f *Fake) checkPay(req request) (why refusal, refused bool) {
	if names := req.missing(f.config.Quirks.BankIDOptional); len(names) > 0 {
		return missingParameters.naming(names...), true
	}
	if faults := req.unusable(); len(faults) > 0 {
		return unusableParameters.naming(faults...), true
	}
	methods := []kpay.Method{kpay.MethodCard, kpay.MethodMoMo, kpay.MethodBank, kpay.MethodSPENN, kpay.MethodSmartCash}
	retailer, known := f.config.retailer(req["retailerid"])
	switch {
	case !known:
		return unknownRetailer, true
	case retailer.Disabled:
		return disabledRetailer, true
	case !slices.Contains(methods, kpay.Method(req["pmethod"])):
		return unknownMethod, true
	case req["bankid"] != "" && kpay.BankID(req["bankid"]).Name() == "":
		return unknownBank, true
	case !req.pairs():
		return wrongPairing, true
	case f.state.Payments.Find(req["refid"]) != nil:
		return duplicateRefID, true
	}
	return refusal{}, false
}

// refusePayment lets the processor refuse a payment in the response itself. The
// payer was never asked, so there is no postback.
func (f *Fake) refusePayment(p *Payment, why refusal) response {
	if !f.config.Quirks.RefusedRefIDReusable {
		p.StatusID, p.StatusDesc, p.Ended = kpay.CodeFailed, why.reply, p.Created
		f.state.add(p)
	}
	return f.refuseRequest(why, p.RefID)
}

// checkoutURL is the payment's page, beside the endpoint that was called.
func (f *Fake) checkoutURL(r *http.Request, p *Payment) string {
	if f.config.Quirks.BlankURL {
		return " "
	}
	u := f.world.ExternalURL(r)
	u.Path = strings.TrimSuffix(u.Path, r.URL.Path) + checkoutPath + p.CheckoutID
	u.RawPath, u.RawQuery = "", ""
	return u.String()
}

// checkStatus carries out the action checkstatus: by tid, by refid, or by both
// when they agree. The lock is held.
func (f *Fake) checkStatus(req request) response {
	tid, refID := req["tid"], req["refid"]
	if tid == "" && refID == "" {
		return f.refuseRequest(missingParameters.naming("tid", "refid"), "")
	}
	p := f.state.Payments.Find(refID)
	if refID == "" {
		p = f.state.byTID[tid]
	}
	if p == nil || tid != "" && f.state.byTID[tid] != p || f.lagging(p) {
		return response{"tid": "", "refid": "", "momtransactionid": "", "statusid": "611", "statusdesc": "Transaction not found"}
	}
	return f.status(p)
}

func (f *Fake) lagging(p *Payment) bool {
	lag := f.config.LookupLag
	if p.Scenario == fake.ScenarioLagging {
		lag = max(lag, laggingFor)
	}
	return f.world.Now().Sub(p.Created) < lag
}

// request is the body of an API call: every string or number as trimmed text.
// It is nil when the body is no JSON object. The Content-Type does not count.
type request map[string]string

func readRequest(r *http.Request) request {
	body, ok := fake.ReadObject(r.Body)
	if !ok {
		return nil
	}
	req := request{}
	for name, value := range body {
		req[name] = fake.Text(value)
	}
	return req
}

// missing names the fields of a pay request that are empty.
func (req request) missing(bankOptional bool) []string {
	var names []string
	for _, name := range []string{
		"msisdn", "email", "details", "refid", "amount", "cname", "cnumber",
		"pmethod", "retailerid", "returl", "redirecturl", "bankid",
	} {
		switch {
		case name == "bankid" && bankOptional:
		case req[name] == "":
			names = append(names, name)
		}
	}
	return names
}

// unusable says which fields of a complete pay request cannot be used.
func (req request) unusable() []string {
	var faults []string
	wrong := func(bad bool, text string) {
		if bad {
			faults = append(faults, text)
		}
	}
	_, phone := wire.Phone(req["msisdn"])
	wrong(!phone, "msisdn is not a phone number")
	name, host, _ := strings.Cut(req["email"], "@")
	wrong(name == "" || host == "" || strings.ContainsAny(host, "@") || strings.ContainsFunc(req["email"], unicode.IsSpace), "email is not an e-mail address")
	wrong(req.fractional(), "amount is not a whole number")
	wrong(!req.fractional() && !req.amount().IsPositive(), "amount is not a number above zero")
	c := req.currency()
	wrong(c != "RWF" && c != "USD", "currency is not RWF or USD")
	for _, name := range []string{"returl", "redirecturl"} {
		wrong(!fake.IsWebURL(req[name]), name+" is not a URL")
	}
	return faults
}

// pairs reports whether institution, method and number go together (assumed). The
// number's prefix tells the network of mobile money, as public clients have it. Without
// an institution mobile money is MTN's or Airtel's.
func (req request) pairs() bool {
	bank, method := kpay.BankID(req["bankid"]), kpay.Method(req["pmethod"])
	phone, _ := wire.Phone(req["msisdn"])
	network := "0" + strings.TrimPrefix(strings.TrimPrefix(phone, "250"), "0")
	prefix := ""
	if len(network) == len("0780000000") {
		prefix = network[:3]
	}
	mtn, airtel := prefix == "078" || prefix == "079", prefix == "072" || prefix == "073"
	switch bank {
	case "":
		return method != kpay.MethodMoMo || mtn || airtel
	case kpay.BankMTN:
		return method == kpay.MethodMoMo && mtn
	case kpay.BankAirtel:
		return method == kpay.MethodMoMo && airtel
	case kpay.BankMobicash:
		return method == kpay.MethodMoMo
	case kpay.BankSPENN:
		return method == kpay.MethodSPENN
	case kpay.BankCards:
		return method == kpay.MethodCard || method == kpay.MethodSmartCash
	}
	return method == kpay.MethodBank
}

func (req request) currency() string {
	if c := req["currency"]; c != "" {
		return c
	}
	return "RWF"
}

// fractional reports a number with a fraction that is not zero. A plugin sends such
// amounts after it has converted a currency (observed).
func (req request) fractional() bool {
	whole, fraction, _ := strings.Cut(req["amount"], ".")
	return whole != "" && strings.Trim(strings.TrimPrefix(whole, "-")+fraction, "0123456789") == "" && strings.Trim(fraction, "0") != ""
}

const maxAmountDigits = 15

// amount is a whole number above zero, with or without a fraction of zeros. Zero
// stands for anything else.
func (req request) amount() decimal.Decimal {
	whole, fraction, _ := strings.Cut(req["amount"], ".")
	if len(whole) > maxAmountDigits || len(fraction) > maxAmountDigits ||
		strings.Trim(whole, "0123456789") != "" || strings.Trim(fraction, "0") != "" {
		return decimal.Zero
	}
	amount, err := decimal.NewFromString(whole)
	if err != nil {
		return decimal.Zero
	}
	return amount
}
