package kapiten

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// interpret reads a response as the Django REST framework writes it. Kapiten's
// document shows no error at all; that Kapiten runs this framework is inferred.
func interpret(_ sdk.Operation, r *transport.Response) transport.Verdict {
	if r.Status >= 200 && r.Status < 300 {
		return transport.Verdict{Kind: transport.Accepted}
	}
	problem, ok := parseProblem(r.Body)
	if !ok || r.Status >= 500 || r.Status == http.StatusRequestTimeout {
		// HTML, an empty body, another party's JSON or a crash leaves open
		// whether Kapiten did the work. The core names it by its status.
		return transport.Verdict{Message: problem.detail}
	}
	v := transport.Verdict{Kind: transport.Refused, Message: problem.detail, Fields: problem.fields}
	switch r.Status {
	case http.StatusUnauthorized:
		v.Reasons = []error{sdk.ErrUnauthorized}
	case http.StatusForbidden:
		v.Reasons = []error{sdk.ErrForbidden}
	case http.StatusNotFound:
		v.Reasons = []error{sdk.ErrNotFound}
	case http.StatusConflict:
		v.Kind, v.Reasons = transport.Duplicate, []error{sdk.ErrDuplicate}
	case http.StatusTooManyRequests:
		// The framework throttles before the handler runs.
		v.Kind, v.Reasons = transport.Throttled, []error{sdk.ErrRateLimited}
		v.RetryAfter = waitInText(problem.detail)
	case http.StatusBadRequest:
		v.Reasons = []error{sdk.ErrValidation}
		if problem.taken() {
			v.Kind, v.Reasons = transport.Duplicate, append(v.Reasons, sdk.ErrDuplicate)
		}
	}
	return v
}

// decode reads a response into its public struct, whose tags say what it must have.
func decode[T any](body []byte) (value T, err error) {
	err = wire.Unmarshal(body, &value)
	return value, err
}

// problem is an error body: a detail, field errors, or both.
type problem struct {
	detail string
	fields transport.Fields
}

// parseProblem reads the stock error shapes: {"detail": "..."}, field errors,
// nested field errors, {"non_field_errors": [...]} and a bare array. It reports
// whether the body is one of them.
func parseProblem(body []byte) (problem, bool) {
	if wire.IsArray(body) {
		var list []string
		if json.Unmarshal(body, &list) != nil || len(list) == 0 {
			return problem{}, false
		}
		return problem{detail: strings.Join(list, " ")}, true
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil || len(object) == 0 {
		return problem{}, false
	}
	p := problem{fields: transport.Fields{}}
	for name, raw := range object {
		if name == "detail" && json.Unmarshal(raw, &p.detail) == nil {
			continue
		}
		if !p.collect(name, raw) {
			return problem{detail: p.detail}, false
		}
	}
	if nonField := p.fields["non_field_errors"]; nonField != nil {
		p.detail = strings.Join(nonField, " ")
		delete(p.fields, "non_field_errors")
	}
	return p, true
}

// collect adds the messages under one key: a list of texts, a list of objects
// (one per element), or an object of further keys.
func (p *problem) collect(path string, raw json.RawMessage) bool {
	var texts []string
	if json.Unmarshal(raw, &texts) == nil {
		if texts == nil {
			return false
		}
		p.fields[path] = append(p.fields[path], texts...)
		return true
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) == nil {
		for name, inner := range object {
			if name == "non_field_errors" {
				if !p.collect(path, inner) {
					return false
				}
				continue
			}
			if !p.collect(path+"."+name, inner) {
				return false
			}
		}
		return true
	}
	var elements []json.RawMessage
	if json.Unmarshal(raw, &elements) == nil {
		for i, inner := range elements {
			if !p.collect(path+"."+strconv.Itoa(i), inner) {
				return false
			}
		}
		return true
	}
	return false
}

// taken recognises the framework's messages for a unique field.
func (p problem) taken() bool {
	for _, messages := range p.fields {
		if slices.ContainsFunc(messages, func(m string) bool {
			return strings.HasSuffix(m, "already exists.") || m == "This field must be unique."
		}) {
			return true
		}
	}
	return false
}

var waitPattern = regexp.MustCompile(`Expected available in (\d{1,9}) seconds?\.`)

// waitInText reads the wait of a throttled response whose Retry-After header got
// lost on the way.
func waitInText(detail string) time.Duration {
	m := waitPattern.FindStringSubmatch(detail)
	if m == nil {
		return 0
	}
	seconds, _ := strconv.Atoi(m[1])
	return time.Duration(seconds) * time.Second
}
