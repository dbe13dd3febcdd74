package kpaytest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// response is a JSON object to send: strings, and the integers success and
// retcode.
type response map[string]any

func (f *Fake) write(rw http.ResponseWriter, status int, body response) {
	fake.Respond(rw, status, "application/json", f.encode(body))
}

// encode writes a response as JSON, with the Quirks.
func (f *Fake) encode(body response) []byte { return fake.Encode(f.quirky(body)) }

// refusal is why a request is not carried out: a retcode and its words.
type refusal struct {
	code      int
	reply     string
	statusMsg string
}

// The codes 0, 01 to 03, 401, 500, 600, 602, 603, 608 and 611 are in the
// reference document, the others in the vendor's guide. The words are the
// documents' where they have any. "Invalid PIN" and "Not enough funds" were
// recorded.
var (
	plainHTTP         = refusal{code: 500, reply: "Non HTTPS request"}
	missingAuth       = refusal{code: 401, reply: "Missing authentication header"}
	wrongPair         = refusal{code: 600, reply: "Invalid PIN"}
	foreignAddress    = refusal{code: 602, reply: "Location / IP not whitelisted"}
	missingParameters = refusal{code: 603, reply: "Missing required parameters"}
	// The document has no word for a parameter that is there and cannot be used
	// (assumed).
	unusableParameters = refusal{code: 603, reply: "Unusable parameters"}
	unknownRetailer    = refusal{code: 604, reply: "Unknown retailer"}
	disabledRetailer   = refusal{code: 605, reply: "Retailer not enabled"}
	refusedPayment     = refusal{code: 606, reply: "TARGET_AUTHORIZATION_ERROR"}
	refusedNoFunds     = refusal{code: 606, reply: "TARGET_AUTHORIZATION_ERROR", statusMsg: "Not enough funds"}
	duplicateRefID     = refusal{code: 608, reply: "Duplicate refid used"}
	unknownMethod      = refusal{code: 609, reply: "Unknown payment method"}
	unknownBank        = refusal{code: 610, reply: "Unknown or disabled institution"}
	wrongPairing       = refusal{code: 610, reply: "Unknown or disabled institution: bankid, pmethod and msisdn do not go together"}
)

func (why refusal) naming(fields ...string) refusal {
	why.reply += ": " + strings.Join(fields, ", ")
	return why
}

// body is the short form: reply and retcode. A request that is not admitted gets
// no more.
func (why refusal) body() response {
	return response{"reply": why.reply, "retcode": why.code}
}

// refuseRequest is the response to an admitted request that is refused.
func (f *Fake) refuseRequest(why refusal, refID string) response {
	body := why.body()
	if f.config.Quirks.MinimalErrors {
		return body
	}
	body["url"] = " "
	body["success"] = 0
	body["authkey"] = f.authKey()
	body["tid"] = "E" // as the vendor's guide prints it
	body["refid"] = refID
	if why.statusMsg != "" {
		body["statusmsg"] = why.statusMsg
	}
	return body
}

func (f *Fake) authKey() string { return f.world.IDs(providerName).Hex(26) }

// refuse writes the status that a fault rule asks for. A gateway that fails or
// throttles says nothing about the payment, so its response has no retcode.
func (f *Fake) refuse(rw http.ResponseWriter, _ *http.Request, status int, _ time.Duration) {
	body := response{"reply": http.StatusText(status)}
	switch {
	case status == http.StatusUnauthorized:
		body = missingAuth.body()
	case status == http.StatusForbidden:
		body = foreignAddress.body()
	case status >= 400 && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout:
		body = missingParameters.body()
	}
	f.write(rw, status, body)
}

func (f *Fake) refuseMethod(rw http.ResponseWriter, _ *http.Request) {
	rw.Header().Set("Allow", "GET, HEAD, POST")
	f.write(rw, http.StatusMethodNotAllowed, response{"reply": http.StatusText(http.StatusMethodNotAllowed)})
}

// quirky is a response with the Quirks in it.
func (f *Fake) quirky(body response) response {
	out := make(response, len(body))
	for name, value := range body {
		switch v := value.(type) {
		case int:
			out[name] = f.config.Quirks.number(name, v)
		case string:
			out[name] = f.config.Quirks.text(name, v)
		}
	}
	return out
}

func (q Quirks) number(name string, v int) any {
	switch {
	case name == "success" && q.SuccessAsBool:
		return v == 1
	case name == "success" && q.NumbersAsStrings:
		return fmt.Sprint(v)
	case q.NumbersAsStrings:
		return fmt.Sprintf("%03d", v)
	}
	return v
}

func (q Quirks) text(name, v string) any {
	switch name {
	case "tid", "refid", "momtransactionid", "statusid":
		digits := v
		if name == "statusid" {
			digits = strings.TrimLeft(v, "0")
		}
		if q.StringsAsNumbers && isNumber(digits) {
			return json.Number(digits)
		}
	}
	if q.PadValues {
		return " " + v + " "
	}
	return v
}

// isNumber reports whether the text can stand in JSON as an integer.
func isNumber(text string) bool {
	return text != "" && text[0] != '0' && strings.Trim(text, "0123456789") == ""
}
