package kotani

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// FiatService moves shillings and cedis: deposits from mobile money, withdrawals
// to mobile money and banks, payments to merchants.
type FiatService struct {
	*api
	callbackURL transport.MintURL
}

// DepositParams describe a collection from a mobile money wallet.
type DepositParams struct {
	Amount      decimal.Decimal // whole shillings or cedis, greater than zero
	PhoneNumber string          // the payer's, who confirms on the phone
	ExternalID  string          // your own unique reference; required unless AllowNoExternalID
	CallbackURL string          // optional; http or https. Default: made by Config.CallbackURL
	// AllowNoExternalID sends a deposit that cannot be looked up: after an
	// unknown outcome nobody can say whether it was made.
	AllowNoExternalID bool
}

// Deposit asks the payer to confirm a payment on the phone (an STK push). The
// transaction is mostly PENDING at first: see Wait. After an unknown outcome the
// client looks for the external id, and never sends the deposit again. The error
// matches sdk.ErrOutcomeUnknown only when the lookup does not settle it.
//
// No document says that the response names the external id. After a response that does
// not, the client looks for the external id.
func (s *FiatService) Deposit(ctx context.Context, p DepositParams) (*Transaction, error) {
	return s.deposit(p).Do(ctx)
}

// PrepareDeposit checks and encodes what Deposit sends, for package sdk/journal.
func (s *FiatService) PrepareDeposit(p DepositParams) (sdk.Prepared[Transaction], error) {
	return s.deposit(p).Prepare()
}

func (s *FiatService) deposit(p DepositParams) transport.Write[Transaction] {
	var f faults
	f.amount("amount", p.Amount, 0)
	f.phone("phoneNumber", p.PhoneNumber)
	return s.move(f, movement{
		op: OpDeposit, amount: p.Amount, kind: Collections, without: p.AllowNoExternalID,
		request: movementRequest{
			Amount: wire.Integer(p.Amount), PhoneNumber: digits(p.PhoneNumber),
			Callback: p.CallbackURL, ExternalID: p.ExternalID,
		},
	})
}

// QuotedDepositParams describe a collection whose amount was fixed by a quote.
type QuotedDepositParams struct {
	AcceptedQuoteID   string // of Quotes.AcceptIn
	PhoneNumber       string // the payer's
	ExternalID        string // your own unique reference; required unless AllowNoExternalID
	CallbackURL       string // optional; http or https. Default: made by Config.CallbackURL
	AllowNoExternalID bool   // as in DepositParams
	// Amount is the quote's FiatAmount. It is not sent. With it Config.CallbackURL makes
	// the callback URL, and the response is compared. Optional.
	Amount decimal.Decimal
}

// DepositQuoted is Deposit with the amount of an accepted quote.
func (s *FiatService) DepositQuoted(ctx context.Context, p QuotedDepositParams) (*Transaction, error) {
	return s.depositQuoted(p).Do(ctx)
}

// PrepareDepositQuoted checks and encodes what DepositQuoted sends, for package sdk/journal.
func (s *FiatService) PrepareDepositQuoted(p QuotedDepositParams) (sdk.Prepared[Transaction], error) {
	return s.depositQuoted(p).Prepare()
}

func (s *FiatService) depositQuoted(p QuotedDepositParams) transport.Write[Transaction] {
	var f faults
	f.RequireReference("acceptedQuoteId", p.AcceptedQuoteID)
	f.phone("phoneNumber", p.PhoneNumber)
	if !p.Amount.IsZero() {
		f.amount("amount", p.Amount, fiatDecimals)
	}
	return s.move(f, movement{
		op: OpDepositQuoted, amount: p.Amount, kind: Collections, without: p.AllowNoExternalID,
		request: movementRequest{
			AcceptedQuoteID: p.AcceptedQuoteID, PhoneNumber: digits(p.PhoneNumber),
			Callback: p.CallbackURL, ExternalID: p.ExternalID,
		},
	})
}

// WithdrawParams describe a payout to a mobile money wallet.
type WithdrawParams struct {
	Amount            decimal.Decimal // whole shillings or cedis, greater than zero
	PhoneNumber       string          // the recipient's
	ExternalID        string          // your own unique reference; required unless AllowNoExternalID
	CallbackURL       string          // optional; http or https. Default: made by Config.CallbackURL
	AllowNoExternalID bool            // as in DepositParams
}

// Withdraw pays out to mobile money. Success says that Kotani took the request,
// not that the money arrived: see Wait. After an unknown outcome the client looks
// for the external id, and never sends the withdrawal again. The error matches
// sdk.ErrOutcomeUnknown only when the lookup does not settle it.
func (s *FiatService) Withdraw(ctx context.Context, p WithdrawParams) (*Transaction, error) {
	return s.withdraw(p).Do(ctx)
}

// PrepareWithdraw checks and encodes what Withdraw sends, for package sdk/journal.
func (s *FiatService) PrepareWithdraw(p WithdrawParams) (sdk.Prepared[Transaction], error) {
	return s.withdraw(p).Prepare()
}

func (s *FiatService) withdraw(p WithdrawParams) transport.Write[Transaction] {
	var f faults
	f.amount("amount", p.Amount, 0)
	f.phone("phoneNumber", p.PhoneNumber)
	return s.move(f, movement{
		op: OpWithdraw, amount: p.Amount, kind: Payouts, without: p.AllowNoExternalID,
		request: movementRequest{
			Amount: wire.Integer(p.Amount), PhoneNumber: digits(p.PhoneNumber),
			Callback: p.CallbackURL, ExternalID: p.ExternalID,
		},
	})
}

// BankWithdrawParams describe a payout to a bank account.
type BankWithdrawParams struct {
	Amount            decimal.Decimal // whole shillings, greater than zero
	AccountNumber     string          // leading zeros are kept
	AccountName       string
	Bank              BankCode
	ExternalID        string // your own unique reference; required unless AllowNoExternalID
	CallbackURL       string // optional; http or https. Default: made by Config.CallbackURL
	AllowNoExternalID bool   // as in DepositParams
}

// BankCode is the serviceProviderId of a Kenyan bank, with its leading zero.
// A code that is not listed passes through.
type BankCode string

// The documented banks.
const (
	BankKCB                BankCode = "01" // Kenya Commercial Bank
	BankStandardChartered  BankCode = "02"
	BankAbsa               BankCode = "03" // Absa Bank Kenya
	BankNCBA               BankCode = "07" // NCBA Bank Kenya
	BankPrime              BankCode = "10"
	BankCooperative        BankCode = "11"
	BankNational           BankCode = "12" // National Bank of Kenya
	BankCitibank           BankCode = "16" // Citibank N.A. Kenya
	BankMiddleEast         BankCode = "18" // Middle East Bank Kenya
	BankOfAfrica           BankCode = "19" // Bank of Africa Kenya
	BankCredit             BankCode = "25" // Credit Bank Limited
	BankStanbic            BankCode = "31" // CFC Stanbic Kenya
	BankParamount          BankCode = "50"
	BankJamiiBora          BankCode = "51"
	BankGuarantyTrust      BankCode = "53"
	BankGuardian           BankCode = "55"
	BankIM                 BankCode = "57" // I&M Bank
	BankDiamondTrust       BankCode = "63"
	BankSidian             BankCode = "66"
	BankEquity             BankCode = "68" // Equity Bank Kenya
	BankFamily             BankCode = "70" // Family Bank Limited
	BankGulfAfrican        BankCode = "72"
	BankFirstCommunity     BankCode = "74"
	BankKenyaWomensFinance BankCode = "78" // Kenya Women's Finance Trust
)

// banks are the documented banks, by their codes.
func banks() map[BankCode]string {
	return map[BankCode]string{
		BankKCB: "Kenya Commercial Bank", BankStandardChartered: "Standard Chartered", BankAbsa: "Absa Bank Kenya",
		BankNCBA: "NCBA Bank Kenya", BankPrime: "Prime Bank", BankCooperative: "Cooperative Bank",
		BankNational: "National Bank of Kenya", BankCitibank: "Citibank N.A. Kenya", BankMiddleEast: "Middle East Bank Kenya",
		BankOfAfrica: "Bank of Africa Kenya", BankCredit: "Credit Bank Limited", BankStanbic: "CFC Stanbic Kenya",
		BankParamount: "Paramount Bank", BankJamiiBora: "Jamii Bora Bank", BankGuarantyTrust: "Guaranty Trust Bank",
		BankGuardian: "Guardian Bank", BankIM: "I&M Bank", BankDiamondTrust: "Diamond Trust Bank", BankSidian: "Sidian Bank",
		BankEquity: "Equity Bank Kenya", BankFamily: "Family Bank Limited", BankGulfAfrican: "Gulf African Bank",
		BankFirstCommunity: "First Community Bank", BankKenyaWomensFinance: "Kenya Women's Finance Trust",
	}
}

// Banks returns the documented banks, by code.
func Banks() []BankCode { return slices.Sorted(maps.Keys(banks())) }

// Name is the bank's. It is empty for a code that is not
// listed.
func (b BankCode) Name() string { return banks()[b] }

// WithdrawToBank is Withdraw to a bank account.
func (s *FiatService) WithdrawToBank(ctx context.Context, p BankWithdrawParams) (*Transaction, error) {
	return s.withdrawToBank(p).Do(ctx)
}

// PrepareWithdrawToBank checks and encodes what WithdrawToBank sends, for package sdk/journal.
func (s *FiatService) PrepareWithdrawToBank(p BankWithdrawParams) (sdk.Prepared[Transaction], error) {
	return s.withdrawToBank(p).Prepare()
}

func (s *FiatService) withdrawToBank(p BankWithdrawParams) transport.Write[Transaction] {
	var f faults
	f.amount("amount", p.Amount, 0)
	f.RequireReference("accountNumber", p.AccountNumber)
	f.Require("accountName", p.AccountName)
	f.RequireReference("serviceProviderId", string(p.Bank))
	return s.move(f, movement{
		op: OpWithdrawToBank, amount: p.Amount, kind: Payouts, without: p.AllowNoExternalID,
		request: movementRequest{
			Amount: wire.Integer(p.Amount), AccountNumber: p.AccountNumber, AccountName: p.AccountName,
			ServiceProviderID: p.Bank, Callback: p.CallbackURL, ExternalID: p.ExternalID,
		},
	})
}

// PayBillParams describe a payment to a merchant's paybill number. Kenya only.
type PayBillParams struct {
	MerchantNumber string          // the paybill number
	AccountNumber  string          // your account with the merchant
	Amount         decimal.Decimal // KES, greater than zero; a fee that varies with it is taken too (documented)
	CallbackURL    string          // optional; must start with http:// or https://
}

// PayBill pays a merchant by paybill number. It takes no external id, so an
// unknown outcome stays unknown: look through List before paying again. A response without an id is
// an unknown outcome. No document says that it names the merchant: that of another payment
// over the same amount, on a connection that is out of step, cannot be told from it.
func (s *FiatService) PayBill(ctx context.Context, p PayBillParams) (*Transaction, error) {
	return s.payBill(p).Do(ctx)
}

// PreparePayBill checks and encodes what PayBill sends, for package sdk/journal.
func (s *FiatService) PreparePayBill(p PayBillParams) (sdk.Prepared[Transaction], error) {
	return s.payBill(p).Prepare()
}

func (s *FiatService) payBill(p PayBillParams) transport.Write[Transaction] {
	var f faults
	f.RequireReference("merchantNumber", p.MerchantNumber)
	f.RequireReference("accountNumber", p.AccountNumber)
	return s.pay(f, OpPayBill, asked{amount: p.Amount, fee: true, merchant: p.MerchantNumber, account: p.AccountNumber}, paymentRequest{
		MerchantNumber: p.MerchantNumber, AccountNumber: p.AccountNumber, Callback: p.CallbackURL,
	})
}

// PayTillParams describe a payment to a merchant's till number. Kenya only.
type PayTillParams struct {
	TillNumber  string
	Amount      decimal.Decimal // KES, greater than zero; free of charge (documented)
	CallbackURL string          // optional; must start with http:// or https://
}

// PayTill pays a merchant by till number. It takes no external id, so an unknown
// outcome stays unknown: look through List before paying again. For responses see PayBill.
func (s *FiatService) PayTill(ctx context.Context, p PayTillParams) (*Transaction, error) {
	return s.payTill(p).Do(ctx)
}

// PreparePayTill checks and encodes what PayTill sends, for package sdk/journal.
func (s *FiatService) PreparePayTill(p PayTillParams) (sdk.Prepared[Transaction], error) {
	return s.payTill(p).Prepare()
}

func (s *FiatService) payTill(p PayTillParams) transport.Write[Transaction] {
	var f faults
	f.RequireReference("merchantTill", p.TillNumber)
	return s.pay(f, OpPayTill, asked{amount: p.Amount, till: p.TillNumber}, paymentRequest{MerchantTill: p.TillNumber, Callback: p.CallbackURL})
}

func (s *FiatService) pay(f faults, op string, want asked, request paymentRequest) transport.Write[Transaction] {
	f.amount("amount", want.amount, fiatDecimals)
	f.callback("callback", request.Callback)
	request.Amount = plainText(want.amount)
	want.kind = Payouts
	want.forms = forms(op)
	return write(s.api, f, transport.Call{Op: op, Body: request}, want.read, nil)
}

type paymentRequest struct {
	MerchantNumber string    `json:"merchantNumber,omitempty"`
	MerchantTill   string    `json:"merchantTill,omitempty"`
	AccountNumber  string    `json:"accountNumber,omitempty"`
	Amount         plainText `json:"amount"`
	Callback       string    `json:"callback,omitempty"`
}

// movement is a deposit or a withdrawal.
type movement struct {
	op      string
	kind    TransactionType
	without bool // the caller does without an external id
	amount  decimal.Decimal
	request movementRequest
}

type movementRequest struct {
	AcceptedQuoteID   string       `json:"acceptedQuoteId,omitempty"`
	Amount            wire.Integer `json:"amount,omitzero"`
	PhoneNumber       string       `json:"phoneNumber,omitempty"`
	AccountNumber     string       `json:"accountNumber,omitempty"`
	AccountName       string       `json:"accountName,omitempty"`
	ServiceProviderID BankCode     `json:"serviceProviderId,omitempty"`
	Callback          string       `json:"callback,omitempty"`
	ExternalID        string       `json:"externalId,omitempty"`
}

// move is a deposit or a withdrawal, whose unknown outcome the external id settles.
func (s *FiatService) move(f faults, m movement) transport.Write[Transaction] {
	externalID := m.request.ExternalID
	switch {
	case externalID == "" && !m.without:
		f.Add("externalId", "is required, so that the outcome can be looked up; AllowNoExternalID does without")
	case externalID != "" && m.without:
		f.Add("externalId", "is given, so AllowNoExternalID must not be set")
	case externalID != "":
		f.reference("externalId", externalID)
	}
	call, request := transport.Call{Op: m.op, Reference: externalID, Scope: string(m.kind)}, m.request
	request.Callback, call.Callback = s.callback(&f, request, m.amount)
	call.Body = &request
	want := asked{
		forms: forms(m.op), kind: m.kind, externalID: externalID, amount: m.amount, phone: m.request.PhoneNumber,
		account: m.request.AccountNumber, bank: m.request.ServiceProviderID,
	}
	var look lookup[Transaction]
	if externalID != "" {
		look = func(ctx context.Context, existing bool, out **Transaction) (transport.Finding, error) {
			return s.look(ctx, want, existing, out)
		}
	}
	return write(s.api, f, call, want.read, look)
}

// look looks for a transaction by its external id.
func (s *FiatService) look(ctx context.Context, want asked, existing bool, out **Transaction) (transport.Finding, error) {
	found, err := s.find(ctx, want.externalID, want.kind)
	switch {
	case transport.SaysAbsent(err):
		return transport.Absent, nil
	case errors.Is(err, errNoStatus):
		return transport.Doubtful, err
	case err != nil:
		return 0, err
	}
	c := want.compare(found)
	finding, err := c.Finding()
	if finding == transport.Same && err == nil {
		t := found.Transaction
		t.Existing, t.Unverified = existing, !found.amount || want.amount.IsZero()
		*out = &t
		if t.Status.failed() {
			finding = transport.Failed
		}
	}
	return finding, err
}

var errNotMinted = errors.New("Config.CallbackURL returned an error")

// callback returns the callback URL of a movement: the given URL, or the place of the
// URL that Config.CallbackURL makes.
func (s *FiatService) callback(f *faults, r movementRequest, amount decimal.Decimal) (string, *transport.Callback) {
	if r.Callback != "" || s.callbackURL == nil || r.ExternalID == "" || amount.IsZero() {
		f.callback("callback", r.Callback)
		return r.Callback, nil
	}
	mint := func(reference string, amount decimal.Decimal, currency string) (string, error) {
		minted, err := s.callbackURL(reference, amount, currency)
		if err != nil {
			err = errNotMinted // the text of the other error may hold a secret
		}
		return minted, err
	}
	return f.CallbackURL("callback", "", mint, r.ExternalID, amount, "")
}

// TransactionListOptions choose transactions. The document shows these three names
// as the response. That they are query parameters is inferred, and their values
// are assumed. No paging is documented.
type TransactionListOptions struct {
	Type    TransactionType `url:"transactionType,omitempty"`
	Limit   int             `url:"limit,omitempty"`   // 0 leaves it to the server
	OrderBy string          `url:"orderBy,omitempty"` // "asc", "desc"
}

// TransactionList is the result of List.
type TransactionList struct {
	// Items is nil when the response holds no list that this package knows: an
	// array, or an array under "result", "data" or "transactions". An empty list
	// is empty and not nil.
	Items []Transaction
	// Skipped is how many rows could not be read. They are not among Items.
	Skipped int
	// More reports that the list goes on, or may go on: the rows reach the Limit that was
	// asked for, or the response tells of more rows. False does not make the list
	// complete: a server may send fewer rows than it has, or than Limit, and say
	// nothing. A transaction that is not in the list may exist: ask Find or Get.
	More bool
	Raw  sdk.Raw
}

// List returns the partner's deposits and withdrawals.
func (s *FiatService) List(ctx context.Context, o TransactionListOptions) (*TransactionList, error) {
	var f faults
	if o.Limit < 0 {
		f.Add("limit", "must not be negative")
	}
	query, err := wire.Query(o)
	if err != nil {
		f.Add("query", "cannot be encoded")
	}
	return call(ctx, s.api, f, transport.Call{Op: OpTransactions, Query: query}, func(body []byte) (TransactionList, error) {
		list, err := decodeTransactions(body)
		list.More = list.More || o.Limit > 0 && len(list.Items)+list.Skipped >= o.Limit
		return list, err
	})
}

// decodeTransactions finds the list in a response whose form is not documented.
func decodeTransactions(body []byte) (TransactionList, error) {
	list, array := TransactionList{Raw: body}, json.RawMessage(body)
	var envelope struct {
		Result       json.RawMessage `json:"result"`
		Data         json.RawMessage `json:"data"`
		Transactions json.RawMessage `json:"transactions"`
		Extra        map[string]any  // other ways to go on
	}
	if !wire.IsArray(body) {
		if err := wire.Unmarshal(body, &envelope); err != nil {
			return list, err
		}
		for _, array = range []json.RawMessage{envelope.Result, envelope.Data, envelope.Transactions} {
			if wire.IsArray(array) {
				break
			}
		}
	}
	if !wire.IsArray(array) {
		return list, nil
	}
	rows, err := read[[]json.RawMessage](array)
	if err != nil {
		return list, err
	}
	list.Items = make([]Transaction, 0, len(rows))
	for _, row := range rows {
		if t, err := readTransaction(row); err == nil {
			list.Items = append(list.Items, t.Transaction)
		} else {
			list.Skipped++
		}
	}
	var ahead wire.Outlook
	ahead.Read(envelope.Extra)
	list.More = ahead.More || ahead.Pages > 1 || ahead.Rows > int64(len(rows))
	return list, nil
}
