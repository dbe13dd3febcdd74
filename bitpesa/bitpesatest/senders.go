package bitpesatest

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/bitpesa"
)

// SetSenderState moves a sender along one arrow of its state machine: initial to
// verified or approved or rejected, verified to approved or rejected, any to
// banned or disabled. The transactions of an approved one stop waiting.
func (f *Fake) SetSenderState(id string, to bitpesa.SenderState) error {
	state := string(to)
	f.world.Lock()
	defer f.world.Unlock()
	a, x := f.state.sender(id)
	if x == nil {
		return notKnown("sender", id)
	}
	from := map[string][]string{
		senderVerified: {senderInitial},
		senderApproved: {senderInitial, senderVerified},
		senderRejected: {senderInitial, senderVerified},
		senderBanned:   {senderInitial, senderVerified, senderApproved, senderRejected, senderDisabled},
		senderDisabled: {senderInitial, senderVerified, senderApproved, senderRejected},
	}
	if err := checkArrow("a sender", from, x.State, state); err != nil {
		return err
	}
	x.State = state
	switch state {
	case senderApproved:
		f.emitSender(a, x, "sender.approved")
		f.approveWaiting(a, x)
	case senderRejected:
		f.emitSender(a, x, "sender.rejected")
	}
	return nil
}

// States of a sender, as documented.
const (
	senderInitial  = "initial"
	senderVerified = "verified"
	senderApproved = "approved"
	senderBanned   = "banned"
	senderRejected = "rejected"
	senderDisabled = "disabled"
)

type sender struct {
	ID        string    `json:"id"`
	State     string    `json:"state"`
	Fields    object    `json:"fields"` // what the merchant may set, as sent
	Documents []string  `json:"documents"`
	Created   time.Time `json:"created"`
}

func (x *sender) rowID() string { return x.ID }

// usable reports whether a sender may transact.
func (f *Fake) usable(a *account, x *sender) bool {
	switch x.State {
	case senderApproved:
		return true
	case senderInitial, senderVerified:
		return !f.keys[a.Key].KYC
	}
	return false
}

// senderFields are what a person or a business may set, beside id and documents.
func senderFields() []string {
	return strings.Fields(`type first_name middle_name last_name birth_date phone_country phone_number
		country city street postal_code address_description email ip lang fingerprint
		identification_number identification_type occupation nationality city_of_birth country_of_birth
		gender source_of_funds custom_source_of_funds external_id metadata politically_exposed_people`)
}

// businessFields come on top for a business.
func businessFields() []string {
	return strings.Fields(`name legal_entity_type registration_date registration_number nature_of_business
		trading_country trading_address trading_name vat_registration_number financial_regulator
		regulatory_licence_number contact_person_email office_phone company_office_number
		company_office_number_country aml_officer_email aml_officer_phone aml_officer_phone_country
		company_website_url number_of_employees_in_company list_of_countries_of_operation
		estimated_annual_revenue_turnover core_business_activity purpose_of_opening_account
		number_monthly_transactions amount_monthly_transactions onboarding_status declaration sales_lead_id`)
}

// senderObject is a sender on the wire.
func (f *Fake) senderObject(a *account, x *sender) object {
	out := object{
		"id": orNull(x.ID), "state": x.State, "state_reason": nil,
		"created_at": stamp(x.Created, spelledRFC), "providers": object{}, "errors": object{},
	}
	fields := senderFields()
	if text(x.Fields, "type") == "business" {
		fields = append(fields, businessFields()...)
	}
	for _, field := range fields {
		out[field] = x.Fields[field]
	}
	if out["type"] == nil {
		out["type"] = "person"
	}
	out["metadata"] = orEmpty(child(x.Fields, "metadata"))
	if out["politically_exposed_people"] == nil {
		out["politically_exposed_people"] = []any{}
	}
	documents := []any{}
	for _, id := range x.Documents {
		d, _ := a.Documents.find(id)
		documents = append(documents, d.object())
	}
	out["documents"] = documents
	return out
}

// checkSender says what is wrong with a sender's fields. hasDocuments is
// whether any document comes with it or was there before.
func (f *Fake) checkSender(a *account, in object, hasDocuments bool) problems {
	p := problems{}
	key := f.keys[a.Key]
	if key.WTR2 {
		p.require(in, "country")
		if !enoughForWTR2(in) {
			p.require(in, "phone_number", "email", "street", "city", "postal_code", "birth_date")
		}
	} else {
		p.require(in, "country", "city", "street", "postal_code", "email", "ip")
	}
	if key.KYC && !hasDocuments {
		p.add("documents", wordBlank)
	}
	p.oneOf(in, "type", "person", "business")
	p.oneOf(in, "gender", "M", "F", "O")
	p.oneOf(in, "identification_type", "DL", "PP", "ID", "OT")
	for _, field := range append(senderFields(), businessFields()...) {
		switch v := in[field]; field {
		case "metadata":
			if _, ok := v.(object); v != nil && !ok {
				p.add(field, wordInvalid)
			}
		case "politically_exposed_people":
			if list, ok := v.([]any); v != nil && (!ok || len(list) > 3) {
				p.add(field, wordInvalid)
			}
		case "list_of_countries_of_operation":
		default:
			if !scalar(v) {
				p.add(field, wordInvalid)
			}
		}
	}
	if d := text(in, "birth_date"); d != "" && !isDate(d) {
		p.add("birth_date", wordInvalid)
	}
	if ip := text(in, "ip"); ip != "" {
		if _, err := netip.ParseAddr(ip); err != nil {
			p.add("ip", wordInvalid)
		}
	}
	if email := text(in, "email"); email != "" && !strings.Contains(email, "@") {
		p.add("email", wordInvalid)
	}
	return p
}

// enoughForWTR2 reports whether one of the three sets of details is there.
func enoughForWTR2(f object) bool {
	return len(text(f, "identification_number")) >= 4 && text(f, "identification_type") != "" ||
		text(f, "street") != "" && text(f, "city") != "" && text(f, "postal_code") != "" ||
		text(f, "birth_date") != ""
}

func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

func (f *Fake) listSenders(c *call) answer {
	match, ok := c.createdWithin()
	if !ok {
		return badRequest()
	}
	externalID := c.query.Get("external_id")
	rows := c.account.Senders.newest(func(x *sender) bool {
		return match(x.Created) && (externalID == "" || text(x.Fields, "external_id") == externalID)
	})
	return page(c, rows, func(x *sender) object { return f.senderObject(c.account, x) })
}

func (f *Fake) getSender(c *call) answer {
	x, ok := c.account.Senders.find(c.params[0])
	if !ok {
		return notFound()
	}
	return success(f.senderObject(c.account, x))
}

func (f *Fake) createSender(c *call) answer {
	in, ok := c.wrapped("sender")
	if !ok {
		return badRequest()
	}
	plan, p, existing := f.planSender(c.account, in, false)
	if len(p) > 0 {
		return withExisting(invalid(in, p), "sender", f.existingSender(c.account, existing))
	}
	return created(f.senderObject(c.account, f.carryOut(c.account, plan)))
}

func (f *Fake) updateSender(c *call) answer {
	x, ok := c.account.Senders.find(c.params[0])
	if !ok {
		return notFound()
	}
	in, ok := c.wrapped("sender")
	if !ok {
		return badRequest()
	}
	plan, p := senderPlan{sender: x}, problems{}
	if id := text(in, "id"); id != "" && id != x.ID {
		p.add("id", wordInvalid)
	}
	other := c.account.senderByRef(text(in, "external_id"))
	if other == x {
		other = nil
	}
	if other != nil {
		p.add("external_id", wordTaken)
	}
	f.planFields(c.account, &plan, in, pick(in, append(senderFields(), businessFields()...)), p)
	if len(p) > 0 {
		return withExisting(invalid(in, p), "sender", f.existingSender(c.account, other))
	}
	return success(f.senderObject(c.account, f.carryOut(c.account, plan)))
}

// deleteSender disables: the vendor keeps what transacted.
func (f *Fake) deleteSender(c *call) answer {
	x, ok := c.account.Senders.find(c.params[0])
	if !ok {
		return notFound()
	}
	if x.State == senderDisabled {
		return invalid(f.senderObject(c.account, x), sentence("Sender is disabled already"))
	}
	x.State = senderDisabled
	return success(f.senderObject(c.account, x))
}

func (f *Fake) existingSender(a *account, x *sender) object {
	if x == nil {
		return nil
	}
	return f.senderObject(a, x)
}

// withExisting adds meta.existing, the object whose external_id is taken.
func withExisting(a answer, name string, existing object) answer {
	if existing != nil {
		a.body.(object)["meta"] = object{"existing": object{name: existing}}
	}
	return a
}

// senderPlan is what a request wants of a sender, checked and not yet done, so
// that validate and calculate can leave nothing behind.
type senderPlan struct {
	sender    *sender  // nil: a new one
	fields    object   // all fields afterwards; nil: leave as they are
	documents []object // new ones
	linked    []string // ids of documents that exist
}

// planSender reads a sender as POST /senders and POST /transactions take it:
// by id or external_id alone it is reused, with more fields updated or
// created. It fills errors into in, and returns the sender whose external_id
// is taken.
func (f *Fake) planSender(a *account, in object, inTransaction bool) (plan senderPlan, p problems, existing *sender) {
	p = problems{}
	id, externalID := text(in, "id"), text(in, "external_id")
	fields := pick(in, append(senderFields(), businessFields()...))
	more := slices.ContainsFunc(append(senderFields(), append(businessFields(), "documents")...), func(f string) bool {
		return f != "external_id" && !blank(in[f])
	})
	switch {
	case id != "" && externalID != "":
		p.add("external_id", wordInvalid)
		return plan, p, nil
	case id != "":
		x, ok := a.Senders.find(id)
		if !ok {
			p.add("id", wordInvalid)
			return plan, p, nil
		}
		plan.sender = x
	case externalID != "":
		x := a.senderByRef(externalID)
		if x == nil && !more {
			p.add("external_id", wordInvalid)
			return plan, p, nil
		}
		if x != nil && more && (!inTransaction || f.config.Era == BitPesa) {
			p.add("external_id", wordTaken)
			return plan, p, x
		}
		plan.sender = x
	}
	if plan.sender != nil && !more {
		return plan, p, nil
	}
	f.planFields(a, &plan, in, fields, p)
	return plan, p, nil
}

// planFields checks a change of a sender, or a new one.
func (f *Fake) planFields(a *account, plan *senderPlan, in, fields object, p problems) {
	had := 0
	plan.fields = merged(nil, fields)
	if plan.sender != nil {
		had = len(plan.sender.Documents)
		plan.fields = merged(plan.sender.Fields, fields)
	}
	list, isList := in["documents"].([]any)
	if in["documents"] != nil && !isList {
		p.add("documents", wordInvalid)
	}
	for _, entry := range list {
		plan.planDocument(a, entry, p)
	}
	for field, errors := range f.checkSender(a, plan.fields, had+len(plan.documents)+len(plan.linked) > 0) {
		p[field] = append(p[field], errors...)
	}
}

func (plan *senderPlan) planDocument(a *account, entry any, p problems) {
	in, ok := entry.(object)
	if !ok {
		p.add("documents", wordInvalid)
		return
	}
	if id := text(in, "id"); id != "" {
		if _, known := a.Documents.find(id); !known {
			in["errors"] = problems{"id": {{"error": wordInvalid}}}
			p.add("documents", wordInvalid)
			return
		}
		plan.linked = append(plan.linked, id)
		return
	}
	errors := checkDocument(in)
	in["errors"] = errors
	if len(errors) > 0 {
		p.add("documents", wordInvalid)
		return
	}
	plan.documents = append(plan.documents, in)
}

// previewSender is the sender as it would be, without id when it is new.
func (f *Fake) previewSender(a *account, plan senderPlan) *sender {
	x := sender{State: f.firstState(a)}
	if plan.sender != nil {
		x = *plan.sender
	}
	if plan.fields != nil {
		x.Fields = plan.fields
	}
	x.Documents = slices.Concat(x.Documents, plan.linked)
	return &x
}

// firstState is how a complete sender begins.
func (f *Fake) firstState(a *account) string {
	if f.keys[a.Key].KYC || f.config.WaivedStaysInitial {
		return senderInitial
	}
	return senderApproved
}

// carryOut makes the planned sender. The lock is held.
func (f *Fake) carryOut(a *account, plan senderPlan) *sender {
	x := plan.sender
	if x == nil {
		x = &sender{ID: f.newID(), State: f.firstState(a), Created: f.now()}
		a.Senders.add(x)
	}
	if plan.fields == nil {
		return x
	}
	if f.keys[a.Key].KYC && (x.State == senderApproved || x.State == senderVerified) && identityChanged(x.Fields, plan.fields) {
		x.State = senderInitial // documented as "may": checked again (assumed for these fields)
	}
	delete(a.SenderByRef, text(x.Fields, "external_id"))
	x.Fields = plan.fields
	if externalID := text(x.Fields, "external_id"); externalID != "" {
		a.SenderByRef[externalID] = x.ID
	}
	for _, in := range plan.documents {
		plan.linked = append(plan.linked, f.addDocument(a, in).ID)
	}
	for _, id := range plan.linked {
		if !slices.Contains(x.Documents, id) {
			x.Documents = append(x.Documents, id)
		}
	}
	return x
}

func identityChanged(before, after object) bool {
	return slices.ContainsFunc([]string{"first_name", "middle_name", "last_name", "name", "birth_date", "identification_number", "country"}, func(f string) bool {
		return text(before, f) != text(after, f)
	})
}
