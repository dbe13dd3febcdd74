package transport

import (
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Failure is what a call returns when it has no good answer. Provider packages
// show it to users as their own *Error.
type Failure struct {
	Provider  string // "kapiten"
	Operation string // name of the table row
	Class     Class
	Outcome   Outcome

	Status     int           // HTTP status of the last answer, 0 without one
	Code       string        // the provider's own code
	Message    string        // the provider's own message; may hold personal data
	Fields     Fields        // field errors, ours or the provider's; may hold what was sent
	RequestID  string        // X-Request-Id of the last answer
	Reference  string        // the caller's own reference: what to ask about
	Attempts   int           // how often the request was tried
	RetryAfter time.Duration // how long the provider asked to wait
	Body       []byte        // the last answer, bounded
	Detail     any           // Verdict.Detail of the last answer

	local   bool    // refused by our own validation
	settled bool    // refused in words which speak of the work itself
	kinds   []error // sentinels
	cause   error
}

// Fields maps a dotted field path to what is wrong with it.
type Fields map[string][]string

// Add appends a message to a field.
func (f Fields) Add(field, message string) { f[field] = append(f[field], message) }

// Names returns the field paths in order.
func (f Fields) Names() []string {
	names := make([]string, 0, len(f))
	for name := range f {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Invalid is the failure of a call whose parameters were refused before the
// network was touched. It returns nil when there is no fault.
func Invalid(provider string, op Operation, reference string, fields Fields) *Failure {
	if len(fields) == 0 {
		return nil
	}
	return &Failure{
		Provider: provider, Operation: op.Name, Class: op.Class, Outcome: NotSent,
		Reference: reference, Fields: fields, local: true, kinds: []error{ErrValidation},
	}
}

// Error is one line without ids, bodies or queries, so that alerts can be
// grouped by it. What varies from call to call is in the fields. A nil *Failure
// stands behind a public *Error which a test made by hand.
func (f *Failure) Error() string {
	if f == nil {
		return "no call behind this error"
	}
	var b strings.Builder
	b.WriteString(f.Provider)
	b.WriteString(": ")
	b.WriteString(f.Operation)
	b.WriteString(": ")
	if f.local {
		b.WriteString("invalid parameters: ")
		for i, name := range f.Fields.Names() {
			if i > 0 {
				b.WriteString("; ")
			}
			b.WriteString(plain(name) + ": " + strings.Join(f.Fields[name], ", "))
		}
		b.WriteString(" (nothing was sent)")
		return b.String()
	}
	for _, k := range f.kinds {
		b.WriteString(k.Error() + ": ")
	}
	switch {
	case f.Status != 0:
		b.WriteString("HTTP " + strconv.Itoa(f.Status))
	case f.cause != nil:
		b.WriteString(phrase(f.cause))
	default:
		b.WriteString("no answer")
	}
	if f.Code != "" {
		b.WriteString(", code " + plain(f.Code))
	}
	if len(f.Fields) > 0 {
		b.WriteString(", fields")
		for _, name := range f.Fields.Names() {
			b.WriteString(" " + plain(name))
		}
	}
	if f.Status != 0 && f.cause != nil {
		b.WriteString(", " + phrase(f.cause))
	}
	b.WriteString(" (outcome: " + string(f.Outcome) + ")")
	return b.String()
}

// plain keeps a provider's code or field name on the line, unless it is none.
func plain(name string) string {
	odd := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune("_-.[]", r)
	}
	if name == "" || len(name) > 64 || strings.IndexFunc(name, odd) >= 0 {
		return "?"
	}
	return name
}

// GoString keeps bodies and messages out of %#v.
func (f *Failure) GoString() string { return f.Error() }

// MarshalText keeps them out of encoders.
func (f *Failure) MarshalText() ([]byte, error) { return []byte(f.Error()), nil }

// Unwrap gives the cause: a network error, a context error, a decode error.
func (f *Failure) Unwrap() error {
	if f == nil {
		return nil
	}
	return f.cause
}

// Is matches the sentinels. Those of the outcome speak of the whole call, the
// others of its last answer only: ask for ErrOutcomeUnknown first.
func (f *Failure) Is(target error) bool {
	if f == nil {
		return false
	}
	switch target {
	case ErrOutcomeUnknown:
		return f.Outcome == Unknown
	case ErrNotSent:
		return f.Outcome == NotSent
	case ErrRejected:
		return f.Outcome == Rejected
	}
	return slices.Contains(f.kinds, target)
}

// LogValue keeps bodies and messages out of logs.
func (f *Failure) LogValue() slog.Value {
	if f == nil {
		return slog.StringValue(f.Error())
	}
	code := f.Code
	if code != "" {
		code = plain(code)
	}
	return slog.GroupValue(
		slog.String("error", f.Error()),
		slog.String("operation", f.Operation),
		slog.String("outcome", string(f.Outcome)),
		slog.Int("status", f.Status),
		slog.String("code", code),
		slog.String("reference", f.Reference),
		slog.String("request_id", f.RequestID),
		slog.Int("attempts", f.Attempts),
	)
}

// SafePhrase lets an outer failure name this one as its cause.
func (f *Failure) SafePhrase() string { return f.Error() }
