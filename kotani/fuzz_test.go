package kotani_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Whatever comes back, a payment is reported done only with a response that
// names it, and refused only when somebody said so.
func FuzzResponses(f *testing.F) {
	for _, body := range []string{
		`{"id":7,"amount":"20","externalId":"order-1"}`, `{"status":400,"desc":"insufficient balance"}`, `{"status":"Unauthorized"}`, `{"status":false}`,
		`{"status":1e400}`, `{"result":{"requestId":"7"}}`, `{"result":"x"}`, `<html>`, ``, `null`, `[]`, `{"id":{}}`, `{"amount":"1e999999999","id":1}`,
	} {
		f.Add(200, body)
		f.Add(400, body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		s := newScript(respond(status, body))
		client := newClient(t, s, func(c *kotani.Config) { c.MaxAttempts = 1 })
		p := validWithdraw
		p.ExternalID, p.AllowNoExternalID = "", true
		got, err := client.Fiat.Withdraw(t.Context(), p)
		if err == nil {
			if status >= 300 || got.RequestID+got.ExternalID == "" {
				t.Errorf("%d %q was taken as %+v", status, body, got)
			}
			return
		}
		e := failure(t, err)
		switch e.Outcome {
		case sdk.Rejected:
			if status >= 500 || status >= 300 && status < 400 || status < 300 && !strings.Contains(body, "status") {
				t.Errorf("%d %q was taken as a refusal", status, body)
			}
		case sdk.Unknown:
		default:
			t.Errorf("%d %q: outcome %s of a request that left", status, body, e.Outcome)
		}
		if errors.Is(err, sdk.ErrNotSent) || strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("%d %q: %q", status, body, err)
		}
		_, _ = client.FiatConnect.QuoteIn(t.Context(), quoteParams)
		_, _ = client.FiatConnect.ListAccounts(t.Context())
		_, _ = client.FiatConnect.GetTransfer(t.Context(), "t-1")
	})
}

// A login's cookies come from the server: what is sent back must still be one
// header, and nothing of ours may break on them.
func FuzzCookies(f *testing.F) {
	for _, line := range []string{
		sessionPair, "s=1; Max-Age=0", "s=1; Expires=Fri, 03 Apr 2026 09:10:00 GMT", `s="a b"; Secure`, "=; x", ";;;", "s=\x00", "a=b\r\nEvil: 1", "s=1; Max-Age=99999999999999999999",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		s := newScript(respond(200, `{}`))
		s.aside[siwePath] = []step{func(req *http.Request) *http.Response {
			r := respond(200, ``)(req)
			r.Header["Set-Cookie"] = []string{line}
			return r
		}}
		client := newClient(t, s, func(c *kotani.Config) { c.MaxAttempts = 1 })
		if _, err := client.FiatConnect.ListAccounts(t.Context()); err != nil {
			return
		}
		sent := s.requests()[0].Header.Values("Cookie")
		if len(sent) != 1 || sent[0] == "" || strings.ContainsAny(sent[0], "\r\n\x00") {
			t.Errorf("%q came back as %q", line, sent)
		}
	})
}
