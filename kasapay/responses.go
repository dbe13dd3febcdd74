package kasapay

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// ResponseCode is the response_code of a refusal, "721" in the document. It is the
// Detail of the *sdk.Error. The Code of that error is the error_code, if there is
// one.
type ResponseCode string

// refused is the documented response code of a refusal. Its error_code passes
// through, whatever it is.
const refused = "721"

// response holds every key that the gateway is known to send: the two error
// envelopes, the acceptance of a payout, and the status that callbacks post as well.
// Any key may be missing or null.
type response struct {
	// The framework's envelope: documented for auth, assumed for validation.
	StatusCode wire.Text `json:"statusCode"`
	Message    message   `json:"message"`
	Error      message   `json:"error"`
	// The gateway's own envelope.
	ResponseCode        wire.Text `json:"response_code"`
	ResponseDescription wire.Text `json:"response_description"`
	ErrorCode           wire.Text `json:"error_code"`

	PayoutReference   wire.Text `json:"payout_reference"`
	TransactionID     wire.Text `json:"transaction_id"`
	PaymentReference  wire.Text `json:"payment_reference"`
	WalletAccount     wire.Text `json:"wallet_account"`
	Destination       wire.Text `json:"destination"`
	PaymentStatus     wire.Text `json:"payment_status"`
	Amount            wire.Text `json:"amount"`
	Currency          wire.Text `json:"currency"`
	AccountNumber     wire.Text `json:"account_number"`
	DestinationName   wire.Text `json:"destination_name"`
	Description       wire.Text `json:"description"`
	TransactionTime   wire.Time `json:"transaction_time"`
	AccountBalance    wire.Text `json:"account_balance"`
	ResultDescription wire.Text `json:"result_description"`

	raw sdk.Raw
}

func parse(body []byte) (*response, error) {
	r := &response{raw: body}
	if err := wire.Object(body, r); err != nil {
		return nil, err
	}
	return r, nil
}

// message decodes the framework's message: a text or a list of texts. Any other
// value counts as no message, so that the rest of the response stays readable.
type message []string

func (m *message) UnmarshalJSON(data []byte) error {
	*m = nil
	texts := make([]wire.Text, 1)
	into := any(&texts[0])
	if wire.IsArray(data) {
		into = &texts
	}
	if json.Unmarshal(data, into) != nil {
		return nil
	}
	for _, t := range texts {
		if t != "" {
			*m = append(*m, string(t))
		}
	}
	return nil
}

// interpret says what a response means. A refusal comes in one of two envelopes, and
// its HTTP status is not documented: code 721 may come with a 200. A response in
// neither envelope may be a proxy's.
func interpret(op sdk.Operation, r *transport.Response) transport.Verdict {
	body, err := parse(r.Body)
	switch {
	case err != nil && good(r.Status) && wire.IsArray(r.Body):
		return transport.Verdict{Kind: transport.Accepted} // for Do: statements are arrays (vendor's page)
	case err != nil:
		return foreign(r.Status)
	}
	r.Parsed = body
	v := body.verdict(op, r.Status)
	if v.Kind == transport.Accepted {
		return v
	}
	if op.Name == OpInitiate && v.Kind == transport.Refused && v.Fields == nil && !slices.Contains(v.Reasons, error(sdk.ErrConfiguration)) {
		// The refusal may mean a duplicate in words that nobody knows. Or the float is
		// short because a first request holds the money. So the refusal does not settle
		// a first request.
		v.Kind = transport.Duplicate
	}
	v.Code, v.Message = body.code(), body.text()
	if body.ResponseCode != "" {
		v.Detail = ResponseCode(body.ResponseCode)
	}
	return v
}

// verdict reads the gateway's words. The framework's envelope counts only if its
// statusCode does not contradict the HTTP status.
func (r *response) verdict(op sdk.Operation, status int) transport.Verdict {
	if own := r.ownStatus(); own >= 400 {
		if good(status) || own == status {
			return r.envelope(op, own)
		}
		return foreign(status)
	}
	accepted := PaymentStatus(r.ResponseCode) == StatusAccepted
	switch {
	case transport.Lost(status):
		return transport.Verdict{}
	case r.ResponseCode == refused, r.ResponseCode != "" && !accepted && status >= 400:
		return r.refusal(op)
	case good(status) && (r.ResponseCode == "" || accepted):
		return transport.Verdict{Kind: transport.Accepted}
	}
	return foreign(status)
}

// foreign judges a response that is not in the gateway's words. A wrong path must
// not look like a missing payout.
func foreign(status int) transport.Verdict {
	if status == http.StatusNotFound {
		return transport.Verdict{Reasons: []error{sdk.ErrUnexpectedResponse}}
	}
	return transport.Verdict{}
}

// ownStatus is the statusCode of the framework's envelope, or 0.
func (r *response) ownStatus() int {
	if r.StatusCode == "" {
		return 0
	}
	status, _ := strconv.Atoi(string(r.StatusCode))
	return status
}

func good(status int) bool { return status >= 200 && status < 300 }

// envelope reads {"statusCode","message","error"}. It is documented for bad
// credentials and assumed for payouts.
func (r *response) envelope(op sdk.Operation, status int) transport.Verdict {
	switch {
	case transport.Lost(status):
		return transport.Verdict{}
	case status == http.StatusTooManyRequests:
		// The framework throttles before any handler runs.
		return transport.Verdict{Kind: transport.Throttled, Reasons: []error{sdk.ErrRateLimited}}
	case op.Open:
		return transport.Verdict{Kind: transport.Refused, Reasons: []error{sdk.ErrUnauthorized}}
	case status == http.StatusUnauthorized:
		return expired()
	case status == http.StatusNotFound && r.noRoute() && op.Name == OpStatus:
		return foreign(status)
	case status == http.StatusNotFound && r.noRoute():
		return transport.Verdict{Kind: transport.Refused, Reasons: []error{sdk.ErrConfiguration}}
	case status == http.StatusNotFound && op.Name == OpStatus && strings.EqualFold(strings.Join(r.Message, ""), "not found"):
		return transport.Verdict{Kind: transport.Refused, Reasons: []error{sdk.ErrNotFound}}
	case status == http.StatusConflict && op.Name == OpInitiate:
		return transport.Verdict{Kind: transport.Duplicate, Reasons: []error{sdk.ErrDuplicate}}
	}
	v := r.refusal(op)
	switch {
	case v.Reasons != nil:
	case status == http.StatusForbidden:
		v.Reasons = []error{sdk.ErrForbidden}
	case status == http.StatusBadRequest, status == http.StatusUnprocessableEntity:
		v.Reasons, v.Fields = []error{sdk.ErrValidation}, r.fields()
	}
	return v
}

// refusal finds the reason of a refusal in its words. The document has only
// SERVICE_NOT_ALLOWED and "Invalid Payout Reference". The other words are assumed. A
// wrong guess at "no such payout" could pay twice, so keep those words strict.
func (r *response) refusal(op sdk.Operation) transport.Verdict {
	v := transport.Verdict{Kind: transport.Refused}
	switch {
	case r.says("access token", "invalid token", "token expired", "expired token"):
		return expired()
	case op.Name == OpStatus && (r.says("payout", "reference", "transaction") && r.says("not found", "not exist") ||
		r.says("invalid payout reference", "invalid reference", "unknown payout", "unknown reference", "unknown transaction")):
		v.Reasons = []error{sdk.ErrNotFound}
	case op.Name == OpInitiate && r.says("duplicate", "already exist", "already used", "already been used", "must be unique"):
		v.Kind, v.Reasons = transport.Duplicate, []error{sdk.ErrDuplicate}
	case r.says("insufficient"):
		v.Reasons = []error{sdk.ErrInsufficientFunds}
	case r.says("service not allowed", "invalid service"):
		v.Reasons = []error{sdk.ErrConfiguration}
	}
	return v
}

// expired is the verdict on a refused token. The gateway did nothing, so a request
// with a new token may follow (assumed).
func expired() transport.Verdict {
	return transport.Verdict{Kind: transport.Expired, Reasons: []error{sdk.ErrUnauthorized}}
}

// noRoute recognises NestJS's words, on either of its servers, for a route that it
// does not have.
func (r *response) noRoute() bool {
	return r.says("cannot ") || r.says("route ") && r.says("not found")
}

// says reports whether the response's words hold any of the phrases, which are in
// lower case and have spaces for "_" and "-". The envelope's "error" does not count,
// because it only names the HTTP status.
func (r *response) says(phrases ...string) bool {
	words := strings.ToLower(string(r.ErrorCode) + "\n" + string(r.ResponseDescription) + "\n" + strings.Join(r.Message, "\n"))
	words = strings.NewReplacer("_", " ", "-", " ").Replace(words)
	return slices.ContainsFunc(phrases, func(phrase string) bool { return strings.Contains(words, phrase) })
}

// text is what the gateway says in words.
func (r *response) text() string {
	for _, t := range []string{string(r.ResponseDescription), strings.Join(r.Message, "; "), strings.Join(r.Error, "; ")} {
		if t != "" {
			return t
		}
	}
	return ""
}

// code is the error_code, or else the response_code.
func (r *response) code() string {
	if r.ErrorCode != "" {
		return string(r.ErrorCode)
	}
	return string(r.ResponseCode)
}

// fields sorts the framework's validation messages by the field with which they
// begin: "amount must be a string".
func (r *response) fields() transport.Fields {
	var f transport.Faults
	for _, m := range r.Message {
		if name, rest, ok := strings.Cut(m, " "); ok && strings.Contains(requestFields, " "+name+" ") {
			f.Add(name, rest)
		}
	}
	return f.Fields
}

const requestFields = " payout_reference service_code payment_account_reference recipient_name recipient_type recipient_account_number" +
	" amount payment_description payment_method currency_code country_code callback_url "
