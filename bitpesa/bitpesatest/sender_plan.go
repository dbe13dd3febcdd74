package bitpesatest

import "slices"

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
