package kpay

import (
	"context"
	"strings"
	"unicode"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// PayParams describe a collection. Every field is required unless its comment says
// otherwise.
type PayParams struct {
	// RefID is your unique reference for this payment (refid). KPay refuses a RefID
	// it has seen. Find, Wait and postbacks use it. Its length and alphabet are not
	// documented.
	RefID string
	// Amount is in whole francs, with at most 18 digits. A fraction is refused. For
	// USD the unit is assumed to be whole dollars: ask KPay before you rely on it.
	Amount   decimal.Decimal
	Currency Currency // default RWF

	Method Method // how the payer pays
	// BankID is the institution. Default (observed): for momo the network of
	// MSISDN, 000 for cc and smartcash, 63502 for spenn. The method bank has no
	// default.
	BankID BankID
	// MSISDN is the payer's number, "0783300000" or "+250 783 300 000". It is read as
	// people write it, and sent as digits.
	MSISDN         string
	Email          string // of the payer
	CustomerName   string // cname
	CustomerNumber string // cnumber: the payer's number at the processor; many merchants repeat the MSISDN
	Details        string // what the payer pays for: "Order #123"

	RetailerID string // default Config.RetailerID
	// ReturnURL is where KPay posts the result (returl). By default
	// Config.CallbackURL makes it.
	ReturnURL   string
	RedirectURL string // where the payer's browser goes afterwards
	LogoURL     string // optional, for the checkout page
}

// Currency is an ISO 4217 code.
type Currency string

// The documented currencies. For USD neither a sample nor a unit is documented.
const (
	RWF Currency = "RWF" // the default
	USD Currency = "USD"
)

// Method is how the payer pays (pmethod). A method that this package does not know
// passes through. KPay refuses it with code 609.
type Method string

// The documented methods.
const (
	MethodMoMo      Method = "momo"      // MTN and Airtel mobile money; the payer approves on the handset
	MethodCard      Method = "cc"        // Visa, MasterCard and others, on the hosted checkout page
	MethodBank      Method = "bank"      // needs a BankID
	MethodSPENN     Method = "spenn"     // SPENN
	MethodSmartCash Method = "smartcash" // SmartCash; the vendor's newer guide puts it under "cc"
)

// BankID names the institution that pays (bankid). Leading zeros matter. An id that
// this package does not know passes through.
type BankID string

// The institutions. "documented" are those of the reference document, "vendor" those
// which only KPay's developer guide has.
const (
	BankMTN        BankID = "63510" // documented: MTN Mobile Money
	BankAirtel     BankID = "63514" // documented: Airtel Money
	BankSPENN      BankID = "63502" // documented: SPENN
	BankCards      BankID = "000"   // documented: Visa / MasterCard
	BankKigali     BankID = "040"   // documented: Banque de Kigali (BK)
	BankCogebanque BankID = "130"   // documented: Compagnie Generale de Banques (Cogebanque)
	BankIM         BankID = "010"   // vendor: I&M
	BankGT         BankID = "070"   // vendor: GTBank
	BankEcobank    BankID = "100"   // vendor: Ecobank
	BankAccess     BankID = "115"   // vendor: Access
	BankUrwego     BankID = "145"   // vendor: Urwego
	BankKCB        BankID = "160"   // vendor: KCB
	BankEquity     BankID = "192"   // vendor: Equity
	BankBPR        BankID = "400"   // vendor: BPR
	BankBRD        BankID = "750"   // vendor: BRD
	BankZigamaCSS  BankID = "800"   // vendor: Zigama CSS
	BankOfAfrica   BankID = "900"   // vendor: Bank of Africa
	BankUnguka     BankID = "950"   // vendor: Unguka
	BankBNR        BankID = "951"   // vendor: BNR
	BankMobicash   BankID = "63501" // vendor: Mobicash
)

// Name returns the institution's name as the documents print it. An id they do not
// list has no name.
func (b BankID) Name() string {
	switch b {
	case BankMTN:
		return "MTN MOBILE MONEY"
	case BankAirtel:
		return "AIRTEL MONEY"
	case BankSPENN:
		return "SPENN"
	case BankCards:
		return "VISA / MASTERCARD"
	case BankKigali:
		return "BANQUE DE KIGALI"
	case BankCogebanque:
		return "COMPAGNIE GENERALE DE BANQUES"
	case BankIM:
		return "I&M"
	case BankGT:
		return "GTBank"
	case BankEcobank:
		return "Ecobank"
	case BankAccess:
		return "Access"
	case BankUrwego:
		return "Urwego"
	case BankKCB:
		return "KCB"
	case BankEquity:
		return "Equity"
	case BankBPR:
		return "BPR"
	case BankBRD:
		return "BRD"
	case BankZigamaCSS:
		return "Zigama CSS"
	case BankOfAfrica:
		return "Bank of Africa"
	case BankUnguka:
		return "Unguka"
	case BankBNR:
		return "BNR"
	case BankMobicash:
		return "Mobicash"
	}
	return ""
}

// ShortName returns the short name of the reference document, "BK". The institutions
// of the vendor's guide alone have none.
func (b BankID) ShortName() string {
	switch b {
	case BankKigali:
		return "BK"
	case BankCogebanque:
		return "COGEBANQUE"
	case BankMTN:
		return "MTN MOMO"
	case BankAirtel:
		return "AIRTEL MONEY"
	case BankCards:
		return "CARDS"
	case BankSPENN:
		return "SPENN"
	}
	return ""
}

// TestCard is the number of a card that pays in the sandbox. The payer types it into
// the hosted checkout page. Card data never passes through this package.
type TestCard string

// The sandbox cards. The reference document has all but the Amex cards. Those have a
// four-digit CVV and stand in the vendor's guide, among some forty more.
const (
	TestMastercardCommercial TestCard = "5101180000000007"
	TestMastercardConsumer   TestCard = "5555444433331111"
	TestMastercardDebit      TestCard = "2222400060000007"
	TestVisaClassic          TestCard = "4988438843884305"
	TestVisaConsumer         TestCard = "4111111111111111"
	TestVisaDebit            TestCard = "4000160000000004"
	TestAmex                 TestCard = "378282246310005"
	TestAmexSecond           TestCard = "371449635398431"
)

// Name returns brand and type as the documents print them. Another number has no
// name.
func (c TestCard) Name() string {
	switch c {
	case TestMastercardCommercial:
		return "Mastercard Commercial Credit"
	case TestMastercardConsumer:
		return "Mastercard Consumer"
	case TestMastercardDebit:
		return "Mastercard Debit"
	case TestVisaClassic:
		return "Visa Classic"
	case TestVisaConsumer:
		return "Visa Consumer"
	case TestVisaDebit:
		return "Visa Debit"
	case TestAmex, TestAmexSecond:
		return "Amex"
	}
	return ""
}

// Payment is a payment as a response or a postback shows it. KPay shows no amount:
// keep your own amount by RefID.
type Payment struct {
	// RefID is your own reference. Match payments by it.
	RefID string
	// TID is KPay's id. It is not stable: for the same payment Pay returns "E...",
	// while Find, Get and postbacks show "A...".
	TID string
	// Status is the payment's state. After Pay it is pending (0), unless KPay
	// settled the payment at once.
	Status Code
	// Description is KPay's text for the state: "PENDING", "SUCCESSFUL", ...
	Description string
	// CheckoutURL is the hosted page where the payer of a card goes on. Mobile money
	// may have one too, but its payer approves on the handset. Only the response to
	// Pay has it: a payment that was looked up has none.
	CheckoutURL string
	// ProcessorID is the processor's transaction id (momtransactionid). It is empty
	// at first, and often when the payment failed.
	ProcessorID string
	// PayerAccount is the account that paid (payaccount). It is documented for the
	// postback of a paid payment. Recorded postbacks lack it.
	PayerAccount string
	AuthKey      string // opaque (authkey)
	// Existing is set by Pay: the payment was there before this call asked for it.
	Existing bool
	// Unverified is set by Pay for a payment that it looked up. KPay shows no amount
	// there, so the payment may be an earlier one with the same RefID and another
	// amount.
	Unverified bool
	Raw        sdk.Raw
}

// Pay asks a payer for money and returns a pending payment. Then call Wait, and for
// a card send the payer to Payment.CheckoutURL. A payment that failed at once is
// returned too, so look at its Status.
//
// A RefID that KPay has seen (code 608) is looked up: calling Pay again after a crash
// returns the payment that was made, with Existing set. The same happens after an
// unknown outcome and after a decline that names no RefID, as the package documentation
// says. A payment that was looked up has no CheckoutURL, has Unverified set, and may be
// paid or failed by then.
//
// Never use a RefID for two payments. KPay shows no amount, so Pay cannot tell this
// payment from an earlier one with the same RefID. Calls with the same RefID at the
// same time share one request, if they are calls of one Client: make one Client per account.
func (c *Client) Pay(ctx context.Context, p PayParams) (*Payment, error) { return c.pay(p).Do(ctx) }

// Prepare checks and encodes what Pay sends, for package sdk/journal.
func (c *Client) Prepare(p PayParams) (sdk.Prepared[Payment], error) { return c.pay(p).Prepare() }

func (c *Client) pay(p PayParams) transport.Write[Payment] {
	request, callback, faults := c.payRequest(p)
	refID := p.RefID // the closures keep it, and not all of p
	return transport.Write[Payment]{Core: c.core, Err: c.core.InvalidCall(transport.Call{Op: OpPay, Reference: refID, Body: request}, faults), Call: func(out **Payment) transport.Call {
		look := func(ctx context.Context, existing bool) (transport.Finding, error) {
			found, err := c.Find(ctx, refID)
			switch {
			case transport.SaysAbsent(err):
				return transport.Absent, nil
			case err != nil: // another refid in the response among others
				return 0, err
			}
			found.Existing, found.Unverified = existing, true
			*out = found
			if found.Status.Failed() {
				return transport.Failed, nil
			}
			return transport.Same, nil
		}
		return transport.Call{
			Op: OpPay, Reference: refID, Body: request, Callback: callback, Decode: decode(out, refID), Lookup: look, Doubts: declinesNobody,
			LookRefused: func(ctx context.Context, _ bool) (transport.Finding, error) {
				return look(ctx, false) // this call may have made what is found
			},
		}
	}}
}

// Find looks a payment up by your reference. sdk.ErrNotFound means that KPay does not
// know the reference (code 611), or not yet if Pay was called moments ago. A response
// that names another reference, or none, is an sdk.ErrUnexpectedResponse.
func (c *Client) Find(ctx context.Context, refID string) (*Payment, error) {
	var f transport.Faults
	f.RequireReference("refid", refID)
	return c.status(ctx, refID, statusRequest{RefID: refID, Action: "checkstatus"}, f)
}

// Get looks a payment up by KPay's id. Match the payment by its RefID: its TID may
// differ from the TID you asked for.
func (c *Client) Get(ctx context.Context, tid string) (*Payment, error) {
	var f transport.Faults
	f.RequireReference("tid", tid)
	return c.status(ctx, "", statusRequest{TID: tid, Action: "checkstatus"}, f)
}

func (c *Client) status(ctx context.Context, refID string, request statusRequest, f transport.Faults) (*Payment, error) {
	if err := c.core.Invalid(OpStatus, refID, f.Fields); err != nil {
		return nil, err
	}
	var payment *Payment
	err := c.core.Do(ctx, transport.Call{
		Op: OpStatus, Reference: refID, Body: request, Decode: decode(&payment, refID),
	})
	return payment, err
}

// Wait calls Find every few seconds, at most half a minute apart, until the payment
// is paid or failed, and returns it. A payment that failed is no error: look at its
// Status. Wait outlasts outages. For the first ten seconds it also waits for KPay to
// know the payment. When the context ends first, Wait returns the error and the
// payment as last seen, if any.
func (c *Client) Wait(ctx context.Context, refID string) (*Payment, error) {
	return transport.Wait(ctx, c.core, OpStatus, refID, c.Find, func(p *Payment) bool { return p.Status.Final() })
}

func (p PayParams) validate() (f transport.Faults) {
	f.RequireReference("refid", p.RefID)
	if len(p.RefID) > 1 && p.RefID[0] == '0' && numeric(p.RefID) {
		f.Add("refid", "must not be a number with a leading zero: KPay may return it without the zero")
	}
	if fault := wire.AmountFault(p.Amount, 0); fault != "" {
		f.Add("amount", fault)
	}
	if p.Currency != RWF && p.Currency != USD {
		f.Add("currency", "must be RWF or USD")
	}
	f.Require("pmethod", string(p.Method))
	switch {
	case p.MSISDN == "" && p.Method == MethodMoMo: // a bad number has no network to be the default
	case p.BankID == "" && p.Method == MethodMoMo:
		f.Add("msisdn", "must begin with 078, 079, 072 or 073, or else bankid must be set")
	default:
		f.RequireReference("bankid", string(p.BankID))
	}
	if p.MSISDN == "" {
		f.Add("msisdn", "must be a phone number of 9 to 15 digits")
	}
	if !isEmail(p.Email) {
		f.Add("email", "must be an e-mail address")
	}
	f.Require("cname", p.CustomerName)
	f.Require("cnumber", p.CustomerNumber)
	f.Require("details", p.Details)
	f.RequireReference("retailerid", p.RetailerID)
	f.RequireURL("redirecturl", p.RedirectURL)
	if p.LogoURL != "" {
		f.RequireURL("logourl", p.LogoURL)
	}
	return f
}

// isEmail refuses what is certainly no address. KPay refuses it too (603, assumed).
func isEmail(text string) bool {
	name, host, _ := strings.Cut(text, "@")
	return name != "" && host != "" && !strings.Contains(host, "@") && !strings.ContainsFunc(text, unicode.IsSpace)
}

type payRequest struct {
	Action         string   `json:"action"`
	MSISDN         string   `json:"msisdn"`
	Email          string   `json:"email"`
	Details        string   `json:"details"`
	RefID          string   `json:"refid"`
	Amount         int64    `json:"amount"`
	Currency       Currency `json:"currency"`
	CustomerName   string   `json:"cname"`
	CustomerNumber string   `json:"cnumber"`
	Method         Method   `json:"pmethod"`
	RetailerID     string   `json:"retailerid"`
	ReturnURL      string   `json:"returl"`
	RedirectURL    string   `json:"redirecturl"`
	BankID         BankID   `json:"bankid"`
	LogoURL        string   `json:"logourl,omitempty"`
}

type statusRequest struct {
	TID    string `json:"tid,omitempty"`
	RefID  string `json:"refid,omitempty"`
	Action string `json:"action"`
}

// payRequest fills in the defaults and names what is wrong by KPay's own field names.
func (c *Client) payRequest(p PayParams) (*payRequest, *transport.Callback, transport.Fields) {
	if p.Currency == "" {
		p.Currency = RWF
	}
	if p.RetailerID == "" {
		p.RetailerID = c.retailerID
	}
	p.MSISDN = payerNumber(p.MSISDN)
	p.BankID = p.Bank()
	f := p.validate()
	var callback *transport.Callback
	p.ReturnURL, callback = f.CallbackURL("returl", p.ReturnURL, c.callbackURL, p.RefID, p.Amount, string(p.Currency))
	amount := int64(0)
	if f.Fields["amount"] == nil { // an amount with a huge exponent is never written out
		amount = p.Amount.IntPart()
	}
	return &payRequest{
		"pay", p.MSISDN, p.Email, p.Details, p.RefID, amount, p.Currency, p.CustomerName, p.CustomerNumber,
		p.Method, p.RetailerID, p.ReturnURL, p.RedirectURL, p.BankID, p.LogoURL,
	}, callback, f.Fields
}

// payerNumber reads a phone number as people write it. A Rwandan number without its
// zero gets it back. It returns nothing for what is no phone number.
func payerNumber(msisdn string) string {
	digits, foreign, _ := wire.PhoneNumber(msisdn)
	switch {
	case len(digits) != len("788300000") || digits[0] != '7':
		return digits
	case foreign: // no country has it: somebody wrote one zero too many
		return ""
	}
	return "0" + digits
}

// Bank is the institution that the client sends: BankID, or else the only one of the
// method (observed in public clients). For mobile money the number's prefix tells the
// network. It is empty if nothing tells it.
func (p PayParams) Bank() BankID {
	if p.BankID != "" {
		return p.BankID
	}
	switch p.Method {
	case MethodMoMo:
		return networkOf(payerNumber(p.MSISDN))
	case MethodCard, MethodSmartCash:
		return BankCards
	case MethodSPENN:
		return BankSPENN
	}
	return ""
}

// networkOf tells the mobile-money network of a Rwandan number.
func networkOf(msisdn string) BankID {
	if len(msisdn) == len("250780000000") && msisdn[:3] == "250" {
		msisdn = "0" + msisdn[3:]
	}
	if len(msisdn) != len("0780000000") {
		return ""
	}
	switch msisdn[:3] {
	case "078", "079":
		return BankMTN
	case "072", "073":
		return BankAirtel
	}
	return ""
}

// decode keeps the payment of a response in *out. The response must be about refID,
// unless that is empty, and must name its refid: the documents' responses do.
func decode(out **Payment, refID string) func(*transport.Response) error {
	return func(r *transport.Response) error {
		body, ok := r.Parsed.(*response)
		if !ok {
			return wire.Missing("a JSON object")
		}
		p := body.payment()
		if p.RefID == "" {
			return wire.Missing("refid")
		}
		if refID != "" {
			same := samePayment(refID, p)
			if err := same.Direct(); err != nil {
				return err
			}
		}
		*out = p
		return nil
	}
}

// samePayment compares a payment with the one asked for. KPay shows no amount, no
// currency and no recipient, so that only the refid can be compared.
func samePayment(refID string, p *Payment) (c transport.Comparison) {
	c.Text("refid", refID, p.RefID)
	return c
}

// payment shows a response as a Payment. Without a statusid no payment is paid,
// whatever retcode and success say.
func (r *response) payment() *Payment {
	p := &Payment{
		RefID: string(r.RefID), TID: string(r.TID), Status: r.code(), Description: r.message(),
		CheckoutURL: string(r.URL), ProcessorID: string(r.MomTxID), PayerAccount: string(r.PayAccount),
		AuthKey: string(r.AuthKey), Raw: r.raw,
	}
	if r.StatusID.Text == "" && p.Status != CodePending {
		p.Status = CodeProcessing
	}
	return p
}
