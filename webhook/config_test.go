package webhook_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/webhook"
)

func TestNewRefusesAHandlerThatLetsAnyoneIn(t *testing.T) {
	cfg := webhook.Config[order]{Source: orders(), Handle: (&ledger{}).handle}
	_, err := webhook.New(cfg)
	require.ErrorIs(t, err, webhook.ErrConfiguration)

	for name, secure := range map[string]func(*webhook.Config[order]){
		"path secret":  func(c *webhook.Config[order]) { c.Auth = []webhook.Authenticator{webhook.PathSecret(pathSecret)} },
		"confirmation": func(c *webhook.Config[order]) { c.Confirm = (&bank{}).confirm },
		"opted out":    func(c *webhook.Config[order]) { c.InsecureAcceptAnyoneForTestsOnly = true },
	} {
		cfg := cfg
		secure(&cfg)
		_, err := webhook.New(cfg)
		assert.NoError(t, err, name)
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	good := func() webhook.Config[order] {
		return webhook.Config[order]{Source: orders(), Auth: []webhook.Authenticator{webhook.PathSecret(pathSecret)}, Handle: (&ledger{}).handle}
	}
	for name, spoil := range map[string]func(*webhook.Config[order]){
		"no source":              func(c *webhook.Config[order]) { c.Source = webhook.Source[order]{} },
		"no function":            func(c *webhook.Config[order]) { c.Handle = nil },
		"two functions":          func(c *webhook.Config[order]) { c.HandleTx = inTx },
		"HandleTx without SQL":   func(c *webhook.Config[order]) { c.Handle, c.HandleTx = nil, inTx },
		"nil authenticator":      func(c *webhook.Config[order]) { c.Auth = append(c.Auth, nil) },
		"no path secret":         func(c *webhook.Config[order]) { c.Auth = append(c.Auth, webhook.PathSecret()) },
		"empty path secret":      func(c *webhook.Config[order]) { c.Auth = append(c.Auth, webhook.PathSecret(pathSecret, "")) },
		"short path secret":      func(c *webhook.Config[order]) { c.Auth = append(c.Auth, webhook.PathSecret("0123456789abcde")) },
		"unsafe path secret":     func(c *webhook.Config[order]) { c.Auth = append(c.Auth, webhook.PathSecret("0123456789/abcdef")) },
		"empty query secret":     func(c *webhook.Config[order]) { c.Auth = append(c.Auth, webhook.QuerySecret("key", "")) },
		"no query parameter":     func(c *webhook.Config[order]) { c.Auth = append(c.Auth, webhook.QuerySecret("", pathSecret)) },
		"empty password":         func(c *webhook.Config[order]) { c.Auth = append(c.Auth, webhook.BasicAuth("kpay", "")) },
		"no password":            func(c *webhook.Config[order]) { c.Auth = append(c.Auth, webhook.BasicAuth("kpay")) },
		"no user":                func(c *webhook.Config[order]) { c.Auth = append(c.Auth, webhook.BasicAuth("", "secret")) },
		"empty allow-list":       func(c *webhook.Config[order]) { c.Auth = append(c.Auth, webhook.AllowList(nil)) },
		"no address":             func(c *webhook.Config[order]) { c.Auth = append(c.Auth, webhook.AllowList([]string{"kpay.rw"})) },
		"no proxy address":       func(c *webhook.Config[order]) { c.Auth = append(c.Auth, webhook.AllowList([]string{"10.0.0.1"}, "")) },
		"any of nothing":         func(c *webhook.Config[order]) { c.Auth = append(c.Auth, webhook.AnyOf()) },
		"any of a faulty one":    func(c *webhook.Config[order]) { c.Auth = append(c.Auth, webhook.AnyOf(webhook.PathSecret())) },
		"no signature secret":    func(c *webhook.Config[order]) { c.Auth = append(c.Auth, webhook.Signature(stamped)) },
		"empty signature secret": func(c *webhook.Config[order]) { c.Auth = append(c.Auth, webhook.Signature(stamped, "whsec", "")) },
		"no scheme": func(c *webhook.Config[order]) {
			c.Auth = append(c.Auth, webhook.Signature(webhook.SignatureConfig{}, "whsec"))
		},
		"negative body":          func(c *webhook.Config[order]) { c.MaxBody = -1 },
		"negative lease":         func(c *webhook.Config[order]) { c.Lease = -1 },
		"confirm outlives lease": func(c *webhook.Config[order]) { c.Confirm, c.Lease = (&bank{}).confirm, 10*time.Second },
		"background without queue": func(c *webhook.Config[order]) {
			c.Inbox, c.Background = onlyInbox{webhook.NewMemoryInbox(webhook.MemoryInboxConfig{})}, &webhook.Background{}
		},
		"negative workers": func(c *webhook.Config[order]) { c.Background = &webhook.Background{Workers: -1} },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good()
			spoil(&cfg)
			h, err := webhook.New(cfg)
			require.ErrorIs(t, err, webhook.ErrConfiguration)
			assert.Nil(t, h)
			assert.NotContains(t, err.Error(), "0123456789")
		})
	}
	_, err := webhook.New(good())
	require.NoError(t, err)
}

func TestNewNamesAllFaultsAtOnce(t *testing.T) {
	_, err := webhook.New(webhook.Config[order]{MaxBody: -1})
	require.ErrorIs(t, err, webhook.ErrConfiguration)
	for _, fault := range []string{"Source", "stranger", "Handle", "negative"} {
		assert.Contains(t, err.Error(), fault)
	}
}

func TestAFaultyAuthenticatorLetsNobodyIn(t *testing.T) {
	for name, a := range map[string]webhook.Authenticator{
		"path":       webhook.PathSecret(""),
		"query":      webhook.QuerySecret("key", ""),
		"basic":      webhook.BasicAuth("", ""),
		"allow-list": webhook.AllowList([]string{""}),
		"signature":  webhook.Signature(stamped, ""),
		"any":        webhook.AnyOf(),
	} {
		_, err := a.Authenticate(&webhook.Delivery{Request: request("/?key=")})
		assert.ErrorIs(t, err, webhook.ErrUnauthenticated, name)
	}
}

func inTx(context.Context, *sql.Tx, webhook.Event[order]) error { return nil }

// onlyInbox hides that an inbox is a queue as well.
type onlyInbox struct{ webhook.Inbox }
