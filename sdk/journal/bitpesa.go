package journal

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/webhook"
)

// BitPesa makes a flow of transactions that are paid from the account balance. The
// reference is the ExternalID. An entry has two steps: the transaction is created, then
// a debit funds it. Both are referenced writes: a step in doubt is looked up, and sent
// again when BitPesa does not show it.
//
// Your func is told
//
//   - Pending once the transaction is funded, and Succeeded when all recipients have
//     their money;
//   - Stuck with ReasonAction when a recipient has failed and BitPesa does not retry:
//     correct it (Recipients.Correct) or cancel it (Transactions.Cancel). The journal
//     goes on asking, and goes on by itself once you have acted;
//   - Failed when the transaction was canceled or refunded, and shows of each recipient
//     that he was not paid;
//   - Stuck with ReasonAction when it was canceled or refunded, and some recipients were
//     paid or may have been. Never pay such a transaction again as a whole. Act with
//     Happened or DidNot.
//
// All recipients of an entry share one RequestedCurrency, so that the spend limit can
// count it. A deposit by PayinMethods is refused, because the money comes from the
// balance.
func BitPesa(j *Journal, name string, client *bitpesa.Client, fn Func[bitpesa.Transaction]) *Flow[bitpesa.TransactionParams, bitpesa.Transaction] {
	type request = Request[bitpesa.TransactionParams, bitpesa.Transaction]
	fund := clientStepAs(bitpesa.OpCreateDebits, sdk.Referenced,
		func(r request) (none sdk.Prepared[bitpesa.Debit], err error) {
			if r.Before == nil {
				return none, errNotShown
			}
			p := bitpesa.DebitParams{ToID: r.Before.ID}
			if r.Before.InputAmount.Valid && r.Before.InputCurrency != "" { // exactly the price
				p.Amount, p.Currency = decimal.NewNullDecimal(r.Before.InputAmount.Decimal), r.Before.InputCurrency
			}
			return client.Debits.Prepare(p)
		},
		// The debit shows nothing of the transaction: the next poll does.
		func(r request, _ bitpesa.Debit) bitpesa.Transaction { return *r.Before })
	fund.UnclearRefusals = true // the vendor does not publish their words
	fund.Done = func(t bitpesa.Transaction) bool { return t.Funded() }
	create := clientStep(bitpesa.OpCreateTransaction, sdk.Referenced, func(r request) (sdk.Prepared[bitpesa.Transaction], error) {
		return client.Transactions.Prepare(r.Params)
	})
	create.UnclearRefusals = true
	p := Provider[bitpesa.TransactionParams, bitpesa.Transaction]{
		Identify: func(p bitpesa.TransactionParams) (Identity, error) {
			id := Identity{Reference: p.ExternalID}
			if len(p.PayinMethods) > 0 {
				return id, invalid("payin_methods", "must be empty: the money comes from the balance")
			}
			for _, r := range p.Recipients {
				if id.Currency != "" && id.Currency != r.RequestedCurrency {
					return id, invalid("recipients", "must all have the same RequestedCurrency")
				}
				id.Amount, id.Currency = id.Amount.Add(r.RequestedAmount), r.RequestedCurrency
			}
			_, err := client.Transactions.Prepare(p)
			return id, err
		},
		Deciding: []func(bitpesa.TransactionParams) []string{decidingBitPesa1, decidingBitPesa},
		Restore:  restoreBitPesa,
		Steps:    []Step[bitpesa.TransactionParams, bitpesa.Transaction]{create, fund},
		Poll: func(ctx context.Context, r request) (bitpesa.Transaction, error) {
			if r.Before == nil {
				return bitpesa.Transaction{}, errNotShown
			}
			t, err := valueOf(client.Transactions.Get(ctx, r.Before.ID))
			return whole(t, r.Params), err
		},
		Judge:    judgeBitPesa,
		Existing: func(t bitpesa.Transaction) bool { return t.Existing },
		account:  account{client, bitpesa.OpListTransactions},
		Ledger: func(ctx context.Context, w Window) iter.Seq2[Row, error] {
			return rowsOf(client.Transactions.All(ctx, bitpesa.TransactionListOptions{}), w, func(t bitpesa.Transaction) (Row, bool) {
				row := Row{Reference: t.ExternalID, ID: t.ID, Standing: judgeBitPesa(t), At: t.CreatedAt}
				row.Amount.Valid = len(t.Recipients) > 0 && t.Skipped == 0
				for _, r := range t.Recipients {
					row.Amount.Valid = row.Amount.Valid && r.RequestedAmount.Valid
					row.Amount.Decimal = row.Amount.Decimal.Add(r.RequestedAmount.Decimal)
				}
				return row, true
			})
		},
		Knocked: knockedByBitPesa,
		Fact: func(r request, body []byte) (none bitpesa.Transaction, ok bool) {
			e, err := bitpesa.ParseEvent(body)
			if err != nil || e.Transaction == nil || r.Before == nil || e.Transaction.ID != r.Before.ID || e.Transaction.ExternalID != r.Reference {
				return none, false
			}
			t := whole(*e.Transaction, r.Params)
			return t, t.State == bitpesa.TransactionPaid || len(t.Recipients) > 0 && t.Skipped == 0
		},
	}
	return New(j, name, requireClient(p, client), fn)
}

// decidingBitPesa1 knows bank accounts only.
func decidingBitPesa1(p bitpesa.TransactionParams) []string {
	out := []string{p.ExternalID, p.InputCurrency, p.Sender.ID, p.Sender.ExternalID}
	for _, r := range p.Recipients {
		d := r.PayoutMethod.Details
		out = append(out, r.RequestedAmount.String(), r.RequestedCurrency, string(r.PayoutMethod.Type), r.PayoutMethod.ID,
			d.FirstName, d.LastName, d.Name, digits(d.PhoneNumber), d.BankAccount, d.BankCode, d.IBAN)
	}
	return out
}

// decidingBitPesa lists who receives how much, and from whom. Of the recipient each detail
// decides, also a detail in Extra, unless freeDetail names it.
func decidingBitPesa(p bitpesa.TransactionParams) []string {
	out := []string{p.ExternalID, p.InputCurrency, p.Sender.ID, p.Sender.ExternalID}
	for _, r := range p.Recipients {
		details, _ := detailsOf(r.PayoutMethod.Details) // never fails: they have just been stored, or read
		out = append(out, cmp.Or(string(r.Type), string(bitpesa.Person)), r.RequestedAmount.String(), r.RequestedCurrency,
			string(r.PayoutMethod.Type), r.PayoutMethod.ID)
		count := len(out)
		out = append(out, "")
		for _, name := range slices.Sorted(maps.Keys(details)) {
			text, ok := details[name].(string)
			if !ok && details[name] != nil {
				value, _ := json.Marshal(details[name])
				text = string(value)
			}
			if name == "phone_number" {
				text = digits(text)
			}
			if text != "" && !freeDetail(name) {
				out = append(out, name, text)
			}
		}
		out[count] = strconv.Itoa(len(out) - count - 1)
	}
	return out
}

// freeDetail reports a detail that sends the money nowhere else, and to nobody else.
func freeDetail(name string) bool {
	switch name {
	case "birth_date", "email", "street", "city", "postal_code",
		"sender_identity_card_type", "sender_identity_card_id", "sender_city_of_birth", "sender_country_of_birth", "sender_gender",
		"transfer_reason", "transfer_reason_code", "relationship_to_sender", "reason", "narration",
		"contact_first_name", "contact_last_name", "nature_of_business", "legal_entity_type":
		return true
	}
	return false
}

// detailsOf are the details by their names on the wire.
func detailsOf(d bitpesa.PayoutDetails) (details map[string]any, err error) {
	text, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	numbers := json.NewDecoder(bytes.NewReader(text))
	numbers.UseNumber()
	err = numbers.Decode(&details)
	return details, err
}

// restoreBitPesa reads parameters that are stored in the form of the request, in which
// amounts are texts, and further details stand among the others.
func restoreBitPesa(stored []byte) (p bitpesa.TransactionParams, err error) {
	var w struct {
		Recipients []struct {
			Amount decimal.Decimal `json:"requested_amount"`
			Method struct {
				Details map[string]any `json:"details"`
			} `json:"payout_method"`
		} `json:"recipients"`
	}
	if err := json.Unmarshal(stored, &p); err != nil {
		return p, err
	}
	numbers := json.NewDecoder(bytes.NewReader(stored))
	numbers.UseNumber()
	if err := numbers.Decode(&w); err != nil {
		return p, err
	}
	for i := range p.Recipients {
		r := &p.Recipients[i]
		r.RequestedAmount = w.Recipients[i].Amount
		known, err := detailsOf(r.PayoutMethod.Details)
		if err != nil {
			return p, err
		}
		for name, value := range w.Recipients[i].Method.Details {
			if _, ok := known[name]; ok {
				continue
			}
			if r.PayoutMethod.Details.Extra == nil {
				r.PayoutMethod.Details.Extra = map[string]any{}
			}
			r.PayoutMethod.Details.Extra[name] = value
		}
	}
	return p, nil
}

// whole counts the recipients that are not shown among those that cannot be read.
func whole(t bitpesa.Transaction, p bitpesa.TransactionParams) bitpesa.Transaction {
	t.Skipped = max(t.Skipped, len(p.Recipients)-len(t.Recipients))
	return t
}

// judgeBitPesa says Failed only if each recipient is shown, in a state in which it has
// no money.
func judgeBitPesa(t bitpesa.Transaction) Kind {
	unpaid := t.Skipped == 0 && len(t.Recipients) > 0
	for _, r := range t.Recipients {
		switch r.State {
		case bitpesa.RecipientInitial, bitpesa.RecipientError, bitpesa.RecipientManual, bitpesa.RecipientCanceled, bitpesa.RecipientRefunded:
		default: // paid, on its way, or in a state that nobody knows
			unpaid = false
		}
	}
	switch {
	case t.State == bitpesa.TransactionPaid:
		return Succeeded
	case t.Final() && unpaid:
		return Failed
	case t.Final(), t.NeedsAction():
		return Stuck
	}
	return Pending
}

// knockedByBitPesa finds the transaction of an event: its own, or its recipient's.
func knockedByBitPesa(body []byte) (string, webhook.Response, error) {
	source := webhook.BitPesa()
	e, err := source.Decode(body)
	if err != nil {
		return "", webhook.Response{}, err
	}
	reference := ""
	switch {
	case e.Transaction != nil:
		reference = e.Transaction.ExternalID
	case e.Recipient != nil:
		reference = e.Recipient.TransactionExternalID
	}
	if reference == "" { // of a sender, say: it is none of the journal's business
		reference = e.ID()
	}
	return reference, webhook.Response{}, nil
}
