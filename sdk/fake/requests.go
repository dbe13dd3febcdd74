package fake

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Request is one request that a fake got, with its response. Secrets in it are
// masked.
type Request struct {
	ID           string      `json:"id"`
	Time         time.Time   `json:"time"` // virtual, at arrival
	Provider     string      `json:"provider"`
	Method       string      `json:"method"`
	Path         string      `json:"path"` // escaped, behind the provider's base URL
	Query        string      `json:"query,omitempty"`
	Status       int         `json:"status"`            // zero while in work, and when the connection was dropped
	Pending      bool        `json:"pending,omitempty"` // in work: no response yet
	Header       http.Header `json:"header,omitempty"`
	RequestBody  string      `json:"request_body"`
	ResponseBody string      `json:"response_body"`   // what the provider wrote, even if a fault kept it from the client
	Fault        FaultKind   `json:"fault,omitempty"` // of the last rule that counted for it

	ResponseHeader http.Header `json:"response_header,omitempty"`
	Milliseconds   float64     `json:"ms"`                  // real, from arrival to response
	Reason         string      `json:"reason,omitempty"`    // why it was refused
	Operation      string      `json:"operation,omitempty"` // name of the route; empty: the provider has no such route
	Identity       string      `json:"subject,omitempty"`   // id of the object it is about
	Reference      string      `json:"reference,omitempty"` // the merchant's own in its body

	about  []string // ids of objects, from About
	shared bool     // other operations of the provider have its method and path
}

const (
	cutMark      = "...[cut]" // stands where the rest of a text is left out
	journalBody  = 32 << 10   // bytes kept of one body
	journalBytes = 64 << 20   // bytes kept of all bodies
)

// journal keeps the newest requests, bounded in number and in bytes.
type journal struct {
	size     int
	requests []*Request // oldest first
	count    int        // since the start, those that are forgotten among them
	dropped  int
	bytes    int
}

// add keeps a request when it arrives, so that the journal has the order of
// arrival.
func (j *journal) add(r *Request) {
	j.count++
	r.ID = fmt.Sprintf("req-%06d", j.count)
	j.requests = append(j.requests, r)
	j.grow(len(r.RequestBody))
}

// grow counts n more bytes and forgets the oldest requests beyond the bounds.
func (j *journal) grow(n int) {
	j.bytes += n
	for len(j.requests) > 1 && (len(j.requests) > j.size || j.bytes > journalBytes) {
		j.bytes -= len(j.requests[0].RequestBody) + len(j.requests[0].ResponseBody)
		j.requests[0] = nil
		j.requests = j.requests[1:]
		j.dropped++
	}
}

// list copies the requests of one provider, or of all when it is empty.
func (j *journal) list(provider string) []Request {
	var all []Request
	for _, r := range j.requests {
		if provider == "" || r.Provider == provider {
			c := *r
			c.Header, c.ResponseHeader = r.Header.Clone(), r.ResponseHeader.Clone()
			all = append(all, c)
		}
	}
	return slices.Clip(all)
}

func (j *journal) clear() { j.requests, j.bytes, j.count, j.dropped = nil, 0, 0, 0 }

// find returns the request with an id, or nil.
func (j *journal) find(id string) *Request {
	for _, r := range slices.Backward(j.requests) {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// identityOf finds the object that a request is about, and the merchant's reference
// to it. It looks for the reference in the body, then for ids in the path and the
// query, then for ids in the body and the response. An object of an earlier Kind
// counts more. More than one object of a kind, as in a list, is none.
func (w *World) identityOf(c *Control, r *Request) (id, reference string) {
	known := func(id string) (objectKey, bool) {
		key, ok := w.timeline.objects[c.provider.Name+"\x00"+id]
		return key, ok
	}
	inPath := ""
	for _, part := range strings.FieldsFunc(r.Path+"?"+r.Query, func(x rune) bool { return strings.ContainsRune("/?&=", x) }) {
		if key, ok := known(part); ok {
			inPath = key.id // the last is the closest
		}
	}
	if body, ok := ReadObject(strings.NewReader(r.RequestBody)); ok {
		for _, name := range []string{"external_id", "externalId", "refid", "payout_reference"} {
			if reference = findText(body, name, 3); reference != "" {
				key, _ := known(reference)
				return key.id, reference
			}
		}
	}
	if inPath != "" {
		return inPath, ""
	}
	ids := map[string]map[string]bool{} // by kind
	for _, text := range append(texts(r.RequestBody), texts(r.ResponseBody)...) {
		if key, ok := known(text); ok {
			if ids[key.kind] == nil {
				ids[key.kind] = map[string]bool{}
			}
			ids[key.kind][key.id] = true
		}
	}
	for _, k := range c.provider.Kinds {
		if len(ids[k.Name]) > 1 {
			return "", ""
		}
		for id := range ids[k.Name] {
			return id, ""
		}
	}
	return "", ""
}

// findText is a text by its name in an object or the objects in it.
func findText(object map[string]any, name string, depth int) string {
	if text := Text(object[name]); text != "" || depth == 0 {
		return text
	}
	for _, v := range object {
		if inner, ok := v.(map[string]any); ok {
			if text := findText(inner, name, depth-1); text != "" {
				return text
			}
		}
	}
	return ""
}

// texts are the strings of a JSON text that may be ids.
func texts(in string) []string {
	var all []string
	for i := 0; i < len(in); {
		if in[i] != '"' {
			i++
			continue
		}
		end := stringEnd(in, i)
		if n := end - i; n > 3 && n < 100 {
			all = append(all, strings.Trim(in[i:end], `"`))
		}
		i = end
	}
	return all
}

// keptHeaders are the only headers whose values the journal keeps. It masks the
// values of all others.
var keptHeaders = []string{
	"Accept", "Accept-Encoding", "Accept-Language", "Allow", "Cache-Control", "Connection", "Content-Length", "Content-Type",
	"Host", "Idempotency-Key", "Location", "Origin", "Referer", "Retry-After", "User-Agent", "Vary",
}

func journalHeader(h http.Header) http.Header {
	kept := http.Header{}
	for name, v := range h {
		if strings.HasPrefix(name, "Authorization-") { // a signature and what it is made with
			continue
		}
		if slices.Contains(keptHeaders, name) {
			kept[name] = slices.Clone(v)
		} else {
			kept[name] = []string{masked}
		}
	}
	return kept
}

// maxReason bounds the text that says why a request was refused.
const maxReason = 240

// reasonIn finds why a request was refused in the response that the client got: the
// texts of a JSON body with their names, the title of a page, or the text itself. If the
// body has errors, what else it holds is the request again.
func reasonIn(body string) string {
	var v any
	text := strings.Join(strings.Fields(body), " ")
	switch {
	case json.Unmarshal([]byte(body), &v) == nil:
		all := errorsIn(v)
		if len(all) == 0 {
			all = leaves("", v)
		}
		text = strings.Join(all, "; ")
	case strings.HasPrefix(text, "<"):
		_, title, _ := strings.Cut(text, "<title>")
		title, _, _ = strings.Cut(title, "</title>")
		text = strings.TrimSpace("a page " + title)
	}
	if len(text) > maxReason {
		text = text[:maxReason] + "…"
	}
	return strings.ToValidUTF8(text, "")
}

// errorsIn are the texts under each key "errors", at any depth.
func errorsIn(v any) []string {
	var all []string
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if key == "errors" {
				all = append(all, leaves("", v[key])...)
			} else {
				all = append(all, errorsIn(v[key])...)
			}
		}
	case []any:
		for _, element := range v {
			all = append(all, errorsIn(element)...)
		}
	}
	return all
}

func leaves(name string, v any) []string {
	var all []string
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if key == "error" && name != "" { // {"city": [{"error": "blank"}]}
				all = append(all, leaves(name, v[key])...)
			} else {
				all = append(all, leaves(key, v[key])...)
			}
		}
	case []any:
		for _, element := range v {
			all = append(all, leaves(name, element)...)
		}
	case string:
		switch {
		case strings.TrimSpace(v) == "" || v == masked:
		case name != "":
			all = append(all, name+": "+v)
		default:
			all = append(all, v)
		}
	}
	return all
}

// masked is what the journal keeps in place of a secret.
const masked = "[masked]"

// secrets are the names, in lower case, whose values the journal never shows.
type secrets map[string]bool

func newSecrets(names []string) secrets {
	s := secrets{}
	for _, n := range append([]string{
		"token", "access_token", "accesstoken", "refresh_token", "password", "secret",
		"consumer_key", "consumer_secret", "api_key", "apikey", "pin", "cvv", "card_number",
	}, names...) {
		s[strings.ToLower(n)] = true
	}
	return s
}

// body masks a body by its content type and cuts it to what the journal keeps.
func (s secrets) body(contentType, body string) string {
	kind, _, _ := strings.Cut(contentType, ";")
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "multipart/form-data":
		return "[multipart body]"
	case "application/x-www-form-urlencoded":
		if t := strings.TrimSpace(body); !strings.HasPrefix(t, "{") { // some clients label JSON as a form
			return cut(s.form(body))
		}
	}
	return cut(s.json(body))
}

func cut(s string) string {
	if len(s) > journalBody {
		return s[:journalBody] + cutMark
	}
	return s
}

// form masks the values of a query or a form body.
func (s secrets) form(in string) string {
	if in == "" {
		return ""
	}
	parts := strings.Split(in, "&")
	for i, p := range parts {
		name, _, found := strings.Cut(p, "=")
		if found && s[strings.ToLower(name)] {
			parts[i] = name + "=" + masked
		}
	}
	return strings.Join(parts, "&")
}

// json masks the values of secret keys at any depth. It works on the text, so
// that it changes nothing else and masks secrets in broken JSON too.
func (s secrets) json(in string) string {
	var out strings.Builder
	last := 0 // everything before it is in out already
	for i := 0; i < len(in); {
		if in[i] != '"' {
			i++
			continue
		}
		end := stringEnd(in, i)
		name := in[i:end]
		value := skipSpace(in, end)
		i = end
		if value >= len(in) || in[value] != ':' || !s.has(name) {
			continue
		}
		from := skipSpace(in, value+1)
		to := valueEnd(in, from)
		if to == from {
			continue
		}
		out.WriteString(in[last:from])
		out.WriteString(`"` + masked + `"`)
		last, i = to, to
	}
	if last == 0 {
		return in
	}
	out.WriteString(in[last:])
	return out.String()
}

// has reports whether a name, with its quotes and escapes, is that of a secret.
func (s secrets) has(quoted string) bool {
	name := strings.Trim(quoted, `"`)
	if strings.Contains(name, `\`) {
		_ = json.Unmarshal([]byte(quoted), &name) // a broken escape names no secret
	}
	return s[strings.ToLower(name)]
}

// stringEnd is the index behind the string literal that begins at i.
func stringEnd(in string, i int) int {
	for i++; i < len(in); i++ {
		switch in[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(in)
}

func skipSpace(in string, i int) int {
	for i < len(in) && strings.IndexByte(" \t\r\n", in[i]) >= 0 {
		i++
	}
	return i
}

// valueEnd is the index behind the JSON value that begins at i: a string, a
// number or word, or a whole object or list.
func valueEnd(in string, i int) int {
	depth := 0
	for i < len(in) {
		switch in[i] {
		case '"':
			i = stringEnd(in, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
			i++
		case ',':
			if depth == 0 {
				return i
			}
			i++
			continue
		default:
			i++
			continue
		}
		if depth == 0 {
			return i
		}
	}
	return i
}
