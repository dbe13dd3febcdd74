package bitpesatest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

type route struct {
	method   string
	segments []string // {} is a parameter
	handle   func(*Fake, *call) answer
}

// newRoutes is the vendor's OpenAPI, all 49 operations. Of two that fit the
// first counts.
func newRoutes() []route {
	var all []route
	add := func(method, path string, handle func(*Fake, *call) answer) {
		all = append(all, route{method, strings.Split(path, "/"), handle})
	}
	add("GET", "accounts", (*Fake).listAccounts)
	add("GET", "accounts/{}", (*Fake).getAccount)
	add("POST", "accounts/debits", (*Fake).createDebits)
	add("POST", "account_validations", (*Fake).validateAccount)
	add("GET", "api_logs", (*Fake).listAPILogs)
	add("GET", "api_logs/{}", (*Fake).getAPILog)
	add("GET", "dlocal/balance", (*Fake).dlocalBalance)
	add("GET", "info/currencies", (*Fake).listCurrencies)
	add("GET", "info/currencies/in", (*Fake).listCurrenciesIn)
	add("GET", "info/currencies/out", (*Fake).listCurrenciesOut)
	add("GET", "info/payment_methods/in", (*Fake).listMethodsIn)
	add("GET", "info/payment_methods/out", (*Fake).listMethodsOut)
	add("GET", "logs/webhooks", (*Fake).listWebhookLogs)
	add("GET", "logs/{}", (*Fake).getWebhookLog)
	add("GET", "mandates/{}", (*Fake).getMandate)

	add("GET", "documents", (*Fake).listDocuments)
	add("POST", "documents", (*Fake).createDocument)
	add("GET", "documents/{}", (*Fake).getDocument)
	add("GET", "payin_methods/{}", (*Fake).getPayinMethod)
	add("PATCH", "payin_methods/{}", (*Fake).updatePayinMethod)
	add("DELETE", "payin_methods/{}", (*Fake).deletePayinMethod)
	add("POST", "payin_methods/{}/retry", (*Fake).retryPayinMethod)
	add("GET", "payout_methods", (*Fake).listPayoutMethods)
	add("POST", "payout_methods", (*Fake).createPayoutMethod)
	add("GET", "payout_methods/{}", (*Fake).getPayoutMethod)
	add("PATCH", "payout_methods/{}", (*Fake).updatePayoutMethod)
	add("DELETE", "payout_methods/{}", (*Fake).deletePayoutMethod)

	add("GET", "recipients", (*Fake).listRecipients)
	add("PATCH", "recipients/{}", (*Fake).updateRecipient)
	add("DELETE", "recipients/{}", (*Fake).deleteRecipient)
	add("GET", "recipients/{}/proof_of_payments", (*Fake).listProofs)
	add("GET", "senders", (*Fake).listSenders)
	add("POST", "senders", (*Fake).createSender)
	add("GET", "senders/{}", (*Fake).getSender)
	add("PATCH", "senders/{}", (*Fake).updateSender)
	add("DELETE", "senders/{}", (*Fake).deleteSender)

	add("GET", "transactions", (*Fake).listTransactions)
	add("POST", "transactions", (*Fake).createTransaction)
	add("POST", "transactions/create_and_fund", (*Fake).createAndFund)
	add("POST", "transactions/calculate", (*Fake).calculate)
	add("POST", "transactions/validate", (*Fake).validate)
	add("GET", "transactions/{}", (*Fake).getTransaction)
	add("POST", "transactions/{}/payin", (*Fake).payin)
	add("POST", "transactions/{}/payout", (*Fake).payout)
	add("GET", "webhooks", (*Fake).listWebhooks)
	add("POST", "webhooks", (*Fake).createWebhook)
	add("GET", "webhooks/events", (*Fake).listEvents)
	add("GET", "webhooks/{}", (*Fake).getWebhook)
	add("DELETE", "webhooks/{}", (*Fake).deleteWebhook)
	return all
}

// find is the operation a path names, with the path's parameters decoded.
func find(routes []route, method, escapedPath string) (handle func(*Fake, *call) answer, params []string) {
	path, ok := strings.CutPrefix(escapedPath, base+"/")
	if !ok {
		return nil, nil
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		decoded, err := url.PathUnescape(s)
		if err != nil || decoded == "" {
			return nil, nil
		}
		segments[i] = decoded
	}
	for _, r := range routes {
		if params, ok := r.fits(method, segments); ok {
			return r.handle, params
		}
	}
	return nil, nil
}

func (r route) fits(method string, segments []string) (params []string, ok bool) {
	if r.method != method || len(r.segments) != len(segments) {
		return nil, false
	}
	for i, want := range r.segments {
		switch {
		case want == "{}":
			params = append(params, segments[i])
		case want != segments[i]:
			return nil, false
		}
	}
	return params, true
}

// serve answers one request of the API: the signature first, over the raw
// bytes, then the path.
func (f *Fake) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil { // the body is in memory; nothing to read means nothing to answer
		refuse(w, r, http.StatusBadRequest, 0)
		return
	}
	status, text := f.respond(r, body)
	write(w, status, text)
}

func (f *Fake) respond(r *http.Request, body []byte) (int, []byte) {
	f.world.Lock()
	defer f.world.Unlock()
	a, ok := f.authenticate(r, body)
	if !ok {
		return encode(refused(http.StatusUnauthorized))
	}
	out := notFound()
	if handle, params := find(f.routes, r.Method, r.URL.EscapedPath()); handle != nil {
		out = handle(f, &call{account: a, request: r, params: params, query: r.URL.Query(), body: body})
	}
	status, text := encode(out)
	f.logCall(a, r, body, status, text)
	return status, text
}

func encode(a answer) (int, []byte) {
	text, err := json.Marshal(a.body)
	if err != nil {
		panic(err) // the fake's own mistake; the core answers 500
	}
	return a.status, text
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone needs no answer
}

// call is one authenticated request on its way to a handler.
type call struct {
	account *account
	request *http.Request
	params  []string // of the path, decoded
	query   url.Values
	body    []byte
}

// wrapped is the object a body wraps under a name.
func (c *call) wrapped(name string) (object, bool) {
	body, ok := readObject(c.body)
	if !ok {
		return nil, false
	}
	in, ok := body[name].(object)
	return in, ok
}

// unwrapped is a body that needs no wrapper; one is tolerated.
func (c *call) unwrapped(name string) (object, bool) {
	body, ok := readObject(c.body)
	if in := child(body, name); in != nil {
		return in, true
	}
	return body, ok
}

// values are those of a list filter: name[]=a&name[]=b as documented, or name=a
// repeated as the vendor's JavaScript SDK writes it.
func (c *call) values(name string) []string {
	return append(append([]string{}, c.query[name+"[]"]...), c.query[name]...)
}

// createdWithin reads created_at_from and created_at_to, whole days or instants,
// both inclusive.
func (c *call) createdWithin() (match func(time.Time) bool, ok bool) {
	from, _, okFrom := readMoment(c.query.Get("created_at_from"))
	_, to, okTo := readMoment(c.query.Get("created_at_to"))
	return func(t time.Time) bool {
		return (from.IsZero() || !t.Before(from)) && (to.IsZero() || t.Before(to))
	}, okFrom && okTo
}

// readMoment is the first instant of a day or moment and the first one behind.
func readMoment(s string) (begin, end time.Time, ok bool) {
	if s == "" {
		return begin, end, true
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, t.AddDate(0, 0, 1), true
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, t.Add(1), true
	}
	return begin, end, false
}

// answer is a response before it is written.
type answer struct {
	status int
	body   any
}

func success(v any) answer { return answer{http.StatusOK, object{"object": v}} }
func created(v any) answer { return answer{http.StatusCreated, object{"object": v}} }

// invalid is a 422: the object as it was sent, with its errors.
func invalid(echo object, p problems) answer {
	echo = orEmpty(echo)
	echo["errors"] = p
	return answer{http.StatusUnprocessableEntity, object{"object": echo}}
}

// refused is an error the vendor publishes no body for (assumed, but for 400).
func refused(status int) answer {
	return answer{status, object{"status": status, "error": http.StatusText(status)}}
}

func notFound() answer   { return refused(http.StatusNotFound) }
func badRequest() answer { return refused(http.StatusBadRequest) }

const (
	defaultPer = 10   // documented
	largestPer = 1000 // unpublished; assumed
)

// page answers one page of rows, which are newest first (assumed). A page or a
// size that is no number above zero counts as not given.
func page[T any](c *call, rows []T, render func(T) object) answer {
	number, per := positive(c.query.Get("page"), 1), min(positive(c.query.Get("per"), defaultPer), largestPer)
	pages := (len(rows) + per - 1) / per
	list := []any{}
	if number <= pages {
		for _, row := range rows[(number-1)*per : min(number*per, len(rows))] {
			list = append(list, render(row))
		}
	}
	pagination := object{"current_page": number, "next_page": nil, "prev_page": nil, "total_pages": pages, "total_count": len(rows)}
	if number < pages {
		pagination["next_page"] = number + 1
	}
	if number > 1 && number <= pages {
		pagination["prev_page"] = number - 1
	}
	return answer{http.StatusOK, object{"object": list, "meta": object{"pagination": pagination}}}
}

func positive(s string, otherwise int) int {
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return n
	}
	return otherwise
}
