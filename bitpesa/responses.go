package bitpesa

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// ExistingObject names the stored object whose external id a refused request repeats. It
// is the Detail of the *sdk.Error of a 422. Both objects are nil when the response
// shows none.
type ExistingObject struct {
	Sender      *Sender
	Transaction *Transaction
}

// interpret says what a response means. After a write, only a 422 proves that
// nothing was done (documented): one that echoes an object and says what is wrong
// with it. Where money moves, the object must show the call's own reference, or have the
// fault in a field of its kind. Any other 422 is not BitPesa's. An echo of another object, by
// its kind or its id, is the response to another request. A 404 names no object: every lookup, router and
// proxy may write {"status":404,"error":"..."}, so that it proves nothing where money moves. For
// another write to an object named in the path it counts (assumed). A 401 proves nothing: if
// the network repeats a request, the second copy gets a 401 for the nonce that the first copy
// has used. A success settles a write that moves money only if it is about such an object
// and says nothing of errors.
func interpret(op sdk.Operation, r *transport.Response) transport.Verdict {
	accepted := r.Status >= 200 && r.Status < 300
	if accepted && !(op.MovesMoney && contradicts(op, r.Body)) {
		return transport.Verdict{Kind: transport.Accepted}
	}
	refusal, ok := parseRefusal(r.Body)
	if accepted {
		return transport.Verdict{Message: refusal.message}
	}
	v := transport.Verdict{Message: refusal.message}
	if !ok || r.Status == http.StatusUnprocessableEntity && !refusal.explained || refusal.status != 0 && refusal.status != r.Status || r.Status >= 500 || r.Status == http.StatusRequestTimeout || r.Status == http.StatusTooManyRequests {
		return v // the core names it by its status
	}
	switch r.Status {
	case http.StatusUnprocessableEntity:
		if may, named := refusal.about(op, r.Reference); !may || op.MovesMoney && !named && !refusal.ofWrite(op) {
			return v
		}
		v.Kind, v.Fields, v.Reasons = transport.Refused, refusal.fields, refusal.reasons(op)
		v.Detail = refusal.existing
		if refusal.repeats(op) {
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
		switch {
		case op.MovesMoney:
			v.Reasons = nil // nobody knows of what
		case strings.Contains(op.Path, "{id}"):
			v.Kind = transport.Refused
		case op.Method == http.MethodGet && !strings.Contains(op.Path, "{"):
			v.Reasons = []error{sdk.ErrConfiguration} // there is no such list at BaseURL
		}
	}
	if op.Class == sdk.Safe {
		v.Kind = transport.Refused
	}
	return v
}

// refusal is the content of an error body.
type refusal struct {
	message   string
	fields    transport.Fields
	explained bool // an echoed object, and what is wrong with it
	within    bool // the object says it itself
	echo      any  // the object, or the list of objects
	status    int  // which the body names; 0: none
	duplicate bool // meta.existing names an object, understood or not
	existing  ExistingObject

	sender, transaction bool // meta.existing names it
}

// repeats reports a refusal because of an object that exists already. The error
// words are not published: for an external id, any but the two words that mean
// something else, and for a debit those that say what is so already.
func (r *refusal) repeats(op sdk.Operation) bool {
	switch op.Name {
	case OpCreateSender:
		return r.sender || r.takenID()
	case OpCreateTransaction, OpCreateAndFund:
		return r.transaction || r.takenID()
	case OpCreateDebits:
		return strings.Contains(r.words(), "already")
	}
	return false
}

// about reports whether a refusal can be one of this request: responses can be
// another request's. A refused object shows what was sent, so it must be of the kind
// that was sent, and a shown reference must be the call's own. named reports that each
// object shows that reference: then it is this request's.
func (r *refusal) about(op sdk.Operation, reference string) (may, named bool) {
	echoes, list := rowsOf(r.echo)
	if list && op.Name != OpCreateDebits {
		return false, false
	}
	field, own := "", []string{reference}
	switch op.Name {
	case OpCreateSender, OpCreateTransaction, OpCreateAndFund:
		field = "external_id"
	case OpCreateDebits:
		field, own = "to_id", strings.Fields(reference)
	default:
		if strings.Contains(op.Path, "{id}") {
			field = "id"
		}
	}
	named = len(echoes) > 0 && reference != ""
	for _, echo := range echoes {
		object, _ := echo.(map[string]any)
		if foreign(op, func(field string) bool { return object[field] != nil }) {
			return false, false
		}
		shown, _ := object[field].(string)
		if field != "external_id" && object[field] != nil {
			shown = fmt.Sprint(object[field])
		}
		switch {
		case shown == "":
			named = false
		case reference == "":
		case !slices.ContainsFunc(own, func(own string) bool {
			return own == shown || field != "external_id" && strings.EqualFold(own, shown)
		}):
			return false, false
		}
	}
	return true, named
}

// ownFields are the fields of the object that a write which moves money is about, by the
// first part of the operation's name. The guides do not publish which a refusal names.
var ownFields = map[string][]string{
	"transactions": {
		"id", "state", "input_currency", "input_amount", "paid_amount", "due_amount", "payin_reference", "sender", "sender_id", "recipients",
		"payin_methods", "payin_method", "documents", "traits", "external_id", "metadata", "created_at", "expires_at", "updated_at", "state_reason",
		"balance", "account",
	},
	"debits": {
		"id", "to", "to_id", "to_type", "amount", "currency", "metadata", "created_at", "usd_amount", "running_balance", "balance", "account",
		"transaction", "state", "expires_at",
	},
	"recipients": {
		"id", "type", "state", "state_reason", "state_reason_details", "editable", "retriable", "may_cancel", "transaction", "transaction_id",
		"transaction_external_id", "transaction_state", "requested_amount", "requested_currency", "exchange_rate", "fee_fractional",
		"input_usd_amount", "input_amount", "input_currency", "output_amount", "output_currency", "payout_method", "metadata", "mandate_id", "created_at",
	},
	"payin_methods": {
		"id", "type", "ux_flow", "state", "state_reason_details", "in_details", "out_details", "instructions", "provider", "metadata",
		"transaction_id", "transaction_external_id", "phone_number", "mobile_provider", "country", "otp", "account_name", "account_number",
		"refund_address",
	},
}

// ofWrite reports a refusal that does not show the reference, and yet can be about this write
// which moves money: the echoed object says itself what is wrong with it, and names only
// fields that it has. What a "meta" says beside an object is the word of an account
// validation (documented).
func (r *refusal) ofWrite(op sdk.Operation) bool {
	kind, _, _ := strings.Cut(op.Name, ".")
	own := ownFields[kind]
	if own == nil { // Client.Do: nobody knows what it sends
		return true
	}
	for path := range r.fields {
		field, rest, _ := strings.Cut(path, ".")
		if _, err := strconv.Atoi(field); err == nil && kind == "debits" {
			field, _, _ = strings.Cut(rest, ".")
		}
		if field != "" && !slices.Contains(own, field) {
			return false
		}
	}
	return r.within
}

func (r *refusal) takenID() bool {
	return slices.ContainsFunc(r.fields["external_id"], func(word string) bool {
		return !slices.Contains([]string{"blank", "invalid"}, strings.ToLower(word))
	})
}

// words are all the words of a refusal, in lower case.
func (r *refusal) words() string {
	var words strings.Builder
	words.WriteString(r.message)
	for _, messages := range r.fields {
		words.WriteString(" " + strings.Join(messages, " "))
	}
	return strings.ToLower(words.String())
}

// parseRefusal reads the two documented forms of an error body. One echoes the sent
// object, or list of objects, with errors at any depth, beside a meta. The other is
// {"status", "error"} and nothing else. It returns false for any other body.
func parseRefusal(body []byte) (refusal, bool) {
	var w struct {
		Meta struct {
			Existing map[string]json.RawMessage `json:"existing"`
			Extra    map[string]any             // error
		} `json:"meta"`
		Extra map[string]any // object, errors, error
	}
	if wire.Unmarshal(body, &w) != nil {
		return refusal{}, false
	}
	faults := echoedFaults{fields: transport.Fields{}}
	for _, message := range []any{w.Extra["error"], w.Meta.Extra["error"]} {
		if text, ok := message.(string); ok {
			faults.collect("", text)
		}
	}
	faults.collect("", w.Extra["errors"])
	beside := len(faults.messages) + len(faults.fields)
	faults.walk("", w.Extra["object"], maxErrorDepth)
	within := len(faults.messages)+len(faults.fields) > beside
	r := refusal{message: strings.Join(faults.messages, " "), fields: faults.fields}
	existing := w.Meta.Existing
	r.sender, r.transaction = has(existing, "sender"), has(existing, "transaction")
	r.duplicate = r.sender || r.transaction
	r.existing.Sender = decodeExisting[Sender](existing["sender"])
	r.existing.Transaction = decodeExisting[Transaction](existing["transaction"])
	status, _ := w.Extra["status"].(json.Number)
	n, err := strconv.Atoi(status.String())
	r.status = n
	if w.Extra["object"] == nil { // then it names its status
		return r, err == nil && n >= 400 && has(w.Extra, "error") && len(w.Extra) == 2
	}
	r.echo = w.Extra["object"]
	_, list := w.Extra["object"].([]any)
	_, single := w.Extra["object"].(map[string]any)
	r.within = within || r.duplicate
	r.explained = (list || single) && (r.duplicate || len(r.fields) > 0 || r.message != "")
	return r, list || single
}

func decodeExisting[T any](raw json.RawMessage) *T {
	if value, err := decode[T](raw); err == nil {
		return &value
	}
	return nil
}

func has[T any](object map[string]T, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		value, ok := object[name]
		raw, isRaw := any(value).(json.RawMessage)
		return ok && !(isRaw && string(raw) == "null")
	})
}

func (r *refusal) reasons(op sdk.Operation) []error {
	reasons := []error{sdk.ErrValidation}
	if r.duplicate {
		reasons = append(reasons, sdk.ErrDuplicate)
	}
	fromBalance := op.Name == OpCreateDebits || op.Name == OpCreateAndFund
	if fromBalance && wire.LacksMoney(r.words()) {
		reasons = append(reasons, sdk.ErrInsufficientFunds)
	}
	return reasons
}

// unclear makes the outcome of a refusal unknown, because an earlier request may
// have been carried out.
func unclear(err error) error {
	var e *sdk.Error
	if !errors.As(err, &e) {
		return err
	}
	unknown := *e
	unknown.Outcome = sdk.Unknown
	return &unknown
}

// maxErrorDepth bounds how deep an echoed object is searched for errors. The
// deepest documented place is transaction, recipients, payout method, details.
const maxErrorDepth = 12

// echoedFaults gathers the errors of an echoed object, in which each nested object
// carries its own under "errors".
type echoedFaults struct {
	fields   transport.Fields
	messages []string // about the object as a whole
}

// walk gathers the errors of an object and of the objects inside it.
func (f *echoedFaults) walk(path string, value any, depth int) {
	if depth == 0 {
		return
	}
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			switch name {
			case "metadata", "fields": // the caller's own data, and the form of a payout method
			case "errors":
				f.collect(path, v[name])
			default:
				f.walk(join(path, name), v[name], depth-1)
			}
		}
	case []any:
		for i, element := range v {
			// The response to a single debit is a list of one, too.
			f.walk(join(path, strconv.Itoa(i)), element, depth-1)
		}
	}
}

// collect adds the errors under a path: a word, {"error": word}, a list of these,
// or a map of field names to these.
func (f *echoedFaults) collect(path string, value any) {
	switch v := value.(type) {
	case string:
		switch {
		case v == "":
		case path == "":
			f.messages = append(f.messages, v)
		default:
			f.fields.Add(path, v)
		}
	case []any:
		for _, element := range v {
			f.collect(path, element)
		}
	case map[string]any:
		if word, ok := v["error"].(string); ok {
			f.collect(path, word)
			return
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if name == "base" || name == "main_error" { // the object as a whole
				f.collect(path, v[name])
			} else {
				f.collect(join(path, name), v[name])
			}
		}
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// object decodes the object of a response.
func object[T any](body []byte) (value T, err error) {
	raw, err := unwrap(body)
	if err == nil {
		value, err = decode[T](raw)
	}
	return value, err
}

// oneOrMore decodes a list of objects, or a single object.
func oneOrMore[T any](body []byte) ([]T, error) {
	raw, err := unwrap(body)
	switch {
	case err != nil:
		return nil, err
	case wire.IsArray(raw):
		list, skipped, err := decodeList[T](raw)
		if err == nil && skipped > 0 {
			err = wire.Missing("a list that can be read")
		}
		return list, err
	}
	value, err := decode[T](raw)
	return []T{value}, err
}

// unwrap takes the object out of its envelope.
func unwrap(body []byte) (json.RawMessage, error) {
	var envelope struct {
		Object json.RawMessage `json:"object"`
	}
	if err := wire.Unmarshal(body, &envelope); err != nil {
		return nil, err
	}
	if envelope.Object == nil {
		return nil, wire.Missing("object")
	}
	return envelope.Object, nil
}

// decode reads an object by the json tags of its type. An object without a deciding
// field is an error, because it settles nothing.
func decode[T any](raw []byte) (value T, err error) {
	if err = wire.Unmarshal(raw, &value); err == nil {
		err = complete(&value)
	}
	return value, err
}

// decodeList reads the rows of a list that can be read, and counts the others.
func decodeList[T any](raw []byte) (list []T, skipped int, err error) {
	if skipped, err = wire.UnmarshalList(raw, &list); err != nil {
		return nil, 0, err
	}
	rows := list[:0]
	for i := range list {
		if complete(&list[i]) == nil {
			rows = append(rows, list[i])
		}
	}
	return rows, skipped + len(list) - len(rows), nil
}

// complete returns an error if an object lacks a deciding field.
func complete(object any) error {
	if o, ok := object.(interface{ ident() *string }); ok && *o.ident() == "" {
		return wire.Missing("id")
	}
	if o, ok := object.(interface{ lacks() string }); ok {
		if name := o.lacks(); name != "" {
			return wire.Missing(name)
		}
	}
	return nil
}
