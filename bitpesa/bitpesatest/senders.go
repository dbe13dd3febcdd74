package bitpesatest

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/bitpesa"
)

// Sender is a sender as the fake holds it.
type Sender struct {
	ID          string              `json:"id"`
	State       bitpesa.SenderState `json:"state"`
	Fields      map[string]any      `json:"fields"` // what the merchant has set, by wire names
	DocumentIDs []string            `json:"documents"`
	Created     time.Time           `json:"created"`
}

// Sender returns a copy of the sender with this id.
func (f *Fake) Sender(id string) (Sender, bool) { return view(f, senders, id, (*Sender).copied) }

// Senders are copies of a key's senders, oldest first.
func (f *Fake) Senders(key string) []Sender { return views(f, key, senders, (*Sender).copied) }

// MoveSender moves a sender along one transition. initial becomes verified,
// approved or rejected; verified becomes approved or rejected. Each state but
// banned may become banned. Each state but banned and disabled may become
// disabled. The transactions of an approved sender stop waiting.
// Errors wrap fake.ErrNotFound or fake.ErrIllegalMove.
func (f *Fake) MoveSender(id string, to bitpesa.SenderState) error {
	f.world.Lock()
	defer f.world.Unlock()
	a, x := find(f.state, senders, id)
	if x == nil {
		return notKnown("sender", id)
	}
	if err := senderTransitions().check("a sender", x.State, to); err != nil {
		return err
	}
	f.moveSender(a, x, to)
	if to == bitpesa.SenderApproved {
		f.approveWaiting(a, x)
	}
	return nil
}

// moveSender changes a sender's state and reports it. The lock is held.
func (f *Fake) moveSender(a *account, x *Sender, to bitpesa.SenderState) {
	x.State = to
	f.emit(a, "sender."+string(to), x.ID, func() object { return f.senderObject(a, x) })
}

func senderTransitions() transitions[bitpesa.SenderState] {
	const (
		initial, verified, approved = bitpesa.SenderInitial, bitpesa.SenderVerified, bitpesa.SenderApproved
		rejected, banned, disabled  = bitpesa.SenderRejected, bitpesa.SenderBanned, bitpesa.SenderDisabled
	)
	return transitions[bitpesa.SenderState]{
		initial:  {verified, approved, rejected, banned, disabled},
		verified: {approved, rejected, banned, disabled},
		approved: {banned, disabled},
		rejected: {banned, disabled},
		disabled: {banned},
	}
}

func (x *Sender) copied() Sender {
	c := *x
	c.Fields, c.DocumentIDs = maps.Clone(c.Fields), slices.Clone(c.DocumentIDs)
	return c
}

// usable reports whether a sender may transact.
func (f *Fake) usable(a *account, x *Sender) bool {
	switch x.State {
	case bitpesa.SenderApproved:
		return true
	case bitpesa.SenderInitial, bitpesa.SenderVerified:
		return !f.keys[a.Key].KYC
	}
	return false
}

// senderFields are what every sender may set, beside id and documents.
func senderFields() []string {
	return strings.Fields(`type first_name middle_name last_name birth_date phone_country phone_number
		country city street postal_code address_description email ip lang fingerprint
		identification_number identification_type occupation nationality city_of_birth country_of_birth
		gender source_of_funds custom_source_of_funds external_id metadata politically_exposed_people`)
}

// businessFields are what a business may set as well.
func businessFields() []string {
	return strings.Fields(`name legal_entity_type registration_date registration_number nature_of_business
		trading_country trading_address trading_name vat_registration_number financial_regulator
		regulatory_licence_number contact_person_email office_phone company_office_number
		company_office_number_country aml_officer_email aml_officer_phone aml_officer_phone_country
		company_website_url number_of_employees_in_company list_of_countries_of_operation
		estimated_annual_revenue_turnover core_business_activity purpose_of_opening_account
		number_monthly_transactions amount_monthly_transactions onboarding_status declaration sales_lead_id`)
}

func allSenderFields() []string { return append(senderFields(), businessFields()...) }

func (f *Fake) listSenders(c *call) response {
	match, ok := c.createdWithin()
	if !ok {
		return badRequest()
	}
	externalID := c.query.Get("external_id")
	rows := newest(&c.account.Senders, func(x *Sender) bool {
		return match(x.Created) && (externalID == "" || text(x.Fields, "external_id") == externalID)
	})
	return page(c, rows, func(x *Sender) object { return f.senderObject(c.account, x) })
}

func (f *Fake) getSender(c *call, x *Sender) response {
	return success(f.senderObject(c.account, x))
}

func (f *Fake) createSender(c *call, in object) response {
	plan, p, existing := f.planSender(c.account, in, false)
	if len(p) > 0 {
		return f.refuseSender(c.account, in, p, existing)
	}
	return created(f.senderObject(c.account, f.carryOut(c.account, plan)))
}

func (f *Fake) updateSender(c *call, x *Sender) response {
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
	} else if other != nil {
		p.add("external_id", wordTaken)
	}
	f.planFields(c.account, &plan, in, p)
	if len(p) > 0 {
		return f.refuseSender(c.account, in, p, other)
	}
	return success(f.senderObject(c.account, f.carryOut(c.account, plan)))
}

// deleteSender disables the sender; the vendor keeps it.
func (f *Fake) deleteSender(c *call, x *Sender) response {
	if x.State == bitpesa.SenderDisabled {
		return invalid(f.senderObject(c.account, x), sentence("Sender is disabled already"))
	}
	f.moveSender(c.account, x, bitpesa.SenderDisabled)
	return success(f.senderObject(c.account, x))
}

// refuseSender adds meta.existing: the sender who has the external_id already.
func (f *Fake) refuseSender(a *account, in object, p problems, existing *Sender) response {
	out := invalid(in, p)
	if existing != nil {
		out = out.withMeta(object{"existing": object{"sender": f.senderObject(a, existing)}})
	}
	return out
}

// senderPlan is what a request asks for: checked, and not carried out yet, so that
// validate and calculate leave nothing behind.
type senderPlan struct {
	sender    *Sender  // nil: a new sender
	fields    object   // all fields afterwards; nil: they stay as they are
	documents []object // new documents
	linked    []string // ids of documents that exist
}

// planSender reads a sender as POST /senders and POST /transactions take it. An
// id or an external_id alone reuses the sender; with more fields the sender is
// updated or created. existing is the sender who has the external_id already.
func (f *Fake) planSender(a *account, in object, inTransaction bool) (plan senderPlan, p problems, existing *Sender) {
	p = problems{}
	id, externalID := text(in, "id"), text(in, "external_id")
	more := slices.ContainsFunc(append(allSenderFields(), "documents"), func(f string) bool {
		return f != "external_id" && !blank(in[f])
	})
	switch {
	case id != "" && externalID != "":
		p.add("external_id", wordInvalid)
		return plan, p, nil
	case id != "":
		if plan.sender = a.Senders.Find(id); plan.sender == nil {
			p.add("id", wordInvalid)
			return plan, p, nil
		}
	case externalID != "":
		x := a.senderByRef(externalID)
		if x == nil && !more {
			p.add("external_id", wordInvalid)
			return plan, p, nil
		}
		if x != nil && more && (!inTransaction || f.config.APIVersion == VersionBitPesa) {
			p.add("external_id", wordTaken)
			return plan, p, x
		}
		plan.sender = x
	}
	if plan.sender != nil && !more {
		return plan, p, nil
	}
	f.planFields(a, &plan, in, p)
	return plan, p, nil
}

// planFields checks a change of a sender, or a new sender.
func (f *Fake) planFields(a *account, plan *senderPlan, in object, p problems) {
	before := &Sender{}
	if plan.sender != nil {
		before = plan.sender
	}
	plan.fields = merged(before.Fields, pick(in, allSenderFields()))
	list, isList := in["documents"].([]any)
	if in["documents"] != nil && !isList {
		p.add("documents", wordInvalid)
	}
	for _, entry := range list {
		plan.planDocument(a, entry, p)
	}
	for field, errors := range f.checkSender(a, plan.fields, len(before.DocumentIDs)+len(plan.documents)+len(plan.linked) > 0) {
		p[field] = append(p[field], errors...)
	}
	plan.fields = withDates(plan.fields, "birth_date", "registration_date")
	if list, ok := plan.fields["politically_exposed_people"].([]any); ok {
		plan.fields["politically_exposed_people"] = withOfficialDates(list)
	}
}

// badOfficial reports whether an entry is no politically exposed person.
func badOfficial(entry any) bool {
	in, ok := entry.(object)
	p := problems{}
	p.texts(in, "name", "position")
	p.dates(in, "started_date", "ended_date")
	return !ok || len(p) > 0
}

func withOfficialDates(list []any) []any {
	out := slices.Clone(list)
	for i, entry := range out {
		if in, ok := entry.(object); ok {
			out[i] = withDates(in, "started_date", "ended_date")
		}
	}
	return out
}

// previewSender is the sender as it would be; a new sender has no id.
func (f *Fake) previewSender(a *account, plan senderPlan) *Sender {
	x := Sender{State: f.firstState(a)}
	if plan.sender != nil {
		x = *plan.sender
	}
	if plan.fields != nil {
		x.Fields = plan.fields
	}
	x.DocumentIDs = slices.Concat(x.DocumentIDs, plan.linked)
	return &x
}

// firstState is how a complete sender begins.
func (f *Fake) firstState(a *account) bitpesa.SenderState {
	if f.keys[a.Key].KYC || f.config.Quirks.WaivedStaysInitial {
		return bitpesa.SenderInitial
	}
	return bitpesa.SenderApproved
}

// carryOut creates or updates the planned sender. The lock is held.
func (f *Fake) carryOut(a *account, plan senderPlan) *Sender {
	x := plan.sender
	if x == nil {
		x = &Sender{ID: f.newID(), State: f.firstState(a), Created: f.now()}
		a.Senders.Add(x)
	}
	if plan.fields == nil {
		return x
	}
	checkAgain := f.keys[a.Key].KYC && (x.State == bitpesa.SenderApproved || x.State == bitpesa.SenderVerified) && identityChanged(x.Fields, plan.fields)
	delete(a.SenderByRef, text(x.Fields, "external_id"))
	x.Fields = plan.fields
	if externalID := text(x.Fields, "external_id"); externalID != "" {
		a.SenderByRef[externalID] = x.ID
	}
	for _, in := range plan.documents {
		plan.linked = append(plan.linked, f.addDocument(a, in).ID)
	}
	for _, id := range plan.linked {
		if !slices.Contains(x.DocumentIDs, id) {
			x.DocumentIDs = append(x.DocumentIDs, id)
		}
	}
	if checkAgain { // "may" be checked again (documented; the fields are assumed)
		f.moveSender(a, x, bitpesa.SenderInitial)
	}
	return x
}

func identityChanged(before, after object) bool {
	return slices.ContainsFunc([]string{"first_name", "middle_name", "last_name", "name", "birth_date", "identification_number", "country"}, func(f string) bool {
		return text(before, f) != text(after, f)
	})
}

// checkSender says what is wrong with a sender's fields. hasDocuments says whether
// the sender has a document or brings one.
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
	for _, field := range allSenderFields() {
		switch v := in[field]; field {
		case "metadata":
			if _, ok := v.(object); v != nil && !ok {
				p.add(field, wordInvalid)
			}
		case "politically_exposed_people":
			if list, ok := v.([]any); v != nil && (!ok || len(list) > 3 || slices.ContainsFunc(list, badOfficial)) {
				p.add(field, wordInvalid)
			}
		case "list_of_countries_of_operation":
		default:
			if !scalar(v) {
				p.add(field, wordInvalid)
			}
		}
	}
	p.dates(in, "birth_date", "registration_date")
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

// enoughForWTR2 reports whether any of the three sets of details is complete.
func enoughForWTR2(f object) bool {
	return len(text(f, "identification_number")) >= 4 && text(f, "identification_type") != "" ||
		text(f, "street") != "" && text(f, "city") != "" && text(f, "postal_code") != "" ||
		text(f, "birth_date") != ""
}

// senderObject is a sender on the wire.
func (f *Fake) senderObject(a *account, x *Sender) object {
	out := object{
		"id": orNull(x.ID), "state": x.State, "state_reason": nil,
		"created_at": f.stamp(x.Created, spelledRFC), "providers": object{}, "errors": object{},
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
	for _, d := range named(&a.Documents, x.DocumentIDs) {
		documents = append(documents, f.documentObject(d))
	}
	out["documents"] = documents
	return out
}
