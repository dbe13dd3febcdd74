package kasapay

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
)

// refused is the documented response code of a refusal; any error code beside it
// passes through.
const refused = "721"

// interpret reads an answer. Refusals come in two envelopes of the gateway's own,
// under HTTP statuses that are not documented (721 may come with a 200); all else
// is somebody else's page.
func interpret(op transport.Operation, r *transport.Response) transport.Verdict {
	a, err := parseAnswer(r.Body)
	switch {
	case err != nil && good(r.Status) && wire.IsArray(r.Body):
		return transport.Verdict{Kind: transport.Accepted} // for Do: statements are arrays (vendor's page)
	case err != nil:
		return foreign(r.Status)
	}
	r.Parsed = a
	v := a.verdict(op, r.Status)
	if v.Kind == transport.Accepted {
		return v
	}
	if op.Name == OpInitiate && v.Kind == transport.Refused && v.Fields == nil && !slices.Contains(v.Kinds, error(transport.ErrConfiguration)) {
		// It may be a duplicate in words nobody knows, or the float may be short
		// because the first request has it. Should there have been one, this says
		// nothing about it.
		v.Kind = transport.Duplicate
	}
	v.Code, v.Message = a.code(), a.text()
	if a.ResponseCode != "" {
		v.Detail = string(a.ResponseCode)
	}
	return v
}

// foreign judges an answer that is not in the gateway's words. A path that does
// not exist must not look like a payout that does not exist.
func foreign(status int) transport.Verdict {
	if status == http.StatusNotFound {
		return transport.Verdict{Kinds: []error{transport.ErrUnexpectedResponse}}
	}
	return transport.Verdict{}
}

func (a *answer) verdict(op transport.Operation, status int) transport.Verdict {
	if own := a.ownStatus(); own >= 400 {
		if good(status) {
			status = own
		}
		if own == status {
			return a.envelope(op, status)
		}
		return foreign(status)
	}
	switch {
	case lost(status):
		return transport.Verdict{}
	case a.ResponseCode == refused, a.ResponseCode != "" && PaymentStatus(a.ResponseCode) != StatusAccepted && status >= 400:
		return a.refusal(op)
	case good(status) && (a.ResponseCode == "" || PaymentStatus(a.ResponseCode) == StatusAccepted):
		return transport.Verdict{Kind: transport.Accepted}
	}
	return foreign(status)
}

func good(status int) bool { return status >= 200 && status < 300 }

// ownStatus is the status which the framework's envelope names, or 0.
func (a *answer) ownStatus() int {
	if a.StatusCode == "" {
		return 0
	}
	status, _ := strconv.Atoi(string(a.StatusCode))
	return status
}

// lost reports a status that leaves open whether the work was done.
func lost(status int) bool { return status >= 500 || status == http.StatusRequestTimeout }

// envelope reads {"statusCode","message","error"}. Documented for bad
// credentials; that the payout routes use it too is assumed.
func (a *answer) envelope(op transport.Operation, status int) transport.Verdict {
	switch {
	case lost(status):
		return transport.Verdict{}
	case status == http.StatusTooManyRequests:
		// The framework throttles before any handler runs.
		return transport.Verdict{Kind: transport.Throttled, Kinds: []error{transport.ErrRateLimited}}
	case op.Open:
		return transport.Verdict{Kind: transport.Refused, Kinds: []error{transport.ErrUnauthorized}}
	case status == http.StatusUnauthorized:
		return expired()
	case status == http.StatusNotFound && a.noRoute() && op.Name == OpStatus:
		return foreign(status)
	case status == http.StatusNotFound && a.noRoute():
		return transport.Verdict{Kind: transport.Refused, Kinds: []error{transport.ErrConfiguration}}
	case status == http.StatusNotFound && op.Name == OpStatus && strings.EqualFold(strings.Join(a.Message, ""), "not found"):
		return transport.Verdict{Kind: transport.Refused, Kinds: []error{transport.ErrNotFound}}
	case status == http.StatusConflict && op.Name == OpInitiate:
		return transport.Verdict{Kind: transport.Duplicate, Kinds: []error{transport.ErrDuplicate}}
	}
	v := a.refusal(op)
	switch {
	case v.Kinds != nil:
	case status == http.StatusForbidden:
		v.Kinds = []error{transport.ErrForbidden}
	case status == http.StatusBadRequest, status == http.StatusUnprocessableEntity:
		v.Kinds, v.Fields = []error{transport.ErrValidation}, a.fields()
	}
	return v
}

// refusal finds out what a refusal is about. Only SERVICE_NOT_ALLOWED and the
// words "Invalid Payout Reference" are documented; the other words are assumed.
// To take another word for "no such payout" could pay twice.
func (a *answer) refusal(op transport.Operation) transport.Verdict {
	v := transport.Verdict{Kind: transport.Refused}
	switch {
	case a.says("access token", "invalid token", "token expired", "expired token"):
		return expired()
	case op.Name == OpStatus && (a.says("payout", "reference", "transaction") && a.says("not found", "not exist") ||
		a.says("invalid payout reference", "invalid reference", "unknown payout", "unknown reference", "unknown transaction")):
		v.Kinds = []error{transport.ErrNotFound}
	case op.Name == OpInitiate && a.says("duplicate", "already exist", "already used", "already been used", "must be unique"):
		v.Kind, v.Kinds = transport.Duplicate, []error{transport.ErrDuplicate}
	case a.says("insufficient"):
		v.Kinds = []error{transport.ErrInsufficientFunds}
	case a.says("service not allowed", "invalid service"):
		v.Kinds = []error{transport.ErrConfiguration}
	}
	return v
}

// expired is a refused token. Nothing was done, so the request may be sent again
// with a new one (assumed).
func expired() transport.Verdict {
	return transport.Verdict{Kind: transport.Expired, Kinds: []error{transport.ErrUnauthorized}}
}

// noRoute reports the words of NestJS, on either of its servers, for a route
// which it does not have.
func (a *answer) noRoute() bool { return a.says("cannot ") || a.says("route ") && a.says("not found") }

// says reports whether the answer's words hold one of the phrases, given in
// lower case and with spaces. The envelope's "error" only names the HTTP status.
func (a *answer) says(phrases ...string) bool {
	words := strings.ToLower(string(a.ErrorCode) + "\n" + string(a.ResponseDescription) + "\n" + strings.Join(a.Message, "\n"))
	words = strings.NewReplacer("_", " ", "-", " ").Replace(words)
	for _, p := range phrases {
		if strings.Contains(words, p) {
			return true
		}
	}
	return false
}

// fields sorts the framework's validation messages by the field they begin with
// ("amount must be a string").
func (a *answer) fields() transport.Fields {
	var f transport.Faults
	for _, m := range a.Message {
		if name, rest, ok := strings.Cut(m, " "); ok && strings.Contains(requestFields, " "+name+" ") {
			f.Add(name, rest)
		}
	}
	return f.Fields
}

const requestFields = " payout_reference service_code payment_account_reference recipient_name recipient_type recipient_account_number" +
	" amount payment_description payment_method currency_code country_code callback_url "
