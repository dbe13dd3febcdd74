package transport

import "net/http"

// OwnTransport shows what a core sends through.
func OwnTransport(c *Core) http.RoundTripper { return c.transport }
