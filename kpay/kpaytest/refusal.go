package kpaytest

import "strings"

// refusal is why a request is not carried out: a retcode and its words.
type refusal struct {
	code      int
	reply     string
	statusMsg string
	early     bool // before the request itself was looked at: the answer has two keys only
}

// The codes 0, 01 to 03, 401, 500, 600, 602, 603, 608 and 611 are in the
// reference document, the others in the vendor's guide. The words are the
// documents' where they have any; "Invalid PIN" and "Not enough funds" were
// recorded.
var (
	plainHTTP         = refusal{code: 500, reply: "Non HTTPS request", early: true}
	missingAuth       = refusal{code: 401, reply: "Missing authentication header", early: true}
	wrongPair         = refusal{code: 600, reply: "Invalid PIN", early: true}
	foreignAddress    = refusal{code: 602, reply: "Location / IP not whitelisted", early: true}
	missingParameters = refusal{code: 603, reply: "Missing required parameters"}
	unknownRetailer   = refusal{code: 604, reply: "Unknown retailer"}
	disabledRetailer  = refusal{code: 605, reply: "Retailer not enabled"}
	refusedPayment    = refusal{code: 606, reply: "TARGET_AUTHORIZATION_ERROR"}
	refusedNoFunds    = refusal{code: 606, reply: "TARGET_AUTHORIZATION_ERROR", statusMsg: "Not enough funds"}
	duplicateRefID    = refusal{code: 608, reply: "Duplicate refid used"}
	unknownMethod     = refusal{code: 609, reply: "Unknown payment method"}
	unknownBank       = refusal{code: 610, reply: "Unknown or disabled institution"}
)

func (f refusal) naming(fields []string) refusal {
	f.reply += ": " + strings.Join(fields, ", ")
	return f
}

// body is the short form of an error: reply and retcode.
func (f refusal) body() answer {
	return answer{"reply": f.reply, "retcode": f.code}
}

// refuseWith is the body of a refused API call.
func (f *Fake) refuseWith(why refusal, refID string) answer {
	a := why.body()
	if why.early || f.config.MinimalErrors {
		return a
	}
	a["url"] = " "
	a["success"] = 0
	a["authkey"] = f.authKey()
	a["tid"] = "E" // as the vendor's guide prints it
	a["refid"] = refID
	if why.statusMsg != "" {
		a["statusmsg"] = why.statusMsg
	}
	return a
}
