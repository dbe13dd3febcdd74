package bitpesatest

func (f *Fake) listWebhooks(c *call) answer {
	return page(c, c.account.Webhooks.newest(func(h *webhook) bool { return !h.Gone }), (*webhook).object)
}

func (f *Fake) getWebhook(c *call) answer {
	h, ok := c.account.Webhooks.find(c.params[0])
	if !ok || h.Gone {
		return notFound()
	}
	return success(h.object())
}

func (f *Fake) createWebhook(c *call) answer {
	in, ok := c.wrapped("webhook")
	if !ok {
		return badRequest()
	}
	events, p := checkWebhook(in)
	if len(p) > 0 {
		return invalid(in, p)
	}
	h := &webhook{ID: f.newID(), URL: text(in, "url"), Events: events, Metadata: child(in, "metadata"), Created: f.now()}
	c.account.Webhooks.add(h)
	return created(h.object())
}

func (f *Fake) deleteWebhook(c *call) answer {
	h, ok := c.account.Webhooks.find(c.params[0])
	if !ok || h.Gone {
		return notFound()
	}
	f.drop(h)
	return success(h.object())
}

// drop ends a subscription and the deliveries still to come.
func (f *Fake) drop(h *webhook) {
	h.Gone = true
	f.world.Abandon(name, h.ID)
}

func (f *Fake) listEvents(*call) answer {
	return success(eventNames())
}
