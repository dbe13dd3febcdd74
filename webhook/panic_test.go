package webhook_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/webhook"
)

// Wherever the code of others panics, the sender is told to come again, the Report has
// the trust that the delivery had by then, and the panic's value is written nowhere.
func TestAPanicIsReportedWithItsTrustAndWithoutItsValue(t *testing.T) {
	for name, tc := range map[string]struct {
		panics func(c *setup, planted func()) // makes one function call planted first
		trust  webhook.Trust
		knows  string // the reference that the Report names
	}{
		"Handle, of what is posted": {func(c *setup, planted func()) {
			c.Handle = func(context.Context, webhook.Event[order]) error { planted(); return nil }
		}, webhook.Posted, "o1"},
		"Handle, of what is signed": {func(c *setup, planted func()) {
			c.Auth = webhook.Signature(stamped, newKey)
			c.Handle = func(context.Context, webhook.Event[order]) error { planted(); return nil }
		}, webhook.Verified, "o1"},
		"Handle, of what the API says": {func(c *setup, planted func()) {
			c.Source.Ask = says
			c.Handle = func(context.Context, webhook.Event[order]) error { planted(); return nil }
		}, webhook.Confirmed, "o1"},
		"the client": {func(c *setup, planted func()) {
			c.Source.Ask = func(ctx context.Context, about webhook.Identity) (order, error) { planted(); return says(ctx, about) }
		}, webhook.Posted, ""},
		"Known": {func(c *setup, planted func()) {
			c.Source.Ask = says
			c.Known = func(context.Context, string) (bool, error) { planted(); return true, nil }
		}, webhook.Posted, ""},
		"Known, of what is signed": {func(c *setup, planted func()) {
			c.Source.Ask = says
			c.Auth = webhook.Signature(stamped, newKey)
			c.Known = func(context.Context, string) (bool, error) { planted(); return true, nil }
		}, webhook.Verified, ""},
		"Decode, of what is signed": {func(c *setup, planted func()) {
			c.Auth = webhook.Signature(stamped, newKey)
			decode := c.Source.Decode
			c.Source.Decode = func(body []byte) (order, error) { planted(); return decode(body) }
		}, webhook.Verified, ""},
		"Identify": {func(c *setup, planted func()) {
			identify := c.Source.Identify
			c.Source.Identify = func(o order) webhook.Identity { planted(); return identify(o) }
		}, webhook.Posted, ""},
		"the inbox, of what the API says": {func(c *setup, planted func()) {
			c.Source.Ask = says
			c.Inbox = panickyInbox{webhook.NewMemoryInbox(webhook.MemoryInboxConfig{}), planted}
		}, webhook.Confirmed, ""},
		"an authenticator": {func(c *setup, planted func()) {
			c.Auth = panickyAuth{webhook.PathSecret(pathSecret), planted}
		}, webhook.Posted, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, calls := &reports{}, 0
			var logged bytes.Buffer
			h, _ := merchant(t, func(c *setup) {
				c.Report = r.add
				c.Logger = slog.New(slog.NewTextHandler(&logged, nil))
				tc.panics(c, func() {
					if calls++; calls == 1 {
						panic("password=hunter2 of o1")
					}
				})
			})
			deliver := func() *httptest.ResponseRecorder {
				request := signedBy("Shop-Signature", fmt.Sprintf("t=%d,v1=%s", noon.Unix(), v1(newKey, noon, paid("o1"))), paid("o1"))
				request.URL.Path = "/hooks/" + pathSecret
				return send(h, request)
			}
			w := deliver()
			assert.Equal(t, 500, w.Code)
			var e *webhook.Error
			require.ErrorAs(t, r.last(), &e)
			require.ErrorIs(t, e, webhook.ErrPanic)
			assert.Equal(t, tc.trust, e.Trust)
			assert.Equal(t, tc.knows, e.Reference)
			assert.Contains(t, logged.String(), "panic_test.go", "the stack")
			for _, text := range []string{logged.String(), w.Body.String(), fmt.Sprintf("%v %+v %#v", e, e, e)} {
				assert.NotContains(t, text, "hunter2", "not the value")
			}
			assert.Equal(t, 201, deliver().Code, "the lease was released")
		})
	}
}

// says is an API for which every order is paid.
func says(_ context.Context, about webhook.Identity) (order, error) {
	return order{Reference: about.Reference, Status: "PAID"}, nil
}

type panickyInbox struct {
	webhook.Inbox
	planted func()
}

func (p panickyInbox) Do(ctx context.Context, c webhook.Claim, work webhook.Work) error {
	p.planted()
	return p.Inbox.Do(ctx, c, work)
}

type panickyAuth struct {
	webhook.Authenticator
	planted func()
}

func (p panickyAuth) Authenticate(d *webhook.Delivery) (webhook.Proof, error) {
	p.planted()
	return p.Authenticator.Authenticate(d)
}

func TestHooksThatPanicHurtNobody(t *testing.T) {
	var logged bytes.Buffer
	h, l := merchant(t, func(c *setup) {
		c.Logger = slog.New(slog.NewTextHandler(&logged, nil))
		c.Report = func(context.Context, error) { panic("report: password=hunter2") }
		c.Observe = func(context.Context, webhook.Observation) { panic("observe: password=hunter2") }
	})
	assert.Equal(t, 201, post(h, paid("o1")).Code)
	assert.Equal(t, 401, postTo(h, "/guess", paid("o2")).Code)
	for _, hook := range []string{"in=Report", "in=Observe"} {
		assert.Contains(t, logged.String(), hook)
	}
	assert.NotContains(t, logged.String(), "hunter2", "not the value")
	assert.Equal(t, []string{"o1 PAID"}, l.told())
}

func TestALookupThatPanicsIsAFailedLookup(t *testing.T) {
	h, l := merchant(t, confirming(&bank{}))
	r := reconciler(t, func(c *webhook.ReconcilerConfig[order]) {
		c.Handler, c.Open = h, open("o1", "o2")
		c.Ask = func(_ context.Context, reference string) (order, error) {
			if reference == "o1" {
				panic("password=hunter2")
			}
			return order{Reference: reference, Status: "PAID"}, nil
		}
	})
	s, err := r.Sweep(t.Context())
	require.NoError(t, err)
	assert.Equal(t, webhook.Sweep{Open: 2, Asked: 2, Applied: 1, Failed: 1}, s)
	assert.Equal(t, []string{"o2 PAID"}, l.told())
}
