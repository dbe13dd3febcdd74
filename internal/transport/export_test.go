package transport

import (
	"context"
	"net"
	"net/http"

	"github.com/kapiteni/kapiten-go/sdk"
)

// OwnTransport shows what a core sends through.
func OwnTransport(c *Core) (reads, writes *http.Transport) { return c.own.reads, c.own.writes }

// Raw is a call that is in no table, of any class.
type Raw struct {
	Method, Path string
	Class        sdk.Class
	Call         Call
}

// DoRaw carries out a Raw.
func (c *Core) DoRaw(ctx context.Context, raw Raw) error {
	return c.ask(ctx, raw.Method, raw.Path, raw.Class, raw.Call)
}

// MaxResponseBody is the default bound.
const MaxResponseBody = defaultMaxResponse

// LookRepeatedly is how the core looks for a write.
var LookRepeatedly = lookRepeatedly

// ErrNoFinding is what a lookup says that gives neither a Finding nor an error.
var ErrNoFinding = errNoFinding

// Count makes a connection one of the SDK's own.
func Count(conn net.Conn) net.Conn { return &countedConn{Conn: conn} }

// Written is how many bytes may have left over a counted connection.
func Written(conn net.Conn) int64 { return counterOf(conn).written.Load() }
