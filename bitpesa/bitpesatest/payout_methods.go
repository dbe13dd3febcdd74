package bitpesatest

import (
	"slices"
	"strings"
	"time"
)

// payoutMethod is where money goes to. It is saved on its own, or belongs to one
// recipient.
type payoutMethod struct {
	ID       string    `json:"id"`
	Type     string    `json:"type"`
	Details  object    `json:"details"`
	Metadata object    `json:"metadata"`
	Sender   string    `json:"sender"`   // who pays; empty if saved
	Saved    bool      `json:"saved"`    // made through POST /payout_methods
	Disabled bool      `json:"disabled"` // deleted
	Created  time.Time `json:"created"`
}

func (m *payoutMethod) state() string {
	if m.Disabled {
		return "disabled"
	}
	return "enabled"
}

// account is where the money goes; empty for a balance.
func (m *payoutMethod) account() string {
	for _, name := range []string{"bank_account", "iban", "pix_key_value", "address", "phone_number"} {
		if number := text(m.Details, name); number != "" {
			return number
		}
	}
	return ""
}

// currencyOf is the currency in which a payout type pays.
func currencyOf(payoutType string) string {
	code, _, _ := strings.Cut(payoutType, "::")
	return code
}

// cash reports whether the money is picked up.
func cash(payoutType string) bool { return strings.HasSuffix(payoutType, "::Cash") }

func (f *Fake) payoutMethodObject(m *payoutMethod) object {
	return object{
		"id": orNull(m.ID), "type": m.Type, "details": orEmpty(m.Details), "metadata": orEmpty(m.Metadata),
		"provider": strings.ToLower(strings.ReplaceAll(m.Type, "::", "_")), "state": m.state(),
		"fields": f.fieldsOf(m.Type), "created_at": f.stamp(m.Created, spelledISO), "errors": object{},
	}
}

// fieldsOf describes the details of a type as the vendor does, with the bank
// codes on offer.
func (f *Fake) fieldsOf(payoutType string) object {
	c, _ := f.corridor(payoutType)
	out := object{}
	for _, name := range c.fields() {
		options := object{}
		for _, choice := range choices(name) {
			options[choice] = choice
		}
		if codes := bankCodes(currencyOf(payoutType)); name == "bank_code" && codes != nil {
			options = codes
		}
		required := slices.Contains(c.required, name)
		validations := object{}
		if required {
			validations["presence"] = true
		}
		field := object{"type": "input", "validations": validations}
		if len(options) > 0 {
			field["type"], field["options"] = "select", options
			inclusion := object{"in": options}
			if !required {
				inclusion["allow_blank"] = true
			}
			validations["inclusion"] = inclusion
		}
		out[name] = field
	}
	return out
}

// checkPayoutMethod says what is wrong with a payout method. To calculate, the
// type is enough.
func (f *Fake) checkPayoutMethod(in object, business, detailed bool) problems {
	p := problems{}
	p.require(in, "type")
	payoutType := text(in, "type")
	if payoutType == "" {
		return p
	}
	c, known := f.corridor(payoutType)
	if !known {
		p.add("type", wordInvalid)
		return p
	}
	details, isObject := in["details"].(object)
	if in["details"] != nil && !isObject {
		p.add("details", wordInvalid)
		return p
	}
	if detailed {
		for field, errors := range c.check(details, business || text(details, "name") != "" && text(details, "first_name") == "") {
			p[field] = append(p[field], errors...)
		}
	}
	return p
}

func (f *Fake) listPayoutMethods(c *call) response {
	match, ok := c.createdWithin()
	if !ok {
		return badRequest()
	}
	states, types, senderID := c.values("state"), c.values("type"), c.query.Get("sender_id")
	rows := newest(&c.account.PayoutMethods, func(m *payoutMethod) bool {
		return match(m.Created) && (len(states) == 0 || slices.Contains(states, m.state())) &&
			(len(types) == 0 || slices.Contains(types, m.Type)) && (senderID == "" || m.Sender == senderID)
	})
	return page(c, rows, f.payoutMethodObject)
}

func (f *Fake) getPayoutMethod(c *call, m *payoutMethod) response {
	return success(f.payoutMethodObject(m))
}

func (f *Fake) createPayoutMethod(c *call, in object) response {
	if p := f.checkPayoutMethod(in, false, true); len(p) > 0 {
		return invalid(in, p)
	}
	m := f.addPayoutMethod(c.account, in, "")
	m.Saved = true
	return created(f.payoutMethodObject(m))
}

// updatePayoutMethod takes the fields unwrapped.
func (f *Fake) updatePayoutMethod(c *call, m *payoutMethod) response {
	in, ok := c.unwrapped("payout_method")
	if !ok {
		return badRequest()
	}
	if m.Disabled {
		return invalid(f.payoutMethodObject(m), sentence("Payout method is disabled"))
	}
	payoutType, details, p := f.changedMethod(m, in, false)
	if len(p) > 0 {
		return invalid(in, p)
	}
	m.Type, m.Details = payoutType, details
	if md := child(in, "metadata"); md != nil {
		m.Metadata = md
	}
	return success(f.payoutMethodObject(m))
}

// deletePayoutMethod disables the method, as recipients may still name it.
func (f *Fake) deletePayoutMethod(c *call, m *payoutMethod) response {
	if m.Disabled {
		return invalid(f.payoutMethodObject(m), sentence("Payout method is disabled"))
	}
	m.Disabled = true
	f.emit(c.account, "payout_method.disabled", m.ID, func() object { return f.payoutMethodObject(m) })
	return success(f.payoutMethodObject(m))
}

// changedMethod is a payout method after a change: a type of the same currency,
// and the details merged into the old ones.
func (f *Fake) changedMethod(m *payoutMethod, in object, business bool) (payoutType string, details object, p problems) {
	payoutType = m.Type
	if t := text(in, "type"); t != "" {
		payoutType = t
	}
	changes, isObject := in["details"].(object)
	if in["details"] != nil && !isObject {
		return payoutType, nil, problems{"details": {{"error": wordInvalid}}}
	}
	details = storedDetails(merged(m.Details, changes))
	p = f.checkPayoutMethod(object{"type": payoutType, "details": details}, business, true)
	if currencyOf(payoutType) != currencyOf(m.Type) {
		p.add("type", wordInvalid)
	}
	return payoutType, details, p
}

// addPayoutMethod stores a checked payout method. The lock is held.
func (f *Fake) addPayoutMethod(a *account, in object, senderID string) *payoutMethod {
	m := &payoutMethod{ID: f.newID(), Type: text(in, "type"), Details: storedDetails(child(in, "details")), Metadata: child(in, "metadata"), Sender: senderID, Created: f.now()}
	a.PayoutMethods.Add(m)
	return m
}
