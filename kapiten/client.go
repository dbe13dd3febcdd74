package kapiten

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
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

// Client calls the Kapiten API. It is safe for concurrent use.
type Client struct {
	Companies *CompaniesService
	Users     *UsersService
	Rides     *RidesService
	Wallet    *WalletService

	core *transport.Core
}

// ProductionURL is the documented base URL of the API. No sandbox host is
// documented; package kapitentest needs none.
const ProductionURL = "https://api.kapiteni.com"

// Config configures a Client. BaseURL is required; the zero value of every other field
// is useful. New copies the Config and changes nothing of the caller's.
type Config struct {
	// Token is the persistent API token of a company user (see
	// UsersService.Token), sent as "Authorization: Token ...". The onboarding
	// calls (companies, users.create, users.token) work without a token.
	Token string

	// BaseURL is the server's address without the /api part: ProductionURL, or a
	// fake's. It is required, so that no test meets the real API by mistake. New
	// refuses plain http for anything but loopback.
	BaseURL string
	// AllowPlainHTTP lifts that refusal. The token then crosses the network in
	// the clear.
	AllowPlainHTTP bool

	// Options are HTTPClient, Logger, OnAttempt, App, MaxAttempts, MinBackoff,
	// MaxBackoff, MaxRetryAfter, AttemptTimeout, WriteIdleTimeout, MaxResponseBytes
	// and Jitter. See sdk.Options.
	sdk.Options

	// Routes overrides rows of the operation table by name (OpCreateRide, ...):
	// most paths are not in Kapiten's document. See Operations.
	Routes map[string]sdk.Route
}

// New returns a Client. Its error names every field of Config that is wrong.
func New(cfg Config) (*Client, error) {
	var fault error
	if text := transport.HeaderFault(cfg.Token); cfg.Token != "" && text != "" {
		fault = errors.New("kapiten: Token " + text)
	}
	core, err := transport.New(transport.Config{
		Provider: "kapiten",
		BaseURL:  cfg.BaseURL, AllowHTTP: cfg.AllowPlainHTTP,
		Options:    cfg.Options,
		Operations: operations, Routes: cfg.Routes,
		Authorize: authorize(cfg.Token),
		Interpret: interpret,
	})
	if err = errors.Join(fault, err); err != nil {
		return nil, err
	}
	return &Client{
		Companies: &CompaniesService{core},
		Users:     &UsersService{list[User]{core: core, op: OpListUsers, decode: decode[User]}},
		Rides: &RidesService{list[Ride]{
			core, OpListRides, decodeRide,
			func(r *Ride) string { return r.ID }, func(r *Ride) (time.Time, sdk.Raw) { return r.CreatedAt, r.Raw },
		}},
		Wallet: &WalletService{list[Transaction]{
			core, OpListTransactions, decodeTransaction,
			func(t *Transaction) string { return t.ID }, func(t *Transaction) (time.Time, sdk.Raw) { return t.CreatedAt, t.Raw },
		}},
		core: core,
	}, nil
}

// Do calls an endpoint this package does not know, with the client's credentials,
// retries and errors, and returns the JSON of the response.
func (c *Client) Do(ctx context.Context, call sdk.RawCall) (sdk.Raw, error) {
	return c.core.Ask(ctx, call)
}

func authorize(token string) func(*http.Request, sdk.Operation, []byte, string) error {
	header := []string{"Token " + token}
	return func(req *http.Request, op sdk.Operation, _ []byte, _ string) error {
		switch {
		case token != "":
			req.Header["Authorization"] = header
		case !op.Open && op.Name != "do": // Client.Do may reach an open endpoint
			return noToken{}
		}
		return nil
	}
}

const shownConfig = "kapiten.Config{...}"

// Format keeps credentials out of anything printed.
func (Config) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, shownConfig) }

// MarshalText keeps credentials out of encoders, JSON among them.
func (Config) MarshalText() ([]byte, error) { return []byte(shownConfig), nil }

// LogValue keeps credentials out of logs.
func (Config) LogValue() slog.Value { return slog.StringValue(shownConfig) }

// noToken is the fault of a call that needs a token, through a client without one.
type noToken struct{}

func (noToken) Error() string      { return "Config.Token is required for this call" }
func (n noToken) SafeText() string { return n.Error() }

func (noToken) Is(target error) bool {
	return target == sdk.ErrConfiguration || target == sdk.ErrUnauthorized
}

// interpret reads a response as the Django REST framework writes it. Kapiten's
// document shows no error at all; that Kapiten runs this framework is inferred.
//
// Only the framework's own shapes and texts, under statuses that it uses, are a
// refusal. A bare {"error"} or {"status","message"} may be anybody's, and counts only if
// it speaks of money that is not there, or of what exists already. Any other
// response leaves open whether Kapiten did the work: HTML, an empty body, a proxy's
// JSON, a crash. The core names those by their status.
func interpret(op sdk.Operation, r *transport.Response) transport.Verdict {
	if r.Status >= 200 && r.Status < 300 {
		if op.MovesMoney && saysNo(r.Body) {
			return transport.Verdict{} // a failure beside a success: neither is believed
		}
		return transport.Verdict{Kind: transport.Accepted}
	}
	problem, ok := parseProblem(r.Status, r.Body)
	if !ok || problem.ofAnother(op, r.Status) {
		return transport.Verdict{Message: problem.detail}
	}
	v := transport.Verdict{Kind: transport.Refused, Code: problem.code, Message: problem.detail, Fields: problem.fields}
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
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		v.Reasons = []error{sdk.ErrValidation}
		if problem.taken() {
			v.Kind, v.Reasons = transport.Duplicate, append(v.Reasons, sdk.ErrDuplicate)
		}
	}
	switch r.Status {
	case http.StatusBadRequest, http.StatusPaymentRequired, http.StatusUnprocessableEntity:
		if problem.mentions(isPoor) {
			v.Reasons = append(v.Reasons, sdk.ErrInsufficientFunds)
			if v.Fields == nil { // so that whoever prints the fields sees what was short
				v.Fields = transport.Fields{"wallet": {problem.detail}}
			}
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
	detail  string
	general []string // the texts of the detail
	code    string   // where the body has one
	fields  transport.Fields
}

func (p *problem) say(texts ...string) {
	p.general = append(p.general, texts...)
	p.detail = strings.Join(p.general, " ")
}

// refusalStatuses are those with which the framework refuses a request.
var refusalStatuses = [...]int{
	http.StatusBadRequest, http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound,
	http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusConflict, http.StatusUnsupportedMediaType,
	http.StatusUnprocessableEntity, http.StatusTooManyRequests,
}

const (
	throttled     = "Request was throttled."
	invalidPage   = "Invalid page."  // of a list
	invalidCursor = "Invalid cursor" // likewise
)

// parseProblem reads an error body, and reports whether it is a refusal in the
// framework's own form.
func parseProblem(status int, body []byte) (problem, bool) {
	p := problem{fields: transport.Fields{}}
	recognised := p.parse(status, body) && slices.Contains(refusalStatuses[:], status) &&
		(status != http.StatusTooManyRequests || strings.HasPrefix(p.detail, throttled))
	if len(p.fields) == 0 || !recognised {
		p.fields = nil
	}
	return p, recognised
}

// parse tells the shapes apart. Field errors, in an object or in a bare list, come
// with 400 and 422 only.
func (p *problem) parse(status int, body []byte) bool {
	validation := status == http.StatusBadRequest || status == http.StatusUnprocessableEntity
	if wire.IsArray(body) {
		texts, full, ok := p.messages(body)
		p.say(texts...)
		return ok && (full && validation || speaksOfWork(status, p.detail))
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil || len(object) == 0 {
		return false
	}
	switch {
	case object["detail"] != nil && only(object, "detail", "code", "messages"):
		return p.parseDetail(status, object)
	case object["errors"] != nil && only(object, "type", "errors"):
		return p.parseStandardized(status, object)
	case object["error"] != nil && only(object, "error"):
		p.say(text(object["error"]))
		return speaksOfWork(status, p.detail) // anybody writes so of other things, and likewise below
	case object["message"] != nil && only(object, "status", "message"):
		p.say(text(object["message"]))
		return strings.Trim(string(object["status"]), `"`) == strconv.Itoa(status) && speaksOfWork(status, p.detail)
	case !validation:
		return false
	}
	return p.parseFields(object)
}

func only(object map[string]json.RawMessage, names ...string) bool {
	for name := range object {
		if !slices.Contains(names, name) {
			return false
		}
	}
	return true
}

// saysNo reports what tells of a failure in the response to a write. Most successes have none
// of these members, and are not read for them.
func saysNo(body []byte) bool {
	may := func(member string) bool { return bytes.Contains(body, []byte(member)) }
	if !may(`\u`) && !may(`"error`) && !may(`"detail"`) && !may(`"non_field_errors"`) && !may(`"message"`) && !may(`"success"`) {
		return false
	}
	var w struct {
		Error    json.RawMessage `json:"error"`
		Errors   json.RawMessage `json:"errors"`
		Detail   json.RawMessage `json:"detail"`
		NonField json.RawMessage `json:"non_field_errors"`
		Message  json.RawMessage `json:"message"`
		Success  json.RawMessage `json:"success"`
	}
	_ = wire.Unmarshal(body, &w) // anything else is no ride and no deposit
	success := strings.ToLower(strings.Trim(string(w.Success), `"`))
	return !wire.IsEmpty(w.Error) || !wire.IsEmpty(w.Errors) || !wire.IsEmpty(w.Detail) || !wire.IsEmpty(w.NonField) ||
		success == "false" || success == "0" || isPoor(text(w.Message))
}

// text is a JSON string, or empty.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return strings.TrimSpace(s)
}

// parseDetail reads {"detail"}, {"detail","code"}, and the messages of simplejwt. Under
// a 400 and a 422 the detail may be a list, as a field error. Firewalls write a detail,
// too: each text or the code must be the framework's.
func (p *problem) parseDetail(status int, object map[string]json.RawMessage) bool {
	for _, name := range []string{"code", "messages"} {
		if string(object[name]) == "null" {
			delete(object, name)
		}
	}
	p.code = text(object["code"])
	if one := text(object["detail"]); one != "" {
		p.say(one)
	} else {
		texts, _, ok := p.messages(object["detail"])
		p.say(texts...)
		return ok && len(object) == 1 && (status == http.StatusBadRequest || status == http.StatusUnprocessableEntity) &&
			!slices.ContainsFunc(texts, func(one string) bool { return !isFrameworks(status, one) && !isPoor(one) && !isTaken(one) })
	}
	return (object["code"] == nil || p.code != "") && (object["messages"] == nil || wire.IsArray(object["messages"])) &&
		(isFrameworks(status, p.detail) || slices.Contains(frameworkCodes[status], p.code) || speaksOfWork(status, p.detail))
}

// parseStandardized reads the form of drf-standardized-errors. Each error must have a code
// that the framework gives under this status.
func (p *problem) parseStandardized(status int, object map[string]json.RawMessage) bool {
	var list []struct {
		Code   string  `json:"code"`
		Detail string  `json:"detail"`
		Attr   *string `json:"attr"`
	}
	kind := text(object["type"])
	skipped, err := wire.UnmarshalList(object["errors"], &list)
	if kind != "validation_error" && kind != "client_error" || err != nil || skipped > 0 || len(list) == 0 {
		return false
	}
	codes := frameworkCodes[status]
	if kind == "validation_error" {
		codes = validationCodes[status]
	}
	recognised := true
	for _, e := range list {
		recognised = recognised && e.Detail != "" && (slices.Contains(codes, e.Code) || speaksOfWork(status, e.Detail))
		if p.code != unique {
			p.code = e.Code
		}
		if e.Attr == nil || *e.Attr == "" || *e.Attr == nonField {
			p.say(e.Detail)
		} else {
			p.fields.Add(*e.Attr, e.Detail)
		}
	}
	return recognised
}

const nonField = "non_field_errors"

// fieldNames are what a field error can be about: the parameters of this API, and
// what they depend on. A proxy's {"errors":[...]} is about nothing of the kind.
var fieldNames = [...]string{
	nonField, "detail", "__all__",
	"name", "registration_number", "address", "contact_person", "phone_number", "email", "webhook_url", "first_name", "last_name",
	"pickup_address", "pickup_latitude", "pickup_longitude", "dropoff_address", "dropoff_latitude", "dropoff_longitude",
	"sender", "receiver", "company_id", "external_id", "pickup_instructions", "package_type", "weight_range", "includes_fragile_items",
	"is_priority", "amount", "description", "page",
	"company", "user", "ride", "wallet", "balance", "currency", "phone", "username", "password", "webhook", "reference_number", "overdraft_limit",
}

// parseFields reads field errors, nested ones too.
func (p *problem) parseFields(object map[string]json.RawMessage) bool {
	for name, raw := range object {
		if !slices.Contains(fieldNames[:], name) || !p.collect(name, raw) {
			return false
		}
	}
	if general := p.fields[nonField]; general != nil {
		p.say(general...)
		delete(p.fields, nonField)
	}
	return p.detail != "" || len(p.fields) > 0
}

// collect adds the messages under one key: a text, a list of messages, a list of
// objects (one per element), or an object of further keys.
func (p *problem) collect(path string, raw json.RawMessage) bool {
	if one := text(raw); one != "" {
		p.fields.Add(path, one)
		return true
	}
	texts, full, ok := p.messages(raw)
	switch {
	case ok:
		p.fields[path] = append(p.fields[path], texts...)
		return true
	case full: // with a code of nobody's
		return false
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) == nil && object != nil {
		for name, inner := range object {
			inside := path + "." + name
			if name == nonField {
				inside = path
			}
			if !p.collect(inside, inner) {
				return false
			}
		}
		return true
	}
	var elements []json.RawMessage
	if json.Unmarshal(raw, &elements) != nil || len(elements) == 0 {
		return false
	}
	for i, inner := range elements {
		if !wire.IsObject(inner) || !p.collect(path+"."+strconv.Itoa(i), inner) {
			return false
		}
	}
	return true
}

// messages reads a list of texts, or of full details: {"message","code"}. full without ok
// is a detail whose code the framework does not have.
func (p *problem) messages(raw json.RawMessage) (texts []string, full, ok bool) {
	var elements []json.RawMessage
	if json.Unmarshal(raw, &elements) != nil || len(elements) == 0 {
		return nil, false, false
	}
	full = true
	for _, element := range elements {
		one := text(element)
		full = full && one == ""
		if wire.IsObject(element) {
			var parts map[string]json.RawMessage
			if json.Unmarshal(element, &parts) == nil && parts["code"] != nil && only(parts, "message", "code") {
				one = text(parts["message"])
				code := text(parts["code"])
				if one == "" || !slices.Contains(fieldCodes, code) && !speaksOfMoney(one) {
					return nil, true, false
				}
				if code == unique {
					p.code = unique
				}
			}
		}
		if one == "" {
			return nil, false, false
		}
		texts = append(texts, one)
	}
	return texts, full, true
}

// taken recognises the framework's messages for a unique field.
func (p problem) taken() bool { return p.code == unique || p.mentions(isTaken) }

// mentions reports whether the detail or the message of a field fits.
func (p problem) mentions(fits func(string) bool) bool {
	if fits(p.detail) {
		return true
	}
	for _, texts := range p.fields {
		if slices.ContainsFunc(texts, fits) {
			return true
		}
	}
	return false
}

// isPoor recognises a wallet that does not cover the price. The document shows no
// such refusal, but names an overdraft limit; the words are assumed.
func isPoor(message string) bool {
	return wire.LacksMoney(message) || beyondOverdraft.MatchString(message)
}

var beyondOverdraft = regexp.MustCompile(`(?i)overdraft.*\bexceed|\bexceed.*overdraft`)

func isTaken(message string) bool {
	return strings.Contains(message, "already exists") || strings.Contains(message, "must be unique") || strings.Contains(message, "must make a unique set")
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
