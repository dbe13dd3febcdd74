package kapitentest

import (
	"net/http"
	"strconv"
	"strings"
)

// page is one page of a list, with its four keys in the framework's order.
// next and previous are left out when omitted, null when not there.
type page struct {
	count    int
	next     *string
	previous *string
	results  any
	omitNull bool
}

// MarshalJSON writes the keys in order.
func (p page) MarshalJSON() ([]byte, error) {
	out := object{{"count", p.count}}
	if p.next != nil || !p.omitNull {
		out = append(out, member{"next", p.next})
	}
	if p.previous != nil || !p.omitNull {
		out = append(out, member{"previous", p.previous})
	}
	return append(out, member{"results", p.results}).MarshalJSON()
}

// paginate answers the page a request asks for. rows gives up to n rows after
// skipping some; it costs the page, not the list.
func paginate[T any](f *Fake, c *call, count int, rows func(skip, n int) []T) *answer {
	size := f.config.PageSize
	pages := max(1, (count+size-1)/size)
	number, ok := pageNumber(c.request, pages)
	if !ok {
		return detail(http.StatusNotFound, "Invalid page.")
	}
	results := rows((number-1)*size, size)
	if results == nil {
		results = []T{}
	}
	p := page{count: count, results: results, omitNull: f.config.OmitNullLinks}
	if number < pages {
		p.next = f.pageLink(c.request, number+1)
	}
	if number > 1 {
		p.previous = f.pageLink(c.request, number-1)
	}
	return &answer{status: http.StatusOK, body: p}
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

// pageLink is the URL of the request with another page; page 1 has no page in
// it. The other parameters are kept, sorted by name.
func (f *Fake) pageLink(r *http.Request, number int) *string {
	u := f.world.ExternalURL(r)
	q := u.Query()
	q.Del("page")
	if number > 1 {
		q.Set("page", strconv.Itoa(number))
	}
	u.RawQuery = q.Encode()
	if f.config.NextLinkHost != "" {
		u.Scheme, u.Host = "https", f.config.NextLinkHost
	}
	link := u.String()
	return &link
}
