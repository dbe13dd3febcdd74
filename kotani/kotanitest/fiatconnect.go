package kotanitest

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

const fiatConnectName = "fiatconnect"

// FiatConnect is the FiatConnect section of a Fake: an http.Handler of its own,
// with a Control of its own, in the same World. Its base URL is Kotani's and
// FiatConnectConfig.Prefix, or its own URL.
type FiatConnect struct {
	*fake.Control
	world  *fake.World
	config FiatConnectConfig
	routes *http.ServeMux
	state  *fiatConnectState
}

func newFiatConnect(w *fake.World, c FiatConnectConfig) *FiatConnect {
	f := &FiatConnect{world: w, config: c}
	f.routes = f.newRoutes()
	f.Control = w.Join(fake.Provider{
		Name:         fiatConnectName,
		Handler:      f.routes,
		Reset:        func() { f.state = emptyFiatConnectState() },
		State:        func() any { return f.state },
		Load:         f.load,
		Refuse:       refuseFiatConnect,
		Fire:         f.fire,
		ExpireTokens: f.expireSessions,
		Callbacks: fake.Policy{
			Retries: c.WebhookRetries, Acknowledged: acknowledgedWebhook, Sign: f.signWebhook,
		},
		Secrets: []string{"webhookSecret", "signature", "selfieDocument", "identificationDocument",
			"identificationDocumentFront", "identificationDocumentBack"},
		Admin: map[string]http.HandlerFunc{
			"POST /_fake/fiatconnect/transfers/{id}/status": f.adminTransfer,
			"POST /_fake/fiatconnect/kyc":                   f.adminKYC,
		},
	})
	return f
}

// below is the section's handler for requests below its prefix.
func (f *FiatConnect) below(r *http.Request) http.Handler {
	if !strings.HasPrefix(r.URL.Path, f.config.Prefix+"/") {
		return nil
	}
	return http.StripPrefix(f.config.Prefix, f.Control)
}

// fiatCall is a request on its way to a handler.
type fiatCall struct {
	*call
	address string // the session's user; empty where none is needed
	first   string // the delivery whose first attempt comes before the answer
	key     string // names the idempotency record
}

// reply is an answer to send.
type reply struct {
	status int
	body   any
}

func fine(body any) reply { return reply{http.StatusOK, body} }

// problem is an error answer: always {"error": code}.
func problem(status int, code kotani.FiatConnectCode) reply {
	return reply{status, object{"error": string(code)}}
}

func (f *FiatConnect) newRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	type handler = func(*FiatConnect, *fiatCall) reply
	open := func(pattern string, h handler) { mux.HandleFunc(pattern, f.serve(h, false)) }
	session := func(pattern string, h handler) { mux.HandleFunc(pattern, f.serve(h, true)) }

	mux.HandleFunc("POST /auth/login", f.login)
	mux.HandleFunc("POST /credentials", f.credentials)
	open("GET /clock", (*FiatConnect).clock)
	open("POST /quote/in", (*FiatConnect).quoteIn)
	open("POST /quote/out", (*FiatConnect).quoteOut)
	session("POST /kyc/{kycSchema}", (*FiatConnect).addKYC)
	session("GET /kyc/{kycSchema}/status", (*FiatConnect).kycStatus)
	session("DELETE /kyc/{kycSchema}", (*FiatConnect).deleteKYC)
	session("POST /accounts", (*FiatConnect).addAccount)
	session("GET /accounts", (*FiatConnect).accounts)
	session("DELETE /accounts/{fiatAccountId}", (*FiatConnect).deleteAccount)
	session("POST /transfer/in", (*FiatConnect).transferIn)
	session("POST /transfer/out", (*FiatConnect).transferOut)
	session("GET /transfer/{transferId}/status", (*FiatConnect).transferStatus)
	mux.HandleFunc("/", func(rw http.ResponseWriter, _ *http.Request) {
		problem(http.StatusNotFound, kotani.ErrResourceNotFound).write(rw)
	})
	return mux
}

// serve checks the client's key, then the session, then the body, and lets the
// handler answer with the lock held.
func (f *FiatConnect) serve(handle func(*FiatConnect, *fiatCall) reply, session bool) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		c, refusal := f.admit(r, session)
		var answer reply
		var first <-chan struct{}
		func() {
			f.world.Lock()
			defer f.world.Unlock()
			if refusal != nil {
				answer = *refusal
				return
			}
			answer = handle(f, c)
			if c.first != "" {
				first = f.world.FirstAttempt(c.first)
			}
		}()
		if first != nil {
			f.awaitFirst(r, first)
			f.finish(c)
		}
		answer.write(rw)
	}
}

func (f *FiatConnect) admit(r *http.Request, session bool) (*fiatCall, *reply) {
	f.world.Lock()
	defer f.world.Unlock()
	c := &fiatCall{}
	key, refusal := f.clientKey(r)
	if refusal == nil && session {
		c.address, refusal = f.user(r, key)
	}
	if refusal != nil {
		return nil, refusal
	}
	var ok bool
	if c.call, ok = newCall(r, false); !ok {
		bad := problem(http.StatusBadRequest, kotani.ErrInvalidParameters)
		return nil, &bad
	}
	return c, nil
}

// firstAttemptLimit bounds the wait for a receiver, or for a webhook that a rule
// holds back.
const firstAttemptLimit = 12 * time.Second

func (f *FiatConnect) awaitFirst(r *http.Request, first <-chan struct{}) {
	limit := time.NewTimer(firstAttemptLimit)
	defer limit.Stop()
	select {
	case <-first:
	case <-limit.C:
	case <-r.Context().Done():
	}
}

func (r reply) write(rw http.ResponseWriter) { writeJSON(rw, r.status, r.body) }

// refuseFiatConnect answers a status that a fault rule asked for. The
// specification has no codes for most of them.
func refuseFiatConnect(rw http.ResponseWriter, _ *http.Request, status int, _ time.Duration) {
	code := kotani.FiatConnectCode(strings.ReplaceAll(http.StatusText(status), " ", ""))
	switch status {
	case http.StatusBadRequest:
		code = kotani.ErrInvalidParameters
	case http.StatusNotFound:
		code = kotani.ErrResourceNotFound
	}
	problem(status, code).write(rw)
}

func (f *FiatConnect) clock(*fiatCall) reply {
	return fine(object{"time": timestamp(f.world.Now())})
}

// Kinds of scheduled events; the key is a transfer's id or a KYC record's.
const (
	eventStep = "step"
	eventKYC  = "kyc"
)

// fire carries out a scheduled event. One that the state has outrun does
// nothing.
func (f *FiatConnect) fire(e fake.Event) {
	switch e.Kind {
	case eventStep:
		if t := f.state.Transfers[e.Key]; t != nil {
			f.step(t)
		}
	case eventKYC:
		i := slices.IndexFunc(f.state.KYC, func(k *KYCRecord) bool { return k.ID == e.Key })
		if i >= 0 && f.state.KYC[i].Status == kotani.KYCPending {
			f.enterKYC(f.state.KYC[i], kotani.KYCApproved)
		}
	}
}

func (f *FiatConnect) after(d time.Duration, kind, key string) {
	f.world.After(d, fiatConnectName, kind, key)
}

func (f *FiatConnect) ids() *fake.IDs { return f.world.IDs(fiatConnectName) }
