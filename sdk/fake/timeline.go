package fake

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Record is one line of the timeline: something that happened in the World.
type Record struct {
	ID        int        `json:"id"`
	Time      time.Time  `json:"time"` // virtual
	Kind      RecordKind `json:"kind"`
	Provider  string     `json:"provider,omitempty"`
	Result    Result     `json:"result"`
	Text      string     `json:"text"`                // what happened
	Cause     string     `json:"cause,omitempty"`     // why, in one clause
	Identity  string     `json:"subject,omitempty"`   // id of the object it is about
	Reference string     `json:"reference,omitempty"` // the merchant's own of that object
	Object    string     `json:"object,omitempty"`    // the kind of that object, such as "rides"
	Request   string     `json:"request,omitempty"`   // id of the request that it is, or that caused it
	Delivery  string     `json:"delivery,omitempty"`  // id of the delivery
	Entry     *Entry     `json:"entry,omitempty"`

	version int // of the timeline when it was written last
}

// RecordKind says what a Record is about.
type RecordKind string

const (
	RecordRequest  RecordKind = "request"  // a request to the provider
	RecordState    RecordKind = "state"    // an object came to be or changed its state
	RecordEntry    RecordKind = "entry"    // a ledger entry was booked, or its status has changed
	RecordCallback RecordKind = "callback" // an attempt of a callback
	RecordAct      RecordKind = "act"      // an admin call that changes something
)

// timeline keeps the newest records. The World's lock guards it.
type timeline struct {
	size    int
	records []*Record // by ID, oldest first
	dropped int
	version int
	epoch   string        // a reset, a restore or another process begins a new one
	changed chan struct{} // closed at the next change; nil: nobody waits
	states  map[stateKey]string
	objects map[string]objectKey // by provider, NUL and an id or a reference
	origins map[string]string    // by provider, NUL and an id: the request that made or changed the object last
	touched []objectKey          // objects whose state is to be compared
	spare   []objectKey          // memory for the next touched
	cause   string               // the event or the attempt that is being carried out
	by      *handling            // the request whose handler holds the lock
	late    bool                 // what is found out now has happened before
}

// handling is a request whose handler runs.
type handling struct {
	control  *Control
	request  *Request
	response *recorder
	line     *Record
	said     bool  // it has called LockFor
	before   []int // how many objects of each Kind there were when it took the lock
}

type handlingKey struct{}

type stateKey struct{ provider, kind, id string }

type objectKey struct{ provider, kind, id, reference string }

// recordsPerRequest is how many records are kept for each request that the
// journal has room for.
const recordsPerRequest = 5

func (t *timeline) begin(size int, now time.Time) {
	t.wake()
	*t = timeline{
		size: size, epoch: strconv.FormatInt(now.UnixNano(), 36), states: map[stateKey]string{}, objects: map[string]objectKey{}, origins: map[string]string{},
		version: t.version, changed: nil,
	}
}

func (t *timeline) wake() {
	if t.changed != nil {
		close(t.changed)
		t.changed = nil
	}
}

func (t *timeline) add(r Record) *Record {
	r.ID = t.dropped + len(t.records) + 1
	kept := &r
	t.records = append(t.records, kept)
	if len(t.records) > t.size+t.size/4 { // now and then, so that adding stays cheap
		surplus := len(t.records) - t.size
		t.records = append(make([]*Record, 0, t.size+t.size/4+1), t.records[surplus:]...)
		t.dropped += surplus
	}
	t.write(kept)
	return kept
}

// has reports whether a record is still kept: a reset may have come while a request
// was in work.
func (t *timeline) has(r *Record) bool {
	i := r.ID - 1 - t.dropped
	return i >= 0 && i < len(t.records) && t.records[i] == r
}

// write notes that a record is new or has changed.
func (t *timeline) write(r *Record) {
	t.version++
	r.version = t.version
	t.wake()
}

// record adds a line. The lock is held.
func (w *World) record(r Record) *Record {
	t := &w.timeline
	r.Time = w.Now()
	r.Cause = cmp.Or(r.Cause, t.cause)
	if r.Kind == RecordState || r.Kind == RecordEntry {
		switch {
		case t.late || r.Cause != "":
		case t.by != nil:
			r.Request = t.comes(r.Provider, r.Identity)
		case w.byName[r.Provider].unsaid == 0: // else it may be that request's doing
			r.Cause = byHand
		}
	}
	return t.add(r)
}

// byHand is the cause of what neither a request nor an event does: an admin call, or a
// method of a fake.
const byHand = "by hand"

// LockFor takes the World's lock for the handler of a request; Unlock gives it back. What
// changes in between is the request's doing. So a handler calls it each time: what it
// changes under Lock alone has no cause in the timeline, and after LockFor it is taken for a
// person's.
func (w *World) LockFor(r *http.Request) {
	w.Lock()
	kept := false
	defer func() {
		if !kept { // an author's function panicked: do not leave the World locked behind it
			w.mu.Unlock()
		}
	}()
	w.handledBy(r)
	kept = true
}

// handledBy says whose doing is what changes until Unlock.
func (w *World) handledBy(r *http.Request) {
	by, ok := r.Context().Value(handlingKey{}).(*handling)
	if !ok || by.control.world != w {
		return
	}
	by.say()
	w.touchNamed(by)
	w.compareLate() // what has happened before is not its doing
	by.before = by.before[:0]
	for _, k := range by.control.provider.Kinds {
		by.before = append(by.before, k.Len())
	}
	w.timeline.by = by
}

// done ends the work of a handler that holds the lock: it looks at the objects that the
// request names and at those which are new.
func (w *World) done() {
	by := w.timeline.by
	defer func() { w.timeline.by = nil }()
	w.touchNamed(by)
	for n, k := range by.control.provider.Kinds {
		for i := by.before[n]; i < k.Len(); i++ {
			w.touch(by.control, k.peekAt(i).ID)
		}
	}
	w.compareTouched()
}

// touchNamed looks at the objects that a request names.
func (w *World) touchNamed(by *handling) {
	for part := range strings.SplitSeq(by.request.Path, "/") {
		w.touch(by.control, part)
	}
	for _, ids := range [][]string{texts(by.request.RequestBody), by.response.about} {
		for _, id := range ids {
			w.touch(by.control, id)
		}
	}
}

// say notes that the World knows from now on what the request does. The lock is held.
func (h *handling) say() {
	if !h.said {
		h.said = true
		h.control.unsaid--
	}
}

// watch makes the ledger of a provider, which may be new, tell of its entries.
func (w *World) watch(c *Control) {
	if c.provider.Ledger == nil {
		return
	}
	c.provider.Ledger().observe = func(e Entry) {
		result := ResultOK
		switch {
		case e.Status == EntryPending:
			result = ResultPending
		case e.Status == EntryFailed:
			result = ResultFailed
		}
		w.record(Record{
			Kind: RecordEntry, Provider: c.provider.Name, Result: result, Identity: e.Reference, Entry: &e,
			Text: fmt.Sprintf("%s %s %s %s", e.Kind, e.Amount, e.Account.Currency, e.Status),
		})
		w.touch(c, e.Reference)
	}
}

// Touch tells the timeline that an object may have changed, for authors of fakes. The
// timeline looks by itself at objects whose id is the key of an event, the identity of a
// callback, the reference of a ledger entry, or in a request or its response. The lock is
// held.
func (w *World) Touch(provider, id string) {
	if c := w.byName[provider]; c != nil {
		w.touch(c, id)
	}
}

// touch notes that the state of an object may have changed. The text may be the id
// of an object or anything else.
func (w *World) touch(c *Control, id string) {
	if id == "" || len(id) > 200 || len(c.provider.Kinds) == 0 {
		return
	}
	t := &w.timeline
	if n := len(t.touched); n > 0 && t.touched[n-1].id == id && t.touched[n-1].provider == c.provider.Name {
		return
	}
	t.touched = append(t.touched, objectKey{provider: c.provider.Name, id: id})
}

// compareTouched compares the states of the touched objects with those last seen and
// records the differences. The lock is held.
func (w *World) compareTouched() {
	t := &w.timeline
	for len(t.touched) > 0 {
		touched := t.touched
		t.touched = t.spare[:0]
		for _, k := range touched {
			w.compare(w.byName[k.provider], k.id)
		}
		t.spare = touched[:0]
	}
}

// compareLate does so with what has happened earlier: nobody knows any more who did it.
func (w *World) compareLate() {
	w.timeline.late = true
	defer func() { w.timeline.late = false }()
	w.compareTouched()
}

// learn takes the states of all objects as known: they are not news.
func (w *World) learn(c *Control) {
	for _, k := range c.provider.Kinds {
		for i := range min(k.Len(), w.timeline.size/2) {
			w.timeline.learn(c.provider.Name, k.Name, k.At(k.Len()-1-i))
		}
	}
}

func (t *timeline) learn(provider, kind string, o Object) {
	if len(t.states) >= t.size { // as many objects as records: begin anew rather than grow without bound
		clear(t.states)
		clear(t.objects)
	}
	t.states[stateKey{provider, kind, o.ID}] = o.State
	key := objectKey{provider, kind, o.ID, o.Reference}
	t.objects[provider+"\x00"+o.ID] = key
	if o.Reference != "" {
		t.objects[provider+"\x00"+o.Reference] = key
	}
}

func (w *World) compare(c *Control, id string) {
	t := &w.timeline
	for _, k := range c.provider.Kinds {
		o, ok := k.peek(id)
		if !ok {
			continue
		}
		name := stateKey{c.provider.Name, k.Name, o.ID}
		before, known := t.states[name]
		if known && before == o.State {
			return
		}
		if known {
			t.states[name] = o.State
		} else {
			t.learn(c.provider.Name, k.Name, o)
		}
		text := o.State
		if known {
			text = before + " → " + o.State
		}
		w.record(Record{
			Kind: RecordState, Provider: c.provider.Name, Result: o.Result, Text: text,
			Identity: o.ID, Reference: o.Reference, Object: k.Name,
		})
		return
	}
}

// about fills in which object a record is about: a record may name it by an id
// that was not known yet.
func (t *timeline) about(r Record) Record {
	if key, ok := t.objects[r.Provider+"\x00"+r.Identity]; ok && r.Identity != "" {
		r.Identity, r.Reference, r.Object = key.id, key.reference, key.kind
	}
	return r
}

// noteRequest records a request that is over. The lock is held.
func (w *World) noteRequest(c *Control, r *Request, line *Record) {
	t := &w.timeline
	for _, id := range texts(r.ResponseBody) {
		w.touch(c, id)
	}
	for part := range strings.SplitSeq(r.Path, "/") {
		w.touch(c, part)
	}
	for _, id := range r.about {
		w.touch(c, id)
	}
	w.compareLate()
	r.Identity, r.Reference = w.identityOf(c, r)
	if r.Identity == "" && r.Reference == "" && len(r.about) > 0 {
		known := t.about(Record{Provider: r.Provider, Identity: r.about[0]})
		r.Identity, r.Reference = known.Identity, known.Reference
	}
	if !t.has(line) {
		return
	}
	line.Identity, line.Reference, line.Result, line.Cause = r.Identity, r.Reference, ResultOK, r.Reason
	line.Text = r.line()
	switch {
	case r.Fault == FaultDropBefore || r.Fault == FaultDropAfter || r.Fault == FaultTruncate || r.Fault == FaultMalformed || r.Status >= 500:
		line.Result = ResultFailed
	case r.Reason != "" || r.Status >= 400:
		line.Result = ResultRefused
	}
	switch {
	case r.Fault == FaultDelay && r.Reason != "":
		line.Cause = r.Reason + "; fault " + string(r.Fault)
	case r.Fault != "":
		line.Cause = "fault " + string(r.Fault)
	}
	t.write(line)
}

// comes notes that an object was made or changed by the request whose handler holds the
// lock, and returns the request's id; it is empty if a reset has come meanwhile.
func (t *timeline) comes(provider, identity string) (request string) {
	if !t.has(t.by.line) {
		return ""
	}
	if len(t.origins) >= t.size { // begin anew rather than grow without bound
		clear(t.origins)
	}
	if identity != "" {
		t.origins[provider+"\x00"+t.about(Record{Provider: provider, Identity: identity}).Identity] = t.by.request.ID
	}
	return t.by.request.ID
}

// line is what a timeline shows of a request.
func (r *Request) line() string {
	status := strconv.Itoa(r.Status)
	if r.Status == 0 {
		status = "no response"
	}
	return r.what() + " → " + status
}

// what names the operation too, if the path does not tell it: KPay's operations have one.
func (r *Request) what() string {
	if r.shared {
		return r.Method + " " + r.Path + " " + r.Operation
	}
	return r.Method + " " + r.Path
}

// whole is the admin call that shows all of what a record is about.
func (r Record) whole() string {
	switch {
	case r.Kind == RecordCallback:
		return AdminPath("deliveries", r.Delivery)
	case r.Kind == RecordRequest:
		return AdminPath("requests", r.Request)
	case r.Object != "":
		return AdminPath(r.Provider, r.Object, r.Identity)
	}
	return wholeWorld
}

// match is the filter of a list of records.
type match struct{ provider, kind, result, identity, q string }

func (m match) fits(r Record) bool {
	return (m.provider == "" || m.provider == r.Provider) && (m.kind == "" || m.kind == string(r.Kind)) &&
		(m.result == "" || m.result == string(r.Result)) &&
		(m.identity == "" || m.identity == r.Identity || m.identity == r.Reference || m.identity == r.Delivery || m.identity == r.Request) &&
		(m.q == "" || contains(m.q, r.Text, r.Cause, r.Identity, r.Reference, r.Request, r.Delivery))
}

func (w *World) adminTimeline(rw http.ResponseWriter, r *http.Request) {
	p, ok := w.paging(rw, r)
	if !ok {
		return
	}
	kind, ok := oneOf(rw, r, "kind", RecordRequest, RecordState, RecordEntry, RecordCallback, RecordAct)
	if !ok {
		return
	}
	result, ok := oneOf(rw, r, "result", ResultOK, ResultPending, ResultRefused, ResultFailed)
	if !ok {
		return
	}
	m := match{p.provider, string(kind), string(result), r.URL.Query().Get("subject"), p.q}
	var elements []json.RawMessage
	var l list
	w.locked(func() {
		t := &w.timeline
		show := func(i int) Record { return t.about(*t.records[i]) }
		var fits func(i int) bool
		if m != (match{}) {
			fits = func(i int) bool { return m.fits(show(i)) }
		}
		elements, l = p.page(t.dropped, len(t.records), fits, func(i int) (any, string) { return show(i), show(i).whole() })
	})
	respondList(rw, "records", elements, l)
}

// recordActs records each admin call that changes something.
func (w *World) recordActs(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead || r.URL.Path == "/_fake/reset" { // after a reset nothing has happened
			next.ServeHTTP(rw, r)
			return
		}
		parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/_fake/"), "/")
		identity := ""
		if len(parts) > 2 {
			identity = parts[2]
		}
		c := w.touchBefore(parts[0], identity)
		seen := &statusWriter{ResponseWriter: rw, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		w.Lock()
		defer w.Unlock()
		line := Record{Kind: RecordAct, Result: ResultOK, Text: actText(r.Method, strings.TrimPrefix(r.URL.Path, "/_fake")), Cause: byHand}
		if seen.status >= 400 {
			line.Result, line.Cause = ResultRefused, "refused: "+seen.problem()
		}
		if c != nil {
			line.Provider, line.Identity = parts[0], identity
			if call, ok := c.provider.Admin[r.Pattern]; ok {
				line.Text = "the admin call that " + call.Does
			}
			w.touch(c, identity)
			w.compareTouched()
		}
		w.record(line)
	})
}

// touchBefore looks at the object that an admin call is about before the call changes it.
func (w *World) touchBefore(provider, identity string) *Control {
	w.Lock()
	defer w.Unlock()
	c := w.byName[provider]
	if c != nil {
		w.touch(c, identity)
		w.compareLate()
	}
	return c
}

// actText says what an admin call did.
func actText(method, path string) string {
	text, ok := map[string]string{
		"POST /clock/advance": "the clock was advanced", "PUT /snapshot": "a snapshot was loaded",
		"POST /faults": "a fault rule was added", "DELETE /faults": "fault rules were removed",
		"POST /deliveries/redeliver": "all dead callbacks were sent again",
	}[method+" "+path]
	switch {
	case ok:
		return text
	case strings.HasSuffix(path, "/redeliver"):
		return "a callback was sent again"
	case strings.HasPrefix(path, "/faults/"):
		return "a fault rule was removed"
	}
	return method + " " + path
}

// statusWriter remembers the status and the error of a response.
type statusWriter struct {
	http.ResponseWriter
	status int
	body   []byte
}

func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

func (s *statusWriter) Write(b []byte) (int, error) {
	if s.status >= 400 {
		s.body = append(s.body, b...)
	}
	return s.ResponseWriter.Write(b)
}

func (s *statusWriter) problem() string {
	var in struct{ Error string }
	_ = json.Unmarshal(s.body, &in) // no error text: the line has none
	return in.Error
}
