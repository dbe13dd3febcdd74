package kpay_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
)

func TestAnUnknownOutcomeIsSettledByTheReference(t *testing.T) {
	isPending, isPaid, isUnknown := respond(200, pending), respond(200, paid), respond(200, unknown)
	duplicate, gateway := respond(200, `{"reply":"x","retcode":608}`), respond(502, "<h1>502</h1>")
	refused := respond(200, `{"success":0,"refid":"order-1","retcode":606,"statusmsg":"Not enough funds"}`)
	declined, isFailed := respond(200, `{"success":0,"retcode":606,"statusmsg":"Not enough funds"}`), respond(200, `{"refid":"order-1","statusid":"02","statusdesc":"x"}`)
	incomplete := respond(200, `{"reply":"x","retcode":603}`)
	for name, tc := range map[string]struct {
		steps    []step
		sent     string
		status   kpay.Code // of the payment; empty: an error
		outcome  string
		sentinel error
		took     time.Duration
	}{
		"answered":                           {[]step{isPending}, "pay", kpay.CodeProcessing, "", nil, 0},
		"dropped, found":                     {[]step{nil, isPaid}, "pay checkstatus", kpay.CodePaid, "", nil, 0},
		"a proxy's page, found":              {[]step{gateway, isPaid}, "pay checkstatus", kpay.CodePaid, "", nil, 0},
		"dropped, shown a second later":      {[]step{nil, isUnknown, isPaid}, "pay checkstatus checkstatus", kpay.CodePaid, "", nil, time.Second},
		"dropped, shown three seconds later": {[]step{nil, isUnknown, isUnknown, isPaid}, "pay checkstatus checkstatus checkstatus", kpay.CodePaid, "", nil, 3 * time.Second},
		"dropped, absent, sent once more": {[]step{nil, isUnknown, isUnknown, isUnknown, isPending},
			"pay checkstatus checkstatus checkstatus pay", kpay.CodeProcessing, "", nil, 3 * time.Second},
		"our own second attempt is a duplicate": {[]step{nil, isUnknown, isUnknown, isUnknown, duplicate, isPaid},
			"pay checkstatus checkstatus checkstatus pay checkstatus", kpay.CodePaid, "", nil, 3 * time.Second},
		"a duplicate which nobody can show": {[]step{nil, isUnknown, isUnknown, isUnknown, duplicate, isUnknown},
			"pay checkstatus checkstatus checkstatus pay checkstatus checkstatus checkstatus", "", "unknown", sdk.ErrDuplicate, 6 * time.Second},
		// The processor may decline a second prompt because the payer still has the
		// first one.
		"our own second attempt is declined, and the first is not shown": {[]step{nil, isUnknown, isUnknown, isUnknown, refused, isUnknown},
			"pay checkstatus checkstatus checkstatus pay checkstatus checkstatus checkstatus", "", "unknown", sdk.ErrInsufficientFunds, 6 * time.Second},
		"our own second attempt is declined, and the first is shown": {[]step{nil, isUnknown, isUnknown, isUnknown, refused, isPaid},
			"pay checkstatus checkstatus checkstatus pay checkstatus", kpay.CodePaid, "", nil, 3 * time.Second},
		"our own second attempt is refused for what both ask": {[]step{nil, isUnknown, isUnknown, isUnknown, incomplete, isUnknown},
			"pay checkstatus checkstatus checkstatus pay checkstatus checkstatus checkstatus", "", "unknown", sdk.ErrValidation, 6 * time.Second},
		"dropped twice, never shown": {[]step{nil, isUnknown, isUnknown, isUnknown, nil, isUnknown},
			"pay checkstatus checkstatus checkstatus pay checkstatus checkstatus checkstatus", "", "unknown", nil, 6 * time.Second},
		"a duplicate on a fresh call":             {[]step{duplicate, isPaid}, "pay checkstatus", kpay.CodePaid, "", nil, 0},
		"a duplicate on a fresh call, shown late": {[]step{duplicate, isUnknown, isPaid}, "pay checkstatus checkstatus", kpay.CodePaid, "", nil, time.Second},
		"a duplicate which nobody can show, on a fresh call": {[]step{duplicate, isUnknown},
			"pay checkstatus checkstatus checkstatus", "", "unknown", sdk.ErrDuplicate, 3 * time.Second},
		"a duplicate, and the lookup fails": {[]step{duplicate, gateway}, "pay checkstatus checkstatus checkstatus checkstatus", "", "unknown", sdk.ErrDuplicate, -1},
		"another payment's absence": {[]step{nil, respond(200, `{"refid":"order-2","statusid":"611"}`)},
			"pay checkstatus checkstatus checkstatus checkstatus", "", "unknown", nil, -1},
		"refused, and absent":           {[]step{refused, isUnknown}, "pay checkstatus", "", "rejected", sdk.ErrInsufficientFunds, 0},
		"refused, and failed":           {[]step{refused, isFailed}, "pay checkstatus", "", "rejected", sdk.ErrInsufficientFunds, 0},
		"no money, and nobody can tell": {[]step{refused, respond(404, "")}, "pay checkstatus", "", "unknown", sdk.ErrInsufficientFunds, 0},
		"no money, and the look is throttled": {[]step{refused, respond(429, `{"reply":"Too Many Requests"}`)},
			"pay checkstatus checkstatus checkstatus checkstatus", "", "unknown", sdk.ErrInsufficientFunds, -1},
		"no money, and the look is refused": {[]step{refused, respond(200, `{"reply":"x","retcode":601}`)}, "pay checkstatus", "", "unknown", sdk.ErrInsufficientFunds, 0},
		"delisted, and nobody can tell":     {[]step{respond(200, `{"reply":"x","retcode":602}`), respond(404, "")}, "pay checkstatus", "", "rejected", sdk.ErrForbidden, 0},
		"there before, and declined":        {[]step{refused, isPaid}, "pay checkstatus", kpay.CodePaid, "", nil, 0},
		"there before, no longer listed":    {[]step{respond(200, `{"reply":"x","retcode":602}`), isPending}, "pay checkstatus", kpay.CodeProcessing, "", nil, 0},
		"there before, and incomplete":      {[]step{incomplete, isPaid}, "pay checkstatus", kpay.CodePaid, "", nil, 0},
		"a duplicate of a failed one":       {[]step{duplicate, isFailed}, "pay checkstatus", kpay.CodeFailed, "", nil, 0},
		"not our PIN":                       {[]step{respond(200, `{"reply":"Invalid PIN","retcode":600}`)}, "pay", "", "rejected", sdk.ErrUnauthorized, 0},
		// It names no payment, so that it may be another's.
		"declined without a name, and absent": {[]step{declined, isUnknown}, "pay checkstatus checkstatus checkstatus", "", "rejected", sdk.ErrInsufficientFunds, 3 * time.Second},
		"declined without a name, and failed": {[]step{declined, isFailed}, "pay checkstatus checkstatus checkstatus", "", "rejected", sdk.ErrInsufficientFunds, 3 * time.Second},
		"declined without a name, and there":  {[]step{declined, isPaid}, "pay checkstatus", kpay.CodePaid, "", nil, 0},
		"declined without a name, there late": {[]step{declined, isUnknown, isPending}, "pay checkstatus checkstatus", kpay.CodeProcessing, "", nil, time.Second},
		"declined without a name, and unseen": {[]step{declined, respond(404, "")}, "pay checkstatus", "", "unknown", sdk.ErrInsufficientFunds, 0},
		"a question that is refused":          {[]step{nil, respond(200, `{"reply":"Invalid PIN","retcode":600}`)}, "pay checkstatus", "", "unknown", nil, 0},
		"a wrong path is not absence":         {[]step{nil, respond(404, "<h1>404</h1>")}, "pay checkstatus", "", "unknown", nil, 0},
		"another payment is not this": {[]step{nil, respond(200, `{"refid":"order-2","statusid":"01"}`), respond(404, "")},
			"pay checkstatus checkstatus", "", "unknown", nil, -1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, s := newClient(t, tc.steps)
				start := time.Now()
				payment, err := client.Pay(t.Context(), validPay())
				assert.Equal(t, tc.sent, actions(s))
				if tc.took >= 0 {
					assert.Equal(t, tc.took, time.Since(start))
				}
				if tc.status != "" {
					require.NoError(t, err)
					assert.Equal(t, tc.status, payment.Status)
					existing := strings.HasPrefix(name, "a duplicate o") || strings.HasPrefix(name, "there before")
					assert.Equal(t, existing, payment.Existing, "all others may be of this call")
					assert.Equal(t, strings.HasSuffix(tc.sent, "checkstatus"), payment.Unverified, "what was looked up shows no amount")
					return
				}
				assert.Nil(t, payment)
				var e *sdk.Error
				require.ErrorAs(t, err, &e)
				assert.Equal(t, tc.outcome, e.Outcome.String())
				assert.Equal(t, "order-1", e.Reference)
				if tc.sentinel != nil {
					assert.ErrorIs(t, err, tc.sentinel)
				}
			})
		})
	}
}

func TestTheSecondRequestIsTheFirstOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, s := newClient(t, []step{nil, respond(200, unknown), respond(200, unknown), respond(200, unknown), respond(200, pending)})
		_, err := client.Pay(t.Context(), validPay())
		require.NoError(t, err)
		seen := s.Requests()
		require.Len(t, seen, 5)
		assert.Equal(t, seen[0].Body, seen[4].Body)
	})
}

func TestADeadlineTooNearForTheGraceLeavesTheOutcomeUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, s := newClient(t, []step{nil, respond(200, unknown)})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		start := time.Now()
		_, err := client.Pay(ctx, validPay())
		require.ErrorIs(t, err, sdk.ErrOutcomeUnknown)
		assert.Contains(t, err.Error(), "no time left to look again before the deadline")
		assert.Equal(t, "pay checkstatus checkstatus", actions(s), "never sent again without having waited")
		assert.Equal(t, time.Second, time.Since(start))
	})
}
