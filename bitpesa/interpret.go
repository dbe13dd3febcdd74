package bitpesa

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// interpret reads an answer. The vendor says that after a write only a 422
// proves that nothing was done; a 404 for an object named in the path is taken
// for a proof too. A 401 is none: whoever repeats a request on its way gets it
// for the nonce the first copy has used.
func interpret(op sdk.Operation, r *transport.Response) transport.Verdict {
	if r.Status >= 200 && r.Status < 300 {
		return transport.Verdict{Kind: transport.Accepted}
	}
	problem, ok := parseProblem(r.Body)
	v := transport.Verdict{Message: problem.message}
	if !ok || r.Status >= 500 || r.Status == http.StatusRequestTimeout || r.Status == http.StatusTooManyRequests {
		return v // the core names it by its status
	}
	switch r.Status {
	case http.StatusUnprocessableEntity:
		v.Kind, v.Fields, v.Reasons = transport.Refused, problem.fields, problem.reasons()
		v.Detail = problem.existing
		if op.Class == sdk.Referenced {
			// Should the request have been sent before, that it is refused now
			// (exists, funded already, no balance left) says nothing of the first.
			v.Kind = transport.Duplicate
		}
		return v
	case http.StatusBadRequest:
		v.Reasons = []error{sdk.ErrValidation}
	case http.StatusUnauthorized:
		v.Reasons = []error{sdk.ErrUnauthorized}
	case http.StatusForbidden:
		v.Reasons = []error{sdk.ErrForbidden}
	case http.StatusNotFound:
		v.Reasons = []error{sdk.ErrNotFound}
		if strings.Contains(op.Path, "{id}") {
			v.Kind = transport.Refused
		}
	}
	if op.Class == sdk.Safe {
		v.Kind = transport.Refused
	}
	return v
}

// problem is what an error body says.
type problem struct {
	message   string
	fields    transport.Fields
	duplicate bool // meta.existing names something, understood or not
	existing  Existing
}

// parseProblem reads the two documented shapes: the submitted object, or list
// of objects, with errors at any depth beside a meta; and {"status", "error"}.
// It reports whether the body is one of them.
func parseProblem(body []byte) (problem, bool) {
	var w struct {
		Object, Errors, Error json.RawMessage
		Meta                  struct {
			Error    json.RawMessage
			Existing struct {
				Sender, Transaction json.RawMessage
			}
		}
	}
	if json.Unmarshal(body, &w) != nil {
		return problem{}, false
	}
	flat := flattener{fields: transport.Fields{}}
	if json.Unmarshal(w.Error, &flat.sentence) == nil {
		flat.note(flat.sentence)
	}
	if json.Unmarshal(w.Meta.Error, &flat.sentence) == nil {
		flat.note(flat.sentence)
	}
	if w.Errors != nil {
		flat.collect("", parse(w.Errors))
	}
	flat.walk("", parse(w.Object), maxErrorDepth)
	p := problem{message: strings.Join(flat.messages, " "), fields: flat.fields}
	p.duplicate = w.Meta.Existing.Sender != nil || w.Meta.Existing.Transaction != nil
	p.existing.Sender = existing[Sender](w.Meta.Existing.Sender)
	p.existing.Transaction = existing[Transaction](w.Meta.Existing.Transaction)
	return p, w.Object != nil || w.Errors != nil || w.Error != nil || w.Meta.Error != nil
}

func (p *problem) reasons() []error {
	kinds := []error{sdk.ErrValidation}
	if p.duplicate {
		kinds = append(kinds, sdk.ErrDuplicate)
	}
	if p.speaksOf("insufficient") {
		kinds = append(kinds, sdk.ErrInsufficientFunds)
	}
	return kinds
}

func (p *problem) speaksOf(word string) bool {
	if strings.Contains(strings.ToLower(p.message), word) {
		return true
	}
	for _, messages := range p.fields {
		for _, m := range messages {
			if strings.Contains(strings.ToLower(m), word) {
				return true
			}
		}
	}
	return false
}

func existing[T any](raw json.RawMessage) *T {
	if raw == nil {
		return nil
	}
	value, err := decode[T](raw)
	if err != nil {
		return nil
	}
	return &value
}

// Existing is what the external id of a refused request names already. It is the
// Detail of the *sdk.Error. Both objects are nil when the response shows none.
type Existing struct {
	Sender      *Sender
	Transaction *Transaction
}

// unclear turns a refusal into an unknown outcome: the refusal does not speak for
// an earlier request, which may have been carried out.
func unclear(err error) error {
	var e *sdk.Error
	if !errors.As(err, &e) {
		return err
	}
	unknown := *e
	unknown.Outcome = sdk.Unknown
	return &unknown
}
