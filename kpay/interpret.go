package kpay

import (
	"net/http"
	"slices"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// interpret reads an answer. KPay gives business errors in the body; which HTTP
// status goes with them is not documented (clients see 200), so the body is
// asked first.
func interpret(op sdk.Operation, r *transport.Response) transport.Verdict {
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
		v.Kind, v.Reasons = transport.Unclear, nil
	case r.Status == http.StatusTooManyRequests && v.Kind != transport.Duplicate && (a.RetCode.Present || a.Reply != ""):
		v.Kind, v.Reasons = transport.Throttled, []error{sdk.ErrRateLimited}
	}
	if v.Kind == transport.Unclear {
		f := foreign(r)
		v.Kind, v.Reasons = f.Kind, f.Reasons
	}
	if op.Name == OpPay && v.Kind == transport.Refused && slices.Contains(v.Reasons, error(sdk.ErrDeclined)) {
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
			return transport.Verdict{Kind: transport.Refused, Reasons: []error{sdk.ErrUnauthorized}}
		}
	case http.StatusNotFound:
		// A wrong path must not look like a payment that is not there.
		return transport.Verdict{Reasons: []error{sdk.ErrUnexpectedResponse}}
	}
	return transport.Verdict{}
}

// verdict says what an answer means. The order is that of the facts: a status of
// the payment, a code of the request, and only then "success".
func (a *answer) verdict(op sdk.Operation) transport.Verdict {
	code := a.code()
	class := code.class()
	switch {
	case a.contradictory():
		return transport.Verdict{}
	case a.StatusID != "" && class < classRequest:
		return transport.Verdict{Kind: transport.Accepted}
	case class == classDuplicate:
		return transport.Verdict{Kind: transport.Duplicate, Reasons: []error{sdk.ErrDuplicate}}
	case class == classNotFound, class == classRequest:
		return transport.Verdict{Kind: transport.Refused, Reasons: code.reasons()}
	case class == classPending || class == classPaid:
		return transport.Verdict{Kind: transport.Accepted}
	case op.Name != OpStatus && (code.listed() || a.Success.Valid && !a.Success.Bool):
		kinds := []error{sdk.ErrDeclined}
		if a.noFunds() {
			kinds = append(kinds, sdk.ErrInsufficientFunds)
		}
		return transport.Verdict{Kind: transport.Refused, Reasons: kinds}
	case code == "" && a.Success.Bool:
		return transport.Verdict{Kind: transport.Accepted}
	}
	// A code nobody knows, without a word on whether it was done; or a status
	// question that failed, which says nothing about the payment.
	return transport.Verdict{}
}

// kinds are the sentinels of a code that speaks of the request.
func (c Code) reasons() []error {
	switch c {
	case CodeNoCredentials, CodeBadCredentials, CodeBadRemoteUser:
		return []error{sdk.ErrUnauthorized}
	case CodeNotAllowListed:
		return []error{sdk.ErrForbidden, sdk.ErrConfiguration}
	case CodeNotHTTPS, CodeUnknownRetailer, CodeRetailerDisabled:
		return []error{sdk.ErrConfiguration}
	case CodeMissingParameter, CodeUnknownMethod, CodeUnknownInstitution:
		return []error{sdk.ErrValidation}
	case CodeNotFound:
		return []error{sdk.ErrNotFound}
	}
	return nil
}
