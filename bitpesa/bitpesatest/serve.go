package bitpesatest

import (
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// operation carries out one authenticated request. The lock is held.
type operation func(*Fake, *call) response

// call is one authenticated request on its way to its operation.
type call struct {
	account *account
	request *http.Request
	query   url.Values
	body    []byte
}

// operations are keyed by their names in the client's operation table.
func operations() map[string]operation {
	return map[string]operation{
		bitpesa.OpListAccounts:      (*Fake).listAccounts,
		bitpesa.OpGetAccount:        (*Fake).getAccount,
		bitpesa.OpCreateDebits:      (*Fake).createDebits,
		bitpesa.OpValidateAccount:   (*Fake).validateAccount,
		bitpesa.OpListAPILogs:       listLogs(apiLogs),
		bitpesa.OpGetAPILog:         one(apiLogs, (*Fake).getLog),
		bitpesa.OpListWebhookLogs:   listLogs(webhookLogs),
		bitpesa.OpGetWebhookLog:     one(webhookLogs, (*Fake).getLog),
		bitpesa.OpBalance:           (*Fake).dlocalBalance,
		bitpesa.OpCurrencies:        (*Fake).listCurrencies,
		bitpesa.OpCurrenciesIn:      (*Fake).listCurrenciesIn,
		bitpesa.OpCurrenciesOut:     (*Fake).listCurrenciesOut,
		bitpesa.OpPaymentMethodsIn:  (*Fake).listMethodsIn,
		bitpesa.OpPaymentMethodsOut: (*Fake).listMethodsOut,
		bitpesa.OpGetMandate:        one(mandates, (*Fake).getMandate),

		bitpesa.OpListDocuments:      (*Fake).listDocuments,
		bitpesa.OpCreateDocument:     wrapped("document", (*Fake).createDocument),
		bitpesa.OpGetDocument:        one(documents, (*Fake).getDocument),
		bitpesa.OpGetPayinMethod:     one(payinMethods, (*Fake).getPayinMethod),
		bitpesa.OpUpdatePayinMethod:  one(payinMethods, (*Fake).updatePayinMethod),
		bitpesa.OpCancelPayinMethod:  one(payinMethods, (*Fake).cancelPayinMethod),
		bitpesa.OpRetryPayinMethod:   one(payinMethods, (*Fake).retryPayinMethod),
		bitpesa.OpListPayoutMethods:  (*Fake).listPayoutMethods,
		bitpesa.OpCreatePayoutMethod: wrapped("payout_method", (*Fake).createPayoutMethod),
		bitpesa.OpGetPayoutMethod:    one(payoutMethods, (*Fake).getPayoutMethod),
		bitpesa.OpUpdatePayoutMethod: one(payoutMethods, (*Fake).updatePayoutMethod),
		bitpesa.OpDeletePayoutMethod: one(payoutMethods, (*Fake).deletePayoutMethod),

		bitpesa.OpListRecipients:  (*Fake).listRecipients,
		bitpesa.OpUpdateRecipient: one(recipients, (*Fake).updateRecipient),
		bitpesa.OpCancelRecipient: one(recipients, (*Fake).deleteRecipient),
		bitpesa.OpProofOfPayments: one(recipients, (*Fake).listProofs),
		bitpesa.OpListSenders:     (*Fake).listSenders,
		bitpesa.OpCreateSender:    wrapped("sender", (*Fake).createSender),
		bitpesa.OpGetSender:       one(senders, (*Fake).getSender),
		bitpesa.OpUpdateSender:    one(senders, (*Fake).updateSender),
		bitpesa.OpDeleteSender:    one(senders, (*Fake).deleteSender),

		bitpesa.OpListTransactions:    (*Fake).listTransactions,
		bitpesa.OpCreateTransaction:   wrapped("transaction", (*Fake).createTransaction),
		bitpesa.OpCreateAndFund:       wrapped("transaction", (*Fake).createAndFund),
		bitpesa.OpCalculate:           wrapped("transaction", (*Fake).calculate),
		bitpesa.OpValidateTransaction: wrapped("transaction", (*Fake).validate),
		bitpesa.OpGetTransaction:      one(transactions, (*Fake).getTransaction),
		bitpesa.OpSandboxPayIn:        one(transactions, (*Fake).sandboxPayIn),
		bitpesa.OpSandboxPayOut:       one(transactions, (*Fake).sandboxPayOut),
		bitpesa.OpListWebhooks:        (*Fake).listWebhooks,
		bitpesa.OpCreateWebhook:       wrapped("webhook", (*Fake).createWebhook),
		bitpesa.OpGetWebhook:          one(webhooks, (*Fake).getWebhook),
		bitpesa.OpDeleteWebhook:       one(webhooks, (*Fake).deleteWebhook),
		bitpesa.OpWebhookEvents:       (*Fake).listEvents,
	}
}

// one is an operation on the object which the path names. It responds 404 if the
// account has no such object.
func one[T any](in func(*account) *fake.Store[T], handle func(*Fake, *call, *T) response) operation {
	return func(f *Fake, c *call) response {
		x := in(c.account).Find(c.request.PathValue("id"))
		if x == nil {
			return notFound()
		}
		return handle(f, c, x)
	}
}

// wrapped is an operation on the object which the body wraps under a name. It
// responds 400 if the body has no such object.
func wrapped(name string, handle func(*Fake, *call, object) response) operation {
	return func(f *Fake, c *call) response {
		in, ok := c.wrapped(name)
		if !ok {
			return badRequest()
		}
		return handle(f, c, in)
	}
}

func unknownPath(*Fake, *call) response { return notFound() }

// newMux routes by the methods and paths of the client's operation table.
// Whatever else is asked for, a known path with another method included, is 404
// (assumed).
func (f *Fake) newMux() *http.ServeMux {
	mux := http.NewServeMux()
	all := operations()
	handler := func(handle operation) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { f.serve(w, r, handle) }
	}
	for _, op := range bitpesa.Operations() {
		if handle := all[op.Name]; handle != nil {
			mux.Handle(op.Method+" "+op.Path, handler(handle))
		}
	}
	mux.Handle("/", handler(unknownPath))
	return mux
}

// route serves the API. ServeMux would redirect a path with a double slash or
// with dots, and treat HEAD like GET; both are unknown here.
func (f *Fake) route(w http.ResponseWriter, r *http.Request) {
	if p := r.URL.EscapedPath(); path.Clean(p) != strings.TrimSuffix(p, "/") || r.Method == http.MethodHead {
		f.serve(w, r, unknownPath)
		return
	}
	f.mux.ServeHTTP(w, r)
}

// serve checks the signature over the raw bytes, then carries out the operation.
func (f *Fake) serve(w http.ResponseWriter, r *http.Request, handle operation) {
	body, err := io.ReadAll(r.Body)
	if err != nil { // cannot happen: the core has read the body into memory
		refuse(w, r, http.StatusBadRequest, 0)
		return
	}
	status, text := f.respond(w, r, body, handle)
	write(w, status, text)
}

func (f *Fake) respond(w http.ResponseWriter, r *http.Request, body []byte, handle operation) (int, []byte) {
	f.world.LockFor(r)
	defer f.world.Unlock()
	a, failed := f.authenticate(r, body)
	if failed != "" {
		fake.Because(w, failed)
		return refused(http.StatusUnauthorized).encode()
	}
	f.moved = nil // by events and by hand
	status, text := handle(f, &call{account: a, request: r, query: r.URL.Query(), body: body}).encode()
	fake.About(w, f.moved...)
	f.logCall(a, r, body, status, text)
	return status, text
}

// refuse writes an error response outside of any operation.
func refuse(w http.ResponseWriter, _ *http.Request, status int, _ time.Duration) {
	out := refused(status)
	if status == http.StatusUnprocessableEntity { // the vendor's 422 says what is wrong
		out = invalid(nil, sentence(http.StatusText(status)))
	}
	status, text := out.encode()
	write(w, status, text)
}

// wrapped is the object that a body wraps under a name.
func (c *call) wrapped(name string) (object, bool) {
	body, ok := readObject(c.body)
	if !ok {
		return nil, false
	}
	in, ok := body[name].(object)
	return in, ok
}

// unwrapped is a body that needs no wrapper. A wrapper is tolerated.
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

// createdWithin reads created_at_from and created_at_to: whole days or instants,
// both inclusive.
func (c *call) createdWithin() (match func(time.Time) bool, ok bool) {
	from, _, okFrom := readMoment(c.query.Get("created_at_from"))
	_, to, okTo := readMoment(c.query.Get("created_at_to"))
	return func(t time.Time) bool {
		return (from.IsZero() || !t.Before(from)) && (to.IsZero() || t.Before(to))
	}, okFrom && okTo
}

// readMoment is the first instant of a day or moment, and the first instant
// after it.
func readMoment(s string) (begin, end time.Time, ok bool) {
	if s == "" {
		return begin, end, true
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, t.AddDate(0, 0, 1), true
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, t.Add(1), true
		}
	}
	return begin, end, false
}

// response is an HTTP response before it is written.
type response struct {
	status int
	body   object
}

func success(v any) response { return response{http.StatusOK, object{"object": v}} }
func created(v any) response { return response{http.StatusCreated, object{"object": v}} }

// invalid is a 422: the object as it was sent, with its errors.
func invalid(echo object, p problems) response {
	echo = orEmpty(echo)
	echo["errors"] = p
	return response{http.StatusUnprocessableEntity, object{"object": echo}}
}

// withMeta adds meta to a response.
func (r response) withMeta(meta object) response {
	r.body["meta"] = meta
	return r
}

// refused is an error. The vendor publishes a body for 400 only; the others are
// assumed.
func refused(status int) response {
	return response{status, object{"status": status, "error": http.StatusText(status)}}
}

func notFound() response   { return refused(http.StatusNotFound) }
func badRequest() response { return refused(http.StatusBadRequest) }

func (r response) encode() (int, []byte) {
	return r.status, fake.Encode(r.body)
}

func write(w http.ResponseWriter, status int, body []byte) {
	fake.Respond(w, status, "application/json; charset=utf-8", body)
}

const (
	defaultPer = 10   // documented
	largestPer = 1000 // unpublished; assumed
)

// page responds with one page of rows, which are newest first (assumed). A page
// or a size that is no number above zero counts as not given.
func page[T any](c *call, rows []T, render func(T) object) response {
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
	return success(list).withMeta(object{"pagination": pagination})
}

func positive(s string, otherwise int) int {
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return n
	}
	return otherwise
}
