package fakeserver

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// send sends a request with a Host header and other headers of its own.
func send(t *testing.T, method, url, host, body string, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Host = host
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp
}

func TestOnlyTheServersOwnHostsAreServed(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual", "-public-url", "https://fakes.example/prefix", "-allow-host", "fakes", "-allow-host", "Other.internal:8099")
	addr := text(t, greeting, "addr")
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	for host, want := range map[string]int{
		addr: 200, "localhost": 200, "localhost:" + port: 200, "LOCALHOST": 200, "kpay.localhost": 200, "127.0.0.1": 200, "127.1.2.3:1": 200, "[::1]:" + port: 200,
		"fakes.example": 200, "fakes.example:443": 200, "fakes": 200, "fakes:8099": 200, "other.internal": 200, "localhost.": 200,
		"evil.example": 421, "evil.example:" + port: 421, "127.0.0.1.evil.example": 421, "fakes.example.evil.example": 421,
		"localhost.evil.example": 421, "10.0.0.1": 421, "0.0.0.0:" + port: 421, "[::]": 421, "notlocalhost": 421, "2130706433": 421,
	} {
		for _, path := range []string{"/", "/_fake/clock", "/console/app.js"} {
			assert.Equal(t, want, send(t, "GET", "http://"+addr+path, host, "").StatusCode, "%s %s", host, path)
		}
		status := send(t, "POST", "http://"+addr+"/kpay/", host, "{}").StatusCode
		assert.Equal(t, want == 421, status == 421, "%s: a provider", host)
	}
}

func TestAForeignOriginChangesNothing(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual")
	admin := text(t, greeting, "admin")
	const body = `{"seconds":1}`
	post := func(header ...string) int {
		return send(t, "POST", admin+"/clock/advance", "", body, header...).StatusCode
	}
	const json = "application/json"
	assert.Equal(t, 200, post("Content-Type", json))
	assert.Equal(t, 200, post("Content-Type", json+"; charset=utf-8", "Origin", strings.TrimSuffix(admin, "/_fake")))
	assert.Equal(t, 200, post("Content-Type", json, "Sec-Fetch-Site", "same-origin"))
	assert.Equal(t, 403, post("Content-Type", json, "Sec-Fetch-Site", "cross-site"))
	assert.Equal(t, 403, post("Content-Type", json, "Sec-Fetch-Site", "same-site"))
	assert.Equal(t, 403, post("Content-Type", json, "Origin", "http://evil.example"))
	assert.Equal(t, 403, post("Content-Type", json, "Origin", "null"))
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain; application/json", "application/jsonp"} {
		assert.Equal(t, 415, post("Content-Type", kind), kind)
	}
	assert.Equal(t, 403, send(t, "POST", admin+"/reset", "", "", "Origin", "http://evil.example").StatusCode)
	assert.Equal(t, 403, send(t, "DELETE", admin+"/faults", "", "", "Origin", "http://evil.example").StatusCode)
	for _, p := range []string{"kapiten", "kpay", "bitpesa"} {
		assert.Equal(t, 403, send(t, "POST", text(t, greeting, p)+"/", "", "a=b", "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "cross-site").StatusCode, p)
	}
	assert.Equal(t, 200, send(t, "GET", admin+"/clock", "", "", "Origin", "http://evil.example").StatusCode, "readable, but not by the page: no CORS header")
}

// Another origin's page sends people to the checkout. All else of a provider that it loads or
// leads to would meet fault rules, and be written down.
func TestAForeignPageReachesNoProvider(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual")
	base := strings.TrimSuffix(text(t, greeting, "console"), "/")
	seen := func() int { return len(elements(t, get(t, text(t, greeting, "admin")+"/requests"), "requests")) }
	visit := []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}
	for _, site := range []string{"cross-site", "same-site"} {
		for _, path := range []string{"/kapiten/api/rides/", "/kpay/checkout/some-id"} {
			for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
				for _, load := range [][]string{{"Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}, {"Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"}, {"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}} {
					resp := send(t, method, base+path, "", "", append(load, "Sec-Fetch-Site", site)...)
					assert.Equal(t, 403, resp.StatusCode, "%s %s %v", site, method, load)
				}
			}
		}
		for _, path := range []string{
			"/kapiten/api/rides/", "/kapiten", "/kapiten/", "/kapiten/checkout/x", "/kpay", "/kpay/", "/kpay/checkout", "/kpay/checkout/", "/kpay/checkout//", "/kpay/checkout/x/y", "/kpay/checkout/..%2F",
			"/kpay/checkoutx/y", "/kasapay/v1/auth", "/kotani/fiatconnect/clock", "/bitpesa/v1/accounts",
		} {
			assert.Equal(t, 403, send(t, "GET", base+path, "", "", append(visit, "Sec-Fetch-Site", site)...).StatusCode, "%s %s", site, path)
		}
		assert.Equal(t, 200, send(t, "GET", base+"/", "", "", append(visit, "Sec-Fetch-Site", site)...).StatusCode, "a link to the console")
	}
	assert.Zero(t, seen())
	assert.Equal(t, 404, send(t, "GET", base+"/kpay/checkout/some-id", "", "", append(visit, "Sec-Fetch-Site", "cross-site")...).StatusCode, "the checkout itself says so")
	for _, own := range [][]string{{}, {"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors"}, append(visit, "Sec-Fetch-Site", "none")} {
		assert.NotEqual(t, 403, send(t, "GET", base+"/kapiten/api/rides/", "", "", own...).StatusCode, "%v", own)
	}
	assert.Equal(t, 4, seen())
}

func TestPagesOfThePublicURLAreTheServersOwn(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual", "-public-url", "https://fakes.example/prefix")
	for origin, want := range map[string]int{"https://fakes.example": 200, "http://fakes.example": 403, "https://other.example": 403} {
		resp := send(t, "POST", "http://"+text(t, greeting, "addr")+"/_fake/clock/advance", "", `{"seconds":1}`, "Content-Type", "application/json", "Origin", origin)
		assert.Equal(t, want, resp.StatusCode, origin)
	}
}

func TestARequestInFlightIsFinishedBeforeTheServerEnds(t *testing.T) {
	greeting, stop := start(t, "-clock", "real", "-speed", "20")
	admin := text(t, greeting, "admin")
	status, _ := ask(t, "POST", admin+"/faults", `{"provider":"kpay","kind":"delay","seconds":6}`)
	require.Equal(t, 201, status)
	answered, url := make(chan int, 1), text(t, greeting, "kpay")+"/"
	go func() {
		resp, err := http.Post(url, "application/json", strings.NewReader("{}")) //nolint:noctx // ends by itself
		if err != nil {
			answered <- 0
			return
		}
		_ = resp.Body.Close()
		answered <- resp.StatusCode
	}()
	require.Eventually(t, func() bool { return get(t, admin+"/clock")["waiting"] == 1.0 }, 5*time.Second, time.Millisecond)
	require.NoError(t, stop())
	assert.Equal(t, 200, <-answered)
}

// A response is that of the console, of the admin API, of each provider and its pages, or a
// refusal of the guard.
func TestNoResponseCanBeFramedOrReadByAnotherOrigin(t *testing.T) {
	greeting, _ := start(t, "-clock", "manual")
	base := strings.TrimSuffix(text(t, greeting, "console"), "/")
	paths := []string{"/", "/_fake/", "/_fake/clock", "/_fake/snapshot", "/_fake/nothing", "/_fake/openapi.json", "/console/style.css", "/console/start.json", "/nothing", "/kpay/checkout/none"}
	for _, p := range providers() {
		for _, e := range p.endpoints {
			paths = append(paths, e.base, e.base+"/", e.base+"/nothing")
		}
	}
	require.Equal(t, 200, send(t, "POST", text(t, greeting, "kpay")+"/", "", `{"action":"pay","msisdn":"250783300000","email":"a@example.com","details":"Order","refid":"R-1","amount":1000,"currency":"RWF",`+
		`"cname":"Jane","cnumber":"1","pmethod":"cc","bankid":"000","retailerid":"02","returl":"http://127.0.0.1:1/hook","redirecturl":"http://127.0.0.1:1/thanks"}`,
		"Content-Type", "application/json", "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("test-user:test-pass"))).StatusCode)
	link, _ := elements(t, get(t, text(t, greeting, "admin")+"/kpay/payments"), "payments")[0]["link"].(string)
	require.NotEmpty(t, link)
	responses := map[string]http.Header{
		"421":          send(t, "GET", base+"/", "evil.example", "").Header,
		"403":          send(t, "POST", base+"/_fake/reset", "", "", "Origin", "http://evil.example").Header,
		"403 provider": send(t, "GET", base+"/kapiten/", "", "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors").Header,
		"415":          send(t, "POST", base+"/_fake/clock/advance", "", "a=b").Header,
	}
	for _, path := range append(paths, "/kpay"+link) {
		responses[path] = send(t, "GET", base+path, "", "", "Origin", "http://evil.example").Header
	}
	for path, h := range responses {
		policy := h.Get("Content-Security-Policy")
		assert.Contains(t, policy, "frame-ancestors 'none'", path)
		assert.NotContains(t, policy, "unsafe-inline", path)
		assert.Equal(t, "DENY", h.Get("X-Frame-Options"), path)
		assert.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), path)
		assert.Empty(t, h.Get("Access-Control-Allow-Origin"), path)
	}
}

func TestAServerThatOthersCanReachSaysSoAndNamesAnAddressThatWorks(t *testing.T) {
	for addr, beyond := range map[string]bool{"0.0.0.0:0": true, "[::]:0": true, ":0": true, "127.0.0.1:0": false, "localhost:0": false} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		read, write := io.Pipe()
		var log bytes.Buffer
		done := make(chan error, 1)
		go func() { done <- Run(ctx, []string{"-addr", addr, "-clock", "manual"}, write, &log) }()
		var greeting map[string]any
		require.NoError(t, json.NewDecoder(read).Decode(&greeting))
		host, _, err := net.SplitHostPort(text(t, greeting, "addr"))
		require.NoError(t, err)
		assert.False(t, net.ParseIP(host).IsUnspecified(), host)
		for _, url := range []string{text(t, greeting, "console"), text(t, greeting, "admin") + "/clock", text(t, greeting, "bitpesa")} {
			assert.Contains(t, url, "http://"+text(t, greeting, "addr"))
		}
		status, _ := ask(t, "GET", text(t, greeting, "admin")+"/clock", "")
		assert.Equal(t, 200, status, "%s: its own address is let in", addr)
		cancel()
		require.NoError(t, <-done)
		assert.Equal(t, beyond, strings.Contains(log.String(), "warning: other machines can reach this server"), addr)
		assert.Equal(t, beyond, strings.Contains(log.String(), "clients use "+strings.TrimSuffix(text(t, greeting, "console"), "/")), addr)
	}
}

func TestTheAddressForClientsIsOneThatAnotherMachineCanUse(t *testing.T) {
	const up = net.FlagUp | net.FlagBroadcast
	on := func(flags net.Flags, addresses ...string) network {
		n := network{flags: flags}
		for _, a := range addresses {
			n.addresses = append(n.addresses, net.ParseIP(a))
		}
		return n
	}
	loopback := on(up|net.FlagLoopback, "127.0.0.1", "::1")
	for name, tt := range map[string]struct {
		listening string
		networks  []network
		want      string
	}{
		"the first that is up":          {"0.0.0.0", []network{loopback, on(net.FlagBroadcast, "10.0.0.1"), on(up, "192.168.1.7"), on(up, "172.17.0.1")}, "192.168.1.7"},
		"none without an address":       {"0.0.0.0", []network{loopback, on(up), on(up, "192.168.1.7")}, "192.168.1.7"},
		"no tunnel to one other":        {"0.0.0.0", []network{loopback, on(up|net.FlagPointToPoint, "10.8.0.2"), on(up, "192.168.1.7")}, "192.168.1.7"},
		"no link-local":                 {"0.0.0.0", []network{on(up, "169.254.7.7", "192.168.1.7")}, "192.168.1.7"},
		"IPv4 before IPv6":              {"::", []network{on(up, "2001:db8::7", "192.168.1.7")}, "192.168.1.7"},
		"IPv6 when there is no other":   {"::", []network{loopback, on(up, "fe80::1", "2001:db8::7", "2001:db8::8")}, "2001:db8::7"},
		"0.0.0.0 does not take IPv6":    {"0.0.0.0", []network{loopback, on(up, "2001:db8::7")}, "127.0.0.1"},
		"loopback alone":                {"::", []network{loopback}, "127.0.0.1"},
		"a machine without any network": {"0.0.0.0", nil, "127.0.0.1"},
	} {
		assert.Equal(t, tt.want, usable(net.ParseIP(tt.listening), tt.networks), name)
	}
}

func TestRidersWaitWithoutAutopilot(t *testing.T) {
	for _, flag := range []string{"true", "false"} {
		s, err := parse([]string{"-autopilot=" + flag}, io.Discard)
		require.NoError(t, err)
		assert.Equal(t, flag == "true", s.autopilot)
	}
	assert.Error(t, Run(t.Context(), []string{"-allow-host", ""}, io.Discard, io.Discard))
}

// Data becomes text in the page, never HTML, and nothing comes from another host.
func TestTheConsoleMakesNoHTMLOfDataAndNeedsNoOtherHost(t *testing.T) {
	files, err := consoleFiles.ReadDir("console")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	forbidden := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|setHTMLUnsafe|\beval\b|srcdoc|javascript:`)
	foreign := regexp.MustCompile(`(?i)(src|href|url|import|fetch)\W{1,3}https?:`)
	inline := regexp.MustCompile(`<style|\sstyle=|\son\w+=|<script>`)
	for _, f := range files {
		text, err := consoleFiles.ReadFile("console/" + f.Name())
		require.NoError(t, err)
		assert.Empty(t, forbidden.FindString(string(text)), f.Name())
		assert.Empty(t, foreign.FindString(string(text)), f.Name())
		if strings.HasSuffix(f.Name(), ".html") {
			assert.Empty(t, inline.FindString(string(text)), f.Name())
		}
	}
}
