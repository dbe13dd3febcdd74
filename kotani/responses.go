package kotani

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// FiatConnectCode is an error code of the FiatConnect specification, and a
// sentinel for errors.Is. It is the Code of the *sdk.Error, too. A code that is
// not listed passes through there.
type FiatConnectCode string

// Error is the code itself.
func (c FiatConnectCode) Error() string { return string(c) }

// The codes of the specification 1.2.5. The amount codes come with a QuoteLimits
// as the Detail of the *sdk.Error.
const (
	ErrInvalidSignature          FiatConnectCode = "InvalidSignature"
	ErrGeoNotSupported           FiatConnectCode = "GeoNotSupported"
	ErrCryptoAmountTooLow        FiatConnectCode = "CryptoAmountTooLow"
	ErrCryptoAmountTooHigh       FiatConnectCode = "CryptoAmountTooHigh"
	ErrFiatAmountTooLow          FiatConnectCode = "FiatAmountTooLow"
	ErrFiatAmountTooHigh         FiatConnectCode = "FiatAmountTooHigh"
	ErrCryptoNotSupported        FiatConnectCode = "CryptoNotSupported"
	ErrFiatNotSupported          FiatConnectCode = "FiatNotSupported"
	ErrUnsupportedSchema         FiatConnectCode = "UnsupportedSchema"
	ErrInvalidSchema             FiatConnectCode = "InvalidSchema"
	ErrResourceExists            FiatConnectCode = "ResourceExists"   // matches sdk.ErrDuplicate, too
	ErrResourceNotFound          FiatConnectCode = "ResourceNotFound" // matches sdk.ErrNotFound, too
	ErrTransferNotAllowed        FiatConnectCode = "TransferNotAllowed"
	ErrKycExpired                FiatConnectCode = "KycExpired"
	ErrSessionUnauthorized       FiatConnectCode = "Unauthorized"      // matches sdk.ErrUnauthorized, too
	ErrSessionExpired            FiatConnectCode = "SessionExpired"    // matches sdk.ErrUnauthorized, too
	ErrInvalidParameters         FiatConnectCode = "InvalidParameters" // matches sdk.ErrValidation, too
	ErrContractLoginNotSupported FiatConnectCode = "ContractLoginNotSupported"
	ErrNonceInUse                FiatConnectCode = "NonceInUse"
	ErrIssuedTooEarly            FiatConnectCode = "IssuedTooEarly"
	ErrExpirationTooLong         FiatConnectCode = "ExpirationTooLong"
	ErrInvalidFiatAccount        FiatConnectCode = "InvalidFiatAccount" // the account does not fit this transfer
	ErrInvalidQuote              FiatConnectCode = "InvalidQuote"       // expired, unknown, another's, or of the other direction
)

// QuoteLimits are the amounts that a FiatConnect provider takes. An amount that
// the provider did not name is not Valid. It is the Detail of the *sdk.Error of a
// quote refused for its amount (ErrFiatAmountTooLow and the like).
type QuoteLimits struct {
	MinFiat   decimal.NullDecimal `json:"minimumFiatAmount" wire:"digits"`   // in the quote's FiatType
	MaxFiat   decimal.NullDecimal `json:"maximumFiatAmount" wire:"digits"`   // in the quote's FiatType
	MinCrypto decimal.NullDecimal `json:"minimumCryptoAmount" wire:"digits"` // in the quote's CryptoType
	MaxCrypto decimal.NullDecimal `json:"maximumCryptoAmount" wire:"digits"` // in the quote's CryptoType
}

// interpret reads a response of Kotani's own API, by the operator's 2022 source.
// Nearly every handler sends HTTP 200 and says in the body's "status" what it
// means. The few other responses are plain text.
func interpret(op sdk.Operation, r *transport.Response) transport.Verdict {
	c := readContent(r.Body)
	v := c.verdict(op, r.Status, r.Body)
	write := op.Class != sdk.Safe
	lookup := op.Name == OpStatusByRequestID || op.Name == OpStatusByExternalID
	if v.Kind == transport.Accepted && op.MovesMoney && saysNo(r.Body) {
		v.Kind = transport.Unclear
	}
	refused := v.Kind == transport.Refused || v.Kind == transport.Duplicate
	ofAny := r.Status == http.StatusUnauthorized || slices.Contains(v.Reasons, error(sdk.ErrConfiguration)) // of any operation
	if refused && (write && !ofAny && !refusesWrite(op, c, r.Sent) || (lookup || write) && namesAnother(op, r)) {
		v.Kind, v.Reasons = transport.Unclear, nil // it may be the response to another request
		return v
	}
	if lookup && slices.Contains(v.Reasons, error(sdk.ErrNotFound)) && !c.saysNoTransaction() {
		// "user not found", say, must not count as the absence of a transaction.
		v.Reasons = []error{sdk.ErrUnexpectedResponse}
	}
	return v
}

// content is the part of a body that says what a response means.
type content struct {
	object  bool // a JSON object
	page    bool // HTML
	code    string
	message string
	own     bool   // the message stands where Kotani's refusals have it
	status  string // "status" when it is a text of the operator's
	number  int    // "status" when it is a number, or its text
	boolean bool   // "status" is true or false
	yes     bool
	user    bool // has a "user", as the refusal of a balance has
	failed  bool // an error in a form that is not Kotani's own
}

const maxMessage = 500

func readContent(body []byte) content {
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
		Errors       json.RawMessage `json:"errors"`
		StatusCode   json.RawMessage `json:"statusCode"`
		Success      json.RawMessage `json:"success"`
	}
	if wire.Unmarshal(body, &w) != nil {
		words := bytes.TrimSpace(body)
		return content{page: bytes.HasPrefix(words, []byte("<")), message: string(words[:min(len(words), maxMessage)])}
	}
	c := content{object: true, user: w.User != nil}
	c.failed = holds(w.Error) || holds(w.Errors)
	if w.StatusCode != nil || w.Success != nil {
		var statusCode wire.Int
		var success wire.Bool
		_, _ = statusCode.UnmarshalJSON(w.StatusCode), success.UnmarshalJSON(w.Success) // anything else says nothing
		c.failed = c.failed || statusCode.Int >= 400 || success.Valid && !success.Bool
	}
	for i, raw := range [...]json.RawMessage{w.Desc, w.Message, w.Details, w.SmallDetails, w.Comment, w.SmallComment, w.Error, w.User} {
		if c.message = text(raw); c.message != "" {
			c.own = i != 1 && i < 6 // a "message" and an "error" are everybody's
			break
		}
	}
	switch status := string(w.Status); status {
	case "true", "false":
		c.boolean, c.yes = true, status == "true"
	case "", "null":
	default:
		var word wire.Text
		if word.UnmarshalJSON(w.Status) != nil {
			break
		}
		c.status = strings.ToLower(string(word))
		if n, err := strconv.Atoi(c.status); err == nil {
			c.number, c.status, c.code = n, "", strconv.Itoa(n)
		}
	}
	return c
}

// verdict judges a response by its HTTP status first. Only Kotani's own words are a
// refusal. Anything else may come from somebody on the way, and then says nothing
// about what Kotani has done.
func (c content) verdict(op sdk.Operation, status int, body []byte) transport.Verdict {
	v := transport.Verdict{Code: c.code, Message: c.message}
	switch {
	case status < 300:
		return c.meaning(op, v)
	case status == http.StatusNotFound && c.noRoute(op):
		v.Kind, v.Reasons = transport.Refused, []error{sdk.ErrConfiguration}
	case c.object && c.refuses(status, body):
		return c.refusal(op, status, v)
	case !c.object && !c.page:
		return c.words(op, status, v)
	}
	return v // a crash or somebody else's words; the core names it by its status
}

// refuses reports whether an object under an HTTP error is Kotani's. Documented is
// {"status":"Unauthorized"} under a 401, for a wrong role. That the refusals of an
// HTTP 200 also come under an HTTP error is assumed: with a numeric status, and with a
// text where Kotani has it. A token is refused, and a throttle told, in plain text only.
func (c content) refuses(status int, body []byte) bool {
	switch status {
	case http.StatusUnauthorized:
		return c.status == "unauthorized" && onlyMember(body, "status")
	case http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity:
		return refusing(c.number) && explained(body)
	}
	return false
}

// explained reports an object with a text where Kotani's refusals have it, and with no
// member that none of their samples has. Everybody writes a "message" or an "error".
func explained(body []byte) bool {
	var members map[string]json.RawMessage
	if wire.Unmarshal(body, &members) != nil {
		return false
	}
	told := false
	for name, raw := range members {
		switch name {
		case "desc", "Details", "details", "Comment", "comment", "user":
			told = told || text(raw) != ""
		case "status", "message", "error", "phoneNumber", "userId", "blockNumber", "latestBlock":
		default:
			return false
		}
	}
	return told
}

// onlyMember reports an object with this one member.
func onlyMember(body []byte, name string) bool {
	var members map[string]json.RawMessage
	return wire.Unmarshal(body, &members) == nil && len(members) == 1 && members[name] != nil
}

// refusing reports whether the status in a body is that of a refusal. 408 and 499
// are said by those who do not know what became of a request.
func refusing(number int) bool {
	return number >= 400 && number < 499 && number != http.StatusRequestTimeout
}

func (c content) refusal(op sdk.Operation, status int, v transport.Verdict) transport.Verdict {
	if status == http.StatusUnauthorized {
		v.Kind, v.Reasons = transport.Refused, []error{sdk.ErrUnauthorized}
		return v
	}
	v = refused(op, v)
	if status == http.StatusNotFound && len(v.Reasons) == 0 {
		v.Reasons = []error{sdk.ErrNotFound}
	}
	return v
}

// words judges a plain text. The operator's service sends the name of the HTTP
// status before any work is done: 401 without a token, 403 for a bad or expired
// token. That a throttle does so too is assumed. An unknown user is told at login.
//
// Others send the same plain words. A firewall that lets a payment through and then
// replaces the response by "Forbidden" has it sent twice: nothing tells the two apart.
func (c content) words(op sdk.Operation, status int, v transport.Verdict) transport.Verdict {
	text := strings.ToLower(c.message)
	switch {
	case status == http.StatusUnauthorized && text == "unauthorized", status == http.StatusForbidden && text == "forbidden":
		v.Kind, v.Reasons = transport.Expired, []error{sdk.ErrUnauthorized}
	case status == http.StatusTooManyRequests && text == "too many requests":
		v.Kind, v.Reasons = transport.Throttled, []error{sdk.ErrRateLimited}
	case status == http.StatusBadRequest && op.Name == OpLogin && (text == "cannot find user" || text == "not allowed"):
		v.Kind, v.Reasons = transport.Refused, []error{sdk.ErrUnauthorized}
	}
	return v
}

// meaning judges a 2xx response by its body.
func (c content) meaning(op sdk.Operation, v transport.Verdict) transport.Verdict {
	switch {
	case op.Name == OpIsBeneficiary && strings.EqualFold(c.message, notBeneficiary):
		v.Kind = transport.Accepted
	case c.failed && op.Class != sdk.Safe && !refusing(c.number): // a failed transaction may be read with its error
	case c.boolean:
		if op.Name == OpVerifyUser || c.yes {
			v.Kind = transport.Accepted
		}
	case c.number == http.StatusTooManyRequests:
	case refusing(c.number):
		v = refused(op, v)
		if c.number == http.StatusUnauthorized && len(v.Reasons) == 0 {
			v.Reasons = []error{sdk.ErrUnauthorized}
		}
	case c.number != 0 && (c.number < 200 || c.number >= 300):
	case c.status == "unauthorized":
		v.Kind, v.Reasons = transport.Refused, []error{sdk.ErrUnauthorized}
	case strings.HasSuffix(c.status, " not found"): // "user not found", "phonenumber not found"
		v.Kind, v.Reasons = transport.Refused, []error{sdk.ErrNotFound}
	case c.status == "unverified" && op.Name != OpVerifyUser:
		v.Kind, v.Reasons = transport.Refused, []error{sdk.ErrForbidden}
	default:
		v.Kind = transport.Accepted
	}
	return v
}

// refused sorts a refusal by its text: no codes exist.
func refused(op sdk.Operation, v transport.Verdict) transport.Verdict {
	v.Kind = transport.Refused
	text := strings.ToLower(v.Message)
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(text, word) })
	}
	switch {
	case has("already exist", "already processed", "already accepted", "already used", "already a beneficiary") || text == "user exists":
		v.Kind, v.Reasons = transport.Duplicate, []error{sdk.ErrDuplicate}
	case wire.LacksMoney(text):
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

// noRoute recognises the framework's own page for a route that does not exist, if it names
// the route of this operation: no handler of Kotani's has seen the request. BaseURL or a path
// is wrong.
func (c content) noRoute(op sdk.Operation) bool {
	_, path, found := strings.Cut(c.message, "Cannot "+op.Method+" /")
	path, _, _ = strings.Cut("/"+path, "<")
	path = strings.TrimSpace(path)
	before, after, open := strings.Cut(op.Path, "{") // a placeholder stands for anything
	if !open {
		return found && strings.HasSuffix(path, before)
	}
	_, after, _ = strings.Cut(after, "}")
	return found && strings.Contains(path, before) && strings.HasSuffix(path, after)
}

// saysNoTransaction reports that Kotani says, in its own JSON, that there is no
// such transaction. The wording is assumed, so the text must allow no other sense.
func (c content) saysNoTransaction() bool {
	text := strings.ToLower(c.message)
	return c.code != "" && strings.Contains(text, "transaction") && !strings.Contains(text, "/") &&
		(strings.Contains(text, "not found") || strings.Contains(text, "does not exist"))
}

// namesAnother reports a refusal that shows another payment than the request asks for.
// Amounts are not compared: a refusal may show a balance, or a limit.
func namesAnother(op sdk.Operation, r *transport.Response) bool {
	var sent transactionForm
	switch op.Name {
	case OpStatusByRequestID:
		sent.RequestID = r.Reference
	case OpStatusByExternalID:
		sent.ExternalID = r.Reference
	default:
		_ = wire.Unmarshal(r.Sent, &sent) // another form asks for nothing that can be compared
	}
	want := asked{
		externalID: sent.ExternalID, phone: sent.PhoneNumber, account: sent.AccountNumber, bank: sent.Bank,
		merchant: sent.MerchantNumber, till: sent.TillNumber, txHash: cmp.Or(sent.TxHash, sent.SmallTxHash),
	}
	for _, object := range objectsOf(r.Body) {
		got, err := read[transactionForm](object)
		if err != nil {
			continue
		}
		t := shown{Transaction: got.Transaction}
		t.TxHash = cmp.Or(got.SmallTxHash, got.TxHash, got.TxnHash)
		c := want.compare(&t)
		c.Text("requestId", sent.RequestID, got.RequestID)
		if found, err := c.Finding(); err == nil && found == transport.Different {
			return true
		}
	}
	return false
}

// mayTell finds a body that saysNo must read: with a part of one of the words, or with a
// text that has to be unescaped first.
var mayTell = regexp.MustCompile(`(?i)already|exist|enough|sufficient|low|unauthorized|not |cannot|unverified|invalid|required|error|fail|success|statuscode|\\`)

// saysNo reports what tells of a refusal or a failure in a response without the status of a
// refusal, at its top or in one of its members. A transaction that names itself may have
// failed, and say why.
func saysNo(body []byte) bool {
	if !mayTell.Match(body) {
		return false // as nearly every success, which must stay cheap
	}
	if t, err := readTransaction(body); err == nil && t.RequestID != "" && t.Status.Final() && !t.Status.Succeeded() {
		return false
	}
	for _, object := range objectsOf(body) {
		c := readContent(object)
		switch c.status {
		case "error", "fail", "failure", "failed":
			return true
		}
		if c.failed {
			return true
		}
		members, _ := read[map[string]json.RawMessage](object)
		for _, name := range [...]string{"desc", "message", "Details", "details", "Comment", "comment", "result"} {
			if said := text(members[name]); said != "" && len(refused(sdk.Operation{}, transport.Verdict{Message: said}).Reasons) > 0 {
				return true
			}
		}
	}
	return false
}

// objectsOf returns a body and the objects that are its members.
func objectsOf(body []byte) []json.RawMessage {
	objects := []json.RawMessage{body}
	members, _ := read[map[string]json.RawMessage](body)
	for _, member := range members {
		if wire.IsObject(member) {
			objects = append(objects, member)
		}
	}
	return objects
}

// holds reports a value that is neither empty nor zero.
func holds(raw json.RawMessage) bool {
	return !wire.IsEmpty(raw) && string(bytes.TrimSpace(raw)) != "0"
}

// mismatch is the decode error of a response about something else.
type mismatch string

func (m mismatch) Error() string { return string(m) }

// read decodes a response by the tags of its type.
func read[T any](body []byte) (value T, err error) {
	err = wire.Unmarshal(body, &value)
	return value, err
}

// result returns the object under "result", in which many responses wrap theirs, or
// the response itself, where "result" is a side field. ok reports a "result" of any kind.
func result(body []byte) (object json.RawMessage, ok bool, err error) {
	var w struct {
		Result json.RawMessage `json:"result"`
	}
	if err := wire.Unmarshal(body, &w); err != nil {
		return nil, false, err
	}
	if wraps(w.Result) {
		return w.Result, true, nil
	}
	return body, w.Result != nil, nil
}

// wraps reports an object with members.
func wraps(raw json.RawMessage) bool {
	return wire.IsObject(raw) && len(bytes.TrimSpace(bytes.Trim(raw, "{}"))) > 0
}

// word returns a status that is a text. A number is the old way of saying that
// the request went well, and no state.
func word(raw json.RawMessage) string {
	s := text(raw)
	if _, err := strconv.Atoi(s); err == nil {
		return ""
	}
	return s
}

// text returns a JSON string, or nothing.
func text(raw json.RawMessage) string {
	var s wire.Text
	if len(raw) == 0 || raw[0] != '"' || s.UnmarshalJSON(raw) != nil {
		return ""
	}
	return string(s)
}
