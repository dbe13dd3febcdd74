package kotani_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk"
)

var isRates = respond(200, `{"escrowAddress":"0x1","conversionRate":{}}`)

func rates(ctx context.Context, c *kotani.Client) error {
	_, err := c.OnChain.EscrowRates(ctx)
	return err
}

func TestOneLoginServesManyCallsUntilItsTokenAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(isRates)
		client := newClient(t, s)
		var group sync.WaitGroup
		for range 64 {
			group.Go(func() { assert.NoError(t, rates(t.Context(), client)) })
		}
		group.Wait()
		assert.Len(t, s.asides(loginPath), 1)
		assert.Equal(t, `{"phoneNumber":"254700000000","countryCode":"KEN","password":"`+password+`"}`, s.asides(loginPath)[0].Body)
		assert.Empty(t, s.asides(loginPath)[0].Header.Values("Authorization"))

		time.Sleep(3 * time.Minute)
		require.NoError(t, rates(t.Context(), client))
		assert.Len(t, s.asides(loginPath), 1)
		time.Sleep(time.Minute) // renewed ahead of its end, while the old one serves
		require.NoError(t, rates(t.Context(), client))
		synctest.Wait()
		assert.Len(t, s.asides(loginPath), 2)
		time.Sleep(time.Hour)
		require.NoError(t, rates(t.Context(), client))
		assert.Len(t, s.asides(loginPath), 3)
	})
}

func TestARefusedTokenIsRenewedOnceAndTheRequestSentAgain(t *testing.T) {
	for name, refusal := range map[string]step{
		"bad or expired": respond(403, `Forbidden`), "missing": respond(401, `Unauthorized`),
	} {
		t.Run(name, func(t *testing.T) {
			paid := respond(200, `{"result":{"requestId":"7"}}`)
			p := kotani.PayTillParams{TillNumber: "1", Amount: twenty}
			s := newScript(refusal, paid)
			_, err := newClient(t, s).Fiat.PayTill(t.Context(), p)
			require.NoError(t, err)
			assert.Equal(t, "till till", s.actions())
			assert.Len(t, s.asides(loginPath), 2)

			s = newScript(refusal)
			_, err = newClient(t, s).Fiat.PayTill(t.Context(), p)
			e := failure(t, err)
			assert.Equal(t, sdk.Rejected, e.Outcome)
			require.ErrorIs(t, err, sdk.ErrUnauthorized)
			assert.Equal(t, "till till", s.actions(), "never more than once")
			assert.Len(t, s.asides(loginPath), 2)
		})
	}
}

func TestAFirewallsPageIsNoRefusedToken(t *testing.T) {
	s := newScript(respond(403, `<html>blocked</html>`))
	_, err := newClient(t, s).Fiat.PayTill(t.Context(), kotani.PayTillParams{TillNumber: "1", Amount: twenty})
	require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
	assert.Len(t, s.requests(), 1)
	assert.Len(t, s.asides(loginPath), 1)
}

func TestWithoutALoginNothingIsSent(t *testing.T) {
	for name, tc := range map[string]struct {
		login step
		kind  error
	}{
		"wrong password": {respond(200, `{"status":400,"desc":"Not Allowed"}`), sdk.ErrUnauthorized},
		"unknown user":   {respond(400, `cannot find user`), sdk.ErrUnauthorized},
		"no token":       {respond(200, `{"status":201}`), nil},
		"a bad token":    {respond(200, `{"status":201,"accessToken":"a b"}`), nil},
		"a crash":        {respond(500, ``), sdk.ErrServer},
		"refused":        {respond(403, `no`), sdk.ErrForbidden},
		"lost":           {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(isTaken)
				s.aside[loginPath] = []step{tc.login}
				client := newClient(t, s)
				_, err := client.Fiat.Withdraw(t.Context(), validWithdraw)
				e := failure(t, err)
				assert.Equal(t, kotani.OpWithdraw, e.Operation)
				assert.Equal(t, sdk.NotSent, e.Outcome)
				assert.ErrorIs(t, err, sdk.ErrNotSent)
				assert.Empty(t, s.requests())
				if tc.kind != nil {
					assert.ErrorIs(t, err, tc.kind)
					assert.ErrorIs(t, client.Login(t.Context()), tc.kind)
				}
			})
		})
	}
}

func TestLoginFindsBadCredentialsEarlyAndGoodOnesOnce(t *testing.T) {
	s := newScript(isRates)
	client := newClient(t, s)
	require.NoError(t, client.Login(t.Context()))
	require.NoError(t, client.Login(t.Context()))
	require.NoError(t, rates(t.Context(), client))
	assert.Len(t, s.asides(loginPath), 1)
}

func TestWithoutCredentialsOnlyTheOpenOperationsCanBeCalled(t *testing.T) {
	s := newScript(respond(200, `{}`))
	client := newClient(t, s, func(c *kotani.Config) { c.PhoneNumber, c.CountryCode, c.Password = "", "", "" })
	require.NoError(t, client.Health(t.Context()))
	for method, want := range wireCalls {
		if method == "Health" || len(method) > 11 && method[:11] == "FiatConnect" {
			continue
		}
		err := want.call(t.Context(), client)
		assert.ErrorIs(t, err, sdk.ErrValidation, method)
		assert.Contains(t, failure(t, err).Fields, "Config.Password", method)
	}
	assert.Len(t, s.requests(), 1)
	require.NoError(t, client.FiatConnect.Login(t.Context()), "which has a login of its own")
}

func TestConfigurationsThatCannotWorkAreRefused(t *testing.T) {
	valid := kotani.Config{BaseURL: "https://kotani.example", PhoneNumber: "254700000000", CountryCode: "KEN", Password: password}
	for name, tc := range map[string]struct {
		change func(*kotani.Config)
		says   string
	}{
		"no base URL":             {func(c *kotani.Config) { c.BaseURL = "" }, "BaseURL: is required"},
		"plain http":              {func(c *kotani.Config) { c.BaseURL = "http://kotani.example" }, "BaseURL: plain http"},
		"no password":             {func(c *kotani.Config) { c.Password = "" }, "Password is required"},
		"no country":              {func(c *kotani.Config) { c.CountryCode = "" }, "CountryCode is required"},
		"no phone":                {func(c *kotani.Config) { c.PhoneNumber = "" }, "PhoneNumber must be"},
		"a phone with letters":    {func(c *kotani.Config) { c.PhoneNumber = "07-planted" }, "PhoneNumber must be"},
		"a negative lifetime":     {func(c *kotani.Config) { c.TokenLifetime = -1 }, "TokenLifetime must not be negative"},
		"a negative wait":         {func(c *kotani.Config) { c.MinBackoff = -1 }, "MinBackoff must not be negative"},
		"too long a session":      {func(c *kotani.Config) { c.FiatConnect.SessionLifetime = 4*time.Hour + 1 }, "FiatConnect.SessionLifetime"},
		"a key with a space":      {func(c *kotani.Config) { c.FiatConnect.APIKey = "planted key" }, "FiatConnect.APIKey"},
		"a domain with a path":    {func(c *kotani.Config) { c.FiatConnect.Domain = "kotani.example/x" }, "FiatConnect.Domain"},
		"a negative chain":        {func(c *kotani.Config) { c.FiatConnect.ChainID = -1 }, "FiatConnect.ChainID"},
		"a statement of two":      {func(c *kotani.Config) { c.FiatConnect.Statement = "a\nb" }, "FiatConnect.Statement"},
		"a signer of nothing":     {func(c *kotani.Config) { c.FiatConnect.Signer = &wallet{address: "0xplanted"} }, "FiatConnect.Signer: Address"},
		"FiatConnect over http":   {func(c *kotani.Config) { c.FiatConnect.BaseURL = "http://fc.example" }, "kotani: FiatConnect.BaseURL: plain http"},
		"a password from a file":  {func(c *kotani.Config) { c.Password = "planted\n" }, "Password begins or ends with white space"},
		"a password with CRLF":    {func(c *kotani.Config) { c.Password = "planted\r\n" }, "Password begins or ends with white space"},
		"a password after a NBSP": {func(c *kotani.Config) { c.Password = "\u00a0planted" }, "Password begins or ends with white space"},
		"a password of no UTF-8":  {func(c *kotani.Config) { c.Password = "planted\xff" }, "Password must be valid UTF-8"},
		"a control inside":        {func(c *kotani.Config) { c.Password = "planted\x00secret" }, "Password holds a control character"},
		"a country from a file":   {func(c *kotani.Config) { c.CountryCode = "KEN\n" }, "CountryCode begins or ends with white space"},
		"a key from a file":       {func(c *kotani.Config) { c.FiatConnect.APIKey = "planted\n" }, "FiatConnect.APIKey"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := valid
			tc.change(&cfg)
			client, err := kotani.New(cfg)
			require.Error(t, err)
			assert.Nil(t, client)
			assert.Contains(t, err.Error(), tc.says)
			assert.NotContains(t, err.Error(), "planted")
		})
	}
	_, err := kotani.New(kotani.Config{BaseURL: "ftp://x", PhoneNumber: "1", Password: "planted\n", FiatConnect: kotani.FiatConnectConfig{APIKey: "a b", BaseURL: "ftp://y"}})
	for _, says := range []string{"kotani: BaseURL", "kotani: FiatConnect.BaseURL", "PhoneNumber", "CountryCode", "Password", "FiatConnect.APIKey"} {
		assert.ErrorContains(t, err, says, "all at once")
	}
	_, err = kotani.New(valid)
	require.NoError(t, err)
	valid.Password, valid.CountryCode, valid.TokenLifetime = "", "", -1
	_, err = kotani.New(valid)
	var all interface{ Unwrap() []error }
	require.True(t, errors.As(err, &all))
	assert.Len(t, all.Unwrap(), 3, "all faults at once")
}
