package bitpesa

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// compare says whether a transaction is the one that the params ask for. The
// README lists what is compared.
func (p *TransactionParams) compare(t *Transaction) *transport.Comparison {
	c := new(transport.Comparison)
	c.Text("external_id", p.ExternalID, t.ExternalID)
	c.Fold("input_currency", p.InputCurrency, t.InputCurrency)
	if t.Sender != nil {
		c.Fold("sender.id", p.Sender.ID, t.Sender.ID)
		c.Text("sender.external_id", p.Sender.ExternalID, t.Sender.ExternalID)
	}
	// From the balance or from the sender.
	switch {
	case len(p.PayinMethods) == 0 && len(t.PayinMethods) > 0:
		c.Differs("payin_methods")
	case t.PayinMethods == nil && holds(t.Raw, "payin_methods"):
		c.Unreadable("payin_methods")
	case len(p.PayinMethods) > 0:
		p.compareCollections(c, t)
	}
	p.compareRecipients(c, t)
	return c
}

func (p *TransactionParams) compareRecipients(c *transport.Comparison, t *Transaction) {
	n := len(t.Recipients)
	for i := range t.Recipients {
		t.Unverified = t.Unverified || !t.Recipients[i].RequestedAmount.Valid
	}
	switch {
	case t.Skipped > 0, n == 0 && holds(t.Raw, "recipients"):
		c.Unreadable("recipients")
	case n == 0:
		t.Unverified = true
	case n != len(p.Recipients):
		c.Differs("recipients")
	default:
		match(c, "recipients", n, func(c *transport.Comparison, asked, shown int) {
			p.Recipients[asked].compare(c, &t.Recipients[shown])
		})
	}
}

// compareCollections compares the collections that are asked for. An empty list may show
// a transaction that the balance has funded, or leave the collections out: no document
// says that a transaction always shows them. More or fewer than asked for tell as little,
// because BitPesa may add a collection.
func (p *TransactionParams) compareCollections(c *transport.Comparison, t *Transaction) {
	n := len(t.PayinMethods)
	switch {
	case n == 0 && !shows(t.Raw, "payin_methods"):
		t.Unverified = true
	case n != len(p.PayinMethods):
		c.Unreadable("payin_methods")
	default:
		match(c, "payin_methods", n, func(c *transport.Comparison, asked, shown int) {
			p.PayinMethods[asked].compare(c, &t.PayinMethods[shown])
		})
	}
}

func (p *PayinMethodParams) compare(c *transport.Comparison, shown *PayinMethod) {
	c.Fold("payin_methods.type", p.Type, shown.Type)
	each := func(compare func(c *transport.Comparison, field, asked, shown string), name string) {
		compare(c, "payin_methods.in_details."+name, detailText(p.InDetails[name]), detailText(shown.InDetails[name]))
	}
	each((*transport.Comparison).Phone, "phone_number")
	each(account, "account_number")
	each(words, "account_name")
	each(words, "mobile_provider")
	each((*transport.Comparison).Fold, "country")
	each((*transport.Comparison).Text, "refund_address")
}

// compareUpdate says whether a collection is as an update asks for. A new collection may
// have another flow than it asked for.
func (p *PayinMethodParams) compareUpdate(shown *PayinMethod) (c transport.Comparison) {
	c.Fold("ux_flow", p.UXFlow, shown.UXFlow)
	p.compare(&c, shown)
	return c
}

// detailText is a detail that is a text or a number. Anything else shows nothing.
func detailText(value any) string {
	switch value := value.(type) {
	case nil, bool, []any, map[string]any:
		return ""
	case string:
		return value
	}
	text, err := json.Marshal(value) // as it goes over the wire: 1234567890, and not 1.23456789e+09
	if err != nil {
		return ""
	}
	return strings.Trim(string(text), `"`)
}

// match compares n objects, which a response may have in another order.
func match(c *transport.Comparison, field string, n int, compare func(c *transport.Comparison, asked, shown int)) {
	if n == 1 {
		compare(c, 0, 0) // it names the field that differs
		return
	}
	finding := func(asked, shown int) (transport.Finding, error) {
		one := new(transport.Comparison)
		compare(one, asked, shown)
		return one.Finding()
	}
	switch {
	case paired(n, func(asked, shown int) bool {
		found, err := finding(asked, shown)
		return err == nil && found == transport.Same
	}):
	case paired(n, func(asked, shown int) bool {
		found, _ := finding(asked, shown)
		return found != transport.Different
	}):
		c.Unreadable(field)
	default:
		c.Differs(field)
	}
}

// paired reports whether n things can be paired with n others, each with one that
// fits.
func paired(n int, fits func(one, other int) bool) bool {
	taken := make([]int, n) // the partner of each of the others, counted from one
	var place func(one int, tried []bool) bool
	place = func(one int, tried []bool) bool {
		for other := range n {
			if tried[other] || !fits(one, other) {
				continue
			}
			tried[other] = true
			if taken[other] == 0 || place(taken[other]-1, tried) {
				taken[other] = one + 1
				return true
			}
		}
		return false
	}
	for one := range n {
		if !place(one, make([]bool, n)) {
			return false
		}
	}
	return true
}

func (p *RecipientParams) compare(c *transport.Comparison, r *Recipient) {
	c.Fold("recipients.type", string(p.Type), string(r.Type))
	c.Amount("recipients.requested_amount", p.RequestedAmount, r.RequestedAmount, !r.RequestedAmount.Valid && shows(r.Raw, "requested_amount"))
	c.Fold("recipients.requested_currency", p.RequestedCurrency, r.RequestedCurrency)
	p.PayoutMethod.compare(c, "recipients.", &r.PayoutMethod)
}

// compare says whether a recipient is as the update asks for.
func (u *RecipientUpdate) compare(r *Recipient) (c transport.Comparison) {
	c.Fold("type", string(u.Type), string(r.Type))
	u.PayoutMethod.compare(&c, "", &r.PayoutMethod)
	return c
}

func (p *PayoutMethodParams) compare(c *transport.Comparison, of string, shown *PayoutMethod) {
	c.Fold(of+"payout_method.id", p.ID, shown.ID)
	c.Fold(of+"payout_method.type", string(p.Type), string(shown.Type))
	p.Details.compare(c, &shown.Details)
}

// compare compares the person and the account of a payout.
func (d *PayoutDetails) compare(c *transport.Comparison, shown *PayoutDetails) {
	each := func(name, asked, got string) {
		compareDetail(c, name, detail(asked, d.Extra, name), detail(got, shown.Extra, name))
	}
	each("first_name", d.FirstName, shown.FirstName)
	each("middle_name", d.MiddleName, shown.MiddleName)
	each("last_name", d.LastName, shown.LastName)
	each("name", d.Name, shown.Name)
	each("phone_number", d.PhoneNumber, shown.PhoneNumber)
	each("mobile_provider", string(d.MobileProvider), string(shown.MobileProvider))
	each("cash_provider", d.CashProvider, shown.CashProvider)
	each("bank_account", d.BankAccount, shown.BankAccount)
	each("iban", d.IBAN, shown.IBAN)
	each("bank_code", d.BankCode, shown.BankCode)
	each("branch_code", d.BranchCode, shown.BranchCode)
	each("sort_code", d.SortCode, shown.SortCode)
	each("routing_number", d.RoutingNumber, shown.RoutingNumber)
	each("swift_code", d.SwiftCode, shown.SwiftCode)
	each("bic", d.BIC, shown.BIC)
	each("pix_key_value", d.PIXKeyValue, shown.PIXKeyValue)
	each("address", d.Address, shown.Address)
	each("reference", d.Reference, shown.Reference)
}

// compareDetail compares one detail in the way of its kind.
func compareDetail(c *transport.Comparison, name, asked, shown string) {
	switch name {
	case "first_name", "middle_name", "last_name", "name", "mobile_provider", "cash_provider":
		words(c, name, asked, shown)
	case "phone_number":
		c.Phone(name, asked, shown)
	case "bank_account", "iban", "bank_code", "branch_code", "sort_code", "routing_number", "swift_code", "bic", "pix_key_value":
		account(c, name, asked, shown)
	default:
		c.Text(name, asked, shown)
	}
}

// detail is a detail of its own field, or of Extra.
func detail(value string, extra map[string]any, name string) string {
	if value != "" {
		return value
	}
	return detailText(extra[name])
}

// words compares names, whatever their case and spacing.
func words(c *transport.Comparison, field, asked, shown string) {
	c.Fold(field, strings.Join(strings.Fields(asked), " "), strings.Join(strings.Fields(shown), " "))
}

// account compares account numbers and bank codes with or without letters. Of a
// masked account it compares what is shown behind the mask. Zeros alone may stand for what
// is not shown, so that they prove nothing about another account.
func account(c *transport.Comparison, field, asked, shown string) {
	asked, shown = bare(asked), bare(shown)
	switch {
	case asked == "" || shown == "":
		return
	case isZero(shown) && !isZero(asked):
		c.Unreadable(field)
		return
	case isZero(asked) && strings.Trim(shown, "0123456789") == "" && !isZero(shown):
		c.Differs(field)
		return
	}
	if !hasLetters(asked) && !hasLetters(shown) {
		c.Account(field, asked, shown)
		return
	}
	if end := strings.TrimLeft(shown, "*•#"); end != shown {
		if asked != "" && !strings.ContainsAny(end, "*•#") && !strings.HasSuffix(asked, end) {
			c.Differs(field)
		}
		return
	}
	if !strings.ContainsAny(shown, "*•#") {
		c.Text(field, asked, shown)
	}
}

var bareAccount = strings.NewReplacer(" ", "", "-", "", ".", "")

func bare(account string) string { return strings.ToUpper(bareAccount.Replace(account)) }

func isZero(account string) bool { return strings.Trim(account, "0") == "" }

func hasLetters(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r >= 'A' && r <= 'Z' })
}

// compare says whether a stored sender is the person or the company that the
// params describe. An address or a phone number may have been updated since.
func (p *SenderParams) compare(s *Sender) *transport.Comparison {
	c := new(transport.Comparison)
	c.Text("external_id", p.ExternalID, s.ExternalID)
	c.Fold("type", string(p.Type), string(s.Type))
	words(c, "first_name", p.FirstName, s.FirstName)
	words(c, "last_name", p.LastName, s.LastName)
	words(c, "name", p.Name, s.Name)
	c.Fold("country", p.Country, s.Country)
	c.Text("birth_date", p.BirthDate, dateOf(s.BirthDate))
	account(c, "identification_number", p.IdentificationNumber, s.IdentificationNumber)
	account(c, "registration_number", p.RegistrationNumber, s.RegistrationNumber)
	return c
}

// dateOf cuts the time off a date.
func dateOf(text string) string {
	day, _, _ := strings.Cut(text, "T")
	return day
}

// compare says whether a direct response shows the debit that the params ask for.
func (p *DebitParams) compare(d *Debit) (c transport.Comparison) {
	c.Fold("to_id", p.ToID, d.ToID)
	c.Fold("to_type", debitTarget, d.ToType)
	c.Fold("currency", p.Currency, d.Currency)
	d.Unverified = p.compareAmount(&c, d.Amount, !d.Amount.Valid && shows(d.Raw, "amount"))
	return c
}

// compareFunded says whether a funded transaction was funded by the debit that
// the params ask for.
func (p *DebitParams) compareFunded(t *Transaction) (c *transport.Comparison, unverified bool) {
	c = new(transport.Comparison)
	c.Fold("to_id", p.ToID, t.ID)
	c.Fold("currency", p.Currency, t.InputCurrency)
	if t.paidInBySender() {
		c.Differs("kind")
	}
	return c, p.compareAmount(c, t.InputAmount, !t.InputAmount.Valid && shows(t.Raw, "input_amount"))
}

func (p *DebitParams) compareAmount(c *transport.Comparison, shown decimal.NullDecimal, present bool) (unverified bool) {
	if p.Amount.Valid {
		c.Amount("amount", p.Amount.Decimal, shown, present)
	}
	return p.Amount.Valid && !shown.Valid
}

// paidInBySender reports whether a collection, and no debit, has funded the
// transaction.
func (t *Transaction) paidInBySender() bool {
	for i := range t.PayinMethods {
		switch t.PayinMethods[i].State {
		case PayinSuccess, PayinMispaid:
			return true
		}
	}
	return t.State == TransactionMispaid // a debit takes the exact amount
}

// shows reports whether an object has a field with a value, readable or not.
func shows(object sdk.Raw, field string) bool {
	var fields map[string]json.RawMessage
	return json.Unmarshal(object, &fields) == nil && fields[field] != nil && string(fields[field]) != "null"
}

// holds is shows for a list: an empty value of any type shows nothing of its rows.
func holds(object sdk.Raw, field string) bool {
	var fields map[string]json.RawMessage
	return json.Unmarshal(object, &fields) == nil && !wire.IsEmpty(fields[field])
}

// doubtful reports a 422. The vendor does not publish the words of its refusals, so that
// any of them may mean that the object exists.
func doubtful(e *sdk.Error) bool { return e.StatusCode == http.StatusUnprocessableEntity }

// duplicateOfItself reports a 422 because of an object that exists, which is not the new
// sender of a transaction: an earlier call may have made the object.
func duplicateOfItself(e *sdk.Error) bool {
	existing, _ := e.Detail.(ExistingObject)
	return transport.Duplicated(e) && (e.Operation == OpCreateSender || existing.Sender == nil)
}

// contradicts reports a success that carries errors, or is about an object of another kind:
// it may be another request's, and settles nothing. A documented success has "errors", which
// are empty, in the object and in those inside it.
func contradicts(op sdk.Operation, body []byte) bool {
	var w struct{ Extra map[string]any }
	if unsuspicious(op, body) || wire.Unmarshal(body, &w) != nil {
		return false // what decodes it tells of a body that cannot be read
	}
	meta, _ := w.Extra["meta"].(map[string]any)
	for _, said := range [...]any{w.Extra["error"], w.Extra["errors"], meta["error"], meta["errors"]} {
		if holdsAny(said) {
			return true
		}
	}
	rows, _ := rowsOf(w.Extra["object"])
	return holdsErrors(w.Extra["object"]) || slices.ContainsFunc(rows, func(row any) bool {
		object, _ := row.(map[string]any)
		return foreign(op, func(field string) bool { return object[field] != nil })
	})
}

// unsuspicious reports a body that holds no name of an error and none of another kind's fields.
// Nearly every debit's is so, and need not be read twice.
func unsuspicious(op sdk.Operation, body []byte) bool {
	if bytes.IndexByte(body, '\\') >= 0 { // a name may be written in another way
		return false
	}
	for rest, found := body, true; found; {
		_, rest, found = bytes.Cut(rest, []byte(`"error`))
		if found && !bytes.HasPrefix(rest, []byte(`s":{}`)) && !bytes.HasPrefix(rest, []byte(`s":null`)) {
			return false
		}
	}
	return !foreign(op, func(field string) bool { return bytes.Contains(body, []byte(field)) })
}

// rowsOf are the objects of a list, or a single object.
func rowsOf(value any) (rows []any, list bool) {
	if rows, list = value.([]any); !list {
		rows = []any{value}
	}
	return rows, list
}

// holdsErrors reports an object, or one inside it, that has errors.
func holdsErrors(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			switch name {
			case "metadata", "fields": // the caller's own data, and the form of a payout method
			case "errors":
				if holdsAny(inner) {
					return true
				}
			default:
				if holdsErrors(inner) {
					return true
				}
			}
		}
	case []any:
		return slices.ContainsFunc(v, holdsErrors)
	}
	return false
}

// holdsAny reports a value that says something: an empty list or one of nulls does not.
func holdsAny(value any) bool {
	switch v := value.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return strings.TrimSpace(v) != ""
	case json.Number:
		return v != "0"
	case []any:
		return slices.ContainsFunc(v, holdsAny)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), holdsAny)
	}
	return true
}

// foreign reports an object that shows a field which only other kinds have than the operation's.
func foreign(op sdk.Operation, shows func(field string) bool) bool {
	for _, sign := range [...]struct{ field, kind string }{
		{"recipients", "transactions"}, {"to_id", "debits"}, {"to_type", "debits"}, {"running_balance", "debits"},
		{"payout_method", "recipients"}, {"requested_amount", "recipients"}, {"may_cancel", "recipients"}, {"editable", "recipients"},
		{"in_details", "payin_methods"}, {"ux_flow", "payin_methods"}, {"out_details", "payin_methods"}, {"instructions", "payin_methods"},
		{"first_name", "senders"}, {"last_name", "senders"}, {"city", "senders"}, {"street", "senders"}, {"email", "senders"},
		{"upload", "documents"}, {"upload_file_name", "documents"}, {"events", "webhooks"}, {"details", "payout_methods"},
		{"type_id", "mandates"}, {"signed_at", "mandates"},
	} {
		if !takes(op, sign.kind) && shows(sign.field) {
			return true
		}
	}
	return false
}

// takes reports whether a response to the operation may show an object of a kind.
func takes(op sdk.Operation, kind string) bool {
	own, _, _ := strings.Cut(op.Name, ".")
	switch own {
	case "debits", "payin_methods", "recipients", "senders", "transactions":
		return own == kind || op.Name == OpSandboxPayIn && kind == "payin_methods"
	}
	return true
}
