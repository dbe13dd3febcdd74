package transport

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/stretchr/testify/require"
)

// FuzzPath builds paths from any value and any template. Whatever is accepted
// goes over the wire as exactly the segments it was meant to be, on the
// configured host, and comes back from them unharmed.
func FuzzPath(f *testing.F) {
	for _, value := range []string{"", ".", "..", "a", "a/b", "%2e%2e", "%2F", "ü", "\x00", "\r\n", "{x}", "?#", "@h", "//h", "\\", "\xff", " ", "..;", "...."} {
		f.Add("/a/{v}/b/", value)
		f.Add("/{v}", value)
		f.Add("/x{v}.json", value)
		f.Add("/.{v}", value)
	}
	f.Add("/%2e%2e/{v}", "a")
	f.Add("//h/{v}", "a")
	f.Add("/é%41/{v}", "a")
	f.Add("/%/{v}", "a")
	c, err := New(Config{Provider: "acme", BaseURL: "https://acme.example/base/", Interpret: func(sdk.Operation, *Response) Verdict { return Verdict{} }})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text, value string) {
		tmpl, err := parseTemplate(text)
		if err != nil {
			return
		}
		escaped, fault := tmpl.expand(func(string) string { return value })
		if fault != nil {
			return
		}
		u := c.resolve(escaped)
		parsed, err := url.Parse(u.String())
		if err != nil {
			t.Fatalf("%q, %q: %v", text, value, err)
		}
		req := http.Request{Method: "GET", URL: u, Host: u.Host}
		if parsed.Host != "acme.example" || parsed.Scheme != "https" || parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "" {
			t.Errorf("%q, %q: leaves its host: %s", text, value, u)
		}
		uri := req.URL.RequestURI()
		segments := strings.Split(uri, "/")
		if want := strings.Count(text, "/") + 2; len(segments) != want {
			t.Errorf("%q, %q: %d segments, not %d: %s", text, value, len(segments), want, uri)
		}
		for i, segment := range segments {
			plain, err := url.PathUnescape(segment)
			if err != nil || plain == "." || plain == ".." || plain == "" && i > 0 && i < len(segments)-1 {
				t.Errorf("%q, %q: segment %q", text, value, segment)
			}
		}
		if strings.HasSuffix(text, "/") != strings.HasSuffix(uri, "/") {
			t.Errorf("%q, %q: trailing slash of %s", text, value, uri)
		}
		if text == "/a/{v}/b/" {
			if got, _ := url.PathUnescape(segments[3]); got != value {
				t.Errorf("%q came out as %q", value, got)
			}
		}
		if strings.IndexFunc(uri, func(r rune) bool { return r <= ' ' || r >= 0x7f }) >= 0 {
			t.Errorf("%q, %q: raw bytes in %q", text, value, uri)
		}
	})
}
