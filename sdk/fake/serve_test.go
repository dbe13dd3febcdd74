package fake_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// A fake mounted below another one keeps its own journal and its own faults, by
// socketless URL too.
func TestRequestsBelowAProviderAreNotItsOwn(t *testing.T) {
	t.Parallel()
	w := fake.NewWorld(fake.Options{})
	w.Attach(t)
	inner := joinToy(w, "inner")
	ok := http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "outer") })
	outer := w.Join(fake.Provider{
		Name: "outer", Handler: ok, Reset: func() {}, State: func() any { return nil },
		Below: func(r *http.Request) http.Handler {
			if strings.HasPrefix(r.URL.Path, "/inner/") {
				return http.StripPrefix("/inner", inner.Control)
			}
			return nil
		},
	})
	get := func(path string) (*http.Response, error) {
		return outer.HTTPClient().Get(outer.URL() + path)
	}
	res, err := get("/own")
	require.NoError(t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	assert.Equal(t, "outer", string(text))
	res, err = get("/inner/v1/orders")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Len(t, outer.Requests(), 1)
	require.Len(t, inner.Requests(), 1)
	assert.Equal(t, "/orders", inner.Requests()[0].Path)

	require.NoError(t, inner.AddFault(fake.Fault{Kind: fake.FaultDropAfter, Times: 1}))
	res, err = get("/own")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	_, err = get("/inner/v1/orders")
	require.Error(t, err)
	assert.Empty(t, inner.Faults())
}

func TestExternalURL(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ public, target, want string }{
		"as the request says":     {"", "http://a.test:81/mount/v1/x?q=1%20", "http://a.test:81/mount/v1/x?q=1%20"},
		"https":                   {"", "https://a.test/mount/v1/x", "https://a.test/mount/v1/x"},
		"escaped path is kept":    {"", "http://a.test/mount/v1/a%2Fb", "http://a.test/mount/v1/a%2Fb"},
		"public host":             {"https://pub.test", "http://a.test/mount/v1/x?q=1", "https://pub.test/mount/v1/x?q=1"},
		"public host with prefix": {"https://pub.test/deep/", "http://a.test/mount/v1/a%2Fb", "https://pub.test/deep/mount/v1/a%2Fb"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := fake.NewWorld(fake.Options{PublicURL: tt.public})
			t.Cleanup(w.Close)
			var got string
			h := http.StripPrefix("/mount", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				got = w.ExternalURL(r).String()
			}))
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, tt.target, nil))
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestWireURLKeepsEveryByte(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ public, target, want string }{
		"plain":                  {"", "/mount/v1/x", "http://a.test:81/mount/v1/x"},
		"unusual escapes":        {"", "/mount/v1/USD%3A%3aB%69?q=%7e+a%20b&&", "http://a.test:81/mount/v1/USD%3A%3aB%69?q=%7e+a%20b&&"},
		"unescaped characters":   {"", `/mount/v1/a"b?q='(é)`, `http://a.test:81/mount/v1/a"b?q='(é)`},
		"empty query":            {"", "/mount/v1/x?", "http://a.test:81/mount/v1/x?"},
		"absolute form":          {"", "http://other.test/mount/v1/x?q=1", "http://other.test/mount/v1/x?q=1"},
		"absolute without path":  {"", "http://other.test?q=1", "http://other.test?q=1"},
		"public URL":             {"https://pub.test", "/mount/v1/x?q=%7e", "https://pub.test/mount/v1/x?q=%7e"},
		"public URL with prefix": {"https://pub.test/a b/", "/mount/v1/x", "https://pub.test/a%20b/mount/v1/x"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := fake.NewWorld(fake.Options{PublicURL: tt.public})
			t.Cleanup(w.Close)
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + tt.target + " HTTP/1.1\r\nHost: a.test:81\r\n\r\n")))
			require.NoError(t, err)
			got := ""
			h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = w.WireURL(r) })
			h.ServeHTTP(httptest.NewRecorder(), r)
			assert.Equal(t, tt.want, got)
		})
	}
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		s := joinToy(fake.NewWorld(fake.Options{}), "toy")
		s.Close()
	}
}

func BenchmarkRequestOverPipes(b *testing.B) {
	s := joinToy(fake.NewWorld(fake.Options{}), "toy", withHandler(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"ok":true}`))
	}))
	defer s.Close()
	c := s.HTTPClient()
	for b.Loop() {
		res, err := c.Post(s.URL()+"/orders", "application/json", strings.NewReader(`{"a":1}`))
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
}
