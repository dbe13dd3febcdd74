package fakeserver

import (
	"cmp"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// guard keeps web pages of other origins away from the server. A developer visits
// such pages while the server runs on his machine.
//
//   - A Host header which is not one of the server's own gets 421. So a page cannot
//     reach the server by a name that its owner points to 127.0.0.1.
//   - A browser's request from another origin that could change something gets 403.
//   - Another origin's page may send a person to the checkout, and reach nothing else of a
//     provider: even a GET meets fault rules and is written down.
//   - A body under /_fake must be JSON, which a form cannot send; else 415.
//   - No page may show the server in a frame.
//
// The limits: a visit to the checkout is a request like any other, so a fault rule that names
// no route meets it, and has one time less. And of a GET a browser tells the page's origin only
// on https and on loopback. Listening beyond loopback on plain http, the server takes another
// origin's image, link or GET form for a client's request: a rule may meet it, and it is written
// down. A POST tells its origin everywhere.
func guard(hosts allowed, publicURL string, next http.Handler) http.Handler {
	sameOrigin := http.NewCrossOriginProtection()
	if u, err := url.Parse(publicURL); err == nil && u.Host != "" {
		_ = sameOrigin.AddTrustedOrigin(u.Scheme + "://" + u.Host) // else the proxy's pages are foreign
	}
	sameOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fake.AdminError(w, http.StatusForbidden, "", "a page of another origin may not change anything here")
	}))
	table := providers()
	admin, others := sameOrigin.Handler(onlyJSON(next)), sameOrigin.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Frame-Options", "DENY")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin") // without one, a form over plain http names no origin
		switch {
		case !hosts.has(r.Host):
			fake.AdminError(w, http.StatusMisdirectedRequest, "Host", fmt.Sprintf("this server is not %q: add it with -allow-host", r.Host))
		case r.URL.Path == "/_fake" || strings.HasPrefix(r.URL.Path, "/_fake/"):
			admin.ServeHTTP(w, r)
		case foreign(r) && !visit(r, table):
			fake.AdminError(w, http.StatusForbidden, "", "a page of another origin may not use a provider")
		default:
			others.ServeHTTP(w, r)
		}
	})
}

// foreign reports what a page of another origin loads or leads to.
func foreign(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "cross-site" || site == "same-site"
}

// visit reports a person's way to a page: the console, or a page of a provider.
func visit(r *http.Request, table []provider) bool {
	if r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.Header.Get("Sec-Fetch-Dest") != "document" {
		return false
	}
	for _, p := range table {
		if rest, ok := strings.CutPrefix(r.URL.Path+"/", p.mount()+"/"); ok {
			id, ok := strings.CutPrefix(rest, p.page)
			return ok && p.page != "" && len(id) > 1 && strings.Index(id, "/") == len(id)-1
		}
	}
	return true
}

// pagePolicy lets a page load the server's own files and nothing else. A checkout
// page redirects to a merchant's URL after its form was sent, so form-action is
// left open.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'"

// onlyJSON refuses a body that is not labelled as JSON.
func onlyJSON(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
				fake.AdminError(w, http.StatusUnsupportedMediaType, "Content-Type", "a body must be application/json")
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// allowed are the host names which a request may be for, in lower case, without
// ports. Loopback names and addresses are always allowed.
type allowed []string

// newAllowed takes the address the server listens on, its public URL and the
// values of -allow-host.
func newAllowed(addr, publicURL string, more []string) allowed {
	all := allowed{}
	for _, host := range append([]string{addr}, more...) {
		if name := bareHost(host); name != "" && !unspecified(name) {
			all = append(all, name)
		}
	}
	if u, err := url.Parse(publicURL); err == nil && u.Host != "" {
		all = append(all, bareHost(u.Host))
	}
	return all
}

func (all allowed) has(host string) bool {
	name := bareHost(host)
	return loopback(name) || slices.Contains(all, name)
}

// bareHost is a host in lower case, without port, brackets and the dot at its end.
func bareHost(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
}

// loopback reports whether a name can only mean this machine.
func loopback(name string) bool {
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.Unmap().IsLoopback()
}

func unspecified(name string) bool {
	ip, err := netip.ParseAddr(name)
	return name == "" || err == nil && ip.IsUnspecified()
}

// usable is a host that clients on other machines can use when the server listens on
// 0.0.0.0 or [::]: an address of the first interface that is up. It is loopback if the
// machine has no other.
func usable(listening net.IP, interfaces []network) string {
	v6 := ""
	for _, n := range interfaces {
		if n.flags&net.FlagUp == 0 || n.flags&(net.FlagLoopback|net.FlagPointToPoint) != 0 {
			continue
		}
		for _, ip := range n.addresses {
			switch {
			case !ip.IsGlobalUnicast(): // a link-local address needs a zone, which a URL's host has no place for
			case ip.To4() != nil:
				return ip.String()
			case v6 == "":
				v6 = ip.String()
			}
		}
	}
	if listening.To4() != nil { // 0.0.0.0 takes no IPv6
		v6 = ""
	}
	return cmp.Or(v6, "127.0.0.1")
}

// network is a network interface of the machine.
type network struct {
	flags     net.Flags
	addresses []net.IP
}

// networks are the machine's interfaces in its own order.
func networks() []network {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var all []network
	for _, i := range interfaces {
		n := network{flags: i.Flags}
		addresses, _ := i.Addrs() // an interface that is gone by now has none
		for _, a := range addresses {
			if prefix, ok := a.(*net.IPNet); ok {
				n.addresses = append(n.addresses, prefix.IP)
			}
		}
		all = append(all, n)
	}
	return all
}
