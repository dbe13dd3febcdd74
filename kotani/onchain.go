package kotani

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// OnChainService shows balances on chain and the escrow.
type OnChainService struct{ *api }

// Chain is a network. A network that is not listed passes through.
type Chain string

// The documented networks.
const (
	ChainTron      Chain = "tron"
	ChainArbitrum  Chain = "arbitrum"
	ChainCelo      Chain = "celo"
	ChainAvalanche Chain = "avalanche"
	ChainStellar   Chain = "stellar"
)

// Balance is what a user holds on a chain.
type Balance struct {
	Address string
	// Currency and Amount follow the 2022 source: local currency, four decimals.
	// Amount is not Valid when the response shows no number.
	Currency string
	Amount   decimal.NullDecimal
	Raw      sdk.Raw
}

// Balance returns what the user with a phone number holds on a chain.
func (s *OnChainService) Balance(ctx context.Context, phoneNumber string, chain Chain) (*Balance, error) {
	var f faults
	f.phone("phoneNumber", phoneNumber)
	f.Require("chain", string(chain))
	return call(ctx, s.api, f, transport.Call{
		Op: OpBalance, Body: balanceRequest{digits(phoneNumber), chain},
	}, func(body []byte) (Balance, error) {
		var w struct {
			Address string `json:"address"`
			Balance *money `json:"balance" wire:"required"`
		}
		if err := wire.Unmarshal(body, &w); err != nil {
			return Balance{}, err
		}
		return Balance{Address: w.Address, Currency: w.Balance.Currency, Amount: w.Balance.Amount, Raw: body}, nil
	})
}

type balanceRequest struct {
	PhoneNumber string `json:"phoneNumber"`
	Chain       Chain  `json:"chain"`
}

// EscrowRates are the terms of a payout by Celo.SendToMpesa.
type EscrowRates struct {
	EscrowAddress string // where the stablecoins go
	// Currency and Rate follow the 2022 source: units of local currency for 1 cUSD,
	// at the market's rate less 2 %.
	Currency string
	Rate     decimal.NullDecimal
	Raw      sdk.Raw
}

// EscrowRates returns the escrow address and what 1 cUSD brings there.
func (s *OnChainService) EscrowRates(ctx context.Context) (*EscrowRates, error) {
	return call(ctx, s.api, faults{}, transport.Call{Op: OpEscrowRates}, func(body []byte) (EscrowRates, error) {
		var w struct {
			EscrowAddress string `json:"escrowAddress" wire:"required"`
			Rate          struct {
				Currency string              `json:"localCurrency"`
				Rate     decimal.NullDecimal `json:"cusdToLocalCurrencyRate"`
			} `json:"conversionRate"`
		}
		err := wire.Unmarshal(body, &w)
		return EscrowRates{EscrowAddress: w.EscrowAddress, Currency: w.Rate.Currency, Rate: w.Rate.Rate, Raw: body}, err
	})
}

// CeloService buys cUSD and turns cUSD into mobile money.
type CeloService struct{ *api }

// BuyCeloParams describe a purchase of cUSD.
type BuyCeloParams struct {
	PhoneNumber string          // of a user with a wallet
	Amount      decimal.Decimal // cUSD, greater than zero
}

// CeloPurchase is a purchase of cUSD.
type CeloPurchase struct {
	Details json.RawMessage `json:"details" wire:"required"` // an object in the document, a text in the 2022 source
	Raw     sdk.Raw
}

// Buy purchases cUSD for a user. It takes no reference, so an unknown outcome
// stays unknown: look at OnChain.Balance before buying again. The response is
// documented without the user and the amount. Where it shows the user, he is
// compared.
func (s *CeloService) Buy(ctx context.Context, p BuyCeloParams) (*CeloPurchase, error) {
	return s.buy(p).Do(ctx)
}

// PrepareBuy checks and encodes what Buy sends, for package sdk/journal.
func (s *CeloService) PrepareBuy(p BuyCeloParams) (sdk.Prepared[CeloPurchase], error) {
	return s.buy(p).Prepare()
}

func (s *CeloService) buy(p BuyCeloParams) transport.Write[CeloPurchase] {
	var f faults
	f.phone("phoneNumber", p.PhoneNumber)
	f.amount("celoAmount", p.Amount, cryptoDecimals)
	want := asked{phone: digits(p.PhoneNumber)}
	return write(s.api, f, transport.Call{
		Op: OpBuyCelo, Body: buyCeloRequest{want.phone, plainText(p.Amount)},
	}, func(body []byte) (CeloPurchase, error) {
		purchase, err := read[CeloPurchase](body)
		switch {
		case err != nil:
		case readContent(body).number/100 != 2 || !ofPurchase(body):
			err = mismatch("the response has the form of another operation's")
		default:
			err = want.compareAny(body, "details")
		}
		return purchase, err
	}, nil)
}

// ofPurchase reports the documented form of a purchase. A user's details come in "details",
// too, beside a "desc" or with his name.
func ofPurchase(body []byte) bool {
	members, _ := read[map[string]json.RawMessage](body)
	for name := range members {
		switch name {
		case "status", "details", "phoneNumber":
		case "error", "errors", "success", "statusCode": // without a failure, which was looked for
		default:
			return false
		}
	}
	details, _ := read[map[string]json.RawMessage](members["details"])
	return !slices.ContainsFunc([]string{"firstname", "lastname", "email", "dateofbirth", "documentType", "documentNumber"}, func(name string) bool { return details[name] != nil })
}

type buyCeloRequest struct {
	PhoneNumber string    `json:"phoneNumber"`
	CeloAmount  plainText `json:"celoAmount"`
}

// SendToMpesaParams describe a payout of cUSD that was sent to Kotani's escrow
// address before. See OnChain.EscrowRates.
type SendToMpesaParams struct {
	PhoneNumber string // the recipient's, in Kenya
	TxHash      string // of the transfer to the escrow: 0x and 64 hex digits
}

// MpesaPayout is a payout by SendToMpesa. Only Description and the existence of
// the details are documented. The fields of the details follow the 2022 source.
type MpesaPayout struct {
	Description  string          `json:"desc"`
	BlockNumber  string          `json:"blockNumber"`
	Value        string          `json:"value"` // "1.5 CUSD"
	From         string          `json:"from"`  // an address
	To           string          `json:"to"`    // an address
	Date         string          `json:"date"`  // "2022-02-01, 10:30:00", zone unknown
	MpesaDetails json.RawMessage `json:"MpesaDetails"`
	Raw          sdk.Raw
}

// SendToMpesa pays the worth of a transfer to the escrow out by M-Pesa. It is never
// repeated after an unknown outcome.
//
// Kotani processes a hash once ("Transaction Hash is already processed"). That
// refusal gives sdk.ErrOutcomeUnknown and sdk.ErrDuplicate: an earlier call has
// processed the hash, and Kotani does not show for whom. So the same call may be
// made again after a crash. It pays, or it says that the hash is used. Never present
// a hash for a second recipient.
//
// The response is documented without hash and recipient. Where it shows them, they
// are compared.
func (s *CeloService) SendToMpesa(ctx context.Context, p SendToMpesaParams) (*MpesaPayout, error) {
	return s.sendToMpesa(p).Do(ctx)
}

// PrepareSendToMpesa checks and encodes what SendToMpesa sends, for package sdk/journal.
func (s *CeloService) PrepareSendToMpesa(p SendToMpesaParams) (sdk.Prepared[MpesaPayout], error) {
	return s.sendToMpesa(p).Prepare()
}

func (s *CeloService) sendToMpesa(p SendToMpesaParams) transport.Write[MpesaPayout] {
	var f faults
	f.phoneIn("phoneNumber", p.PhoneNumber, Kenya, s.country) // M-Pesa is Kenyan
	if !isHex(p.TxHash, 64) {
		f.Add("txhash", "must be 0x and 64 hex digits")
	}
	want := asked{phone: digits(p.PhoneNumber), txHash: p.TxHash}
	return write(s.api, f, transport.Call{
		Op: OpSendToMpesa, Reference: p.TxHash, Body: mpesaRequest{want.phone, p.TxHash},
	}, func(body []byte) (MpesaPayout, error) {
		payout, err := decodeMpesaPayout(body)
		if err == nil {
			err = want.compareAny(body, "cusdDetails")
		}
		return payout, err
	}, nil)
}

type mpesaRequest struct {
	PhoneNumber string `json:"phoneNumber"`
	TxHash      string `json:"txhash"`
}

func decodeMpesaPayout(body []byte) (MpesaPayout, error) {
	var w struct {
		Description  string          `json:"desc"`
		Details      *MpesaPayout    `json:"cusdDetails" wire:"required"`
		MpesaDetails json.RawMessage `json:"MpesaDetails"`
	}
	if err := wire.Unmarshal(body, &w); err != nil {
		return MpesaPayout{}, err
	}
	payout := *w.Details
	payout.Description, payout.MpesaDetails, payout.Raw = w.Description, w.MpesaDetails, body
	return payout, nil
}

// StellarService turns USDC on Stellar into mobile money in Kenya and Ghana.
type StellarService struct{ *api }

// TronService turns USDT on Tron into mobile money and back.
type TronService struct{ *api }

// Country is the country code in the path of a Stellar or Tron operation. A code
// that is not listed passes through.
type Country string

// The documented countries.
const (
	Kenya Country = "KE"
	Ghana Country = "GH"
)

// CashOutParams describe a payout by mobile money of coins that were sent to
// Kotani before.
type CashOutParams struct {
	Country     Country // where the recipient is
	PhoneNumber string  // the recipient's, in that country
	TxHash      string  // of the transfer: 64 hex digits, with or without 0x
	CallbackURL string  // optional; must start with http:// or https://
	Name        string  // optional
	Email       string  // optional
	Description string  // optional; Stellar only
	// AcceptedQuoteID is that of Quotes.AcceptOut, whose rate counts then. Optional. The
	// document does not say how a quote out is used: the field is assumed.
	AcceptedQuoteID string
}

// CashOut pays the worth of a USDC transfer out by mobile money. No document says
// that Kotani processes a hash only once here, so an unknown outcome stays
// unknown; its Reference is the hash. The document leaves the response empty, which may
// be anybody's: a response without an id and the hash is an unknown outcome. The phone
// number is compared where the response shows it.
func (s *StellarService) CashOut(ctx context.Context, p CashOutParams) (*Transaction, error) {
	return cashOut(s.api, OpStellarCashOut, p).Do(ctx)
}

// PrepareCashOut checks and encodes what CashOut sends, for package sdk/journal.
func (s *StellarService) PrepareCashOut(p CashOutParams) (sdk.Prepared[Transaction], error) {
	return cashOut(s.api, OpStellarCashOut, p).Prepare()
}

// CashOut pays the worth of a USDT transfer out by mobile money in Kenya or
// Ghana. For unknown outcomes see Stellar.CashOut.
func (s *TronService) CashOut(ctx context.Context, p CashOutParams) (*Transaction, error) {
	return cashOut(s.api, OpTronCashOut, p).Do(ctx)
}

// PrepareCashOut checks and encodes what CashOut sends, for package sdk/journal.
func (s *TronService) PrepareCashOut(p CashOutParams) (sdk.Prepared[Transaction], error) {
	return cashOut(s.api, OpTronCashOut, p).Prepare()
}

func cashOut(a *api, op string, p CashOutParams) transport.Write[Transaction] {
	var f faults
	f.segment("countryCode", string(p.Country))
	f.CheckReference("acceptedQuoteId", p.AcceptedQuoteID)
	f.phoneIn("phoneNumber", p.PhoneNumber, p.Country, a.country)
	if !isHex(p.TxHash, 64) && !isHex("0x"+p.TxHash, 64) {
		f.Add("txHash", "must be 64 hex digits")
	}
	f.callback("callback", p.CallbackURL)
	if p.Description != "" && op != OpStellarCashOut {
		f.Add("description", "is for Stellar only")
	}
	want := asked{forms: forms(op), kind: Payouts, phone: digits(p.PhoneNumber), txHash: p.TxHash}
	return write(a, f, transport.Call{
		Op: op, Path: []string{string(p.Country)}, Reference: p.TxHash,
		Body: cashOutRequest{want.phone, p.TxHash, p.CallbackURL, p.Name, p.Email, p.Description, p.AcceptedQuoteID},
	}, want.read, nil)
}

type cashOutRequest struct {
	PhoneNumber     string `json:"phoneNumber"`
	TxHash          string `json:"txHash"`
	Callback        string `json:"callback,omitempty"`
	Name            string `json:"name,omitempty"`
	Email           string `json:"email,omitempty"`
	Description     string `json:"description,omitempty"`
	AcceptedQuoteID string `json:"acceptedQuoteId,omitempty"`
}

// CashInParams describe a purchase of USDT by mobile money. The document shows
// no body at all: every field is assumed.
type CashInParams struct {
	Country     Country         // Kenya only, says the text; Kenya and Ghana, says the parameter
	PhoneNumber string          // the payer's, in that country
	Amount      decimal.Decimal // whole shillings, greater than zero
	ExternalID  string          // optional: your own reference
	CallbackURL string          // optional; must start with http:// or https://
}

// CashIn buys USDT with mobile money. An unknown outcome stays unknown: the body
// is assumed, and nothing says that the external id can be looked up. A response without
// an id, and without the external id or else the phone number, is an unknown outcome.
func (s *TronService) CashIn(ctx context.Context, p CashInParams) (*Transaction, error) {
	return s.cashIn(p).Do(ctx)
}

// PrepareCashIn checks and encodes what CashIn sends, for package sdk/journal.
func (s *TronService) PrepareCashIn(p CashInParams) (sdk.Prepared[Transaction], error) {
	return s.cashIn(p).Prepare()
}

func (s *TronService) cashIn(p CashInParams) transport.Write[Transaction] {
	var f faults
	f.segment("countryCode", string(p.Country))
	f.phoneIn("phoneNumber", p.PhoneNumber, p.Country, s.country)
	f.amount("amount", p.Amount, 0)
	f.callback("callback", p.CallbackURL)
	if p.ExternalID != "" {
		f.reference("externalId", p.ExternalID)
	}
	want := asked{forms: forms(OpTronCashIn), kind: Collections, externalID: p.ExternalID, amount: p.Amount, phone: digits(p.PhoneNumber)}
	return write(s.api, f, transport.Call{
		Op: OpTronCashIn, Path: []string{string(p.Country)}, Reference: p.ExternalID,
		Body: movementRequest{
			Amount: wire.Integer(p.Amount), PhoneNumber: want.phone,
			Callback: p.CallbackURL, ExternalID: p.ExternalID,
		},
	}, want.read, nil)
}
