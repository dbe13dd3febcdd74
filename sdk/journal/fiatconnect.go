package journal

import (
	"context"
	"errors"
	"time"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk"
)

// FiatConnectTransfer describes a transfer whose terms a quote fixes.
type FiatConnectTransfer struct {
	// Reference names the entry, and is the idempotency key.
	Reference     string
	FiatAccountID string
	Quote         kotani.TransferQuoteParams
	Limits        QuoteLimits
}

// fiatConnectKeyLife is how long a provider is assumed to know a key. The specification
// names no time.
const fiatConnectKeyLife = 20 * time.Hour

// FiatConnectIn makes a flow of transfers from fiat to crypto. Each attempt to send asks
// for a quote of its own, as long as nothing can have left. A transfer in doubt is sent
// again with the same bytes under the same key, for twenty hours (assumed).
//
// The webhooks of FiatConnect name no key: give them to package webhook. The journal
// asks for the transfers.
func FiatConnectIn(j *Journal, name string, client *kotani.FiatConnect, fn Func[kotani.Transfer]) *Flow[FiatConnectTransfer, kotani.Transfer] {
	return fiatConnect(j, name, client, fn, kotani.OpTransferIn)
}

// FiatConnectOut makes a flow of transfers from crypto to fiat, as FiatConnectIn does.
// Your func is told Pending with Transfer.Address: the user has to send the crypto there.
func FiatConnectOut(j *Journal, name string, client *kotani.FiatConnect, fn Func[kotani.Transfer]) *Flow[FiatConnectTransfer, kotani.Transfer] {
	return fiatConnect(j, name, client, fn, kotani.OpTransferOut)
}

func fiatConnect(j *Journal, name string, client *kotani.FiatConnect, fn Func[kotani.Transfer], op string) *Flow[FiatConnectTransfer, kotani.Transfer] {
	type request = Request[FiatConnectTransfer, kotani.Transfer]
	prepare := func(p FiatConnectTransfer, quoteID string) (sdk.Prepared[kotani.Transfer], error) {
		params := kotani.TransferParams{FiatAccountID: p.FiatAccountID, QuoteID: quoteID, IdempotencyKey: p.Reference}
		if op == kotani.OpTransferIn {
			return client.PrepareTransferIn(params)
		}
		return client.PrepareTransferOut(params)
	}
	direction := kotani.TransferTypeIn
	if op == kotani.OpTransferOut {
		direction = kotani.TransferTypeOut
	}
	step := clientStep(op, sdk.Keyed, func(r request) (sdk.Prepared[kotani.Transfer], error) {
		return prepare(r.Params, quoteIn(r.Prepared, "quoteId"))
	})
	step.KeyLife = fiatConnectKeyLife
	step.Prepare = func(ctx context.Context, r request) ([]byte, error) {
		ask, terms := client.QuoteIn, func(q kotani.TransferQuote) (paid, received decimal.NullDecimal) { return q.FiatAmount, q.CryptoAmount }
		if op == kotani.OpTransferOut {
			ask, terms = client.QuoteOut, func(q kotani.TransferQuote) (paid, received decimal.NullDecimal) { return q.CryptoAmount, q.FiatAmount }
		}
		quote, err := valueOf(ask(ctx, r.Params.Quote))
		if err != nil {
			return nil, quoteFailed(err)
		}
		if err := r.Params.Limits.check(terms(quote)); err != nil {
			return nil, err
		}
		prepared, err := prepare(r.Params, quote.ID)
		return prepared.Body, err
	}
	p := Provider[FiatConnectTransfer, kotani.Transfer]{
		Identify: func(p FiatConnectTransfer) (Identity, error) {
			if _, err := prepare(p, anyQuote); err != nil {
				return Identity{}, err
			}
			id := Identity{Reference: p.Reference, Amount: p.Quote.FiatAmount, Currency: string(p.Quote.FiatType)}
			if id.Amount.IsZero() {
				id.Amount, id.Currency = p.Quote.CryptoAmount, string(p.Quote.CryptoType)
			}
			return id, nil
		},
		Deciding: []func(FiatConnectTransfer) []string{func(p FiatConnectTransfer) []string {
			return []string{p.Reference, p.FiatAccountID, string(p.Quote.FiatType), string(p.Quote.CryptoType),
				p.Quote.FiatAmount.String(), p.Quote.CryptoAmount.String(), p.Quote.Country, p.Quote.Address}
		}},
		Steps: []Step[FiatConnectTransfer, kotani.Transfer]{step},
		Poll: func(ctx context.Context, r request) (kotani.Transfer, error) {
			if r.Before == nil {
				return kotani.Transfer{}, errNotShown
			}
			t, err := valueOf(client.GetTransfer(ctx, r.Before.ID))
			if err == nil && (t.Type != "" && t.Type != direction || t.FiatAccountID != "" && t.FiatAccountID != r.Params.FiatAccountID ||
				t.FiatType != "" && t.FiatType != r.Params.Quote.FiatType || t.CryptoType != "" && t.CryptoType != r.Params.Quote.CryptoType) {
				err = errAnother
			}
			return t, err
		},
		Judge: func(t kotani.Transfer) Kind {
			switch t.Status {
			case kotani.TransferComplete:
				return Succeeded
			case kotani.TransferFailed, kotani.TransferAmlFailed:
				return Failed
			}
			return Pending
		},
	}
	return New(j, name, requireClient(p, client), fn)
}

// errAnother: the response to the request may have been another's, so that its id is not
// this transfer's.
var errAnother = errors.New("journal: the transfer under the id that was returned is another one")
