package bitpesa

import (
	"encoding/json"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
)

// TransactionParams describe a transaction.
type TransactionParams struct {
	// InputCurrency is what the sender pays in: "USD".
	InputCurrency string            `json:"input_currency"`
	Sender        SenderParams      `json:"sender"` // a new one, or the ID or ExternalID of one that exists
	Recipients    []RecipientParams `json:"recipients"`
	// PayinMethods are for collections; without any, the transaction is funded
	// from the account balance.
	PayinMethods []PayinMethodParams `json:"payin_methods,omitempty"`
	Traits       Traits              `json:"traits,omitzero"`
	// ExternalID is your own unique reference: the guard against paying twice.
	// CreateAndFund and PayFromBalance require it. BitPesa's API before April 2019
	// did not know it.
	ExternalID string   `json:"external_id,omitempty"`
	Metadata   Metadata `json:"metadata,omitempty"`
}

// RecipientParams describe who receives how much.
type RecipientParams struct {
	Type PartyType `json:"type,omitempty"` // Person if empty
	// RequestedAmount is in RequestedCurrency, which may be the input currency,
	// the currency of the payout or a third one. Required, more than zero.
	RequestedAmount   decimal.Decimal    `json:"-"`
	RequestedCurrency string             `json:"requested_currency"`
	PayoutMethod      PayoutMethodParams `json:"payout_method"`
	Metadata          Metadata           `json:"metadata,omitempty"`
}

// MarshalJSON writes the amount as text, so that no reader rounds it.
func (p RecipientParams) MarshalJSON() ([]byte, error) {
	type fields RecipientParams
	return json.Marshal(struct {
		RequestedAmount string `json:"requested_amount"`
		fields
	}{p.RequestedAmount.String(), fields(p)})
}

type transactionRequest struct {
	Transaction *TransactionParams `json:"transaction"`
}

func (p *TransactionParams) request() *transactionRequest { return &transactionRequest{p} }

func (p *TransactionParams) validate() (f transport.Faults) {
	f.Require("input_currency", p.InputCurrency)
	p.Sender.inTransaction("sender.", &f)
	if len(p.Recipients) == 0 {
		f.Add("recipients", "is required")
	}
	for i := range p.Recipients {
		p.Recipients[i].validate("recipients."+strconv.Itoa(i)+".", &f)
	}
	for i := range p.PayinMethods {
		f.Require("payin_methods."+strconv.Itoa(i)+".type", p.PayinMethods[i].Type)
	}
	return f
}

func (p *RecipientParams) validate(prefix string, f *transport.Faults) {
	amount(f, prefix+"requested_amount", p.RequestedAmount)
	f.Require(prefix+"requested_currency", p.RequestedCurrency)
	p.PayoutMethod.validate(prefix+"payout_method.", f)
}

// maxDecimals of an amount: Bitcoin's; no other currency has more.
const maxDecimals = 8

func amount(f *transport.Faults, field string, value decimal.Decimal) {
	if fault := wire.AmountFault(value, maxDecimals); fault != "" {
		f.Add(field, fault)
	}
}
