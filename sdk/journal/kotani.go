package journal

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/webhook"
)

// Kotani names no currency in its requests, so that the spend limit of a Kotani flow
// counts in the currency "". Leave CallbackURL of the parameters empty:
// kotani.Config.CallbackURL makes it when the request leaves.
//
// Deposits and withdrawals are searched writes: no document says that an external id is
// unique. A request in doubt is looked up, and is stuck when Kotani does not show it.
// All other writes of Kotani are once writes, which no lookup can find: a request
// without a clear response is stuck at once. They take a reference of yours in Named.

// KotaniDeposit makes a flow of deposits from mobile money. The reference is the
// ExternalID. See KotaniWithdraw about money that Kotani takes back.
func KotaniDeposit(j *Journal, name string, client *kotani.Client, fn Func[kotani.Transaction]) *Flow[kotani.DepositParams, kotani.Transaction] {
	return kotaniMovement(j, name, client, fn, kotani.Collections, kotani.OpDeposit,
		func(p kotani.DepositParams) (Identity, error) {
			return identify(p.ExternalID, p.Amount, "", p.CallbackURL)
		},
		func(p kotani.DepositParams) []string {
			return []string{p.ExternalID, p.Amount.String(), digits(p.PhoneNumber)}
		},
		func(p kotani.DepositParams) (sdk.Prepared[kotani.Transaction], error) {
			return client.Fiat.PrepareDeposit(p)
		})
}

// KotaniWithdraw makes a flow of payouts to mobile money. The reference is the
// ExternalID. A withdrawal that succeeded is asked for again for seven days, because it
// may be reversed.
func KotaniWithdraw(j *Journal, name string, client *kotani.Client, fn Func[kotani.Transaction]) *Flow[kotani.WithdrawParams, kotani.Transaction] {
	return kotaniMovement(j, name, client, fn, kotani.Payouts, kotani.OpWithdraw,
		func(p kotani.WithdrawParams) (Identity, error) {
			return identify(p.ExternalID, p.Amount, "", p.CallbackURL)
		},
		func(p kotani.WithdrawParams) []string {
			return []string{p.ExternalID, p.Amount.String(), digits(p.PhoneNumber)}
		},
		func(p kotani.WithdrawParams) (sdk.Prepared[kotani.Transaction], error) {
			return client.Fiat.PrepareWithdraw(p)
		})
}

// KotaniWithdrawToBank makes a flow of payouts to bank accounts, as KotaniWithdraw does.
func KotaniWithdrawToBank(j *Journal, name string, client *kotani.Client, fn Func[kotani.Transaction]) *Flow[kotani.BankWithdrawParams, kotani.Transaction] {
	return kotaniMovement(j, name, client, fn, kotani.Payouts, kotani.OpWithdrawToBank,
		func(p kotani.BankWithdrawParams) (Identity, error) {
			return identify(p.ExternalID, p.Amount, "", p.CallbackURL)
		},
		func(p kotani.BankWithdrawParams) []string {
			return []string{p.ExternalID, p.Amount.String(), p.AccountNumber, p.AccountName, string(p.Bank)}
		},
		func(p kotani.BankWithdrawParams) (sdk.Prepared[kotani.Transaction], error) {
			return client.Fiat.PrepareWithdrawToBank(p)
		})
}

// QuoteLimits bound the terms of a quote. While no quote keeps to them, nothing is sent,
// until FlowConfig.SendWithin. Zero: no limit. To plan again changes no limit: the entry
// keeps those of its first Plan.
type QuoteLimits struct {
	LeastReceived, MostPaid decimal.Decimal
}

// check refuses terms beyond the limits, and terms that do not show what is limited.
func (l QuoteLimits) check(paid, received decimal.NullDecimal) error {
	switch {
	case l.MostPaid.IsPositive() && (!paid.Valid || paid.Decimal.GreaterThan(l.MostPaid)):
		return notYet("the quote asks for more than MostPaid, or does not show how much")
	case l.LeastReceived.IsPositive() && (!received.Valid || received.Decimal.LessThan(l.LeastReceived)):
		return notYet("the quote gives less than LeastReceived, or does not show how much")
	}
	return nil
}

// quoteFailed is the error of asking for a quote.
func quoteFailed(err error) error {
	if errors.Is(err, sdk.ErrNotSent) && errors.Is(err, sdk.ErrValidation) {
		return err // the parameters are wrong, and stay wrong
	}
	return notYet("no quote: " + sdk.SafeText(err))
}

// KotaniQuotedDeposit describes a deposit whose amount a quote fixes.
type KotaniQuotedDeposit struct {
	ExternalID  string
	PhoneNumber string // the payer's
	Quote       kotani.QuoteParams
	Limits      QuoteLimits
}

// KotaniDepositQuoted makes a flow of quoted deposits. Each attempt to send asks for a
// quote of its own and accepts it, as long as nothing can have left.
func KotaniDepositQuoted(j *Journal, name string, client *kotani.Client, fn Func[kotani.Transaction]) *Flow[KotaniQuotedDeposit, kotani.Transaction] {
	prepare := func(p KotaniQuotedDeposit, quoteID string) (sdk.Prepared[kotani.Transaction], error) {
		return client.Fiat.PrepareDepositQuoted(kotani.QuotedDepositParams{AcceptedQuoteID: quoteID, PhoneNumber: p.PhoneNumber, ExternalID: p.ExternalID})
	}
	p := kotaniProvider(client, kotani.Collections, kotani.OpDepositQuoted,
		func(p KotaniQuotedDeposit) (Identity, error) {
			if _, err := prepare(p, anyQuote); err != nil {
				return Identity{}, err
			}
			return identify(p.ExternalID, p.Quote.Amount, p.Quote.Currency, "")
		},
		func(p KotaniQuotedDeposit) []string {
			return []string{p.ExternalID, digits(p.PhoneNumber), p.Quote.Amount.String(), p.Quote.Currency, p.Quote.CryptoType}
		},
		func(r Request[KotaniQuotedDeposit, kotani.Transaction]) (sdk.Prepared[kotani.Transaction], error) {
			return prepare(r.Params, quoteIn(r.Prepared, "acceptedQuoteId"))
		})
	p.Steps[0].Prepare = func(ctx context.Context, r Request[KotaniQuotedDeposit, kotani.Transaction]) ([]byte, error) {
		quote, err := valueOf(client.Quotes.In(ctx, r.Params.Quote))
		if err != nil {
			return nil, quoteFailed(err)
		}
		if err := r.Params.Limits.check(quote.FiatAmount, quote.CryptoAmount); err != nil {
			return nil, err
		}
		if _, err := client.Quotes.AcceptIn(ctx, quote.ID); err != nil {
			return nil, notYet("no accepted quote: " + sdk.SafeText(err))
		}
		prepared, err := prepare(r.Params, quote.ID)
		return prepared.Body, err
	}
	p.Steps[0] = lookingFirst(p.Steps[0], "kotani")
	return New(j, name, requireClient(p, client), fn)
}

// anyQuote stands for a quote that is not known yet, or not known any more.
const anyQuote = "quote"

// quoteIn reads the id of a quote from a stored request.
func quoteIn(prepared []byte, field string) string {
	var members map[string]json.RawMessage
	id := ""
	if json.Unmarshal(prepared, &members) != nil || json.Unmarshal(members[field], &id) != nil || id == "" {
		return anyQuote
	}
	return id
}

// KotaniPayBill makes a flow of payments to paybill numbers.
func KotaniPayBill(j *Journal, name string, client *kotani.Client, fn Func[kotani.Transaction]) *Flow[Named[kotani.PayBillParams], kotani.Transaction] {
	return kotaniPayment(j, name, client, fn, kotani.OpPayBill,
		func(p kotani.PayBillParams) (decimal.Decimal, string) { return p.Amount, p.CallbackURL },
		func(p kotani.PayBillParams) []string {
			return []string{p.MerchantNumber, p.AccountNumber, p.Amount.String()}
		},
		func(p kotani.PayBillParams) (sdk.Prepared[kotani.Transaction], error) {
			return client.Fiat.PreparePayBill(p)
		})
}

// KotaniPayTill makes a flow of payments to till numbers.
func KotaniPayTill(j *Journal, name string, client *kotani.Client, fn Func[kotani.Transaction]) *Flow[Named[kotani.PayTillParams], kotani.Transaction] {
	return kotaniPayment(j, name, client, fn, kotani.OpPayTill,
		func(p kotani.PayTillParams) (decimal.Decimal, string) { return p.Amount, p.CallbackURL },
		func(p kotani.PayTillParams) []string { return []string{p.TillNumber, p.Amount.String()} },
		func(p kotani.PayTillParams) (sdk.Prepared[kotani.Transaction], error) {
			return client.Fiat.PreparePayTill(p)
		})
}

// KotaniStellarCashOut makes a flow of cash-outs of USDC on Stellar. Their amount is not
// known before: the spend limit counts each as 1, as it does of KotaniTronCashOut,
// KotaniSendToMpesa, KotaniBuyCelo and KotaniClaim. Store the id of an accepted quote with
// the order: another quote under the same reference is another payment.
func KotaniStellarCashOut(j *Journal, name string, client *kotani.Client, fn Func[kotani.Transaction]) *Flow[Named[kotani.CashOutParams], kotani.Transaction] {
	return kotaniPayment(j, name, client, fn, kotani.OpStellarCashOut, cashOutCosts, cashOutDecides,
		func(p kotani.CashOutParams) (sdk.Prepared[kotani.Transaction], error) {
			return client.Stellar.PrepareCashOut(p)
		}, cashOutTerms)
}

// KotaniTronCashOut makes a flow of cash-outs of USDT on Tron, as KotaniStellarCashOut.
func KotaniTronCashOut(j *Journal, name string, client *kotani.Client, fn Func[kotani.Transaction]) *Flow[Named[kotani.CashOutParams], kotani.Transaction] {
	return kotaniPayment(j, name, client, fn, kotani.OpTronCashOut, cashOutCosts, cashOutDecides,
		func(p kotani.CashOutParams) (sdk.Prepared[kotani.Transaction], error) {
			return client.Tron.PrepareCashOut(p)
		}, cashOutTerms)
}

func cashOutCosts(p kotani.CashOutParams) (decimal.Decimal, string) {
	return decimal.Zero, p.CallbackURL
}

func cashOutDecides(p kotani.CashOutParams) []string {
	return []string{string(p.Country), digits(p.PhoneNumber), hexDigits(p.TxHash)}
}

// cashOutTerms decide since the second version.
func cashOutTerms(p kotani.CashOutParams) []string { return []string{p.AcceptedQuoteID} }

// KotaniTronCashIn makes a flow of purchases of USDT.
func KotaniTronCashIn(j *Journal, name string, client *kotani.Client, fn Func[kotani.Transaction]) *Flow[Named[kotani.CashInParams], kotani.Transaction] {
	return kotaniPayment(j, name, client, fn, kotani.OpTronCashIn,
		func(p kotani.CashInParams) (decimal.Decimal, string) { return p.Amount, p.CallbackURL },
		func(p kotani.CashInParams) []string {
			return []string{string(p.Country), digits(p.PhoneNumber), p.Amount.String(), p.ExternalID}
		},
		func(p kotani.CashInParams) (sdk.Prepared[kotani.Transaction], error) {
			return client.Tron.PrepareCashIn(p)
		})
}

// KotaniSendToMpesa makes a flow of payouts of cUSD by M-Pesa. The response is the end:
// nothing can be asked for later.
func KotaniSendToMpesa(j *Journal, name string, client *kotani.Client, fn Func[kotani.MpesaPayout]) *Flow[Named[kotani.SendToMpesaParams], kotani.MpesaPayout] {
	return kotaniAtOnce(j, name, client, fn, kotani.OpSendToMpesa,
		func(p kotani.SendToMpesaParams) []string {
			return []string{digits(p.PhoneNumber), hexDigits(p.TxHash)}
		},
		func(p kotani.SendToMpesaParams) (sdk.Prepared[kotani.MpesaPayout], error) {
			return client.Celo.PrepareSendToMpesa(p)
		})
}

// KotaniBuyCelo makes a flow of purchases of cUSD. The response is the end.
func KotaniBuyCelo(j *Journal, name string, client *kotani.Client, fn Func[kotani.CeloPurchase]) *Flow[Named[kotani.BuyCeloParams], kotani.CeloPurchase] {
	return kotaniAtOnce(j, name, client, fn, kotani.OpBuyCelo,
		func(p kotani.BuyCeloParams) []string { return []string{digits(p.PhoneNumber), p.Amount.String()} },
		func(p kotani.BuyCeloParams) (sdk.Prepared[kotani.CeloPurchase], error) {
			return client.Celo.PrepareBuy(p)
		})
}

// KotaniClaim makes a flow of claims of a basic income. The response is the end.
func KotaniClaim(j *Journal, name string, client *kotani.Client, fn Func[kotani.UBIClaim]) *Flow[Named[kotani.UBIParams], kotani.UBIClaim] {
	return kotaniAtOnce(j, name, client, fn, kotani.OpUBIClaim,
		func(p kotani.UBIParams) []string { return []string{digits(p.PhoneNumber), p.ProgramID} },
		func(p kotani.UBIParams) (sdk.Prepared[kotani.UBIClaim], error) { return client.UBI.PrepareClaim(p) })
}

// kotaniMovement is a deposit or a withdrawal, which its external id finds.
func kotaniMovement[P any](j *Journal, name string, client *kotani.Client, fn Func[kotani.Transaction], kind kotani.TransactionType, op string,
	identify func(P) (Identity, error), deciding func(P) []string, prepare func(P) (sdk.Prepared[kotani.Transaction], error),
) *Flow[P, kotani.Transaction] {
	p := kotaniProvider(client, kind, op,
		func(p P) (Identity, error) {
			id, err := identify(p)
			if err == nil {
				_, err = prepare(p)
			}
			return id, err
		},
		deciding, func(r Request[P, kotani.Transaction]) (sdk.Prepared[kotani.Transaction], error) {
			return prepare(r.Params)
		})
	p.Steps[0] = lookingFirst(p.Steps[0], "kotani")
	return New(j, name, requireClient(p, client), fn)
}

func kotaniProvider[P any](client *kotani.Client, kind kotani.TransactionType, op string, identify func(P) (Identity, error), deciding func(P) []string,
	prepare func(Request[P, kotani.Transaction]) (sdk.Prepared[kotani.Transaction], error),
) Provider[P, kotani.Transaction] {
	step := clientStep(op, sdk.Searched, prepare)
	return Provider[P, kotani.Transaction]{
		Identify: identify,
		Deciding: []func(P) []string{deciding},
		Steps:    []Step[P, kotani.Transaction]{step},
		// A status need not name the external id: what it shows is compared.
		Poll: func(ctx context.Context, r Request[P, kotani.Transaction]) (kotani.Transaction, error) {
			t, found, err := step.Look(ctx, r)
			if err == nil && found != Found {
				err = errNotShown
			}
			return t, err
		},
		Judge:    judgeKotani,
		Existing: func(t kotani.Transaction) bool { return t.Existing },
		Ledger: func(ctx context.Context, w Window) iter.Seq2[Row, error] {
			w.From = time.Time{} // all of it is in memory, in an order that is not documented
			return rowsOf(kotaniList(ctx, client, kind), w, func(t kotani.Transaction) (Row, bool) {
				return Row{Reference: t.ExternalID, ID: t.RequestID, Amount: t.Amount, Standing: judgeKotani(t), At: t.CreatedAt},
					t.Type == "" || strings.EqualFold(string(t.Type), string(kind))
			})
		},
		account: account{client, kind},
		Watch:   reversalWatch,
		Knocked: knockedBy(webhook.Kotani()),
	}
}

// kotaniLimit is how many rows a comparison asks for. The server's own number is not
// documented, so that a list without a limit may end anywhere.
const kotaniLimit = 1000

// kotaniList goes through Kotani's list, of which no paging is documented. A list that
// cannot be read, or not whole, is no list.
func kotaniList(ctx context.Context, client *kotani.Client, kind kotani.TransactionType) iter.Seq2[kotani.Transaction, error] {
	return func(yield func(kotani.Transaction, error) bool) {
		list, err := valueOf(client.Fiat.List(ctx, kotani.TransactionListOptions{Type: kind, Limit: kotaniLimit}))
		if err == nil && (list.Items == nil || list.Skipped > 0 || list.More) {
			err = errList
		}
		if err != nil {
			yield(kotani.Transaction{}, err)
			return
		}
		for _, t := range list.Items {
			if !yield(t, nil) {
				return
			}
		}
	}
}

var errList = errors.New("journal: the provider's list cannot be read, or not whole")

// kotaniPayment is a once write whose transaction can be asked for by Kotani's id, once
// a response has named it.
func kotaniPayment[P any](j *Journal, name string, client *kotani.Client, fn Func[kotani.Transaction], op string,
	costs func(P) (decimal.Decimal, string), deciding func(P) []string, prepare func(P) (sdk.Prepared[kotani.Transaction], error), more ...func(P) []string,
) *Flow[Named[P], kotani.Transaction] {
	p := onceProvider(op, deciding, prepare)
	for _, decides := range more {
		p.Deciding = versions(p.Deciding[0], func(p Named[P]) []string { return decides(p.Params) })
	}
	p.Identify = func(p Named[P]) (Identity, error) {
		amount, callbackURL := costs(p.Params)
		id, err := unpriced(p.Reference, callbackURL)
		if amount.IsPositive() {
			id.Amount, id.Currency = amount, ""
		}
		if err == nil {
			_, err = prepare(p.Params)
		}
		return id, err
	}
	p.Poll = func(ctx context.Context, r Request[Named[P], kotani.Transaction]) (kotani.Transaction, error) {
		if r.Before == nil || r.Before.RequestID == "" {
			return kotani.Transaction{}, errNotShown
		}
		t, err := valueOf(client.Fiat.Get(ctx, r.Before.RequestID))
		if err == nil && t.RequestID != r.Before.RequestID {
			err = errNotShown // a status that names another transaction, or none
		}
		return t, err
	}
	p.Judge, p.Watch = judgeKotani, reversalWatch
	return New(j, name, requireClient(p, client), fn)
}

// kotaniAtOnce is a once write of which nothing can be asked for later.
func kotaniAtOnce[P, T any](j *Journal, name string, client *kotani.Client, fn Func[T], op string,
	deciding func(P) []string, prepare func(P) (sdk.Prepared[T], error),
) *Flow[Named[P], T] {
	p := onceProvider(op, deciding, prepare)
	p.Identify = func(p Named[P]) (Identity, error) {
		if _, err := prepare(p.Params); err != nil {
			return Identity{}, err
		}
		return unpriced(p.Reference, "")
	}
	p.Poll = func(context.Context, Request[Named[P], T]) (none T, err error) { return none, errNotShown }
	p.Judge = func(T) Kind { return Succeeded }
	return New(j, name, requireClient(p, client), fn)
}

func onceProvider[P, T any](op string, deciding func(P) []string, prepare func(P) (sdk.Prepared[T], error)) Provider[Named[P], T] {
	return Provider[Named[P], T]{
		Deciding: []func(Named[P]) []string{func(p Named[P]) []string { return append([]string{p.Reference}, deciding(p.Params)...) }},
		Steps: []Step[Named[P], T]{clientStep(op, sdk.Once, func(r Request[Named[P], T]) (sdk.Prepared[T], error) {
			return prepare(r.Params.Params)
		})},
	}
}

func judgeKotani(t kotani.Transaction) Kind {
	switch {
	case t.Status.Succeeded():
		return Succeeded
	case strings.EqualFold(string(t.Status), string(kotani.StatusReversed)):
		return Reversed
	case t.Status.Final():
		return Failed
	}
	return Pending
}

// digits is a phone number as the clients send it: the same for each way to write it.
func digits(phone string) string {
	if number, ok := wire.Phone(phone); ok {
		return number
	}
	return strings.TrimPrefix(onlyDigits(phone), "00") // a short one, as BitPesa takes
}

func hexDigits(hash string) string { return strings.TrimPrefix(strings.ToLower(hash), "0x") }
