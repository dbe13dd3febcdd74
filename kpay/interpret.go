package kpay

import (
	"net/http"
	"slices"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// interpret reads an answer. KPay gives business errors in the body; which HTTP
// status goes with them is not documented (clients see 200), so the body is
// asked first.
func interpret(op transport.Operation, r *transport.Response) transport.Verdict {
	a, err := parseAnswer(r.Body)
	if err != nil {
		return foreign(r)
	}
	r.Parsed = a
	v := a.verdict(op)
	if v.Kind == transport.Accepted && r.Status >= 200 && r.Status <= 299 {
		return v
	}
	v.Code, v.Message = string(a.code()), a.message()
	switch {
	case v.Kind == transport.Accepted,
		v.Kind == transport.Refused && lost(r.Status) && a.code().class() != classRequest:
		// KPay's words under a status that says the opposite settle nothing.
		v.Kind, v.Kinds = transport.Unclear, nil
	case r.Status == http.StatusTooManyRequests && v.Kind != transport.Duplicate && (a.RetCode.Present || a.Reply != ""):
		v.Kind, v.Kinds = transport.Throttled, []error{transport.ErrRateLimited}
	}
	if v.Kind == transport.Unclear {
		f := foreign(r)
		v.Kind, v.Kinds = f.Kind, f.Kinds
	}
	if op.Name == OpPay && v.Kind == transport.Refused && slices.Contains(v.Kinds, error(transport.ErrDeclined)) {
		// Perhaps because the payer still has the prompt of an earlier request. To
		// one that left unanswered this is no more an answer than a duplicate is.
		v.Kind = transport.Duplicate
	}
	return v
}

// lost reports a status that leaves open whether the work was done.
func lost(status int) bool { return status >= 500 || status == http.StatusRequestTimeout }

// foreign judges an answer that is not in KPay's words.
func foreign(r *transport.Response) transport.Verdict {
	switch r.Status {
	case http.StatusUnauthorized:
		// A web server that asks for basic auth did not pass the request on.
		if r.Header.Get("Www-Authenticate") != "" {
			return transport.Verdict{Kind: transport.Refused, Kinds: []error{transport.ErrUnauthorized}}
		}
	case http.StatusNotFound:
		// A wrong path must not look like a payment that is not there.
		return transport.Verdict{Kinds: []error{transport.ErrUnexpectedResponse}}
	}
	return transport.Verdict{}
}

// verdict says what an answer means. The order is that of the facts: a status of
// the payment, a code of the request, and only then "success".
func (a *answer) verdict(op transport.Operation) transport.Verdict {
	code := a.code()
	class := code.class()
	switch {
	case a.contradictory():
		return transport.Verdict{}
	case a.StatusID != "" && class < classRequest:
		return transport.Verdict{Kind: transport.Accepted}
	case class == classDuplicate:
		return transport.Verdict{Kind: transport.Duplicate, Kinds: []error{transport.ErrDuplicate}}
	case class == classNotFound, class == classRequest:
		return transport.Verdict{Kind: transport.Refused, Kinds: code.kinds()}
	case class == classPending || class == classPaid:
		return transport.Verdict{Kind: transport.Accepted}
	case op.Name != OpStatus && (code.listed() || a.Success.Valid && !a.Success.Bool):
		kinds := []error{transport.ErrDeclined}
		if a.noFunds() {
			kinds = append(kinds, transport.ErrInsufficientFunds)
		}
		return transport.Verdict{Kind: transport.Refused, Kinds: kinds}
	case code == "" && a.Success.Bool:
		return transport.Verdict{Kind: transport.Accepted}
	}
	// A code nobody knows, without a word on whether it was done; or a status
	// question that failed, which says nothing about the payment.
	return transport.Verdict{}
}

// kinds are the sentinels of a code that speaks of the request.
func (c Code) kinds() []error {
	switch c {
	case CodeNoCredentials, CodeBadCredentials, CodeBadRemoteUser:
		return []error{transport.ErrUnauthorized}
	case CodeNotAllowListed:
		return []error{transport.ErrForbidden, transport.ErrConfiguration}
	case CodeNotHTTPS, CodeUnknownRetailer, CodeRetailerDisabled:
		return []error{transport.ErrConfiguration}
	case CodeMissingParameter, CodeUnknownMethod, CodeUnknownInstitution:
		return []error{transport.ErrValidation}
	case CodeNotFound:
		return []error{transport.ErrNotFound}
	}
	return nil
}
