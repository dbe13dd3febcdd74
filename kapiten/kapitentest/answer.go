package kapitentest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// answer is what a view gives back.
type answer struct {
	status int
	header http.Header
	body   any    // JSON, unless page is set
	page   string // HTML outside the API framework: no Allow, no Vary
}

// detail is the framework's answer with one message.
func detail(status int, message string) *answer {
	return &answer{status: status, body: detailBody{message}}
}

type detailBody struct {
	Detail string `json:"detail"`
}

// notFound is the message of a missing object; model is the class's name.
func notFound(model string) *answer {
	return detail(http.StatusNotFound, "No "+model+" matches the given query.")
}

func unauthorized(message string) *answer {
	a := detail(http.StatusUnauthorized, message)
	a.header = http.Header{"Www-Authenticate": {"Token"}}
	return a
}

// throttled has the wait rounded up to whole seconds; zero says none.
func throttled(wait time.Duration) *answer {
	if wait <= 0 {
		return detail(http.StatusTooManyRequests, "Request was throttled.")
	}
	seconds := int((wait + time.Second - 1) / time.Second)
	unit := "seconds"
	if seconds == 1 {
		unit = "second"
	}
	return detail(http.StatusTooManyRequests,
		fmt.Sprintf("Request was throttled. Expected available in %d %s.", seconds, unit))
}

func noRoute() *answer {
	return &answer{status: http.StatusNotFound, page: djangoPage("Not Found", "The requested resource was not found on this server.")}
}

func serverError() *answer {
	return &answer{status: http.StatusInternalServerError, page: djangoPage("Server Error (500)", "")}
}

func djangoPage(title, text string) string {
	return fmt.Sprintf("\n<!doctype html>\n<html lang=\"en\">\n<head>\n  <title>%[1]s</title>\n</head>\n<body>\n  <h1>%[1]s</h1><p>%[2]s</p>\n</body>\n</html>\n", title, text)
}

// write sends an answer in the format the client accepts.
func (a *answer) write(w http.ResponseWriter, allow string, asHTML bool) {
	h := w.Header()
	for name, values := range a.header {
		h[name] = values
	}
	if a.page != "" {
		h.Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(a.status)
		_, _ = w.Write([]byte(a.page)) // the answer is held in memory
		return
	}
	if allow != "" {
		h.Set("Allow", allow)
	}
	h.Set("Vary", "Accept")
	body := compact(a.body)
	if asHTML {
		h.Set("Content-Type", "text/html; charset=utf-8")
		body = []byte("<!doctype html>\n<title>Kapiten</title>\n<pre>HTTP " + strconv.Itoa(a.status) + "\n\n" + html.EscapeString(string(body)) + "</pre>\n")
	} else {
		h.Set("Content-Type", "application/json")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body)
}

// compact is JSON without spaces and without escapes that JSON does not need.
func compact(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // only types of this package come here
		panic("kapitentest: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// refuse is the answer of a fault rule.
func (f *Fake) refuse(w http.ResponseWriter, r *http.Request, status int, wait time.Duration) {
	var a *answer
	switch status {
	case http.StatusUnauthorized:
		a = unauthorized("Invalid token.")
	case http.StatusForbidden:
		a = detail(status, "You do not have permission to perform this action.")
	case http.StatusNotFound:
		a = detail(status, "Not found.")
	case http.StatusMethodNotAllowed:
		a = detail(status, fmt.Sprintf("Method %q not allowed.", r.Method))
	case http.StatusTooManyRequests:
		a = throttled(wait)
	case http.StatusBadRequest:
		a = detail(status, "Malformed request.")
	default:
		a = detail(status, "A server error occurred.")
		if status < 500 {
			a = detail(status, http.StatusText(status))
		}
	}
	allow := ""
	if v, _, _ := f.find(r.URL.Path); v != nil {
		allow = v.allow
	}
	a.write(w, allow, false)
}

// float writes an amount as Python writes a float: 1200.0.
func float(d decimal.Decimal) json.RawMessage {
	s := plain(d)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return json.RawMessage(s)
}

// integer writes a whole amount without a point, any other as a float.
func integer(d decimal.Decimal) json.RawMessage { return json.RawMessage(plain(d)) }

// plain is the shortest decimal text.
func plain(d decimal.Decimal) string {
	s := d.StringFixed(max(-d.Exponent(), 0))
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// money writes an amount the way the Config wants it.
func (f *Fake) money(d decimal.Decimal) json.RawMessage {
	if f.config.DecimalStrings {
		return json.RawMessage(`"` + d.StringFixed(2) + `"`)
	}
	return float(d)
}
