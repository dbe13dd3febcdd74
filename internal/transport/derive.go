package transport

import "net/http"

// Derive returns a core over the same connections with settings changed: for
// another section of the same API, or another user of it.
func (c *Core) Derive(change func(*Config)) (*Core, error) {
	cfg := c.cfg
	cfg.HTTPClient = &http.Client{Transport: c.transport, Jar: c.client.Jar}
	cfg.AttemptTimeout = c.timeout
	change(&cfg)
	return New(cfg)
}
