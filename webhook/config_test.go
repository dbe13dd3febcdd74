package webhook_test

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/webhook"
)

// goodConfig is a Config that every constructor of an unsigned provider accepts.
func goodConfig[E any]() webhook.Config[E] {
	return webhook.Config[E]{
		Auth: webhook.PathSecret(pathSecret), Known: everything,
		Handle: func(context.Context, webhook.Event[E]) error { return nil },
	}
}

func capsOf(t testing.TB, provider string) *webhook.Capabilities {
	t.Helper()
	c, err := webhook.NewCapabilities(webhook.CapabilityConfig{Provider: provider, BaseURL: "https://setup.example/hooks"}, capabilityKey)
	require.NoError(t, err)
	return c
}

func TestNoConstructorCanBeMisused(t *testing.T) {
	var (
		nilRides *kapiten.RidesService
		nilKPay  *kpay.Client
		nilPays  *kasapay.PayoutsService
		nilFiat  *kotani.FiatService
	)
	for name, err := range map[string]error{
		"kapiten nil":            second(webhook.NewKapiten(nil, "c1", goodConfig[kapiten.Ride]())),
		"kapiten typed nil":      second(webhook.NewKapiten(nilRides, "c1", goodConfig[kapiten.Ride]())),
		"kapiten no company":     second(webhook.NewKapiten(rides{}, "", goodConfig[kapiten.Ride]())),
		"kpay nil":               second(webhook.NewKPay(nil, goodConfig[kpay.Payment]())),
		"kpay typed nil":         second(webhook.NewKPay(nilKPay, goodConfig[kpay.Payment]())),
		"kasapay nil":            second(webhook.NewKasapay(nil, goodConfig[kasapay.Payout]())),
		"kasapay typed nil":      second(webhook.NewKasapay(nilPays, goodConfig[kasapay.Payout]())),
		"kotani nil":             second(webhook.NewKotani(nil, kotani.Payouts, goodConfig[kotani.Transaction]())),
		"kotani typed nil":       second(webhook.NewKotani(nilFiat, kotani.Payouts, goodConfig[kotani.Transaction]())),
		"kotani without a kind":  second(webhook.NewKotani(&books{}, "", goodConfig[kotani.Transaction]())),
		"bitpesa unsigned":       second(webhook.NewBitPesa(goodConfig[bitpesa.Event]())),
		"kotani v3 unsigned":     second(webhook.NewKotaniV3(goodConfig[kotani.V3Event]())),
		"fiatconnect unsigned":   second(webhook.NewFiatConnect(goodConfig[kotani.FiatConnectEvent]())),
		"a source without Ask":   second(webhook.New(webhook.KPay(), goodConfig[kpay.Payment]())),
		"another's capabilities": second(webhook.NewKPay(&kpay.Client{}, with(goodConfig[kpay.Payment](), func(c *webhook.Config[kpay.Payment]) { c.Auth = capsOf(t, "kasapay") }))),
		"another's capabilities, inside": second(webhook.NewKPay(&kpay.Client{}, with(goodConfig[kpay.Payment](), func(c *webhook.Config[kpay.Payment]) {
			c.Auth = webhook.AllOf(webhook.AllowList([]string{"10.0.0.1"}), webhook.AnyOf(webhook.PathSecret(pathSecret), capsOf(t, "kasapay")))
		}))),
		"unconfirmed money": second(webhook.NewKPay(&kpay.Client{}, with(goodConfig[kpay.Payment](), func(c *webhook.Config[kpay.Payment]) { c.InsecureBelievePosted = true }))),
		"nobody knows ours": second(webhook.NewKPay(&kpay.Client{}, with(goodConfig[kpay.Payment](), func(c *webhook.Config[kpay.Payment]) { c.Known = nil }))),
		"one way in that is not bound": second(webhook.NewKPay(&kpay.Client{}, with(goodConfig[kpay.Payment](), func(c *webhook.Config[kpay.Payment]) {
			c.Known, c.Auth = nil, webhook.AnyOf(capsOf(t, "kpay"), webhook.PathSecret(pathSecret))
		}))),
		"one way in that is not signed": second(webhook.NewBitPesa(with(goodConfig[bitpesa.Event](), func(c *webhook.Config[bitpesa.Event]) {
			c.Auth = webhook.AnyOf(webhook.BitPesaSignature(bitpesaURL, testKeys()...), webhook.PathSecret(pathSecret))
		}))),
		"kapiten without Known": second(webhook.NewKapiten(rides{}, "c1", with(goodConfig[kapiten.Ride](), func(c *webhook.Config[kapiten.Ride]) {
			c.Known, c.Auth = nil, capsOf(t, "kapiten")
		}))),
	} {
		assert.ErrorIs(t, err, webhook.ErrConfiguration, name)
	}
	for name, err := range map[string]error{
		"kapiten": second(webhook.NewKapiten(rides{}, "c1", goodConfig[kapiten.Ride]())),
		"kpay":    second(webhook.NewKPay(&kpay.Client{}, goodConfig[kpay.Payment]())),
		"bound": second(webhook.NewKPay(&kpay.Client{}, with(goodConfig[kpay.Payment](), func(c *webhook.Config[kpay.Payment]) {
			c.Known, c.Auth = nil, webhook.AllOf(webhook.AllowList([]string{"10.0.0.1"}), capsOf(t, "kpay"))
		}))),
		"signed": second(webhook.NewBitPesa(with(goodConfig[bitpesa.Event](), func(c *webhook.Config[bitpesa.Event]) {
			c.Auth = webhook.AllOf(webhook.AllowList([]string{"52.50.88.9"}), webhook.BitPesaSignature(bitpesaURL, testKeys()...))
		}))),
	} {
		assert.NoError(t, err, name)
	}
}

func second[T any](_ T, err error) error { return err }

func with[T any](v T, change func(*T)) T {
	change(&v)
	return v
}

// liar accepts everything and proves nothing, whatever it may be taken for.
type liar struct{}

func (liar) Authenticate(*webhook.Delivery) (webhook.Proof, error) { return webhook.Proof{}, nil }

func TestAnAuthenticatorOfOnesOwnMustProveWhatTheProviderNeeds(t *testing.T) {
	h, err := webhook.NewBitPesa(with(goodConfig[bitpesa.Event](), func(c *webhook.Config[bitpesa.Event]) { c.Auth = liar{} }))
	require.NoError(t, err)
	assert.Equal(t, 401, post(h, `{"event":"transaction.paid_in","object":{"id":"t","state":"paid"}}`).Code)
	k, err := webhook.NewKPay(&kpay.Client{}, with(goodConfig[kpay.Payment](), func(c *webhook.Config[kpay.Payment]) { c.Known, c.Auth = nil, liar{} }))
	require.NoError(t, err)
	assert.Equal(t, 401, post(k, `{"refid":"o1","statusid":"01"}`).Code)
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	good := func() setup {
		return setup{Source: orders(), Config: webhook.Config[order]{InsecureBelievePosted: true, Auth: webhook.PathSecret(pathSecret), Handle: (&ledger{}).handle}}
	}
	auth := func(a webhook.Authenticator) func(*setup) {
		return func(c *setup) { c.Auth = webhook.AllOf(c.Auth, a) }
	}
	for name, spoil := range map[string]func(*setup){
		"no source":                 func(c *setup) { c.Source = webhook.Source[order]{} },
		"no function":               func(c *setup) { c.Handle = nil },
		"two functions":             func(c *setup) { c.HandleTx = inTx },
		"HandleTx without SQL":      func(c *setup) { c.Handle, c.HandleTx = nil, inTx },
		"SQL without HandleTx":      func(c *setup) { c.Inbox = &webhook.SQLInbox{} },
		"no authenticator":          func(c *setup) { c.Auth = nil },
		"a secret alone":            func(c *setup) { c.InsecureBelievePosted = false },
		"nil authenticator":         auth(nil),
		"nil capabilities":          auth((*webhook.Capabilities)(nil)),
		"no path secret":            auth(webhook.PathSecret()),
		"empty path secret":         auth(webhook.PathSecret(pathSecret, "")),
		"short path secret":         auth(webhook.PathSecret("0123456789abcde")),
		"unsafe path secret":        auth(webhook.PathSecret("0123456789/abcdef")),
		"empty query secret":        auth(webhook.QuerySecret("key", "")),
		"query secret with newline": auth(webhook.QuerySecret("key", pathSecret+"\n")),
		"no query parameter":        auth(webhook.QuerySecret("", pathSecret)),
		"empty password":            auth(webhook.BasicAuth("kpay", "")),
		"short password":            auth(webhook.BasicAuth("kpay", "0123456789abcde")),
		"password with newline":     auth(webhook.BasicAuth("kpay", pathSecret+"\n")),
		"no password":               auth(webhook.BasicAuth("kpay")),
		"no user":                   auth(webhook.BasicAuth("", pathSecret)),
		"empty allow-list":          auth(webhook.AllowList(nil)),
		"no address":                auth(webhook.AllowList([]string{"kpay.rw"})),
		"no proxy address":          auth(webhook.AllowList([]string{"10.0.0.1"}, "")),
		"any of nothing":            auth(webhook.AnyOf()),
		"all of nothing":            auth(webhook.AllOf()),
		"any of a faulty one":       auth(webhook.AnyOf(webhook.PathSecret())),
		"no signature secret":       auth(webhook.Signature(stamped)),
		"empty signature secret":    auth(webhook.Signature(stamped, "whsec", "")),
		"signature with newline":    auth(webhook.Signature(stamped, "whsec\n")),
		"bitpesa with newline":      auth(webhook.BitPesaSignature(bitpesaURL, webhook.BitPesaKey{Key: "key", Secret: "secret\n"})),
		"no scheme":                 auth(webhook.Signature(webhook.SignatureConfig{}, "whsec")),
		"negative body":             func(c *setup) { c.MaxBody = -1 },
		"negative timeout":          func(c *setup) { c.Timeout = -1 },
		"negative rate":             func(c *setup) { c.AskRate = -1 },
		"account with newline":      func(c *setup) { c.Account = "north\n" },
		"account with control":      func(c *setup) { c.Account = "no\x7frth" },
		"account with space":        func(c *setup) { c.Account = " north" },
		"account of spaces":         func(c *setup) { c.Account = "\u00a0" },
		"account not UTF-8":         func(c *setup) { c.Account = "no\xffrth" },
		"account too long":          func(c *setup) { c.Account = strings.Repeat("a", 256-len("shop/")) },
	} {
		t.Run(name, func(t *testing.T) {
			c := good()
			spoil(&c)
			h, err := webhook.New(c.Source, c.Config)
			require.ErrorIs(t, err, webhook.ErrConfiguration)
			assert.Nil(t, h)
			assert.NotContains(t, err.Error(), "0123456789")
		})
	}
	for _, account := range []string{"", "north", "Kigali 2", strings.Repeat("a", 255-len("setup/"))} {
		c := good()
		c.Account = account
		_, err := webhook.New(c.Source, c.Config)
		require.NoError(t, err)
	}
}

func TestADeliveryHasTimeForTwoQuestions(t *testing.T) {
	cfg := goodConfig[kapiten.Ride]()
	cfg.Timeout, cfg.AskTimeout = 7*time.Second, 5*time.Second
	require.ErrorContains(t, second(webhook.NewKapiten(rides{}, "c1", cfg)), "Timeout must hold two questions of AskTimeout")
	cfg.AskTimeout = 3 * time.Second
	require.NoError(t, second(webhook.NewKapiten(rides{}, "c1", cfg)))
	cfg.AskTimeout = 0
	require.NoError(t, second(webhook.NewKapiten(rides{}, "c1", cfg)))
}

func TestNewNamesAllFaultsAtOnce(t *testing.T) {
	_, err := webhook.New(webhook.Source[order]{}, webhook.Config[order]{MaxBody: -1})
	require.ErrorIs(t, err, webhook.ErrConfiguration)
	for _, fault := range []string{"Source", "stranger", "Handle", "negative", "authenticator"} {
		assert.Contains(t, err.Error(), fault)
	}
}

func TestAFaultOfTheSetUpMatchesTheSDKs(t *testing.T) {
	_, err := webhook.NewKPay(nil, webhook.Config[kpay.Payment]{})
	require.ErrorIs(t, err, webhook.ErrConfiguration)
	require.ErrorIs(t, err, sdk.ErrConfiguration)
	require.NotErrorIs(t, webhook.ErrUnauthenticated, sdk.ErrConfiguration)
}

func TestAFaultyAuthenticatorLetsNobodyIn(t *testing.T) {
	for name, a := range map[string]webhook.Authenticator{
		"path":       webhook.PathSecret(""),
		"query":      webhook.QuerySecret("key", ""),
		"basic":      webhook.BasicAuth("", ""),
		"allow-list": webhook.AllowList([]string{""}),
		"signature":  webhook.Signature(stamped, ""),
		"any":        webhook.AnyOf(),
		"all":        webhook.AllOf(),
	} {
		_, err := a.Authenticate(&webhook.Delivery{Request: request("/?key=")})
		assert.ErrorIs(t, err, webhook.ErrUnauthenticated, name)
	}
}

func inTx(context.Context, *sql.Tx, webhook.Event[order]) error { return nil }

// A secret that was read whole from a file may end in what no sender uses.
func TestSecretsWithOddEndsAreRefused(t *testing.T) {
	make := map[string]func(secret string) webhook.Authenticator{
		"path":      func(s string) webhook.Authenticator { return webhook.PathSecret(s) },
		"query":     func(s string) webhook.Authenticator { return webhook.QuerySecret("key", s) },
		"basic":     func(s string) webhook.Authenticator { return webhook.BasicAuth("kpay", s) },
		"kotani v3": func(s string) webhook.Authenticator { return webhook.KotaniV3Signature(s) },
		"fiatconnect": func(s string) webhook.Authenticator {
			return webhook.FiatConnectSignature(webhook.SignatureConfig{}, s)
		},
		"bitpesa": func(s string) webhook.Authenticator {
			return webhook.BitPesaSignature(bitpesaURL, webhook.BitPesaKey{Key: "key", Secret: s})
		},
		"bitpesa key": func(s string) webhook.Authenticator {
			return webhook.BitPesaSignature(bitpesaURL, webhook.BitPesaKey{Key: s, Secret: "secret"})
		},
		"capabilities": func(s string) webhook.Authenticator {
			c, err := webhook.NewCapabilities(webhook.CapabilityConfig{Provider: "kpay", BaseURL: "https://setup.example/hooks"}, s)
			if err != nil {
				return nil
			}
			return c
		},
	}
	const good = "0123456789abcdef0123456789abcdef"
	for name, authenticator := range make {
		takes := func(secret string) bool {
			a := authenticator(secret)
			if a == nil {
				return false
			}
			_, err := webhook.Verify(httptest.NewRequest(http.MethodPost, "/", nil), nil, a)
			return !errors.Is(err, webhook.ErrConfiguration)
		}
		assert.True(t, takes(good), name)
		for _, end := range []string{"\n", "\r\n", "\u00a0", "\ufeff", "\x00", "\u2028", "\u0085", "\t"} {
			assert.False(t, takes(good+end), "%s with %q behind", name, end)
			assert.False(t, takes(end+good), "%s with %q before", name, end)
		}
	}
}
