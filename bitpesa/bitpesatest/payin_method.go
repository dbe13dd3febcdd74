package bitpesatest

import (
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
