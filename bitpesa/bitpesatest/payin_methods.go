package bitpesatest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/bitpesa"
)

// payinMethod is a way by which a sender pays a transaction in.
type payinMethod struct {
	ID            string             `json:"id"`
	TransactionID string             `json:"transaction"`
	Type          string             `json:"type"`
	Provider      string             `json:"provider"`
	UXFlow        string             `json:"ux_flow"`
	State         bitpesa.PayinState `json:"state"`
	InDetails     object             `json:"in_details"`
	Code          string             `json:"code"`
	Attempt       int                `json:"attempt"`
	Created       time.Time          `json:"created"`
}

// finished reports whether the payin can change no more.
func (p *payinMethod) finished() bool {
	return p.collected() || p.State == bitpesa.PayinCanceled || p.State == bitpesa.PayinRefunded
}

// collected reports whether its money came, in full or not.
func (p *payinMethod) collected() bool {
	return p.State == bitpesa.PayinSuccess || p.State == bitpesa.PayinMispaid
}

// complete reports whether the payin has the details it needs to start.
func (p *payinMethod) complete() bool {
	return !strings.HasSuffix(p.Type, "::Mobile") || text(p.InDetails, "phone_number") != ""
}

func newPayinMethod(in object) *payinMethod {
	p := &payinMethod{Type: text(in, "type"), Provider: text(in, "provider"), UXFlow: text(in, "ux_flow"), InDetails: orEmpty(child(in, "in_details")), State: bitpesa.PayinInitial}
	if p.UXFlow == "" {
		p.UXFlow = flowOf(p.Type)
	}
	if !p.complete() {
		p.State = bitpesa.PayinIncomplete
	}
	return p
}

func flowOf(payinType string) string {
	switch {
	case strings.HasSuffix(payinType, "::Mobile"):
		return "ussd_popup"
	case strings.HasSuffix(payinType, "::Bank"):
		return "bank_transfer"
	case payinType == "BTC":
		return "blockchain"
	}
	return "unknown"
}

// checkPayinMethod says what is wrong with a payin method in a currency.
func (f *Fake) checkPayinMethod(in object, currency string) problems {
	p := problems{}
	p.require(in, "type")
	if t := text(in, "type"); t != "" && currencyOf(t) != currency {
		p.add("type", wordInvalid)
	}
	details, isObject := in["in_details"].(object)
	if in["in_details"] != nil && !isObject {
		p.add("in_details", wordInvalid)
	}
	if phone := details["phone_number"]; !blank(phone) && !isPhone(text(details, "phone_number")) {
		p.add("phone_number", wordInvalid)
	}
	p.texts(in, "ux_flow")
	return p
}

func (f *Fake) payinMethodObject(t *transaction, p *payinMethod) object {
	out := object{}
	if strings.HasSuffix(p.Type, "::Bank") && t.PayinRef != "" {
		out = object{"style": "info", "Account Name": "TEST COLLECTIONS", "Reference": t.PayinRef}
	}
	return object{
		"id": orNull(p.ID), "type": p.Type, "provider": orNull(p.Provider), "ux_flow": p.UXFlow,
		"state": p.State, "state_reason_details": payinReason(p.Code),
		"in_details": p.InDetails, "out_details": out, "instructions": object{},
		"transaction_id": orNull(t.ID), "transaction_external_id": orNull(t.ExternalID),
		"created_at": f.stamp(p.Created, spelledRFC), "errors": object{},
	}
}

// payinReason words a code for a collection: the sender acts, and the sender's
// details are wrong, not the recipient's.
func payinReason(code string) any {
	r := explain(code)
	switch r.category {
	case categoryPickup:
		r.category = "sender_action_required"
	case categoryRecipient:
		r.category, r.description = "invalid_user_data_error", "The sender's details have to be corrected."
	case categoryPaid:
		r.description = "The money was collected."
	}
	return r.object()
}

// collectionTime is how long a sender takes to pay (assumed).
const collectionTime = 30 * time.Second

// addPayinMethod stores a checked payin method. The lock is held.
func (f *Fake) addPayinMethod(a *account, t *transaction, in object) *payinMethod {
	p := newPayinMethod(in)
	p.ID, p.TransactionID, p.Created = f.newID(), t.ID, f.now()
	a.PayinMethods.Add(p)
	t.PayinMethodIDs = append(t.PayinMethodIDs, p.ID)
	return p
}

// beginPayins asks the senders for their money as soon as it may come.
func (f *Fake) beginPayins(a *account, t *transaction) {
	for _, p := range a.payinMethodsOf(t) {
		f.beginPayin(a, t, p)
	}
}

func (f *Fake) beginPayin(a *account, t *transaction, p *payinMethod) {
	if !p.complete() {
		f.movePayin(a, t, p, bitpesa.PayinIncomplete, "", "payin_method.incomplete")
		return
	}
	if !t.payable() {
		if p.State != bitpesa.PayinInitial {
			f.movePayin(a, t, p, bitpesa.PayinInitial, "", "payin_method.initial")
		}
		return
	}
	p.Attempt++
	f.movePayin(a, t, p, bitpesa.PayinPending, "1", "payin_method.pending")
	f.world.After(collectionTime, name, eventPayin, fmt.Sprintf("%s/%d", p.ID, p.Attempt))
}

// payinDue is when a sender acts. A mobile number that ends in 0 pays and one
// that ends in 9 fails (documented for XOF). Any other sender takes time.
func (f *Fake) payinDue(key string) {
	id, attempt, _ := strings.Cut(key, "/")
	a, p := find(f.state, payinMethods, id)
	if p == nil || p.State != bitpesa.PayinPending || attempt != strconv.Itoa(p.Attempt) {
		return
	}
	t := a.Transactions.Find(p.TransactionID)
	number := digits(text(p.InDetails, "phone_number"))
	switch {
	case !t.payable() || !strings.HasSuffix(p.Type, "::Mobile"):
	case strings.HasSuffix(number, "0"):
		f.collect(a, t, p)
	case strings.HasSuffix(number, "9"):
		f.movePayin(a, t, p, bitpesa.PayinError, "412", "payin_method.error")
	}
}

// collect takes a payin's money and funds its transaction. The lock is held.
func (f *Fake) collect(a *account, t *transaction, p *payinMethod) {
	f.movePayin(a, t, p, bitpesa.PayinProcessing, "1", "payin_method.processing")
	f.movePayin(a, t, p, bitpesa.PayinSuccess, codePaid, "payin_method.paid_in")
	f.fund(a, t)
}

// endPayin cancels a payin that is no longer needed.
func (f *Fake) endPayin(a *account, t *transaction, p *payinMethod) {
	if !p.finished() {
		f.movePayin(a, t, p, bitpesa.PayinCanceled, "", "payin_method.canceled")
	}
}

func (f *Fake) refundPayin(a *account, t *transaction, p *payinMethod) {
	if p.collected() {
		f.movePayin(a, t, p, bitpesa.PayinRefunded, "", "payin_method.refunded")
	}
}

func (f *Fake) movePayin(a *account, t *transaction, p *payinMethod, state bitpesa.PayinState, code, event string) {
	p.State, p.Code = state, code
	f.emit(a, event, t.ID, func() object { return f.payinMethodObject(t, p) })
}

func (f *Fake) getPayinMethod(c *call, p *payinMethod) response {
	t := c.account.Transactions.Find(p.TransactionID)
	return success(f.payinMethodObject(t, p))
}

// updatePayinMethod takes the fields unwrapped and starts the payin again.
func (f *Fake) updatePayinMethod(c *call, p *payinMethod) response {
	in, ok := c.unwrapped("payin_method")
	if !ok {
		return badRequest()
	}
	t := c.account.Transactions.Find(p.TransactionID)
	if p.finished() || p.State == bitpesa.PayinProcessing || !t.unfunded() {
		return f.unavailable(t, p)
	}
	if text(in, "type") == "" {
		in["type"] = p.Type
	}
	if errors := f.checkPayinMethod(in, t.Currency); len(errors) > 0 {
		return invalid(in, errors)
	}
	p.Type = text(in, "type")
	p.InDetails = merged(p.InDetails, child(in, "in_details"))
	p.UXFlow = flowOf(p.Type)
	if flow := text(in, "ux_flow"); flow != "" {
		p.UXFlow = flow
	}
	f.beginPayin(c.account, t, p)
	return success(f.payinMethodObject(t, p))
}

// cancelPayinMethod cancels at once.
func (f *Fake) cancelPayinMethod(c *call, p *payinMethod) response {
	t := c.account.Transactions.Find(p.TransactionID)
	if p.finished() {
		return f.unavailable(t, p)
	}
	f.endPayin(c.account, t, p)
	return success(f.payinMethodObject(t, p))
}

// retryPayinMethod starts a failed payin again.
func (f *Fake) retryPayinMethod(c *call, p *payinMethod) response {
	t := c.account.Transactions.Find(p.TransactionID)
	if p.State != bitpesa.PayinError || !t.payable() {
		return f.unavailable(t, p)
	}
	f.beginPayin(c.account, t, p)
	return success(f.payinMethodObject(t, p))
}

func (f *Fake) unavailable(t *transaction, p *payinMethod) response {
	return invalid(f.payinMethodObject(t, p), sentence("operation is unavailable"))
}
