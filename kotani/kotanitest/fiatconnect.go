package kotanitest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

const fiatConnectName = "fiatconnect"

// FiatConnect is the FiatConnect section of a Fake: an http.Handler of its own,
// with a Control of its own, in the same World. Its base URL is Kotani's with
// FiatConnectConfig.Prefix, or its own URL.
type FiatConnect struct {
	// Control has what every fake has; go doc sdk/fake.Control says more:
	//
	//	Advance(d time.Duration)
	//	Now() time.Time
	//	Waiting() int
	//	AddFault(f fake.Fault) error
	//	AddCallbackFault(r fake.CallbackFault) error
	//	Faults() []fake.Fault
	//	ClearFaults()
	//	Requests() []fake.Request
	//	Deliveries() []fake.Delivery
	//	Redeliver(id string) error
	//	Flush()
	//	Snapshot() ([]byte, error)
	//	Restore(snapshot []byte) error
	//	Reset()
	//	Admin() http.Handler
	//	ServeHTTP(rw http.ResponseWriter, r *http.Request)
	//	HTTPClient() *http.Client
	//	URL() string
	//	World() *fake.World
	//	Close()
	*fake.Control
	world  *fake.World
	config FiatConnectConfig
	routes *http.ServeMux
	state  *fiatConnectState
}

// Credentials are a client's. Webhooks about a user go to the client whose key
// came with the calls of the user's session.
type Credentials struct {
	APIKey        string `json:"api_key"`
	Webhook       string `json:"webhook"` // URL
	WebhookSecret string `json:"webhook_secret"`
}

// AddClient registers a client, as POST /credentials does.
func (f *FiatConnect) AddClient(webhook string) Credentials {
	f.world.Lock()
	defer f.world.Unlock()
	c := &Credentials{APIKey: f.ids().Hex(32), Webhook: webhook, WebhookSecret: f.ids().Hex(64)}
	f.state.Keys.Add(c)
	return *c
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
			Retries: c.CallbackRetries, Sign: f.signWebhook,
			Wants:        "the provider wants status 200",
			Acknowledged: func(_ fake.Delivery, status int, _ []byte) bool { return status == http.StatusOK }, // 200 alone, as specified
		},
		Kinds:  f.kinds(),
		Routes: servedFiatConnectRoutes(),
		Redacted: func() any {
			without := *f.state
			without.Sessions, without.Clients = map[string]session{}, map[string]string{}
			without.Keys = emptyFiatConnectState().Keys
			return &without
		},
		Secrets: []string{"webhookSecret", "signature", "selfieDocument", "identificationDocument",
			"identificationDocumentFront", "identificationDocumentBack"},
		Admin: map[string]fake.AdminCall{
			"POST /_fake/fiatconnect/transfers/{id}/status": {Does: "moves a transfer to a state that its state allows", Body: transferBody{}, Handle: f.adminMoveTransfer},
			"POST /_fake/fiatconnect/kyc":                   {Does: "gives a KYC record any status", Body: kycBody{}, Response: kycBody{}, Handle: f.adminMoveKYC},
		},
	})
	return f
}

const fiatConnectPrefix = "/fiatconnect" // of the paths in the client's table

// kinds are the objects that the admin API shows.
func (f *FiatConnect) kinds() []fake.Kind {
	return []fake.Kind{
		fake.KindOf("transfers", func() []*Transfer { return f.state.Transfers.All() },
			func(id string) *Transfer { return f.state.Transfers.Find(id) }, f.showTransfer),
		fake.KindOf("kyc", func() []*KYCRecord { return f.state.KYC.All() },
			func(id string) *KYCRecord { return f.state.KYC.Find(id) }, showKYC),
		fake.KindOf("fiat_accounts", func() []*FiatAccount { return f.state.Accounts.All() },
			func(id string) *FiatAccount { return f.state.Accounts.Find(id) },
			func(a *FiatAccount) fake.Object {
				return fake.Object{ID: a.ID, Title: a.Schema, State: "registered", Result: fake.ResultOK, Acts: []fake.Act{}, Value: a}
			}),
	}
}

func (f *FiatConnect) showTransfer(t *Transfer) fake.Object {
	next := f.transitions(t)
	return fake.Object{
		ID: t.ID, Title: string(t.Type), State: string(t.Status), Result: fake.ResultOf(t.Status == kotani.TransferComplete, len(next) == 0),
		Amount: t.FiatAmount, Currency: t.Fiat, Created: t.Created, Value: t,
		Acts: fake.Acts(fake.AdminPath(fiatConnectName, "transfers", t.ID, "status"), "status", next),
	}
}

func showKYC(k *KYCRecord) fake.Object {
	acts := []fake.Act{}
	for _, to := range []kotani.KYCStatus{kotani.KYCApproved, kotani.KYCDenied, kotani.KYCExpired, kotani.KYCPending} {
		if to != k.Status {
			acts = append(acts, fake.Act{
				Name: string(to), Method: http.MethodPost, Path: fake.AdminPath(fiatConnectName, "kyc"),
				Body: map[string]string{"address": k.Address, "kycSchema": k.Schema, "kycStatus": string(to)},
			})
		}
	}
	return fake.Object{
		ID: k.key(), Title: k.Schema, State: string(k.Status), Acts: acts, Value: k,
		Result: fake.ResultOf(k.Status == kotani.KYCApproved, k.Status != kotani.KYCPending),
	}
}

func servedFiatConnectRoutes() []fake.Route {
	var all []fake.Route
	for _, op := range kotani.Operations() {
		if path, ok := strings.CutPrefix(op.Path, fiatConnectPrefix+"/"); ok {
			all = append(all, fake.Route{Name: op.Name, Method: op.Method, Path: "/" + path, MovesMoney: op.MovesMoney})
		}
	}
	return all
}

// below is the section's handler for requests below its prefix.
func (f *FiatConnect) below(r *http.Request) http.Handler {
	if !strings.HasPrefix(r.URL.Path, f.config.Prefix+"/") {
		return nil
	}
	return http.StripPrefix(f.config.Prefix, f.Control)
}

// newRoutes serves the operations of the client's table under its methods and
// paths, less /fiatconnect: this handler stands behind its prefix.
func (f *FiatConnect) newRoutes() *http.ServeMux {
	handlers := map[string]func(*fiatCall) *response{
		kotani.OpFiatConnectClock:    f.clock,
		kotani.OpTransferQuoteIn:     func(c *fiatCall) *response { return f.quote(c, kotani.TransferTypeIn) },
		kotani.OpTransferQuoteOut:    func(c *fiatCall) *response { return f.quote(c, kotani.TransferTypeOut) },
		kotani.OpAddKYC:              f.addKYC,
		kotani.OpKYCStatus:           f.kycStatus,
		kotani.OpDeleteKYC:           f.deleteKYC,
		kotani.OpAddFiatAccount:      f.addAccount,
		kotani.OpFiatAccounts:        f.listAccounts,
		kotani.OpDeleteFiatAccount:   f.deleteAccount,
		kotani.OpTransferIn:          func(c *fiatCall) *response { return f.transfer(c, kotani.TransferTypeIn) },
		kotani.OpTransferOut:         func(c *fiatCall) *response { return f.transfer(c, kotani.TransferTypeOut) },
		kotani.OpFiatConnectTransfer: f.transferStatus,
	}
	mux := http.NewServeMux()
	for _, op := range kotani.Operations() {
		pattern := op.Method + " " + strings.TrimPrefix(op.Path, "/fiatconnect")
		switch {
		case handlers[op.Name] != nil:
			mux.HandleFunc(pattern, f.serve(handlers[op.Name], !op.Open))
		case op.Name == kotani.OpFiatConnectLogin:
			mux.HandleFunc(pattern, f.login)
		case op.Name == kotani.OpCreateCredentials:
			mux.HandleFunc(pattern, f.credentials)
		}
	}
	mux.HandleFunc("/", func(rw http.ResponseWriter, _ *http.Request) {
		writeJSON(rw, http.StatusNotFound, object{"error": string(kotani.ErrResourceNotFound)})
	})
	return mux
}

// fiatCall is a request on its way to a handler.
type fiatCall struct {
	*call
	address string // the session's user; empty where no session is needed
	first   string // the delivery whose first attempt comes before the response
	key     string // names the idempotency record
	about   string // id of the object that the request changes, if no response names it
}

// response is what a handler sends.
type response struct {
	status int
	body   any
	why    string // which check refused the request; the client does not see it
}

func success(body any) *response { return &response{status: http.StatusOK, body: body} }

// problem is an error response: always {"error": code}.
func problem(status int, code kotani.FiatConnectCode) *response {
	return &response{status: status, body: object{"error": string(code)}, why: string(code)}
}

// naming adds the field or the check to why a request is refused.
func (r *response) naming(what string) *response {
	r.why += ": " + what
	return r
}

// lacking is the first of these fields that is no text; empty if all are.
func lacking(o map[string]any, names ...string) string {
	for _, name := range names {
		if !hasTexts(o, name) {
			return name
		}
	}
	return ""
}

func (r *response) write(rw http.ResponseWriter) {
	if r.why != "" {
		fake.Because(rw, r.why)
	}
	writeJSON(rw, r.status, r.body)
}

// serve checks the client's key, then the session, then the body, and calls the
// handler with the lock held.
func (f *FiatConnect) serve(handle func(*fiatCall) *response, session bool) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		c, sent, first := f.handle(handle, r, session)
		if first != nil {
			awaitFirst(r, first)
			f.finish(c)
		}
		if c != nil && c.about != "" {
			fake.About(rw, c.about)
		}
		sent.write(rw)
	}
}

// handle returns the response and, if a webhook has to come before it, the
// channel that the webhook's first attempt closes.
func (f *FiatConnect) handle(handle func(*fiatCall) *response, r *http.Request, session bool) (*fiatCall, *response, <-chan struct{}) {
	f.world.LockFor(r)
	defer f.world.Unlock()
	c, refusal := f.admit(r, session)
	if refusal != nil {
		return nil, refusal, nil
	}
	sent := handle(c)
	if c.first == "" {
		return c, sent, nil
	}
	return c, sent, f.world.FirstAttempt(c.first)
}

func (f *FiatConnect) admit(r *http.Request, session bool) (*fiatCall, *response) {
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
		return nil, problem(http.StatusBadRequest, kotani.ErrInvalidParameters).naming("the body is no JSON object")
	}
	return c, nil
}

// firstAttemptLimit bounds the wait for a slow receiver, or for a webhook that a
// callback fault holds back.
const firstAttemptLimit = 12 * time.Second

func awaitFirst(r *http.Request, first <-chan struct{}) {
	limit := time.NewTimer(firstAttemptLimit)
	defer limit.Stop()
	select {
	case <-first:
	case <-limit.C:
	case <-r.Context().Done():
	}
}

// refuseFiatConnect responds with a status that a fault rule asks for. The
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

// clock is GET /clock.
func (f *FiatConnect) clock(*fiatCall) *response {
	return success(object{"time": timestamp(f.world.Now())})
}

// credentials is POST /credentials, Kotani's own addition. It needs no key: keys
// come from here.
func (f *FiatConnect) credentials(rw http.ResponseWriter, r *http.Request) {
	c, ok := newCall(r, false)
	webhook, isText := c.fields["webhook"].(string)
	if !ok || !isText || !fake.IsWebURL(webhook) {
		problem(http.StatusBadRequest, kotani.ErrInvalidParameters).naming("webhook").write(rw)
		return
	}
	client := f.AddClient(webhook)
	writeJSON(rw, http.StatusOK, object{
		"apiKey": client.APIKey, "webhook": client.Webhook, "webhookSecret": client.WebhookSecret,
	})
}

// clientKey reads the optional header. A malformed key is 400, and so is a missing
// key when keys are required. An unknown key is 401. The specification names no
// codes; these are assumed.
func (f *FiatConnect) clientKey(r *http.Request) (key string, refusal *response) {
	bad := problem(http.StatusBadRequest, kotani.ErrInvalidParameters).naming("the Authorization header")
	values, sent := r.Header["Authorization"]
	if !sent {
		if f.config.Quirks.RequireAPIKey {
			return "", bad
		}
		return "", nil
	}
	scheme, key, found := strings.Cut(strings.Join(values, ", "), " ")
	if !found || !strings.EqualFold(scheme, "bearer") || key == "" || strings.ContainsAny(key, " ,") {
		return "", bad
	}
	if f.state.Keys.Find(key) == nil {
		return "", problem(http.StatusUnauthorized, kotani.ErrSessionUnauthorized)
	}
	return key, nil
}

const signatureHeader = "FiatConnect-Signature"

// sendWebhook sends an event to the user's client, if there is one, and returns
// the delivery. Deliveries of one identity keep their order.
func (f *FiatConnect) sendWebhook(event, address, identity string, payload object) string {
	client := f.state.Keys.Find(f.state.Clients[address])
	if client == nil {
		return ""
	}
	body := fake.Encode(object{
		"eventType": event, "provider": providerName, "eventId": f.ids().UUID(),
		"timestamp": strconv.FormatInt(f.world.Now().Unix(), 10), "address": checksummed(address[2:]), "payload": payload,
	})
	return f.world.Send(fake.Callback{
		Provider: fiatConnectName, Event: event, Identity: identity, URL: client.Webhook,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: body, Tag: address,
	})
}

// signWebhook signs each attempt anew: t is the time of the attempt.
func (f *FiatConnect) signWebhook(d fake.Delivery, h http.Header) {
	client := f.state.Keys.Find(f.state.Clients[d.Tag])
	if client == nil {
		return
	}
	secret := client.WebhookSecret
	if d.Forged {
		secret = "not the secret"
	}
	at := strconv.FormatInt(f.world.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%s.%s", at, d.Body)
	h.Set(signatureHeader, "t="+at+",v1="+hex.EncodeToString(mac.Sum(nil)))
}

// Kinds of scheduled events. The key is a transfer's id or a KYC record's id.
const (
	eventStep = "step"
	eventKYC  = "kyc"
)

// fire carries out a scheduled event, unless the object has moved on meanwhile.
func (f *FiatConnect) fire(e fake.Event) {
	switch e.Kind {
	case eventStep:
		if t := f.state.Transfers.Find(e.Key); t != nil {
			f.step(t)
		}
	case eventKYC:
		f.approveKYC(e.Key)
	}
}

func (f *FiatConnect) after(d time.Duration, kind, key string) {
	f.world.After(d, fiatConnectName, kind, key)
}

func (f *FiatConnect) ids() *fake.IDs { return f.world.IDs(fiatConnectName) }
