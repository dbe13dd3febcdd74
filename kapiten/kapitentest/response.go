package kapitentest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/sdk/fake"
	"github.com/shopspring/decimal"
)

// response is what an operation gives back.
type response struct {
	status int
	header http.Header
	body   any    // JSON, unless page is set
	page   string // HTML outside the API framework: no Allow, no Vary
}

// detail is the framework's response with one message.
func detail(status int, message string) *response {
	return &response{status: status, body: object{{"detail", message}}}
}

// notFound is the message of a missing object; model is the class's name, empty
// for an id that is no id.
func notFound(model string) *response {
	if model == "" {
		return detail(http.StatusNotFound, "Not found.")
	}
	return detail(http.StatusNotFound, "No "+model+" matches the given query.")
}

func unauthorized(message string) *response {
	a := detail(http.StatusUnauthorized, message)
	a.header = http.Header{"Www-Authenticate": {"Token"}}
	return a
}

func forbidden() *response {
	return detail(http.StatusForbidden, "You do not have permission to perform this action.")
}

func notAllowed(method string) *response {
	return detail(http.StatusMethodNotAllowed, fmt.Sprintf(`Method "%s" not allowed.`, method))
}

// noRoute is the page of the server below the API framework.
func noRoute() *response {
	return &response{status: http.StatusNotFound, page: "\n<!doctype html>\n<html lang=\"en\">\n<head>\n  <title>Not Found</title>\n</head>\n" +
		"<body>\n  <h1>Not Found</h1><p>The requested resource was not found on this server.</p>\n</body>\n</html>\n"}
}

// write sends a response in the format the client accepts.
func (a *response) write(w http.ResponseWriter, allow string, asHTML bool) {
	h := w.Header()
	maps.Copy(h, a.header)
	body := []byte(a.page)
	if a.page == "" {
		if allow != "" {
			h.Set("Allow", allow)
		}
		h.Set("Vary", "Accept")
		body = encode(a.body)
	}
	switch {
	case a.page != "":
		h.Set("Content-Type", mediaHTML+"; charset=utf-8")
	case asHTML:
		h.Set("Content-Type", mediaHTML+"; charset=utf-8")
		body = []byte("<!doctype html>\n<title>Kapiten</title>\n<pre>HTTP " + strconv.Itoa(a.status) + "\n\n" + html.EscapeString(string(body)) + "</pre>\n")
	default:
		h.Set("Content-Type", mediaJSON)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body) // the response is held in memory
}

// encode is JSON without spaces and without escapes that JSON does not need.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	fake.Must(e.Encode(v)) // only types of this package come here
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// object is a JSON object, never empty, whose keys keep their order.
type object []member

type member struct {
	key   string
	value any
}

// MarshalJSON writes the members in order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	separator := byte('{')
	for _, m := range o {
		b.WriteByte(separator)
		separator = ','
		fake.Must(e.Encode(m.key))
		b.Truncate(b.Len() - 1) // the Encoder's newline
		b.WriteByte(':')
		fake.Must(e.Encode(m.value))
		b.Truncate(b.Len() - 1)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// timestamp is written as a Django REST framework does in UTC: microseconds
// only where there are some.
type timestamp time.Time

func (t timestamp) MarshalJSON() ([]byte, error) {
	layout := `"2006-01-02T15:04:05Z"`
	if time.Time(t).Nanosecond()/1000 != 0 {
		layout = `"2006-01-02T15:04:05.000000Z"`
	}
	return []byte(time.Time(t).UTC().Format(layout)), nil
}

// money writes an amount the way the Config wants it.
func (f *Fake) money(d decimal.Decimal) json.RawMessage {
	if f.config.Quirks.DecimalStrings {
		return json.RawMessage(`"` + d.StringFixed(2) + `"`)
	}
	return float(d)
}

// float writes a number with a point, as the document shows amounts: 1200.0.
func float(d decimal.Decimal) json.RawMessage {
	s := d.String()
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return json.RawMessage(s)
}

// integer writes a whole number without a point, any other as it is.
func integer(d decimal.Decimal) json.RawMessage { return json.RawMessage(d.String()) }

// paginate is the page a request asks for: four keys in the framework's order. rows gives up to n rows after skipping some; a page costs the same
// however long the list is.
func paginate[T any](f *Fake, c *call, count int, rows func(skip, n int) []T) *response {
	size := f.config.Quirks.PageSize
	pages := max(1, (count+size-1)/size)
	number, ok := pageNumber(c.request, pages)
	if !ok {
		return detail(http.StatusNotFound, "Invalid page.")
	}
	results := rows((number-1)*size, size)
	if results == nil {
		results = []T{}
	}
	page := object{{"count", count}}
	for _, link := range []struct {
		key    string
		number int
		exists bool
	}{{"next", number + 1, number < pages}, {"previous", number - 1, number > 1}} {
		if link.exists {
			page = append(page, member{link.key, f.pageLink(c.request, link.number)})
		} else if !f.config.Quirks.OmitNullLinks {
			page = append(page, member{link.key, nil})
		}
	}
	return &response{status: http.StatusOK, body: append(page, member{"results", results})}
}

func pageNumber(r *http.Request, pages int) (int, bool) {
	values := r.URL.Query()["page"]
	if len(values) == 0 || values[len(values)-1] == "" {
		return 1, true
	}
	text := values[len(values)-1]
	if text == "last" {
		return pages, true
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	return n, err == nil && n >= 1 && n <= pages
}

// pageLink is the URL of the request with another page; a link to page 1 has no
// page in it. The other parameters are kept, sorted by name.
func (f *Fake) pageLink(r *http.Request, number int) string {
	u := f.world.ExternalURL(r)
	q := u.Query()
	q.Del("page")
	if number > 1 {
		q.Set("page", strconv.Itoa(number))
	}
	u.RawQuery = q.Encode()
	if host := f.config.Quirks.NextLinkHost; host != "" {
		u.Scheme, u.Host = "https", host
	}
	return u.String()
}
