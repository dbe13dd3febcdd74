package bitpesatest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// States of a payin method, as documented.
const (
	payinIncomplete = "incomplete"
	payinInitial    = "initial"
	payinPending    = "pending"
	payinSuccess    = "success"
	payinProcessing = "processing"
	payinError      = "error"
	payinMispaid    = "mispaid"
	payinCanceled   = "canceled"
	payinRefunded   = "refunded"
)

// payinMethod is how a sender pays a transaction in.
type payinMethod struct {
	ID          string    `json:"id"`
	Transaction string    `json:"transaction"`
	Type        string    `json:"type"`
	Provider    string    `json:"provider"`
	UXFlow      string    `json:"ux_flow"`
	State       string    `json:"state"`
	InDetails   object    `json:"in_details"`
	Code        string    `json:"code"`
	Attempt     int       `json:"attempt"`
	Created     time.Time `json:"created"`
}

func (p *payinMethod) rowID() string { return p.ID }

// finished reports whether the payin can no longer change.
func (p *payinMethod) finished() bool {
	return p.collected() || p.State == payinCanceled || p.State == payinRefunded
}

// collected reports whether its money came, in full or not.
func (p *payinMethod) collected() bool {
	return p.State == payinSuccess || p.State == payinMispaid
}

// complete reports whether all details to start with are there.
func (p *payinMethod) complete() bool {
	return !strings.HasSuffix(p.Type, "::Mobile") || text(p.InDetails, "phone_number") != ""
}

func newPayinMethod(in object) *payinMethod {
	p := &payinMethod{Type: text(in, "type"), Provider: text(in, "provider"), UXFlow: text(in, "ux_flow"), InDetails: orEmpty(child(in, "in_details")), State: payinInitial}
	if p.UXFlow == "" {
		p.UXFlow = flowOf(p.Type)
	}
	if !p.complete() {
		p.State = payinIncomplete
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
	p.oneOf(in, "ux_flow", "ussd_popup", "ussd_voucher", "ussd_menu_approval", "otp_verified_ussd_popup", "bank_transfer", "http_redirect", "blockchain", "unknown")
	return p
}

func payinMethodObject(t *transaction, p *payinMethod) object {
	out := object{}
	if strings.HasSuffix(p.Type, "::Bank") && t.PayinRef != "" {
		out = object{"style": "info", "Account Name": "TEST COLLECTIONS", "Reference": t.PayinRef}
	}
	return object{
		"id": orNull(p.ID), "type": p.Type, "provider": orNull(p.Provider), "ux_flow": p.UXFlow,
		"state": p.State, "state_reason_details": payinReason(p.Code),
		"in_details": p.InDetails, "out_details": out, "instructions": object{},
		"transaction_id": orNull(t.ID), "transaction_external_id": orNull(t.ExternalID),
		"created_at": stamp(p.Created, spelledRFC), "errors": object{},
	}
}

// payinReason words a code for a collection: who acts and whose details are
// wrong is the sender, not the recipient.
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

// addPayinMethod stores a checked one. The lock is held.
func (f *Fake) addPayinMethod(a *account, t *transaction, in object) *payinMethod {
	p := newPayinMethod(in)
	p.ID, p.Transaction, p.Created = f.newID(), t.ID, f.now()
	a.PayinMethods.add(p)
	t.PayinMethods = append(t.PayinMethods, p.ID)
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
		f.movePayin(a, t, p, payinIncomplete, "", "payin_method.incomplete")
		return
	}
	if !t.payable() {
		p.State = payinInitial
		return
	}
	p.Attempt++
	f.movePayin(a, t, p, payinPending, "1", "payin_method.pending")
	f.world.After(collectionTime, name, eventPayin, fmt.Sprintf("%s/%d", p.ID, p.Attempt))
}

// payinDue is when a sender answers: a mobile number ending in 0 pays, one in 9
// fails, as documented for XOF; others take their time.
func (f *Fake) payinDue(key string) {
	id, attempt, _ := strings.Cut(key, "/")
	a, p := f.state.payinMethod(id)
	if p == nil || p.State != payinPending || attempt != strconv.Itoa(p.Attempt) {
		return
	}
	t, _ := a.Transactions.find(p.Transaction)
	number := digits(text(p.InDetails, "phone_number"))
	switch {
	case !t.payable() || !strings.HasSuffix(p.Type, "::Mobile"):
	case strings.HasSuffix(number, "0"):
		f.collect(a, t, p)
	case strings.HasSuffix(number, "9"):
		f.movePayin(a, t, p, payinError, "412", "payin_method.error")
	}
}

// collect takes a payin's money and funds its transaction. The lock is held.
func (f *Fake) collect(a *account, t *transaction, p *payinMethod) {
	f.movePayin(a, t, p, payinProcessing, "1", "payin_method.processing")
	f.movePayin(a, t, p, payinSuccess, codePaid, "payin_method.paid_in")
	f.fund(a, t)
}

// endPayin cancels a payin that is not needed any more.
func (f *Fake) endPayin(a *account, t *transaction, p *payinMethod) {
	if !p.finished() {
		f.movePayin(a, t, p, payinCanceled, "", "payin_method.canceled")
	}
}

func (f *Fake) refundPayin(a *account, t *transaction, p *payinMethod) {
	if p.collected() {
		f.movePayin(a, t, p, payinRefunded, "", "payin_method.refunded")
	}
}

func (f *Fake) movePayin(a *account, t *transaction, p *payinMethod, state, code, event string) {
	p.State, p.Code = state, code
	f.emit(a, event, t.ID, func() object { return payinMethodObject(t, p) })
}

func (f *Fake) getPayinMethod(c *call) answer {
	p, ok := c.account.PayinMethods.find(c.params[0])
	if !ok {
		return notFound()
	}
	t, _ := c.account.Transactions.find(p.Transaction)
	return success(payinMethodObject(t, p))
}

// updatePayinMethod takes the fields unwrapped and starts the payin again.
func (f *Fake) updatePayinMethod(c *call) answer {
	p, ok := c.account.PayinMethods.find(c.params[0])
	if !ok {
		return notFound()
	}
	in, ok := c.unwrapped("payin_method")
	if !ok {
		return badRequest()
	}
	t, _ := c.account.Transactions.find(p.Transaction)
	if p.finished() || p.State == payinProcessing || !t.unfunded() {
		return unavailable(t, p)
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
	return success(payinMethodObject(t, p))
}

// deletePayinMethod cancels, at once.
func (f *Fake) deletePayinMethod(c *call) answer {
	p, ok := c.account.PayinMethods.find(c.params[0])
	if !ok {
		return notFound()
	}
	t, _ := c.account.Transactions.find(p.Transaction)
	if p.finished() {
		return unavailable(t, p)
	}
	f.endPayin(c.account, t, p)
	return success(payinMethodObject(t, p))
}

// retryPayinMethod is for one that failed.
func (f *Fake) retryPayinMethod(c *call) answer {
	p, ok := c.account.PayinMethods.find(c.params[0])
	if !ok {
		return notFound()
	}
	t, _ := c.account.Transactions.find(p.Transaction)
	if p.State != payinError || !t.payable() {
		return unavailable(t, p)
	}
	f.beginPayin(c.account, t, p)
	return success(payinMethodObject(t, p))
}

func unavailable(t *transaction, p *payinMethod) answer {
	return invalid(payinMethodObject(t, p), sentence("operation is unavailable"))
}
