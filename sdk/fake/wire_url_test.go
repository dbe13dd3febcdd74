package fake_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

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
