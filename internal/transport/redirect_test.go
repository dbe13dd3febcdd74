package transport_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

func authorized(cfg *transport.Config) {
	cfg.Authorize = func(r *http.Request, _ sdk.Operation, _ []byte, _ string) error {
		r.Header["Authorization"] = []string{"Token secret"}
		r.Header["X-Access-Token"] = []string{"secret"}
		return nil
	}
}

func TestReadFollowsARedirectOnItsOwnHostOnly(t *testing.T) {
	for name, row := range map[string]struct {
		status int
		to     string
		want   string // requests the servers saw
	}{
		"relative":              {301, "/moved/?a=1", "GET /safe\nGET /moved/?a=1\n"},
		"absolute, same host":   {302, "http://provider.localhost/moved", "GET /safe\nGET /moved\n"},
		"the scheme's own port": {302, "http://provider.localhost:80/moved", "GET /safe\nGET /moved\n"},
		"an empty port":         {302, "http://provider.localhost:/moved", "GET /safe\nGET /moved\n"},
		"another case":          {302, "http://Provider.LOCALHOST/moved", "GET /safe\nGET /moved\n"},
		"the other scheme's":    {302, "http://provider.localhost:443/safe", "GET /safe\n"},
		"a dot behind it":       {302, "http://provider.localhost./safe", "GET /safe\n"},
		"303":                   {303, "/moved", "GET /safe\nGET /moved\n"},
		"307":                   {307, "/moved", "GET /safe\nGET /moved\n"},
		"308":                   {308, "/moved", "GET /safe\nGET /moved\n"},
		"another host":          {302, "http://evil.localhost/safe", "GET /safe\n"},
		"a host below":          {302, "http://a.provider.localhost/safe", "GET /safe\n"},
		"another port":          {302, "http://provider.localhost:81/safe", "GET /safe\n"},
		"another scheme":        {302, "https://provider.localhost/safe", "GET /safe\n"},
		"scheme-relative host":  {302, "//evil.localhost/safe", "GET /safe\n"},
		"no scheme of HTTP":     {302, "file:///etc/passwd", "GET /safe\n"},
		"malformed":             {302, "http://[::1", "GET /safe\n"},
		"no Location":           {302, "", "GET /safe\n"},
		"300":                   {300, "/moved", "GET /safe\n"},
		"304":                   {304, "/moved", "GET /safe\n"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				script := []step{redirect(row.status, row.to), accept}
				if row.want == "GET /safe\n" {
					script = script[:1]
				}
				s := newFixture(t, script...)
				err := s.core(authorized).Do(t.Context(), callOf("safe"))
				assert.Equal(t, row.want, lines(s.seen()))
				for _, r := range s.seen() {
					host, _, _ := strings.Cut(strings.ToLower(r.Host), ":")
					assert.Equal(t, "provider.localhost", host)
					assert.Equal(t, "Token secret", r.Header.Get("Authorization"))
				}
				if len(script) == 2 {
					assert.NoError(t, err)
					return
				}
				f := failure(t, err)
				assert.ErrorIs(t, err, sdk.ErrRedirected)
				assert.Equal(t, row.status, f.StatusCode)
				assert.Equal(t, 1, f.Attempts)
				assert.EqualError(t, err, fmt.Sprintf("acme: safe: redirect refused: HTTP %d (outcome: no effect)", row.status))
			})
		})
	}
}

func TestRedirectIsNeverFollowedOnAWrite(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, raw := range []transport.Raw{
			{Method: "POST", Path: "/x", Class: sdk.Once},
			{Method: "PUT", Path: "/x", Class: sdk.Once},
			{Method: "DELETE", Path: "/x", Class: sdk.Referenced},
			{Method: "GET", Path: "/x", Class: sdk.Once}, // a write all the same
			{Method: "POST", Path: "/x", Class: sdk.Keyed, Call: transport.Call{Key: "k"}},
			{Method: "POST", Path: "/x", Class: sdk.Safe},
		} {
			s := newFixture(t, redirect(status, "/y"))
			err := s.core(authorized).DoRaw(t.Context(), raw)
			assert.ErrorIs(t, err, sdk.ErrRedirected)
			assert.Equal(t, raw.Class != sdk.Safe, failure(t, err).Is(sdk.ErrOutcomeUnknown))
			assert.Len(t, s.seen(), 1)
		}
	}
}

func TestRedirectsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t)
		s.always = redirect(302, "/round")
		err := s.core().Do(t.Context(), callOf("safe"))
		assert.ErrorIs(t, err, sdk.ErrRedirected)
		assert.Equal(t, "GET /safe\nGET /round\nGET /round\nGET /round\n", lines(s.seen()))
	})
}

// Redirects that are followed use up no attempts.
func TestRedirectBelongsToItsAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t,
			redirect(302, "/a"), redirect(302, "/b"), html(503),
			redirect(302, "/a"), html(503), accept)
		var numbers []int
		core := s.core(func(cfg *transport.Config) {
			cfg.MaxAttempts = 3
			cfg.OnAttempt = observer(func(a sdk.Attempt) { numbers = append(numbers, a.Number) })
		})
		require.NoError(t, core.Do(t.Context(), callOf("safe")))
		assert.Equal(t, []int{1, 1, 1, 2, 2, 3}, numbers)
	})
}

func TestSignedCoreFollowsNoRedirect(t *testing.T) {
	s := newFixture(t, redirect(302, "/moved"))
	core := s.core(authorized, func(cfg *transport.Config) { cfg.NoRedirects = true })
	assert.ErrorIs(t, core.Do(t.Context(), callOf("safe")), sdk.ErrRedirected)
	assert.Len(t, s.seen(), 1)
}

// Over real sockets: the other host must not even be contacted.
func TestNoTokenReachesAnotherHost(t *testing.T) {
	var reached atomic.Int64
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	t.Cleanup(evil.Close)
	good := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, evil.URL+"/collect", http.StatusFound)
	}))
	t.Cleanup(good.Close)
	core := newCore(t, authorized, func(cfg *transport.Config) { cfg.BaseURL = good.URL })
	for _, op := range append(classes, "item", "quote") {
		assert.ErrorIs(t, core.Do(t.Context(), callOf(op)), sdk.ErrRedirected)
	}
	for _, path := range []string{"//" + evil.Listener.Addr().String() + "/collect", "/@" + evil.Listener.Addr().String(), "/\\" + evil.Listener.Addr().String(), evil.URL} {
		assert.Error(t, core.DoRaw(t.Context(), transport.Raw{Method: "GET", Path: path, Class: sdk.Safe}))
	}
	assert.Zero(t, reached.Load())
}

// The port of https need not be written, nor be left out.
func TestARedirectToTheSameHTTPSHostIsFollowed(t *testing.T) {
	for to, followed := range map[string]bool{
		"https://provider.example:443/moved": true, "https://PROVIDER.Example/moved": true, "https://Provider.example:443/moved": true, "https://provider.example:/moved": true,
		"/moved": true, "https://provider.example:444/moved": false, "http://provider.example:443/moved": false, "https://provider.example.:443/moved": false,
		"https://provider.example:80/moved": false, "https://evil.example:443/moved": false,
	} {
		var paths []string
		core := over(t, roundTrip(func(req *http.Request) (*http.Response, error) {
			paths = append(paths, req.URL.Path)
			resp := &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"ok":true}`)), Request: req}
			if len(paths) == 1 {
				resp.StatusCode = 302
				resp.Header.Set("Location", to)
			}
			return resp, nil
		}), func(c *transport.Config) { c.BaseURL = "https://provider.example" })
		err := core.Do(t.Context(), callOf("safe"))
		if followed {
			assert.NoError(t, err, to)
			assert.Equal(t, []string{"/safe", "/moved"}, paths, to)
		} else {
			assert.ErrorIs(t, err, sdk.ErrRedirected, to)
			assert.Equal(t, []string{"/safe"}, paths, to)
		}
	}
}
