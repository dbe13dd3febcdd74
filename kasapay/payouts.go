package kasapay

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// PayoutsService pays businesses.
type PayoutsService struct{ c *Client }

// CreatePayoutParams describe a payout. Every field is required unless its comment
// names a default.
type CreatePayoutParams struct {
	// Reference is your unique reference (payout_reference): "ms83-367839". Find and
	// Wait use it. Its length and alphabet are not documented.
	Reference   string
	ServiceCode string // default Config.ServiceCode

	RecipientType RecipientType
	// RecipientAccountNumber is the paybill, till or bank account number. No field
	// for the bank itself is documented: ask Kasapay.
	RecipientAccountNumber string
	RecipientName          string // "Test Limited"
	// AccountReference is the account at the recipient (payment_account_reference):
	// the account number at a paybill, "0101".
	AccountReference string

	// Amount is in units of Currency. It is sent with two decimals and refused if it
	// has more. Limits and the processor's precision are not documented.
	Amount   decimal.Decimal
	Currency string // ISO 4217: "KES"
	Country  string // ISO 3166-1 alpha-3: "KEN"
	// Method is the payment method. The default is the documented method of the
	// RecipientType. A documented method of another type is refused, unless
	// Config.AnyMethod is set. A method that this package does not know passes through.
	Method      PaymentMethod
	Description string
	// CallbackURL is where Kasapay posts what happens to the payout. By default
	// Config.CallbackURL makes it.
	CallbackURL string
}

// RecipientType is the kind of account a payout goes to: recipient_type of the
// request, destination of a status and a callback. In responses a kind that this
// package does not know passes through.
type RecipientType string

// The documented kinds. Requests take no other kind.
const (
	Paybill     RecipientType = "PAYBILL"
	Till        RecipientType = "TILL"
	BankAccount RecipientType = "BANK_ACCOUNT_NUMBER" // "bank_account" in responses
)

// Listed reports one of the documented kinds.
func (r RecipientType) Listed() bool { return r == Paybill || r == Till || r == BankAccount }

// PaymentMethod is how a payout is made.
type PaymentMethod string

// The documented methods.
const (
	MethodMpesaB2B PaymentMethod = "MPESA_B2B" // for paybills and tills
	MethodBank     PaymentMethod = "BANK"      // for bank accounts
)

// Payout is a payout as a response or a callback shows it. After Create only the
// references, Status, Result and Raw are set.
type Payout struct {
	// Reference is your own payout_reference, with which you called Create or Find.
	// From Get and in a callback it is the payout_reference as it is shown there: yours,
	// or Kasapay's.
	Reference string
	// GatewayReference is the payout_reference of the response. The document's
	// samples show your reference in a status and a different reference in an
	// acceptance. Whether Kasapay mints its own is not documented. Keep both.
	GatewayReference string
	Status           PaymentStatus
	// Result says in words what happened: the reason of a failure.
	Result string

	TransactionID string // Kasapay's: "10001"
	Receipt       string // the processor's (payment_reference): "TQLXMNSBBYSF"; empty until paid
	FloatAccount  string // your account that is debited (wallet_account)
	// FloatBalance is what is left on FloatAccount afterwards (account_balance).
	FloatBalance decimal.NullDecimal

	// Amount is not valid when the response has no amount that can be read. "10" may
	// come back as "10.00": compare with Equal.
	Amount      decimal.NullDecimal
	Currency    string        // ISO 4217
	Destination RecipientType // in the request's spelling if it is known
	// AccountNumber may be masked: never compare it with the number you sent.
	AccountNumber string
	// DestinationName is the name of the recipient, and of the bank for a bank account
	// (destination_name): "BANKX".
	DestinationName string
	Description     string // of the request
	Time            time.Time
	// Existing is set by Create: the payout was there before this call asked for it.
	Existing bool
	// Unverified is set by Create for a payout that it looked up and that showed no
	// amount to compare.
	Unverified bool
	Raw        sdk.Raw
}

// Named reports that the response named your reference: else it may be the response to
// another request.
func (p *Payout) Named() bool { return p.GatewayReference == p.Reference }

// PaymentStatus is the state of a payout. A status that this package does not know
// passes through and is never final.
type PaymentStatus string

// The states. 700 to 705 are the documented payment statuses. 720 is the documented
// response code of an accepted request: the state of a payout fresh from Create.
const (
	StatusProcessed PaymentStatus = "700" // paid; a reversal or refund may still follow (inferred)
	StatusFailed    PaymentStatus = "701" // not paid; see Payout.Result
	StatusReversed  PaymentStatus = "702" // money back
	StatusPending   PaymentStatus = "703" // in progress
	StatusJammed    PaymentStatus = "704" // in doubt: neither paid nor failed, so never pay again
	StatusRefunded  PaymentStatus = "705" // money back
	StatusAccepted  PaymentStatus = "720" // queued, not paid
)

// Final reports whether the payout has come to an end (inferred). After 700 only a
// Reversal can follow. A refund (705) may be reported after a failure (701), too.
func (s PaymentStatus) Final() bool {
	return s == StatusProcessed || s == StatusFailed || s.Reversal()
}

// Reversal reports whether the money came back.
func (s PaymentStatus) Reversal() bool { return s == StatusReversed || s == StatusRefunded }

// Create asks for a payout and returns it as accepted (720): queued and not paid.
// Then call Wait.
//
// A reference that Kasapay has seen is looked up: calling Create again after a crash
// returns the payout that was made, with Existing set. sdk.ErrReferenceTaken means that the
// payout under this reference is another one. After an unknown outcome Create looks up,
// too, as the package documentation says. A payout that was looked up may be past 720
// and may even have failed: look at its Status.
//
// Kasapay's acceptance does not name your reference for certain: the document's sample
// has another one. Such an acceptance may be another request's, so Create looks the
// payout up before it believes it. Not found, the outcome is unknown. Calls with the
// same reference at the same time share one request, if they are calls of one Client: make
// one Client per account.
func (s *PayoutsService) Create(ctx context.Context, p CreatePayoutParams) (*Payout, error) {
	return s.create(p).Do(ctx)
}

// Prepare checks and encodes what Create sends, for package sdk/journal.
func (s *PayoutsService) Prepare(p CreatePayoutParams) (sdk.Prepared[Payout], error) {
	return s.create(p).Prepare()
}

func (s *PayoutsService) create(p CreatePayoutParams) transport.Write[Payout] {
	request, callback, faults := s.c.payoutRequest(p)
	return transport.Write[Payout]{Core: s.c.core, Err: s.c.core.InvalidCall(transport.Call{Op: OpInitiate, Reference: p.Reference, Body: request}, faults), Named: (*Payout).Named, Call: func(out **Payout) transport.Call {
		return transport.Call{
			Op: OpInitiate, Reference: p.Reference, Body: request, Callback: callback,
			Decode: decode(func(r *response) (err error) {
				*out, err = r.accepted(request, p.Amount)
				return err
			}),
			Lookup: func(ctx context.Context, existing bool) (transport.Finding, error) {
				var found *response
				var shown *Payout
				err := s.ask(ctx, p.Reference, func(r *response) (err error) {
					found = r
					shown, err = r.status(p.Reference)
					return err
				})
				switch {
				case transport.SaysAbsent(err):
					return transport.Absent, nil
				case err != nil && found != nil && found.PayoutReference.Text == p.Reference:
					return transport.Doubtful, err // without a status
				case err != nil: // another payout_reference in the response among others
					return 0, err
				}
				same := found.compare(request, p.Amount)
				finding, err := same.Finding()
				if err == nil && finding == transport.Same {
					shown.Existing, shown.Unverified = existing, !shown.Amount.Valid
					if *out != nil { // the acceptance, which it confirms
						shown.GatewayReference = (*out).GatewayReference
					}
					*out = shown
					if shown.Status == StatusFailed {
						finding = transport.Failed
					}
				}
				return finding, err
			},
		}
	}}
}

// Find looks a payout up by your reference. sdk.ErrNotFound means that Kasapay itself
// says that it knows no such payout, in the document's words. The form of that response
// is not documented, so Find reads it in every envelope. A response that names another
// reference, or none, is an sdk.ErrUnexpectedResponse.
func (s *PayoutsService) Find(ctx context.Context, reference string) (*Payout, error) {
	return s.lookup(ctx, reference, func(r *response) (*Payout, error) { return r.status(reference) })
}

// Get looks a payout up by Kasapay's own reference, the GatewayReference of a Payout
// from Create (assumed: the document asks by yours). Match the payout by its
// Reference: the response may name yours or Kasapay's.
func (s *PayoutsService) Get(ctx context.Context, gatewayReference string) (*Payout, error) {
	return s.lookup(ctx, gatewayReference, (*response).named)
}

func (s *PayoutsService) lookup(ctx context.Context, reference string, read func(*response) (*Payout, error)) (*Payout, error) {
	var payout *Payout
	err := s.ask(ctx, reference, func(r *response) (err error) {
		payout, err = read(r)
		return err
	})
	if err != nil {
		return nil, err
	}
	return payout, nil
}

func (s *PayoutsService) ask(ctx context.Context, reference string, read func(*response) error) error {
	var f transport.Faults
	checkReference(&f, reference)
	if err := s.c.core.Invalid(OpStatus, reference, f.Fields); err != nil {
		return err
	}
	return s.c.core.Do(ctx, transport.Call{Op: OpStatus, Path: []string{reference}, Reference: reference, Decode: decode(read)})
}

// Wait calls Find every few seconds, at most half a minute apart, until the payout's
// status is final, and returns it. A payout that failed or was reversed is no error:
// look at its Status. Wait goes on while a payout is jammed, and outlasts outages.
// For the first ten seconds it also waits for Kasapay to know the payout. When the
// context ends first, Wait returns the error and the payout as last seen, if any.
//
// A processed payout can still be reversed later: listen to callbacks, or call Find
// again.
func (s *PayoutsService) Wait(ctx context.Context, reference string) (*Payout, error) {
	return transport.Wait(ctx, s.c.core, OpStatus, reference, s.Find, func(p *Payout) bool { return p.Status.Final() })
}

// ParseCallback decodes the body of a callback, which has the shape of a status
// (documented). It refuses a body that is no JSON object, or that lacks
// payout_reference or payment_status.
//
// Expect several callbacks per payout, in any order. Some are not final, and a
// reversal may follow a success. Callbacks are not signed. Believe a callback only
// after Find confirms it. Package webhook does so.
func ParseCallback(body []byte) (Payout, error) {
	r, err := parse(bytes.Clone(wire.WithoutMark(body)))
	var p *Payout
	if err == nil {
		p, err = r.named()
	}
	if err != nil {
		return Payout{}, fmt.Errorf("kasapay: callback: %w", err)
	}
	return *p, nil
}

func (p CreatePayoutParams) validate(anyMethod bool) (f transport.Faults) {
	checkReference(&f, p.Reference)
	f.RequireReference("service_code", p.ServiceCode)
	f.RequireReference("payment_account_reference", p.AccountReference)
	f.Require("recipient_name", p.RecipientName)
	if !p.RecipientType.Listed() {
		f.Add("recipient_type", "must be PAYBILL, TILL or BANK_ACCOUNT_NUMBER")
	}
	f.RequireReference("recipient_account_number", p.RecipientAccountNumber)
	if fault := wire.AmountFault(p.Amount, 2); fault != "" {
		f.Add("amount", fault)
	}
	f.Require("payment_description", p.Description)
	if mismatch := p.Method == MethodBank && p.RecipientType != BankAccount || p.Method == MethodMpesaB2B && p.RecipientType == BankAccount; mismatch && !anyMethod {
		f.Add("payment_method", "must be MPESA_B2B for PAYBILL and TILL, and BANK for BANK_ACCOUNT_NUMBER")
	}
	if !wire.IsCurrency(p.Currency) {
		f.Add("currency_code", "must be a currency code of ISO 4217, such as KES")
	}
	if !wire.IsCountry(p.Country) {
		f.Add("country_code", "must be a country code of ISO 3166-1 alpha-3, such as KEN")
	}
	return f
}

// checkReference refuses a reference that cannot stand in a path, or that might not
// come back as it was.
func checkReference(f *transport.Faults, reference string) {
	if err := transport.CheckSegment(reference); err != nil {
		f.Add("payout_reference", err.Error())
		return
	}
	f.RequireReference("payout_reference", reference)
}

type payoutRequest struct {
	PayoutReference         string        `json:"payout_reference"`
	ServiceCode             string        `json:"service_code"`
	PaymentAccountReference string        `json:"payment_account_reference"`
	RecipientName           string        `json:"recipient_name"`
	RecipientType           RecipientType `json:"recipient_type"`
	RecipientAccountNumber  string        `json:"recipient_account_number"`
	Amount                  string        `json:"amount"`
	PaymentDescription      string        `json:"payment_description"`
	PaymentMethod           PaymentMethod `json:"payment_method"`
	CurrencyCode            string        `json:"currency_code"`
	CountryCode             string        `json:"country_code"`
	CallbackURL             string        `json:"callback_url"`
}

// payoutRequest fills in the defaults and names what is wrong by Kasapay's own field
// names.
func (c *Client) payoutRequest(p CreatePayoutParams) (*payoutRequest, *transport.Callback, transport.Fields) {
	if p.ServiceCode == "" {
		p.ServiceCode = c.serviceCode
	}
	if p.Method == "" {
		p.Method = MethodMpesaB2B
		if p.RecipientType == BankAccount {
			p.Method = MethodBank
		}
	}
	f := p.validate(c.anyMethod)
	var callback *transport.Callback
	p.CallbackURL, callback = f.CallbackURL("callback_url", p.CallbackURL, c.callbackURL, p.Reference, p.Amount, p.Currency)
	amount := ""
	if f.Fields["amount"] == nil { // an amount with a huge exponent is never written out
		amount = p.Amount.StringFixed(2)
	}
	return &payoutRequest{
		p.Reference, p.ServiceCode, p.AccountReference, p.RecipientName, p.RecipientType, p.RecipientAccountNumber,
		amount, p.Description, p.Method, p.Currency, p.Country, p.CallbackURL,
	}, callback, f.Fields
}

func decode(read func(*response) error) func(*transport.Response) error {
	return func(r *transport.Response) error {
		body, ok := r.Parsed.(*response)
		if !ok {
			return wire.Missing("a JSON object")
		}
		return read(body)
	}
}

// accepted shows the acceptance of a request as a Payout.
func (r *response) accepted(request *payoutRequest, amount decimal.Decimal) (*Payout, error) {
	switch status := PaymentStatus(r.PaymentStatus.Text); {
	case PaymentStatus(r.ResponseCode.Text) != StatusAccepted:
		return nil, wire.Missing("response_code 720")
	case status.Final() && status != StatusProcessed:
		return nil, wire.Missing("a payment_status that agrees with 720")
	}
	same := r.compare(request, amount)
	if err := same.Direct(); err != nil {
		return nil, err
	}
	return &Payout{
		Reference: request.PayoutReference, GatewayReference: r.PayoutReference.Text, Status: StatusAccepted,
		Result: string(r.ResponseDescription), Raw: r.raw,
	}, nil
}

// showsPayout reports what only a payout that was accepted has: a refusal beside it
// contradicts it, and neither is believed.
func (r *response) showsPayout() bool {
	return r.PaymentStatus.Text != "" || r.PaymentStatus.Unreadable || r.PaymentReference != "" || PaymentStatus(r.ResponseCode.Text) == StatusAccepted
}

// compare says whether a response shows the payout that a request asks for. Nobody
// knows whether the account_number of a payout to a paybill is the paybill or the
// account there, so that it may be either.
func (r *response) compare(request *payoutRequest, amount decimal.Decimal) (c transport.Comparison) {
	shown := readAmount(r.Amount.Text)
	c.Amount("amount", amount, shown, r.Amount.Unreadable || r.Amount.Text != "")
	c.Fold("currency", request.CurrencyCode, string(r.Currency))
	switch kind := parseRecipientType(string(r.Destination)); kind {
	case "", request.RecipientType:
	default:
		if kind.Listed() {
			c.Text("destination", string(request.RecipientType), string(kind))
			break
		}
		c.Unreadable("destination") // a spelling that nobody knows
	}
	var there transport.Comparison
	there.Account("account_number", request.PaymentAccountReference, string(r.AccountNumber))
	if finding, err := there.Finding(); finding == transport.Different || err != nil || request.RecipientType != Paybill {
		c.Account("account_number", request.RecipientAccountNumber, string(r.AccountNumber))
	}
	c.Text("payment_account_reference", request.PaymentAccountReference, string(r.AccountReference))
	return c
}

// status shows the status of the payout that was asked for by your reference.
func (r *response) status(reference string) (*Payout, error) {
	p, err := r.named()
	if err == nil && p.Reference != reference {
		return nil, errOtherReference // another request's response, or Kasapay's own reference
	}
	return p, err
}

// named shows a status or a callback as the payout that it names.
func (r *response) named() (*Payout, error) {
	reference := r.PayoutReference.Text
	switch {
	case r.PayoutReference.Unreadable:
		return nil, wire.Missing("a payout_reference that can be read")
	case reference == "":
		return nil, wire.Missing("payout_reference")
	case r.PaymentStatus.Text == "":
		return nil, wire.Missing("payment_status")
	}
	return &Payout{
		Reference: reference, GatewayReference: reference, Status: PaymentStatus(r.PaymentStatus.Text),
		Result: string(r.ResultDescription), TransactionID: string(r.TransactionID), Receipt: string(r.PaymentReference),
		FloatAccount: string(r.WalletAccount), FloatBalance: readAmount(string(r.AccountBalance)),
		Amount: readAmount(r.Amount.Text), Currency: string(r.Currency), Destination: parseRecipientType(string(r.Destination)),
		AccountNumber: string(r.AccountNumber), DestinationName: string(r.DestinationName), Description: string(r.Description),
		Time: wire.ParseTime(string(r.TransactionTime)), Raw: r.raw,
	}, nil
}

// readAmount reads an amount that is text on the wire. An amount that cannot be read
// counts as absent. Raw has its text.
func readAmount(text string) decimal.NullDecimal {
	d, err := wire.ParseDecimal(text)
	return decimal.NullDecimal{Decimal: d, Valid: err == nil}
}

// parseRecipientType reads a destination. The document's table has it in capitals,
// its samples in lower case.
func parseRecipientType(text string) RecipientType {
	switch upper := RecipientType(strings.ToUpper(text)); upper {
	case Paybill, Till, BankAccount:
		return upper
	case "BANK_ACCOUNT":
		return BankAccount
	}
	return RecipientType(text)
}

// fault is an error text that is safe to log.
type fault string

func (f fault) Error() string    { return string(f) }
func (f fault) SafeText() string { return string(f) }

const errOtherReference = fault("status of another payout_reference")
