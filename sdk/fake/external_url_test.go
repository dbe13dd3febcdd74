package fake_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

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
