package clienttest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// FailureCase is a failure during a write, and what must come of it.
type FailureCase struct {
	Name    string
	Refused bool          // nobody listens
	Fault   fake.Fault    // of the fake, but for its method and path
	Limit   time.Duration // deadline of the call; 0: none
	Cancel  time.Duration // when the caller gives up; 0: never

	Outcome string        // empty: the call succeeds
	Is      error         // a sentinel the error matches
	Done    int           // how often the provider did the work
	Took    time.Duration // exactly, on the clock; 0: not told
}

// HTTPClient returns the client to use: the fake's own, or one that reaches
// nobody.
func (c FailureCase) HTTPClient(own *http.Client) *http.Client {
	if !c.Refused {
		return own
	}
	return &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		},
	}}
}

// Context returns the context of the call.
func (c FailureCase) Context(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	if c.Limit > 0 {
		ctx, cancel = context.WithTimeout(parent, c.Limit)
	}
	if c.Cancel > 0 {
		time.AfterFunc(c.Cancel, cancel)
	}
	return ctx, cancel
}

// Check holds the call's error and duration against what must come of it. It
// reports what is wrong through t.
func (c FailureCase) Check(t *testing.T, err error, took time.Duration) {
	t.Helper()
	if c.Took > 0 && took != c.Took {
		t.Errorf("took %v, not %v", took, c.Took)
	}
	if c.Outcome == "" {
		if err != nil {
			t.Errorf("failed: %v", err)
		}
		return
	}
	for outcome, sentinel := range map[string]error{
		"not sent": sdk.ErrNotSent, "rejected": sdk.ErrRejected, "unknown": sdk.ErrOutcomeUnknown,
	} {
		if errors.Is(err, sentinel) != (outcome == c.Outcome) {
			t.Errorf("should be %s: %v", c.Outcome, err)
		}
	}
	if c.Is != nil && !errors.Is(err, c.Is) {
		t.Errorf("does not match %q: %v", c.Is, err)
	}
}

// ReferencedFailures are the failure cases of a write that a lookup by the caller's
// reference settles. A fault without Times meets the lookups too, where they share the
// write's path.
func ReferencedFailures() []FailureCase {
	const hour = 3600
	return []FailureCase{
		{Name: "connection refused", Refused: true, Outcome: "not sent", Is: sdk.ErrNotSent},
		{Name: "dropped before the work", Fault: fake.Fault{Kind: fake.FaultDropBefore, Times: 1}, Done: 1, Took: 3 * time.Second},
		{Name: "dropped after the work", Fault: fake.Fault{Kind: fake.FaultDropAfter, Times: 1}, Done: 1},
		{Name: "truncated 2xx", Fault: fake.Fault{Kind: fake.FaultTruncate, Times: 1}, Done: 1},
		{Name: "malformed 2xx", Fault: fake.Fault{Kind: fake.FaultMalformed, Times: 1}, Done: 1},
		{Name: "HTML 502", Fault: fake.Fault{Kind: fake.FaultHTML, Times: 1}, Done: 1, Took: 3 * time.Second},
		{Name: "HTML 200", Fault: fake.Fault{Kind: fake.FaultHTML, Status: 200, Times: 1}, Done: 1, Took: 3 * time.Second},
		{Name: "500 in the provider's format", Fault: fake.Fault{Kind: fake.FaultStatus, Status: 500, Times: 1}, Done: 1, Took: 3 * time.Second},
		{Name: "redirect", Fault: fake.Fault{Kind: fake.FaultStatus, Status: 302, Times: 1}, Done: 1, Took: 3 * time.Second},
		{Name: "429 with Retry-After", Fault: fake.Fault{Kind: fake.FaultRateLimit, Seconds: 7, Times: 1}, Done: 1, Took: 7 * time.Second},
		{Name: "429 for longer than anybody waits", Fault: fake.Fault{Kind: fake.FaultRateLimit, Seconds: 24 * hour},
			Outcome: "rejected", Is: sdk.ErrRateLimited},
		{Name: "hang until the deadline", Fault: fake.Fault{Kind: fake.FaultDelay, Seconds: hour}, Limit: 5 * time.Second,
			Outcome: "unknown", Is: context.DeadlineExceeded, Took: 5 * time.Second},
		{Name: "hang of one attempt", Fault: fake.Fault{Kind: fake.FaultDelay, Seconds: hour, Times: 1}, Done: 1, Took: 33 * time.Second},
		{Name: "late response, in time", Fault: fake.Fault{Kind: fake.FaultDelay, Seconds: 20, Times: 1}, Done: 1},
		{Name: "cancelled during a hang", Fault: fake.Fault{Kind: fake.FaultDelay, Seconds: hour}, Cancel: 3 * time.Second,
			Outcome: "unknown", Is: context.Canceled, Took: 3 * time.Second},
		{Name: "cancelled while waiting between attempts", Fault: fake.Fault{Kind: fake.FaultRateLimit, Seconds: 30}, Cancel: 3 * time.Second,
			Outcome: "rejected", Is: context.Canceled, Took: 3 * time.Second},
		{Name: "cancelled while waiting to look again", Fault: fake.Fault{Kind: fake.FaultDropBefore, Times: 1}, Cancel: 1500 * time.Millisecond,
			Outcome: "unknown", Is: context.Canceled, Took: 1500 * time.Millisecond},
		{Name: "a deadline too near to look again", Fault: fake.Fault{Kind: fake.FaultDropBefore, Times: 1}, Limit: 900 * time.Millisecond,
			Outcome: "unknown"},
	}
}
