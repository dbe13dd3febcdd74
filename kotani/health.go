package kotani

import (
	"context"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// Health returns nil when the API says that it is up. No answer is documented,
// so any 2xx counts. It needs no login (none is documented).
func (c *Client) Health(ctx context.Context) error {
	return c.core.Do(ctx, transport.Call{Op: OpHealth})
}
