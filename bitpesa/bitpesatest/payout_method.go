package bitpesatest

import (
	"slices"
	"strings"
	"time"
)

// payoutMethod is where money goes to: saved on its own, or that of one
// recipient.
type payoutMethod struct {
	ID       string    `json:"id"`
	Type     string    `json:"type"`
	Details  object    `json:"details"`
	Metadata object    `json:"metadata"`
	Sender   string    `json:"sender"`   // who pays to it
	Saved    bool      `json:"saved"`    // made through POST /payout_methods
	Disabled bool      `json:"disabled"` // deleted
	Created  time.Time `json:"created"`
}

func (m *payoutMethod) rowID() string { return m.ID }

// currency is what a payout type pays in.
func currencyOf(payoutType string) string {
	code, _, _ := strings.Cut(payoutType, "::")
	return code
}

// cash reports whether the money is picked up.
func cash(payoutType string) bool { return strings.HasSuffix(payoutType, "::Cash") }

func (f *Fake) payoutMethodObject(m *payoutMethod) object {
	state := "enabled"
	if m.Disabled {
		state = "disabled"
	}
	return object{
		"id": orNull(m.ID), "type": m.Type, "details": orEmpty(m.Details), "metadata": orEmpty(m.Metadata),
		"provider": strings.ToLower(strings.ReplaceAll(m.Type, "::", "_")), "state": state,
		"fields": f.fieldsOf(m.Type), "created_at": stamp(m.Created, spelledISO), "errors": object{},
	}
}

// fieldsOf describes the details of a type as the vendor does, bank codes on
// offer included.
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

// checkPayoutMethod says what is wrong with a payout method that is not named
// by id. The type alone is enough to calculate.
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
