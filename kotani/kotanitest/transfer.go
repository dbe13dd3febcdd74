package kotanitest

import (
	"net/http"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kotani"
)

// Transfer is a transfer as the fake keeps it.
type Transfer struct {
	ID            string                `json:"id"`
	User          string                `json:"user"` // wallet address, in lower case
	Type          kotani.TransferType   `json:"type"`
	Status        kotani.TransferStatus `json:"status"`
	Fiat          string                `json:"fiat"`
	Crypto        string                `json:"crypto"`
	FiatAmount    decimal.Decimal       `json:"fiat_amount"`
	CryptoAmount  decimal.Decimal       `json:"crypto_amount"`
	Fee           decimal.Decimal       `json:"fee"` // fiat for a transfer in, else crypto
	QuoteID       string                `json:"quote_id"`
	FiatAccountID string                `json:"fiat_account_id"`
	Address       string                `json:"address"` // where the crypto comes from, or has to go
	TxHash        string                `json:"tx_hash"` // of a transfer in, once the crypto is sent
	UserAction    map[string]any        `json:"user_action"`
	Guaranteed    time.Time             `json:"guaranteed"` // until when the quote holds
	Outcome       TransferOutcome       `json:"outcome"`
	Created       time.Time             `json:"created"`
}

// Transfer returns one transfer.
func (f *FiatConnect) Transfer(id string) (Transfer, bool) {
	f.world.Lock()
	defer f.world.Unlock()
	if t := f.state.Transfers[id]; t != nil {
		return *t, true
	}
	return Transfer{}, false
}

// Transfers are all transfers, oldest first.
func (f *FiatConnect) Transfers() []Transfer {
	f.world.Lock()
	defer f.world.Unlock()
	all := make([]Transfer, 0, len(f.state.Order))
	for _, id := range f.state.Order {
		all = append(all, *f.state.Transfers[id])
	}
	return all
}

func (f *FiatConnect) transferIn(c *fiatCall) reply {
	return f.once(c, func() reply { return f.transfer(c, kotani.TransferTypeIn) })
}

func (f *FiatConnect) transferOut(c *fiatCall) reply {
	return f.once(c, func() reply { return f.transfer(c, kotani.TransferTypeOut) })
}

// transfer is POST /transfer/in and /transfer/out.
func (f *FiatConnect) transfer(c *fiatCall, kind kotani.TransferType) reply {
	if !hasTexts(c.fields, "fiatAccountId", "quoteId") {
		return problem(http.StatusBadRequest, kotani.ErrInvalidParameters)
	}
	a := f.account(c.address, c.optional("fiatAccountId"))
	q := f.state.Quotes[c.optional("quoteId")]
	switch {
	case a == nil:
		return problem(http.StatusNotFound, kotani.ErrResourceNotFound)
	case q == nil, q.Address != c.address, q.Type != kind, !f.world.Now().Before(q.Until):
		return problem(http.StatusBadRequest, kotani.ErrInvalidQuote)
	case a.Country != "" && a.Country != q.Country: // not among the values the quote allowed
		return problem(http.StatusBadRequest, kotani.ErrInvalidFiatAccount)
	}
	if code := f.cleared(c.address); code != "" {
		return problem(http.StatusBadRequest, code)
	}
	t := &Transfer{
		ID: f.ids().UUID(), User: c.address, Type: kind, Fiat: q.Fiat, Crypto: q.Crypto,
		FiatAmount: q.FiatAmount, CryptoAmount: q.CoinAmount, Fee: q.Fee, QuoteID: q.ID, FiatAccountID: a.ID,
		Guaranteed: q.Until, Outcome: transferOutcome(a.Number), Created: f.world.Now(),
	}
	t.Address = checksummed(f.ids().Derived(40, "transfer", t.ID))
	if kind == kotani.TransferTypeIn && !f.config.ProviderInitiated {
		t.UserAction = f.userAction(t, a)
	}
	f.state.Transfers[t.ID] = t
	f.state.Order = append(f.state.Order, t.ID)
	c.first = f.enter(t, kotani.TransferStarted)
	body := object{"transferId": t.ID, "transferStatus": string(t.Status), "transferAddress": t.Address}
	if t.UserAction != nil {
		body["userActionDetails"] = t.UserAction
	}
	return fine(body)
}

// transferStatus is GET /transfer/{transferId}/status.
func (f *FiatConnect) transferStatus(c *fiatCall) reply {
	t := f.state.Transfers[c.request.PathValue("transferId")]
	if t == nil || t.User != c.address {
		return problem(http.StatusNotFound, kotani.ErrResourceNotFound)
	}
	return fine(t.shown())
}

func (t *Transfer) shown() object {
	provided, got := t.CryptoAmount, t.FiatAmount
	if t.Type == kotani.TransferTypeIn {
		provided, got = got, provided
	}
	o := object{
		"status": string(t.Status), "transferType": string(t.Type), "fiatType": t.Fiat, "cryptoType": t.Crypto,
		"amountProvided": provided.String(), "amountReceived": got.String(), "fiatAccountId": t.FiatAccountID,
		"transferId": t.ID, "transferAddress": t.Address,
	}
	if t.Fee.IsPositive() {
		o["fee"] = t.Fee.String()
	}
	if t.TxHash != "" {
		o["txHash"] = t.TxHash
	}
	if t.UserAction != nil {
		o["userActionDetails"] = t.UserAction
	}
	return o
}

// userAction is what the user of a transfer in has to do, by the schema's type.
func (f *FiatConnect) userAction(t *Transfer, a *FiatAccount) map[string]any {
	schema, _ := findAccountSchema(a.Schema)
	o := map[string]any{"userActionType": string(schema.action)}
	switch schema.action {
	case "PIXUserAction":
		o["pixString"] = "pix-" + t.ID
	case "IBANUserAction":
		o["iban"], o["bic"] = "DE89370400440532013000", "COBADEFFXXX"
	case "AccountNumberUserAction":
		o["institutionName"], o["accountName"], o["accountNumber"] = "Test Bank", "Kotani Pay", "0123456789"
		o["transactionReference"], o["deadline"] = strings.ToUpper(t.ID[:8]), timestamp(t.Guaranteed)
	default:
		o["url"] = "https://pay.kotani.example/" + t.ID
	}
	return o
}
