package sim

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Fault is a kind of trouble between a client and a provider, or of a process.
type Fault string

// The faults of a request and of its response. "before" is before the provider has
// done the work, "after" is after it.
const (
	FaultRefuse     Fault = "refuse"      // no connection: the request never leaves
	FaultCutRequest Fault = "cut-request" // the connection is cut within the request, after so many bytes; the provider does nothing
	FaultHold       Fault = "hold"        // the caller sees a reset, and the request arrives later
	FaultSlow       Fault = "slow"        // the request is long on its way; the caller may give up meanwhile
	FaultDuplicate  Fault = "duplicate"   // somebody on the way repeats the request
	FaultProxy      Fault = "proxy"       // a proxy responds by itself, and passes nothing on
	FaultProxyAfter Fault = "proxy-after" // a proxy responds by itself, after the work
	FaultLose       Fault = "lose"        // reset after the work
	FaultCut        Fault = "cut"         // the response is cut within its body, after so many bytes
	FaultSilent     Fault = "silent"      // no response ever comes, after the work
	FaultLate       Fault = "late"        // the response is long on its way
	FaultStale      Fault = "stale"       // an equal request's earlier response
	FaultReplay     Fault = "replay"      // another request's earlier response, after the work
	FaultSwap       Fault = "swap"        // two requests get each other's response
	FaultResend     Fault = "resend"      // the peer refuses a stream that it has worked on (GOAWAY, REFUSED_STREAM)
	FaultThrottle   Fault = "throttle"    // the provider says that there are too many requests
	FaultExpire     Fault = "expire"      // the provider forgets the tokens that it gave out
	FaultOutage     Fault = "outage"      // the provider cannot be reached for an hour
	FaultQueue      Fault = "queue"       // a proxy responds by itself, and passes the request on later
	FaultGarble     Fault = "garble"      // the response writes amounts as nobody can read them
)

// The faults of a RoundTripper that the merchant has put between by himself.
const (
	FaultFailover Fault = "failover" // it sends the request unseen, and then fails to send it once more
	FaultNonsense Fault = "nonsense" // it returns no response, or one without a body, after the work
	FaultLimiter  Fault = "limiter"  // it sends nothing, and says so with sdk.ErrNotSent
)

// The faults of callbacks, of processes and of databases.
const (
	FaultCallbackLost      Fault = "callback-lost"      // the callback, or its acknowledgement
	FaultCallbackLate      Fault = "callback-late"      // which reorders them, too
	FaultCallbackTwice     Fault = "callback-twice"     // the same bytes again
	FaultCallbackForged    Fault = "callback-forged"    // a stranger posts a changed copy first
	FaultCallbackReplay    Fault = "callback-replay"    // a stranger posts an earlier callback again, as it was
	FaultCallbackSwallowed Fault = "callback-swallowed" // somebody between acknowledges it, and passes nothing on
	FaultKill              Fault = "kill"               // the process ends at this step, and starts again later
	FaultFreeze            Fault = "freeze"             // the process stands still for a while
	FaultDatabase          Fault = "database"           // a statement fails, or the transaction cannot be serialized
	FaultClock             Fault = "clock"              // the clock of a process, or of the database, jumps
)

// requestFaults are in the order in which the stream of choices knows them.
var requestFaults = [...]Fault{
	FaultRefuse, FaultCutRequest, FaultHold, FaultSlow, FaultProxy, FaultLose, FaultCut, FaultProxyAfter,
	FaultSilent, FaultLate, FaultStale, FaultReplay, FaultSwap, FaultResend, FaultDuplicate, FaultThrottle, FaultExpire,
	FaultQueue, FaultGarble, FaultFailover, FaultNonsense, FaultLimiter,
}

var callbackFaults = [...]Fault{
	FaultCallbackLost, FaultCallbackLate, FaultCallbackTwice, FaultCallbackForged, FaultCallbackReplay, FaultCallbackSwallowed,
}

// Faults are all that can go wrong, for Report.Missing.
func Faults() []Fault {
	return append(slices.Concat(requestFaults[:], callbackFaults[:]), FaultOutage, FaultKill, FaultFreeze, FaultDatabase, FaultClock)
}

// Profile is what providers and networks of a day are assumed to do. What is true of
// it decides which promises hold: see the table in README.md.
type Profile struct {
	Name string
	// Forgetful providers take a reference again that they have seen, even where
	// their document says that it is unique.
	Forgetful bool
	// Prompt: what a provider has taken shows within two seconds, and a request that
	// its caller takes for lost arrives within two seconds or never.
	Prompt bool
	// Repeats: somebody between repeats writes by himself. Then a refusal of one copy
	// says nothing of the other, and "rejected" is not held against the ledger.
	Repeats bool
	// Calm processes are never killed and never freeze, and their clocks are right.
	Calm bool
	// Swallows: somebody between may acknowledge a callback and pass nothing on. Then
	// only asking finds what it would have told.
	Swallows bool
	// Strangers: a response without a reference may be another request's.
	Strangers bool
}

// Profiles of the promise, and one for each assumption that carries it.
var (
	// Documented is what the providers' documents say, on a bad day. It is the default.
	Documented = Profile{Name: "documented"}
	// Repeating has somebody between who repeats writes.
	Repeating = Profile{Name: "repeating", Repeats: true}
	// PromptForgetful providers do not keep references unique, but show at once what
	// they have taken.
	PromptForgetful = Profile{Name: "prompt-forgetful", Forgetful: true, Prompt: true, Calm: true}
	// Forgetful providers do not keep references unique and lag.
	Forgetful = Profile{Name: "forgetful", Forgetful: true}
)

// adversary decides what goes wrong. The day's first choices say which faults it
// uses at all, and how often: days with few kinds of faults find more than days with
// a little of everything.
type adversary struct {
	c       *choices
	profile Profile
	faults  []Fault
	calls   []Fault // of callbacks
	rate    int     // of 256 requests
	posted  int     // of 256 callbacks
	kills   int     // of 256 steps
	freezes int
	broken  int  // of 256 statements
	jumps   int  // of 256 steps, and of 256 statements
	left    int  // how many times a process may still be killed or frozen
	jumped  int  // how many times a clock may still jump
	over    bool // the trouble is over
	outage  outage
}

// outage is an hour in which a provider cannot be reached.
type outage struct {
	provider   string
	from, till time.Duration
}

func newAdversary(c *choices, p Profile, providers []string) *adversary {
	a := &adversary{c: c, profile: p}
	a.rate = [...]int{0, 16, 48, 96, 160}[c.choose(5)]
	for _, f := range requestFaults {
		if c.chance(96) && p.allows(f) {
			a.faults = append(a.faults, f)
			if f == FaultHold { // the most dangerous of all
				a.faults = append(a.faults, f, f)
			}
		}
	}
	a.posted = [...]int{0, 32, 96}[c.choose(3)]
	for _, f := range callbackFaults {
		if c.chance(128) && p.allows(f) {
			a.calls = append(a.calls, f)
		}
	}
	kills, freezes, broken, jumps := c.choose(4), c.choose(4), c.choose(4), c.choose(4)
	if !p.Calm {
		a.kills = [...]int{0, 0, 2, 8}[kills]
		a.freezes = [...]int{0, 0, 2, 6}[freezes]
		a.jumps, a.jumped = [...]int{0, 0, 2, 6}[jumps], 3
	}
	a.broken = [...]int{0, 0, 3, 10}[broken]
	a.left = [...]int{2, 4, 8}[c.choose(3)]
	if which := c.choose(4 * (len(providers) + 1)); which >= 4*(len(providers)+1)-len(providers) && !p.Prompt {
		from := time.Duration(c.choose(60)) * time.Second
		a.outage = outage{providers[which-4*(len(providers)+1)+len(providers)], from, from + time.Hour}
	}
	return a
}

func (p Profile) allows(f Fault) bool {
	switch f {
	case FaultDuplicate:
		return p.Repeats
	case FaultStale, FaultReplay, FaultSwap:
		return !p.Prompt
	case FaultCallbackSwallowed:
		return p.Swallows
	}
	return true
}

// request chooses what becomes of a request; nothing is empty.
func (a *adversary) request() Fault {
	if a.over || len(a.faults) == 0 || !a.c.chance(a.rate) {
		return ""
	}
	return a.faults[a.c.choose(len(a.faults))]
}

func (a *adversary) callback() Fault {
	if a.over || len(a.calls) == 0 || !a.c.chance(a.posted) {
		return ""
	}
	return a.calls[a.c.choose(len(a.calls))]
}

// step chooses what becomes of a process at a step.
func (a *adversary) step() Fault {
	switch {
	case a.over, a.left <= 0:
	case a.c.chance(a.kills):
		a.left--
		return FaultKill
	case a.c.chance(a.freezes):
		a.left--
		return FaultFreeze
	}
	return ""
}

func (a *adversary) statement() bool { return !a.over && a.c.chance(a.broken) }

// jump chooses whether a clock jumps, and how wrong it is then.
func (a *adversary) jump() (off time.Duration, jumps bool) {
	if a.over || a.jumped <= 0 || !a.c.chance(a.jumps) {
		return 0, false
	}
	a.jumped--
	seconds := [...]int{0, 2, -2, 45, -45, 600, -600, 3600, -3600}
	return time.Duration(seconds[a.c.choose(len(seconds))]) * time.Second, true
}

// delay is how long a request is held back.
func (a *adversary) delay() time.Duration {
	if a.profile.Prompt {
		return [...]time.Duration{100 * time.Millisecond, 500 * time.Millisecond, 1500 * time.Millisecond}[a.c.choose(3)]
	}
	return [...]time.Duration{300 * time.Millisecond, 1500 * time.Millisecond, 4000 * time.Millisecond, 10_000 * time.Millisecond, 60_000 * time.Millisecond, 600_000 * time.Millisecond, 2_700_000 * time.Millisecond, 2_700_000 * time.Millisecond}[a.c.choose(8)]
}

// slowness is how long a request or a response takes whose caller waits.
func (a *adversary) slowness() time.Duration {
	if a.profile.Prompt {
		return [...]time.Duration{100 * time.Millisecond, 1000 * time.Millisecond, 20_000 * time.Millisecond}[a.c.choose(3)]
	}
	return [...]time.Duration{100 * time.Millisecond, 2000 * time.Millisecond, 20_000 * time.Millisecond, 40_000 * time.Millisecond}[a.c.choose(4)]
}

// down is how long a killed process stays down, or a frozen one stands still.
func (a *adversary) down() time.Duration {
	return [...]time.Duration{0, 1000 * time.Millisecond, 20_000 * time.Millisecond, 180_000 * time.Millisecond}[a.c.choose(4)]
}

// proxyAnswers are what proxies, firewalls and captive portals say by themselves.
var proxyAnswers = []struct {
	status     int
	kind, body string
}{
	{502, "text/html", "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"},
	{503, "text/plain", "upstream connect error or disconnect/reset before headers"},
	{504, "text/html", "<html><body>504 Gateway Time-out</body></html>"},
	{500, "application/json", `{"statusCode":500,"message":"Internal server error"}`},
	{429, "text/html", "<html><body><h1>Too Many Requests</h1></body></html>"},
	{429, "application/json", `{"message":"API rate limit exceeded"}`},
	{408, "text/plain", "Request Time-out"},
	{499, "text/plain", ""},
	{404, "text/html", "<html><body><h1>404 Not Found</h1></body></html>"},
	{404, "application/json", `{"message":"no Route matched with those values"}`},
	{403, "text/html", "<html><body>Access denied</body></html>"},
	{403, "text/plain", ""},
	{404, "text/plain", ""},
	{404, "text/plain", "upstream connect error or disconnect/reset before headers"},
	{499, "application/json", `{"errors":["client closed request"]}`},
	{422, "application/json", "{}"},
	{400, "application/json", `{"errors":["bad request"]}`},
	{401, "application/json", `{"message":"No API key found in request"}`},
	{302, "text/html", ""},
	{200, "text/html", "<html><body>Welcome to the hotel's network</body></html>"},
	{200, "text/plain", ""},
	{200, "application/json", "{}"},
	{200, "application/json", "[]"},
	{200, "application/json", `{"success":true}`},
	{200, "application/json", `{"status":"ok"}`},
	{204, "", ""},
}

// proxy chooses a response that no provider has given.
func (a *adversary) proxy() *response {
	p := proxyAnswers[a.c.choose(len(proxyAnswers))]
	h := http.Header{}
	if p.kind != "" {
		h.Set("Content-Type", p.kind)
	}
	if p.status == http.StatusTooManyRequests || p.status == http.StatusServiceUnavailable {
		if s := a.c.choose(4); s > 0 {
			h.Set("Retry-After", fmt.Sprint(s*s))
		}
	}
	if p.status == http.StatusFound {
		h.Set("Location", "https://portal.example/login")
	}
	return &response{status: p.status, header: h, body: []byte(p.body), from: fmt.Sprintf("a proxy (%s)", p.kind)}
}

// past is an exchange which is over.
type past struct {
	out      *outgoing
	response *response
}

// stale is the response to an equal request some time ago.
func (w *World) stale(out *outgoing) *response {
	w.mu.Lock()
	defer w.mu.Unlock()
	if out.write {
		return nil
	}
	var olds []*response
	pasts := w.pasts[out.bank.name]
	for _, p := range pasts[:max(len(pasts)-1, 0)] {
		if p.out.url == out.url && bytes.Equal(p.out.body, out.body) {
			olds = append(olds, p.response)
		}
	}
	if len(olds) == 0 {
		return nil
	}
	return from(olds[len(olds)-1-w.choices.choose(min(len(olds), 4))], "some time ago")
}

// replay is the response to another request.
func (w *World) replay(out *outgoing) *response {
	w.mu.Lock()
	defer w.mu.Unlock()
	var olds []*past
	for _, p := range w.pasts[out.bank.name] {
		if !bytes.Equal(p.out.body, out.body) && w.foreign(p, out) {
			olds = append(olds, p)
		}
	}
	if len(olds) == 0 {
		return nil
	}
	p := olds[len(olds)-1-w.choices.choose(min(len(olds), 4))]
	return from(p.response, p.out.label)
}

// foreign reports a response that a network of this profile may give to another
// request: one that names its own reference. A refusal which names none cannot be
// told from the caller's own, by nobody. Neither can the acceptance of a bank that shows
// nothing else, if both requests have the same reference.
func (w *World) foreign(p *past, to *outgoing) bool {
	if w.profile.Strangers {
		return true
	}
	reference := p.out.bank.reference(p.out.body)
	if p.out.write && p.out.bank.unnamed && reference == to.reference {
		return false
	}
	return reference != "" && strings.Contains(string(p.response.body), reference)
}

func from(a *response, whom string) *response {
	copied := *a
	copied.from = whom
	return &copied
}

// swapper waits for another response of its provider, to exchange the two.
type swapper struct {
	past  *past
	other chan *past
}

// swap exchanges a response with the next that may be exchanged, or returns nil.
func (w *World) swap(out *outgoing, got *response, m *middleman) *response {
	mine := &past{out, got}
	w.mu.Lock()
	if s := w.swappers[out.bank.name]; s != nil && w.foreign(s.past, out) && w.foreign(mine, s.past.out) {
		delete(w.swappers, out.bank.name)
		w.mu.Unlock()
		s.other <- mine
		return from(s.past.response, s.past.out.label)
	}
	if !w.foreign(mine, &outgoing{}) {
		w.mu.Unlock()
		return nil
	}
	s := &swapper{mine, make(chan *past, 1)}
	w.swappers[out.bank.name] = s
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.swappers[out.bank.name] == s {
			delete(w.swappers, out.bank.name)
		}
	}()
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case other := <-s.other:
		m.p.gate(out.actor, "swap "+out.what)
		return from(other.response, other.out.label)
	case <-timer.C:
		m.p.gate(out.actor, "swap "+out.what)
		return nil
	}
}
