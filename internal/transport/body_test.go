package transport_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// answer writes a body, with a length or in chunks.
func answer(body []byte, chunked bool) step {
	return func(w http.ResponseWriter, _ *http.Request) {
		if chunked {
			w.(http.Flusher).Flush()
		} else {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		}
		_, _ = w.Write(body)
	}
}

// keep returns a call which keeps the raw answer.
func keep(op string, raw *[]byte) transport.Call {
	call := callOf(op)
	call.Decode = func(r *transport.Response) error {
		*raw = r.Body
		return nil
	}
	return call
}

func TestAnswersAreReadWholeAndBounded(t *testing.T) {
	for name, row := range map[string]struct {
		size    int
		chunked bool
		fits    bool
	}{
		"empty":                         {0, false, true},
		"empty, in chunks":              {0, true, true},
		"one byte":                      {1, false, true},
		"small":                         {300, false, true},
		"small, in chunks":              {300, true, true},
		"the limit":                     {transport.MaxResponseBody, false, true},
		"the limit, in chunks":          {transport.MaxResponseBody, true, true},
		"one byte over it":              {transport.MaxResponseBody + 1, false, false},
		"one byte over it, in chunks":   {transport.MaxResponseBody + 1, true, false},
		"far over it, in chunks":        {transport.MaxResponseBody * 3, true, false},
		"far over it, with its length:": {transport.MaxResponseBody * 3, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			body := bytes.Repeat([]byte("x"), row.size)
			s := newFixture(t, answer(body, row.chunked))
			var raw []byte
			err := s.core().Do(t.Context(), keep("once", &raw))
			if row.fits {
				require.NoError(t, err)
				assert.Equal(t, row.size, len(raw))
				return
			}
			f := failure(t, err)
			assert.Equal(t, sdk.Unknown, f.Outcome)
			assert.EqualError(t, err, "acme: once: HTTP 200, response too large (outcome: unknown)")
			assert.Empty(t, f.Body)
		})
	}
}

func TestCompressedAnswerIsBoundedOnceItIsUnpacked(t *testing.T) {
	pack := func(size int) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, err := io.CopyN(w, zeros{}, int64(size))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return b.Bytes()
	}
	s := newFixture(t,
		with("Content-Encoding", "gzip", answer(pack(1000), false)),
		with("Content-Encoding", "gzip", answer(pack(5<<20), false)))
	var raw []byte
	require.NoError(t, s.core().Do(t.Context(), keep("once", &raw)))
	assert.Len(t, raw, 1000)
	err := s.core().Do(t.Context(), keep("once", &raw))
	assert.EqualError(t, err, "acme: once: HTTP 200, response too large (outcome: unknown)")
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestAnswerWithoutContent(t *testing.T) {
	for name, s := range map[string]step{
		"204":             func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"200 and nothing": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) },
	} {
		raw := []byte("before")
		require.NoError(t, newFixture(t, s).core().Do(t.Context(), keep("once", &raw)), name)
		assert.Empty(t, raw, name)
	}
}

func TestHEADHasALengthAndNoBody(t *testing.T) {
	s := newFixture(t, with("Content-Length", "1000", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }))
	require.NoError(t, s.core().DoRaw(t.Context(), transport.Raw{Method: "HEAD", Path: "/x", Class: sdk.Safe}))
}

// Raw responses are kept by results: no later call may write into them.
func TestRawAnswersAreNotShared(t *testing.T) {
	for _, chunked := range []bool{false, true} {
		s := newFixture(t)
		core := s.core()
		var kept [8][]byte
		for i := range kept {
			s.mu.Lock()
			s.always = answer(bytes.Repeat([]byte(strconv.Itoa(i)), 2000), chunked)
			s.mu.Unlock()
			require.NoError(t, core.Do(t.Context(), keep("safe", &kept[i])))
		}
		for i, raw := range kept {
			assert.Equal(t, strings.Repeat(strconv.Itoa(i), 2000), string(raw))
		}
	}
}

func TestFailureKeepsTheAnswerBounded(t *testing.T) {
	for _, size := range []int{10, 16 << 10, 16<<10 + 1, 1 << 20} {
		body := strings.Repeat("e", size)
		s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(400)
			_, _ = io.WriteString(w, body)
		})
		f := failure(t, s.core().Do(t.Context(), callOf("once")))
		assert.Equal(t, body[:min(size, 16<<10)], string(f.Body))
	}
}

// RoundTrippers of tests often leave ContentLength at zero.
func TestAnswersOfOddRoundTrippers(t *testing.T) {
	for name, row := range map[string]struct {
		length int64
		body   io.Reader
		want   string // the raw answer; empty: outcome unknown
	}{
		"length left at zero":  {0, strings.NewReader(`{"a":1}`), `{"a":1}`},
		"length unknown":       {-1, strings.NewReader(`{"a":1}`), `{"a":1}`},
		"length right":         {7, strings.NewReader(`{"a":1}`), `{"a":1}`},
		"byte by byte":         {7, oneByte{strings.NewReader(`{"a":1}`)}, `{"a":1}`},
		"longer than it says":  {3, strings.NewReader(`{"a":1}`), ""},
		"shorter than it says": {8, strings.NewReader(`{"a":1}`), ""},
		"nothing of what":      {8, strings.NewReader(""), ""},
		"breaks":               {-1, io.MultiReader(strings.NewReader(`{"a":1}`), broken{}), ""},
		"far too long":         {transport.MaxResponseBody + 1, zeros{}, ""},
		"without an end":       {-1, zeros{}, ""},
		"breaks at the end":    {7, io.MultiReader(strings.NewReader(`{"a":1}`), broken{}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			closed := 0
			mock := httpmock.NewMockTransport()
			mock.RegisterResponder("POST", "https://acme.example/once", func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, ContentLength: row.length, Body: closing{row.body, &closed}, Request: r}, nil
			})
			core := newCore(t, func(cfg *transport.Config) { cfg.HTTPClient = &http.Client{Transport: mock} })
			var raw []byte
			err := core.Do(t.Context(), keep("once", &raw))
			assert.Equal(t, 1, closed, "the body is closed, whatever came")
			if row.want == "" {
				assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
				return
			}
			assert.NoError(t, err)
			assert.Equal(t, row.want, string(raw))
		})
	}
}

type closing struct {
	io.Reader
	closed *int
}

func (c closing) Close() error {
	*c.closed++
	return nil
}

type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(1, len(p))]) }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("read: broken") }

func TestBodyThatCannotBeEncodedIsNotSent(t *testing.T) {
	s := newFixture(t)
	call := callOf("once")
	call.Body = map[string]any{"f": func() {}}
	err := s.core().Do(t.Context(), call)
	assert.EqualError(t, err, "acme: once: invalid parameters: body: cannot be encoded as JSON (nothing was sent)")
	assert.ErrorIs(t, err, sdk.ErrValidation)
}

// The caller may reuse his bytes as soon as the call has returned, though
// net/http may still be writing.
func TestRawBodyIsCopied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t, html(503), accept)
		body := []byte("amount=1")
		core := s.core(func(cfg *transport.Config) {
			cfg.OnAttempt = observer(func(sdk.Attempt) { copy(body, "amount=9") })
		})
		call := callOf("quote")
		call.Body = body
		require.NoError(t, core.Do(t.Context(), call))
		assert.Equal(t, []string{"amount=1", "amount=1"}, []string{s.seen()[0].Body, s.seen()[1].Body})
	})
}

func TestDecodeFailureIsUnknownAndDoesNotEchoTheAnswer(t *testing.T) {
	s := newFixture(t, accept)
	call := callOf("once")
	call.Decode = func(r *transport.Response) error { return fmt.Errorf("bad amount in %s", r.Body) }
	err := s.core().Do(t.Context(), call)
	assert.EqualError(t, err, "acme: once: unexpected response: HTTP 200, response not understood (outcome: unknown)")
	assert.ErrorIs(t, err, sdk.ErrUnexpectedResponse)
	assert.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
}
