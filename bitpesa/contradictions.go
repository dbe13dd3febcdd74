package bitpesa

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// contradicts reports a success that carries errors, or is about an object of another kind:
// it may be another request's, and settles nothing. A documented success has "errors", which
// are empty, in the object and in those inside it.
func contradicts(op sdk.Operation, body []byte) bool {
	var w struct{ Extra map[string]any }
	if unsuspicious(op, body) || wire.Unmarshal(body, &w) != nil {
		return false // what decodes it tells of a body that cannot be read
	}
	meta, _ := w.Extra["meta"].(map[string]any)
	for _, said := range [...]any{w.Extra["error"], w.Extra["errors"], meta["error"], meta["errors"]} {
		if holdsAny(said) {
			return true
		}
	}
	rows, _ := rowsOf(w.Extra["object"])
	return holdsErrors(w.Extra["object"]) || slices.ContainsFunc(rows, func(row any) bool {
		object, _ := row.(map[string]any)
		return foreign(op, func(field string) bool { return object[field] != nil })
	})
}

// unsuspicious reports a body that holds no name of an error and none of another kind's fields.
// Nearly every debit's is so, and need not be read twice.
func unsuspicious(op sdk.Operation, body []byte) bool {
	if bytes.IndexByte(body, '\\') >= 0 { // a name may be written in another way
		return false
	}
	for rest, found := body, true; found; {
		_, rest, found = bytes.Cut(rest, []byte(`"error`))
		if found && !bytes.HasPrefix(rest, []byte(`s":{}`)) && !bytes.HasPrefix(rest, []byte(`s":null`)) {
			return false
		}
	}
	return !foreign(op, func(field string) bool { return bytes.Contains(body, []byte(field)) })
}

// rowsOf are the objects of a list, or a single object.
func rowsOf(value any) (rows []any, list bool) {
	if rows, list = value.([]any); !list {
		rows = []any{value}
	}
	return rows, list
}

// holdsErrors reports an object, or one inside it, that has errors.
func holdsErrors(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			switch name {
			case "metadata", "fields": // the caller's own data, and the form of a payout method
			case "errors":
				if holdsAny(inner) {
					return true
				}
			default:
				if holdsErrors(inner) {
					return true
				}
			}
		}
	case []any:
		return slices.ContainsFunc(v, holdsErrors)
	}
	return false
}

// holdsAny reports a value that says something: an empty list or one of nulls does not.
func holdsAny(value any) bool {
	switch v := value.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return strings.TrimSpace(v) != ""
	case json.Number:
		return v != "0"
	case []any:
		return slices.ContainsFunc(v, holdsAny)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), holdsAny)
	}
	return true
}

// foreign reports an object that shows a field which only other kinds have than the operation's.
func foreign(op sdk.Operation, shows func(field string) bool) bool {
	for _, sign := range [...]struct{ field, kind string }{
		{"recipients", "transactions"}, {"to_id", "debits"}, {"to_type", "debits"}, {"running_balance", "debits"},
		{"payout_method", "recipients"}, {"requested_amount", "recipients"}, {"may_cancel", "recipients"}, {"editable", "recipients"},
		{"in_details", "payin_methods"}, {"ux_flow", "payin_methods"}, {"out_details", "payin_methods"}, {"instructions", "payin_methods"},
		{"first_name", "senders"}, {"last_name", "senders"}, {"city", "senders"}, {"street", "senders"}, {"email", "senders"},
		{"upload", "documents"}, {"upload_file_name", "documents"}, {"events", "webhooks"}, {"details", "payout_methods"},
		{"type_id", "mandates"}, {"signed_at", "mandates"},
	} {
		if !takes(op, sign.kind) && shows(sign.field) {
			return true
		}
	}
	return false
}

// takes reports whether a response to the operation may show an object of a kind.
func takes(op sdk.Operation, kind string) bool {
	own, _, _ := strings.Cut(op.Name, ".")
	switch own {
	case "debits", "payin_methods", "recipients", "senders", "transactions":
		return own == kind || op.Name == OpSandboxPayIn && kind == "payin_methods"
	}
	return true
}
