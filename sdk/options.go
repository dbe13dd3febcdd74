package sdk

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// Options are what every client takes besides its credentials, its BaseURL and
// its Routes. The zero value is useful. Several clients can share one value. A
// constructor copies it and changes nothing of the caller's.
//
// Options has no methods: a method here would become one of every Config.
type Options struct {
	// HTTPClient gives the connections: its Transport, Jar and Timeout (as
	// AttemptTimeout) are used. Clients that share one share a pool. Default: a
	// pool of the client's own with 64 idle connections.
	//
	// With an http.Transport of your own, set IdleConnTimeout to 2 s, or less than the
	// server keeps idle connections, and Protocols to HTTP/1 alone. A write over a
	// connection that the server has just closed has an unknown outcome. Over HTTP/2 such
	// a connection also takes other writes with it.
	//
	// A RoundTripper of your own decides what "not sent" means. If nobody has read the
	// body, let its error wrap ErrNotSent. A write without a body is never "not sent" over
	// your own HTTPClient, unless the error of a RoundTripper that is no *http.Transport says
	// so: another RoundTripper may hide behind
	// http.Transport.RegisterProtocol. It must not return http.ErrSkipAltProtocol for
	// what it has sent: net/http then sends a request without a body again.
	HTTPClient *http.Client
	// Logger gets one event per attempt: Debug when it went well, Warn when not.
	// Never a body, a URL or a credential. Default: silent.
	Logger *slog.Logger
	// OnAttempt is called after every attempt, for metrics and traces.
	OnAttempt func(context.Context, Attempt)
	// App names the caller's program and version in the User-Agent:
	// "shop/1.4". Default: none.
	App string

	// MaxAttempts is how often one request is sent at most, when it may be
	// repeated at all. Default: 4. 1 means no retry. The lookups of an unknown
	// outcome, and the one repeat after them, come on top.
	MaxAttempts int
	// MinBackoff and MaxBackoff bound the random wait between two attempts.
	// Defaults: 250 ms and 8 s.
	MinBackoff, MaxBackoff time.Duration
	// MaxRetryAfter is the longest Retry-After that is waited for. A longer one
	// ends the call at once, with the wait in Error.RetryAfter. Default: 1 min.
	MaxRetryAfter time.Duration
	// AttemptTimeout bounds one attempt. The context bounds the whole call.
	// Default: 30 s. Negative: none.
	AttemptTimeout time.Duration
	// WriteIdleTimeout is how long the client's own pool keeps an idle connection
	// for writes. A write over a connection which the server has just closed has an
	// unknown outcome, so this must be shorter than the server's own limit.
	// Default: 2 s. It is not used with an HTTPClient.
	WriteIdleTimeout time.Duration
	// MaxResponseBytes bounds the size of a response. A longer one is not
	// understood: a write then has an unknown outcome. Default: 4 MiB.
	MaxResponseBytes int64
	// Jitter chooses a wait of more than zero and at most bound. A simulation
	// sets it to make runs repeatable. Default: random.
	Jitter func(bound time.Duration) time.Duration
}

// Attempt is what Options.OnAttempt is told about one attempt of a call.
type Attempt struct {
	Provider   string
	Operation  string
	Method     string
	Path       string // the template, never the expanded path; "/{raw}" for a RawCall
	Number     int    // 1 for the first; a redirect that is followed keeps it
	StatusCode int    // HTTP status; 0 without a response
	Duration   time.Duration
	Succeeded  bool    // the response was understood and accepted
	Outcome    Outcome // of an attempt that did not succeed
	RequestID  string
	// Err is why there is no good response: what the network, the signer, the
	// login or the decoder said, in its own words. They may hold addresses and
	// parts of the response: not for a log.
	Err error
}
