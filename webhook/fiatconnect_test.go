package webhook_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/webhook"
)

func fiatConnectEvent(id, kind, payload string) string {
	return fmt.Sprintf(`{"eventType":%q,"provider":"kotani","eventId":%q,"timestamp":"%d","address":"0x52908400098527886E0F7030069857D2E4169EE7","payload":%s}`,
		kind, id, noon.Unix(), payload)
}

func transferIn(status string) string {
	return `{"transferId":"t-1","status":"` + status + `","transferType":"TransferIn","fiatType":"KES","cryptoType":"cUSD","amountProvided":"1300.00","amountReceived":"9.9"}`
}

func TestFiatConnectSignatures(t *testing.T) {
	body := fiatConnectEvent("e-1", "WebhookTransferInStatusEvent", transferIn("TransferStarted"))
	at := noon.Unix()
	good := v1("whsec", noon, body)
	for name, tc := range map[string]struct {
		header   string
		accepted bool
	}{
		"as specified":             {fmt.Sprintf("t=%d,v1=%s", at, good), true},
		"two during a rotation":    {fmt.Sprintf("t=%d,v1=%s,v1=%s", at, v1("gone", noon, body), good), true},
		"two pairs with a space":   {fmt.Sprintf("t=%d,v1=%s t=%d,v1=%s", at, v1("gone", noon, body), at, good), true},
		"the old secret":           {fmt.Sprintf("t=%d,v1=%s", at, v1("old", noon, body)), true},
		"five minutes early":       {fmt.Sprintf("t=%d,v1=%s", at-300, v1("whsec", noon.Add(-300e9), body)), true},
		"too old":                  {fmt.Sprintf("t=%d,v1=%s", at-301, v1("whsec", noon.Add(-301e9), body)), false},
		"too new":                  {fmt.Sprintf("t=%d,v1=%s", at+301, v1("whsec", noon.Add(301e9), body)), false},
		"milliseconds":             {fmt.Sprintf("t=%d,v1=%s", at*1000, good), false},
		"another time than signed": {fmt.Sprintf("t=%d,v1=%s", at+1, good), false},
		"an older draft's name":    {fmt.Sprintf("t=%d,s=%s", at, good), false},
		"no time":                  {"v1=" + good, false},
		"no signature":             {fmt.Sprintf("t=%d", at), false},
		"another secret":           {fmt.Sprintf("t=%d,v1=%s", at, v1("other", noon, body)), false},
		"SHA-1":                    {fmt.Sprintf("t=%d,v1=%s", at, good[:40]), false},
		"nothing":                  {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", nil)
			if tc.header != "" {
				r.Header.Set("FiatConnect-Signature", tc.header)
			}
			_, err := webhook.Verify(r, []byte(body), webhook.FiatConnectSignature(webhook.SignatureConfig{Now: atNoon}, "whsec", "old"))
			if tc.accepted {
				assert.NoError(t, err)
			} else {
				assert.ErrorIs(t, err, webhook.ErrUnauthenticated)
			}
		})
	}
	_, err := webhook.Verify(httptest.NewRequest(http.MethodPost, "/", nil), []byte(body), webhook.FiatConnectSignature(webhook.SignatureConfig{}, ""))
	assert.ErrorIs(t, err, webhook.ErrConfiguration)
}

func TestFiatConnectEventsAreVerifiedAndInOrder(t *testing.T) {
	var told []webhook.Event[kotani.FiatConnectEvent]
	var problems reports
	h, err := webhook.NewFiatConnect(webhook.Config[kotani.FiatConnectEvent]{
		Auth:   webhook.FiatConnectSignature(webhook.SignatureConfig{Now: atNoon}, "whsec"),
		Report: problems.add,
		Handle: func(_ context.Context, ev webhook.Event[kotani.FiatConnectEvent]) error {
			told = append(told, ev)
			return nil
		},
	})
	require.NoError(t, err)
	deliver := func(body string) int {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("FiatConnect-Signature", fmt.Sprintf("t=%d,v1=%s", noon.Unix(), v1("whsec", noon, body)))
		return send(h, r).Code
	}
	const in, kyc = "WebhookTransferInStatusEvent", "WebhookKycStatusEvent"
	for _, d := range []struct{ id, kind, payload string }{
		{"e-1", in, transferIn("TransferStarted")},
		{"e-3", in, transferIn("TransferReceivedFiatFunds")},
		{"e-2", in, transferIn("TransferWaitingForUserAction")}, // late
		{"e-4", in, transferIn("TransferComplete")},
		{"e-5", kyc, `{"kycSchema":"PersonalDataAndDocuments","kycStatus":"KycDenied"}`},
		{"e-6", kyc, `{"kycSchema":"PersonalDataAndDocuments","kycStatus":"KycPending"}`}, // begun anew
		{"e-7", "WebhookNewEvent", `{}`},
		{"e-8", in, transferIn("TransferFailed")}, // takes it back
	} {
		assert.Equal(t, 200, deliver(fiatConnectEvent(d.id, d.kind, d.payload)))
	}
	assert.NoError(t, problems.last())
	var got []string
	for _, ev := range told {
		assert.Equal(t, webhook.Verified, ev.Trust)
		got = append(got, ev.ID+" "+ev.Reference+" "+ev.Status)
	}
	const wallet = "0x52908400098527886E0F7030069857D2E4169EE7 PersonalDataAndDocuments"
	assert.Equal(t, []string{
		"e-1 t-1 TransferStarted", "e-3 t-1 TransferReceivedFiatFunds", "e-4 t-1 TransferComplete",
		"e-5 " + wallet + " KycDenied", "e-6 " + wallet + " KycPending", "e-7 e-7 ", "e-8 t-1 TransferFailed",
	}, got)
	assert.Equal(t, "KES", told[0].Currency)
	assert.True(t, money("1300").Decimal.Equal(told[0].Amount.Decimal))
	assert.Equal(t, 400, deliver(fiatConnectEvent("e-9", in, `{"transferId":"t","status":"TransferStarted","status":"TransferComplete"}`)))
	assert.Equal(t, 400, deliver(fiatConnectEvent("e-9", in, `{}`)))
}

func TestATimeThatCannotBeReadLosesNoTransfer(t *testing.T) {
	stamp := fmt.Sprintf(`"%d"`, noon.Unix())
	for _, value := range []string{`"2026-04-03T09:00:00Z"`, `1775206800000`, `{}`, `false`, `null`, `[]`, `"soon"`, `-1`, stamp} {
		for kind, payload := range map[string]string{
			"WebhookTransferInStatusEvent":  transferIn("TransferComplete"),
			"WebhookTransferOutStatusEvent": `{"transferId":"t-1","status":"TransferComplete"}`,
			"WebhookNewEvent":               `{}`,
			"WebhookKycStatusEvent":         `{"kycSchema":"PersonalDataAndDocuments","kycStatus":"KycDenied"}`,
		} {
			var told []webhook.Event[kotani.FiatConnectEvent]
			h, err := webhook.NewFiatConnect(webhook.Config[kotani.FiatConnectEvent]{
				Auth: webhook.FiatConnectSignature(webhook.SignatureConfig{Now: atNoon}, "whsec"),
				Handle: func(_ context.Context, ev webhook.Event[kotani.FiatConnectEvent]) error {
					told = append(told, ev)
					return nil
				},
			})
			require.NoError(t, err)
			body := strings.Replace(fiatConnectEvent("e-1", kind, payload), stamp, value, 1)
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
			r.Header.Set("FiatConnect-Signature", fmt.Sprintf("t=%d,v1=%s", noon.Unix(), v1("whsec", noon, body)))
			code := send(h, r).Code
			if kind == "WebhookKycStatusEvent" && value != stamp { // KYC events are compared by their times
				assert.Equal(t, 400, code, body)
				assert.Empty(t, told, body)
				continue
			}
			assert.Equal(t, 200, code, body)
			require.Len(t, told, 1, body)
			assert.Equal(t, value != stamp, told[0].Data.Time.IsZero(), body)
		}
	}
}

func TestATransferOutHasAnOrderOfItsOwn(t *testing.T) {
	event, err := kotani.ParseFiatConnectEvent([]byte(fiatConnectEvent("e-1", "WebhookTransferOutStatusEvent",
		`{"transferId":"t-2","status":"TransferReceivedCryptoFunds","transferType":"TransferOut","amountProvided":"10","fiatType":"KES","cryptoType":"cUSD"}`)))
	require.NoError(t, err)
	identity := webhook.FiatConnect().Identify(event)
	assert.Equal(t, "t-2", identity.Reference)
	assert.Equal(t, "cUSD", identity.Currency, "what the user provides")
	require.NotNil(t, identity.States)
	assert.Equal(t, webhook.Advanced, identity.States.Transition("TransferReadyForUserToSendCryptoFunds", identity.Status))
	assert.Equal(t, webhook.Unexpected, identity.States.Transition("TransferFailed", "TransferAmlFailed"))
}

func TestFiatConnectStates(t *testing.T) {
	in, out := webhook.FiatConnectStates(kotani.TransferTypeIn), webhook.FiatConnectStates(kotani.TransferTypeOut)
	require.NotNil(t, in)
	require.NotNil(t, out)
	assert.Nil(t, webhook.FiatConnectStates("Other"))
	for _, status := range []kotani.TransferStatus{kotani.TransferStarted, kotani.TransferComplete, kotani.TransferFailed, kotani.TransferSendingCryptoFunds} {
		assert.Equal(t, status.Final(), in.Final(string(status)), status)
	}
	assert.True(t, out.Final(string(kotani.TransferAmlFailed)))
	assert.Equal(t, webhook.Advanced, in.Transition("TransferStarted", "TransferComplete"), "some may be missed")
	assert.Equal(t, webhook.Stale, out.Transition("TransferComplete", "TransferStarted"))
	assert.Equal(t, webhook.Corrected, out.Transition("TransferAmlFailed", "TransferComplete"))
}
