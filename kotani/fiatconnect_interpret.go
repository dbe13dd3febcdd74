package kotani

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// interpretFiatConnect reads an answer by the specification: errors are
// {"error": code}. A refused client key and a missing idempotency key have no
// code there, so that any 4xx in JSON or plain text is a refusal. Kotani's own
// handlers tell errors inside an HTTP 200; should this section do so, a code of
// the specification counts as much there.
func interpretFiatConnect(op sdk.Operation, r *transport.Response) transport.Verdict {
	code := readCode(r.Body)
	if r.Status < 300 && !code.specified() {
		return transport.Verdict{Kind: transport.Accepted}
	}
	v := transport.Verdict{Code: string(code), Message: string(code)}
	if code != "" {
		v.Reasons = code.reasons()
		if limits := quoteLimits(r.Body); limits != (QuoteLimits{}) {
			v.Detail = limits
		}
	} else {
		v.Message = readAnswer(r.Body).message
	}
	switch {
	case r.Status >= 500 || r.Status == http.StatusRequestTimeout:
		v.Reasons = nil // the core names it by its status
		return v
	case readAnswer(r.Body).page:
		return v
	case r.Status == http.StatusConflict && op.Class == sdk.Keyed:
		// The first request under this key is still running (idempotency draft).
		v.Kind, v.Reasons = transport.InProgress, []error{sdk.ErrInProgress}
		return v
	case r.Status == http.StatusUnauthorized, code == ErrSessionExpired, code == ErrSessionUnauthorized:
		v.Kind = transport.Expired
	case r.Status == http.StatusTooManyRequests:
		v.Kind, v.Reasons = transport.Throttled, []error{sdk.ErrRateLimited}
		return v
	default:
		v.Kind = transport.Refused
	}
	if v.Reasons == nil {
		v.Reasons = kindsByStatus(r.Status)
	}
	if r.Status == http.StatusUnprocessableEntity && op.Class == sdk.Keyed {
		// The key belongs to a transfer with other contents (idempotency draft).
		v.Reasons = append([]error{sdk.ErrDuplicate}, v.Reasons...)
	}
	return v
}

// kindsByStatus names a refusal without a code.
func kindsByStatus(status int) []error {
	switch status {
	case http.StatusUnauthorized:
		return []error{sdk.ErrUnauthorized}
	case http.StatusForbidden:
		return []error{sdk.ErrForbidden}
	case http.StatusNotFound:
		return []error{sdk.ErrNotFound}
	case http.StatusConflict:
		return []error{sdk.ErrDuplicate}
	}
	return []error{sdk.ErrValidation}
}

// readCode returns the code of an error body, or nothing. It ends up in the
// error's text, so only what looks like a code counts.
func readCode(body []byte) FiatConnectCode {
	var w struct {
		Error string `json:"error"`
	}
	if !bytes.Contains(body, []byte(`"error"`)) || json.Unmarshal(body, &w) != nil || len(w.Error) > 64 {
		return ""
	}
	if strings.IndexFunc(w.Error, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') }) >= 0 {
		return ""
	}
	return FiatConnectCode(w.Error)
}
