package webhook

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// AllowList lets in senders whose address is in one of the ranges: CIDR, or a
// single address.
//
// Behind a reverse proxy the sender's address is only in X-Forwarded-For, which
// anyone can write. The header is read from the right, and only as far as each
// hop, the peer first, is one of trustedProxies; the first that is not is the
// sender. Without trusted proxies the header is never looked at.
func AllowList(senders []string, trustedProxies ...string) Authenticator {
	allowed, err := ranges(senders)
	if err != nil {
		return allowList{err: err}
	}
	if len(allowed) == 0 {
		return allowList{err: fmt.Errorf("%w: AllowList: no address", ErrConfiguration)}
	}
	proxies, err := ranges(trustedProxies)
	return allowList{allowed: allowed, proxies: proxies, err: err}
}

type allowList struct {
	allowed, proxies []netip.Prefix
	err              error
}

func (a allowList) fault() error { return a.err }

func (a allowList) Authenticate(d *Delivery) (Proof, error) {
	if a.err != nil {
		return Proof{}, ErrUnauthenticated
	}
	if sender, ok := a.sender(d.Request); ok && within(a.allowed, sender) {
		return Proof{}, nil
	}
	return Proof{}, ErrUnauthenticated
}

func (a allowList) sender(r *http.Request) (netip.Addr, bool) {
	hop, ok := address(r.RemoteAddr)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && ok && within(a.proxies, hop); i-- {
		hop, ok = address(strings.TrimSpace(hops[i]))
	}
	// A chain of nothing but proxies names no sender; the last hop still has to
	// be allowed by name.
	return hop, ok
}

func ranges(texts []string) ([]netip.Prefix, error) {
	out := make([]netip.Prefix, 0, len(texts))
	for i, text := range texts {
		if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
			addr = addr.Unmap()
			out = append(out, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		if err != nil || prefix.Addr().Is4In6() {
			return nil, fmt.Errorf("%w: AllowList: range %d is neither CIDR nor an address", ErrConfiguration, i)
		}
		out = append(out, prefix.Masked())
	}
	return out, nil
}

func within(list []netip.Prefix, addr netip.Addr) bool {
	for _, p := range list {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// address reads an address with or without a port, as peers and some proxies write it.
func address(text string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = withPort.Addr()
	}
	return addr.Unmap().WithZone(""), true
}
