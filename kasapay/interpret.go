package kasapay

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// refused is the documented response code of a refusal; any error code beside it
// passes through.
const refused = "721"

// ResponseCode is the response_code of a refusal, "721" in the document. It is the
// Detail of the *sdk.Error, whose Code is the error_code where there is one.
type ResponseCode string

// interpret reads an answer. Refusals come in two envelopes of the gateway's own,
// under HTTP statuses that are not documented (721 may come with a 200); all else
// is somebody else's page.
func interpret(op sdk.Operation, r *transport.Response) transport.Verdict {
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
	if op.Name == OpInitiate && v.Kind == transport.Refused && v.Fields == nil && !slices.Contains(v.Reasons, error(sdk.ErrConfiguration)) {
		// It may be a duplicate in words nobody knows, or the float may be short
		// because the first request has it. Should there have been one, this says
		// nothing about it.
		v.Kind = transport.Duplicate
	}
	v.Code, v.Message = a.code(), a.text()
	if a.ResponseCode != "" {
		v.Detail = ResponseCode(a.ResponseCode)
	}
	return v
}

// foreign judges an answer that is not in the gateway's words. A path that does
// not exist must not look like a payout that does not exist.
func foreign(status int) transport.Verdict {
	if status == http.StatusNotFound {
		return transport.Verdict{Reasons: []error{sdk.ErrUnexpectedResponse}}
	}
	return transport.Verdict{}
}

func (a *answer) verdict(op sdk.Operation, status int) transport.Verdict {
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
func (a *answer) envelope(op sdk.Operation, status int) transport.Verdict {
	switch {
	case lost(status):
		return transport.Verdict{}
	case status == http.StatusTooManyRequests:
		// The framework throttles before any handler runs.
		return transport.Verdict{Kind: transport.Throttled, Reasons: []error{sdk.ErrRateLimited}}
	case op.Open:
		return transport.Verdict{Kind: transport.Refused, Reasons: []error{sdk.ErrUnauthorized}}
	case status == http.StatusUnauthorized:
		return expired()
	case status == http.StatusNotFound && a.noRoute() && op.Name == OpStatus:
		return foreign(status)
	case status == http.StatusNotFound && a.noRoute():
		return transport.Verdict{Kind: transport.Refused, Reasons: []error{sdk.ErrConfiguration}}
	case status == http.StatusNotFound && op.Name == OpStatus && strings.EqualFold(strings.Join(a.Message, ""), "not found"):
		return transport.Verdict{Kind: transport.Refused, Reasons: []error{sdk.ErrNotFound}}
	case status == http.StatusConflict && op.Name == OpInitiate:
		return transport.Verdict{Kind: transport.Duplicate, Reasons: []error{sdk.ErrDuplicate}}
	}
	v := a.refusal(op)
	switch {
	case v.Reasons != nil:
	case status == http.StatusForbidden:
		v.Reasons = []error{sdk.ErrForbidden}
	case status == http.StatusBadRequest, status == http.StatusUnprocessableEntity:
		v.Reasons, v.Fields = []error{sdk.ErrValidation}, a.fields()
	}
	return v
}

// refusal finds out what a refusal is about. Only SERVICE_NOT_ALLOWED and the
// words "Invalid Payout Reference" are documented; the other words are assumed.
// To take another word for "no such payout" could pay twice.
func (a *answer) refusal(op sdk.Operation) transport.Verdict {
	v := transport.Verdict{Kind: transport.Refused}
	switch {
	case a.says("access token", "invalid token", "token expired", "expired token"):
		return expired()
	case op.Name == OpStatus && (a.says("payout", "reference", "transaction") && a.says("not found", "not exist") ||
		a.says("invalid payout reference", "invalid reference", "unknown payout", "unknown reference", "unknown transaction")):
		v.Reasons = []error{sdk.ErrNotFound}
	case op.Name == OpInitiate && a.says("duplicate", "already exist", "already used", "already been used", "must be unique"):
		v.Kind, v.Reasons = transport.Duplicate, []error{sdk.ErrDuplicate}
	case a.says("insufficient"):
		v.Reasons = []error{sdk.ErrInsufficientFunds}
	case a.says("service not allowed", "invalid service"):
		v.Reasons = []error{sdk.ErrConfiguration}
	}
	return v
}

// expired is a refused token. Nothing was done, so the request may be sent again
// with a new one (assumed).
func expired() transport.Verdict {
	return transport.Verdict{Kind: transport.Expired, Reasons: []error{sdk.ErrUnauthorized}}
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
