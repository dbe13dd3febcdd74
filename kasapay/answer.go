package kasapay

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// answer holds every key the gateway is known to send: the token, the two error
// envelopes, the acceptance of a payout and its status, which is also what a
// callback posts. Any of them may be missing or null.
type answer struct {
	// The framework's envelope, for auth and, assumed, for validation.
	StatusCode wire.Text `json:"statusCode"`
	Message    message   `json:"message"`
	Error      message   `json:"error"`
	// The gateway's own.
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

var errNoObject = errors.New("no JSON object")

func parseAnswer(body []byte) (*answer, error) {
	if !wire.IsObject(body) {
		return nil, errNoObject
	}
	a := &answer{raw: body}
	if err := json.Unmarshal(body, a); err != nil {
		return nil, err
	}
	return a, nil
}

// text is what the gateway says in words.
func (a *answer) text() string {
	for _, t := range []string{string(a.ResponseDescription), strings.Join(a.Message, "; "), strings.Join(a.Error, "; ")} {
		if t != "" {
			return t
		}
	}
	return ""
}

// code is the gateway's most telling code.
func (a *answer) code() string {
	if a.ErrorCode != "" {
		return string(a.ErrorCode)
	}
	return string(a.ResponseCode)
}

// message decodes the framework's message: a string or an array of them. What
// is neither is left out; the words must not cost the answer they came with.
type message []string

func (m *message) UnmarshalJSON(data []byte) error {
	*m = nil
	var texts []wire.Text
	if !wire.IsArray(data) {
		texts = make([]wire.Text, 1)
		if json.Unmarshal(data, &texts[0]) != nil {
			return nil
		}
	} else if json.Unmarshal(data, &texts) != nil {
		return nil
	}
	for _, t := range texts {
		if t != "" {
			*m = append(*m, string(t))
		}
	}
	return nil
}

// amount reads an amount that is text on the wire. One that cannot be read
// counts as absent: Raw has it.
func amount(text wire.Text) decimal.NullDecimal {
	d, err := wire.ParseDecimal(string(text))
	return decimal.NullDecimal{Decimal: d, Valid: err == nil}
}
