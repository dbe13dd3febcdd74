package kotani

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// interpret reads an answer as the operator's 2022 source gives it: nearly every
// handler answers HTTP 200 and says in the body's "status" what it meant, and
// the few other answers are plain text.
func interpret(op sdk.Operation, r *transport.Response) transport.Verdict {
	a := readAnswer(r.Body)
	v := transport.Verdict{Code: a.code, Message: a.message}
	switch {
	case r.Status < 300:
		return a.meaning(op, v)
	case r.Status >= 500 || r.Status == http.StatusRequestTimeout || a.page && !a.noRoute(op):
		return v // a crash or somebody else's words; the core names it by its status
	case r.Status == http.StatusUnauthorized || r.Status == http.StatusForbidden:
		// A missing token gives 401, a bad or expired one 403, both before any
		// work. A wrong role gives 401 too; it costs one login in vain.
		v.Kind, v.Reasons = transport.Expired, []error{sdk.ErrUnauthorized}
		return v
	case r.Status == http.StatusTooManyRequests:
		// Plain text, like all that is refused ahead of the handlers.
		v.Kind, v.Reasons = transport.Throttled, []error{sdk.ErrRateLimited}
		return v
	}
	v = refused(op, v)
	if r.Status == http.StatusNotFound && len(v.Reasons) == 0 {
		v.Reasons = []error{sdk.ErrNotFound}
	}
	return v
}

// answer is what every body is looked at for.
type answer struct {
	page    bool // HTML
	code    string
	message string
	status  string // "status" when it is a text of the operator's
	number  int    // "status" when it is a number, or its text
	boolean bool   // "status" is true or false
	yes     bool
}

func readAnswer(body []byte) answer {
	// The keys in which errors were seen, the usual one first.
	var w struct {
		Status       json.RawMessage `json:"status"`
		Desc         json.RawMessage `json:"desc"`
		Message      json.RawMessage `json:"message"`
		Details      json.RawMessage `json:"Details"`
		SmallDetails json.RawMessage `json:"details"`
		Comment      json.RawMessage `json:"Comment"`
		SmallComment json.RawMessage `json:"comment"`
		Error        json.RawMessage `json:"error"`
		User         json.RawMessage `json:"user"`
	}
	if wire.Unmarshal(body, &w) != nil {
		words := bytes.TrimSpace(body)
		return answer{page: bytes.HasPrefix(words, []byte("<")), message: string(words[:min(len(words), maxMessage)])}
	}
	var a answer
	for _, raw := range [...]json.RawMessage{w.Desc, w.Message, w.Details, w.SmallDetails, w.Comment, w.SmallComment, w.Error, w.User} {
		if a.message = text(raw); a.message != "" {
			break
		}
	}
	switch status := string(w.Status); status {
	case "true", "false":
		a.boolean, a.yes = true, status == "true"
	case "", "null":
	default:
		var word wire.Text
		if word.UnmarshalJSON(w.Status) != nil {
			break
		}
		a.status = strings.ToLower(string(word))
		if n, err := strconv.Atoi(a.status); err == nil {
			a.number, a.status, a.code = n, "", strconv.Itoa(n)
		}
	}
	return a
}

const maxMessage = 500

// meaning judges a 2xx answer by its body.
func (a answer) meaning(op sdk.Operation, v transport.Verdict) transport.Verdict {
	switch {
	case op.Name == OpIsBeneficiary && strings.EqualFold(a.message, notBeneficiary):
		v.Kind = transport.Accepted // a negative answer that looks like an error
	case a.boolean:
		if op.Name == OpVerifyUser || a.yes {
			v.Kind = transport.Accepted
		}
	case a.number == http.StatusTooManyRequests, a.number >= 500:
	case a.number >= 400:
		v = refused(op, v)
		if a.number == http.StatusUnauthorized && len(v.Reasons) == 0 {
			v.Reasons = []error{sdk.ErrUnauthorized}
		}
	case a.number != 0 && (a.number < 200 || a.number >= 300):
	case a.status == "unauthorized":
		v.Kind, v.Reasons = transport.Refused, []error{sdk.ErrUnauthorized}
	case strings.HasSuffix(a.status, " not found"): // "user not found", "phonenumber not found"
		v.Kind, v.Reasons = transport.Refused, []error{sdk.ErrNotFound}
	case a.status == "unverified" && op.Name != OpVerifyUser:
		v.Kind, v.Reasons = transport.Refused, []error{sdk.ErrForbidden}
	default:
		v.Kind = transport.Accepted
	}
	return v
}

// notBeneficiary is the operator's text for a user who is none.
const notBeneficiary = "Not a beneficiary"

// refused sorts a refusal by its text: no codes exist.
func refused(op sdk.Operation, v transport.Verdict) transport.Verdict {
	v.Kind = transport.Refused
	text := strings.ToLower(v.Message)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(text, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("already exist", "already processed", "already accepted", "already a beneficiary") || text == "user exists":
		v.Kind, v.Reasons = transport.Duplicate, []error{sdk.ErrDuplicate}
	case has("insufficient", "not enough"):
		v.Reasons = []error{sdk.ErrInsufficientFunds}
	case op.Name == OpLogin, has("unauthorized"):
		v.Reasons = []error{sdk.ErrUnauthorized}
	case has("not found", "does not exist", "cannot find"):
		v.Reasons = []error{sdk.ErrNotFound}
	case has("not verified", "not approved", "not allowed", "unverified"):
		v.Reasons = []error{sdk.ErrForbidden}
	case has("invalid", "required", "not supported"):
		v.Reasons = []error{sdk.ErrValidation}
	}
	return v
}

// noRoute recognises the framework's own page for a route that does not exist:
// no handler of Kotani's has seen the request.
func (a answer) noRoute(op sdk.Operation) bool {
	return strings.Contains(a.message, "Cannot "+op.Method+" /")
}
