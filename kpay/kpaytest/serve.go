package kpaytest

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

const checkoutPath = "/checkout/"

func (f *Fake) serve(rw http.ResponseWriter, r *http.Request) {
	switch strings.TrimSuffix(r.URL.Path, "/") {
	case "", "/api":
		f.serveAPI(rw, r)
		return
	}
	if id, ok := strings.CutPrefix(r.URL.Path, checkoutPath); ok {
		f.serveCheckout(rw, r, id)
		return
	}
	http.Error(rw, "This fake serves POST / and POST /api/, and GET and POST "+checkoutPath+"{id}.", http.StatusNotFound)
}

// serveAPI answers pay and checkstatus, both at one URL.
func (f *Fake) serveAPI(rw http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		rw.Header().Set("Allow", http.MethodPost)
		f.write(rw, http.StatusMethodNotAllowed, answer{"reply": http.StatusText(http.StatusMethodNotAllowed)})
		return
	}
	if why := f.admit(r); why != nil {
		status := http.StatusOK
		if why.code == missingAuth.code && f.config.HTTP401 {
			status = http.StatusUnauthorized
		}
		f.write(rw, status, why.body())
		return
	}
	f.write(rw, http.StatusOK, f.act(r, readRequest(r)))
}

// admit is what is checked before the request itself.
func (f *Fake) admit(r *http.Request) *refusal {
	if f.config.RequireHTTPS && f.world.ExternalURL(r).Scheme != "https" {
		return &plainHTTP
	}
	name, password, basic := r.BasicAuth()
	if !basic || f.config.APIKey != "" && r.Header.Get("Kpay-Key") == "" {
		return &missingAuth
	}
	if name != f.config.Username || password != f.config.Password || f.config.APIKey != "" && r.Header.Get("Kpay-Key") != f.config.APIKey {
		return &wrongPair
	}
	if !f.allowed(r) {
		return &foreignAddress
	}
	return nil
}

func (f *Fake) allowed(r *http.Request) bool {
	if len(f.config.AllowedIPs) == 0 {
		return true
	}
	address := netip.MustParseAddr("127.0.0.1") // an in-memory pipe has no address
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		if parsed, err := netip.ParseAddr(host); err == nil {
			address = parsed.Unmap()
		}
	}
	for _, p := range f.config.AllowedIPs {
		if p.Contains(address) {
			return true
		}
	}
	return false
}

func (f *Fake) act(r *http.Request, req request) answer {
	f.world.Lock()
	defer f.world.Unlock()
	switch req[fieldAction] {
	case "", "pay": // the documents' own samples leave it out
		return f.pay(r, req)
	case "checkstatus":
		return f.checkStatus(req)
	}
	return f.refuseWith(missingParameters.naming([]string{fieldAction}), req[fieldRefID])
}
