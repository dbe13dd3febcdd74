package transport_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

func TestEverySentinelIsReachable(t *testing.T) {
	for _, kind := range sentinels {
		t.Run(kind.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFixture(t, say(400, "whatever"))
				core := s.core(func(cfg *transport.Config) {
					cfg.Interpret = func(sdk.Operation, *transport.Response) transport.Verdict {
						v := transport.Verdict{Kind: transport.Refused, Reasons: []error{kind}}
						switch kind {
						case sdk.ErrOutcomeUnknown:
							v = transport.Verdict{}
						case sdk.ErrRejected:
							v.Reasons = nil
						}
						return v
					}
				})
				op := "once"
				if kind == sdk.ErrNotSent {
					op = "nonsense"
					s.script = nil
				}
				err := core.Do(t.Context(), callOf(op))
				assert.ErrorIs(t, err, kind)
				assert.ErrorIs(t, fmt.Errorf("pay: %w", err), kind)
				outcomes := 0
				for _, outcome := range []error{sdk.ErrOutcomeUnknown, sdk.ErrNotSent, sdk.ErrRejected} {
					if errors.Is(err, outcome) {
						outcomes++
					}
				}
				assert.Equal(t, 1, outcomes, "exactly one outcome")
			})
		})
	}
}

func TestUnclearAnswersAreNamedByTheirStatus(t *testing.T) {
	for status, kind := range map[int]error{
		200: sdk.ErrUnexpectedResponse, 400: sdk.ErrUnexpectedResponse,
		401: sdk.ErrUnauthorized, 403: sdk.ErrForbidden, 404: sdk.ErrUnexpectedResponse,
		418: sdk.ErrUnexpectedResponse, 429: sdk.ErrRateLimited,
		500: sdk.ErrServer, 502: sdk.ErrServer, 599: sdk.ErrServer,
	} {
		s := newFixture(t, say(status, "unclear"))
		err := s.core(noRetry).Do(t.Context(), callOf("once"))
		assert.ErrorIs(t, err, kind, "%d", status)
		assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown, "%d", status)
		assert.NotErrorIs(t, err, sdk.ErrNotFound, "%d: only the provider says so", status)
		assert.Equal(t, status, failure(t, err).StatusCode)
	}
}

func TestErrorTextIsOneStableLine(t *testing.T) {
	address := &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 4711}
	op := func(err error) error { return &net.OpError{Op: "read", Net: "tcp", Addr: address, Err: err} }
	for name, row := range map[string]struct {
		cause error
		want  string
	}{
		"refused":           {op(syscall.ECONNREFUSED), "connection refused"},
		"reset":             {op(syscall.ECONNRESET), "connection reset"},
		"broken pipe":       {op(syscall.EPIPE), "connection reset"},
		"closed":            {io.EOF, "connection closed without a response"},
		"cut short":         {io.ErrUnexpectedEOF, "response cut short"},
		"no such host":      {&net.DNSError{Name: "acme.example", Err: "no such host", Server: "10.1.2.3:53"}, "host name not resolved"},
		"timeout":           {op(&net.DNSError{IsTimeout: true}), "host name not resolved"},
		"i/o timeout":       {op(timeout{}), "timed out"},
		"anything":          {errors.New("weird 10.1.2.3:4711\nsecond line"), "connection failed"},
		"a foreign context": {fmt.Errorf("10.1.2.3: %w", context.Canceled), "context canceled"},
	} {
		core := newCore(t, noRetry, func(cfg *transport.Config) {
			cfg.HTTPClient = &http.Client{Transport: tracing{"", func(*http.Request) (*http.Response, error) { return nil, row.cause }}}
		})
		err := core.Do(t.Context(), callOf("once"))
		assert.EqualError(t, err, "acme: once: "+row.want+" (outcome: unknown)", name)
		assert.ErrorIs(t, err, row.cause, name)
	}
}

type timeout struct{}

func (timeout) Error() string   { return "i/o timeout" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

func TestErrorTextShowsCodesAndFieldNamesOnlyIfTheyAreSome(t *testing.T) {
	for name, row := range map[string]struct {
		code   string
		fields []string
		want   string
	}{
		"none":              {"", nil, ""},
		"code":              {"608", nil, ", code 608"},
		"code of words":     {"INSUFFICIENT_FUNDS-2.1", nil, ", code INSUFFICIENT_FUNDS-2.1"},
		"fields":            {"", []string{"sender.phone", "items[0].id"}, ", fields items[0].id sender.phone"},
		"code with a line":  {"608\nforged line", nil, ", code ?"},
		"code in a text":    {"payment ref-1 exists", nil, ", code ?"},
		"endless code":      {strings.Repeat("9", 65), nil, ", code ?"},
		"field with a line": {"", []string{"a\nb", ""}, ", fields ? ?"},
	} {
		s := newFixture(t, accept)
		core := s.core(func(cfg *transport.Config) {
			cfg.Interpret = func(sdk.Operation, *transport.Response) transport.Verdict {
				v := transport.Verdict{Kind: transport.Refused, Code: row.code, Fields: transport.Fields{}}
				for _, f := range row.fields {
					v.Fields.Add(f, "is wrong")
				}
				return v
			}
		})
		err := core.Do(t.Context(), callOf("once"))
		assert.EqualError(t, err, "acme: once: HTTP 200"+row.want+" (outcome: rejected)", name)
		assert.Equal(t, row.code, failure(t, err).Code, "the field keeps it as it is")
	}
}

func TestFailureCarriesWhatTheAnswerSaid(t *testing.T) {
	s := newFixture(t, with("X-Request-Id", "req-7", with("Retry-After", "5", say(500, "x"))))
	core := s.core(func(cfg *transport.Config) {
		cfg.Interpret = func(sdk.Operation, *transport.Response) transport.Verdict {
			return transport.Verdict{Kind: transport.Refused, Code: "C9", Message: "no", Fields: transport.Fields{"a": {"b"}}, Detail: 42}
		}
	})
	f := failure(t, core.Do(t.Context(), callOf("once")))
	assert.Equal(t, "acme once once rejected", strings.Join([]string{f.Provider, f.Operation, f.Class.String(), f.Outcome.String()}, " "))
	assert.Equal(t, "500 C9 no req-7 ref-1 1 5s", fmt.Sprint(f.StatusCode, " ", f.Code, " ", f.Message, " ", f.RequestID, " ", f.Reference, " ", f.Attempts, " ", f.RetryAfter))
	assert.Equal(t, map[string][]string{"a": {"b"}}, f.Fields)
	assert.Equal(t, 42, f.Detail)
	assert.Equal(t, `{"say":"x","code":"C1","message":"personal words"}`, string(f.Body))
}

func TestInvalidGivesNothingForNoFault(t *testing.T) {
	core := newCore(t)
	assert.NoError(t, core.Invalid("once", "", nil))
	assert.NoError(t, core.Invalid("once", "", transport.Fields{}))
	err := core.Invalid("once", "ref-1", transport.Fields{"b": {"is required"}, "a": {"is too long", "is odd"}})
	assert.EqualError(t, err, "acme: once: invalid parameters: a: is too long, is odd; b: is required (nothing was sent)")
	assert.ErrorIs(t, err, sdk.ErrValidation)
	assert.ErrorIs(t, err, sdk.ErrNotSent)
	assert.Equal(t, "ref-1", failure(t, err).Reference)
}

// A deadline that a dialler keeps by a timer of its own may have passed before
// the context says so.
func TestDeadlineIsTheReasonEvenIfTheContextIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := late{t.Context(), time.Now().Add(time.Second)}
		core := newCore(t, noRetry, func(cfg *transport.Config) {
			cfg.HTTPClient = &http.Client{Transport: tracing{"asked", func(*http.Request) (*http.Response, error) {
				wait(time.Second)
				return nil, &net.OpError{Op: "dial", Err: timeout{}}
			}}}
		})
		err := core.Do(ctx, callOf("once"))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorIs(t, err, sdk.ErrNotSent)
	})
}

type late struct {
	context.Context
	deadline time.Time
}

func (l late) Deadline() (time.Time, bool) { return l.deadline, true }

func TestSearchFailures(t *testing.T) {
	core := newCore(t)
	absent := core.Absent("safe", "ref-1")
	assert.EqualError(t, absent, "acme: safe: not found: nothing found (outcome: no effect)")
	require.ErrorIs(t, absent, sdk.ErrNotFound)
	inconclusive := core.Inconclusive("safe", "ref-1", errors.New("row 7 has no id"))
	assert.EqualError(t, inconclusive, "acme: safe: unexpected response: search inconclusive (outcome: no effect)")
	assert.ErrorIs(t, inconclusive, sdk.ErrUnexpectedResponse)
	assert.NotErrorIs(t, inconclusive, sdk.ErrNotFound)
}
