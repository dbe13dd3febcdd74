package bitpesatest

import (
	"net/url"
	"strings"
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
