package bitpesatest

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
