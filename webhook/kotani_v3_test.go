package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/webhook"
)

const (
	v3Event = `"transaction.deposit.status.updated"`
	// As a JavaScript sender writes it; Go's encoder would change the number
	// and the ampersand.
	v3Data  = `{"reference_id":"d-1","status":"SUCCESSFUL","amount":100.50,"note":"a&b <c>","z":1,"a":2}`
	v3Whsec = "whsec_test"
)

func v3Signature(secret string) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(`{"event":` + v3Event + `,"data":` + v3Data + `}`))
	return hex.EncodeToString(m.Sum(nil))
}

func v3Body() string {
	return `{"event":` + v3Event + `,"data":` + v3Data + `,"signature":"` + v3Signature(v3Whsec) + `"}`
}

func TestKotaniV3Signatures(t *testing.T) {
	good := "sha256=" + v3Signature(v3Whsec)
	spaced := strings.NewReplacer(`{"event":`, "{ \"event\" : ", `,"data":`, ",\n\t\"data\": ", `,"amount":`, `, "amount": `).Replace(v3Body())
	for name, tc := range map[string]struct {
		header, body string
		accepted     bool
	}{
		"as documented":                   {good, v3Body(), true},
		"without the mirrored signature":  {good, `{"event":` + v3Event + `,"data":` + v3Data + `}`, true},
		"the mirrored signature is wrong": {good, strings.Replace(v3Body(), v3Signature(v3Whsec), "00", 1), true}, // the header is what counts
		"members in another order":        {good, `{"signature":"x","data":` + v3Data + `,"event":` + v3Event + `}`, true},
		"white space between tokens":      {good, spaced, true},
		"white space that was signed": {"sha256=" + sign(sha256.New, v3Whsec, `{"event":"x","data":{ "referenceId": "w" }}`),
			`{"event":"x","data":{ "referenceId": "w" },"signature":""}`, true},
		"bare hex":           {v3Signature(v3Whsec), v3Body(), true},
		"SHA256 in capitals": {"SHA256=" + v3Signature(v3Whsec), v3Body(), true},
		"hex in capitals":    {strings.ToUpper(good), v3Body(), true},
		"a member beside":    {good, strings.Replace(v3Body(), `{"event"`, `{"version":1,"event"`, 1), true},
		"a member beside, signed": {"sha256=" + sign(sha256.New, v3Whsec, `{"event":"x","data":{"a":1},"timestamp":7}`),
			`{"event":"x","data":{"a":1},"timestamp":7,"signature":""}`, true},
		"a member beside, signed without white space": {sign(sha256.New, v3Whsec, `{"data":{"a":"b \" c"},"event":"x","timestamp":7}`),
			`{ "data": {"a": "b \" c"}, "event":"x", "timestamp":7 }`, true},
		"no header":                 {"", v3Body(), false},
		"another hash":              {"sha512=" + v3Signature(v3Whsec), v3Body(), false},
		"the member beside changed": {"sha256=" + sign(sha256.New, v3Whsec, `{"event":"x","data":{"a":1},"timestamp":7}`), `{"event":"x","data":{"a":1},"timestamp":8}`, false},
		"a key in other letters":    {good, strings.Replace(v3Body(), `"event"`, `"\u0065vent"`, 1), false},
		"another secret":            {"sha256=" + v3Signature("whsec_other"), v3Body(), false},
		"over the whole body":       {"sha256=" + sign(sha256.New, v3Whsec, v3Body()), v3Body(), false},
		"another amount":            {good, strings.Replace(v3Body(), "100.50", "900.50", 1), false},
		"the same number, respelt":  {good, strings.Replace(v3Body(), "100.50", "100.5", 1), false},
		"another event":             {good, strings.Replace(v3Body(), "deposit", "withdrawal", 1), false},
		"event twice":               {good, strings.Replace(v3Body(), `{"event"`, `{"event":"x","event"`, 1), false},
		"data twice":                {good, strings.Replace(v3Body(), `{"event"`, `{"data":{"reference_id":"d-2"},"event"`, 1), false},
		"a key of data twice":       {good, strings.Replace(v3Body(), `"z":1`, `"z":1,"status":"FAILED"`, 1), false},
		"no data":                   {good, `{"event":` + v3Event + `}`, false},
		"no object":                 {good, `[]`, false},
		"cut short":                 {good, v3Body()[:80], false},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", nil)
			if tc.header != "" {
				r.Header.Set("X-Kotani-Signature", tc.header)
			}
			proof, err := webhook.Verify(r, []byte(tc.body), webhook.KotaniV3Signature("old", v3Whsec))
			if tc.accepted {
				require.NoError(t, err)
				assert.True(t, proof.Signed)
				assert.Equal(t, 1, proof.Secret)
				return
			}
			assert.ErrorIs(t, err, webhook.ErrUnauthenticated)
			assert.NotContains(t, err.Error(), v3Signature(v3Whsec)[:8])
		})
	}
	for _, secrets := range [][]string{nil, {""}} {
		_, err := webhook.Verify(httptest.NewRequest(http.MethodPost, "/", nil), []byte(v3Body()), webhook.KotaniV3Signature(secrets...))
		assert.ErrorIs(t, err, webhook.ErrConfiguration)
	}
}

func TestKotaniV3EventsAreVerifiedAndInOrder(t *testing.T) {
	var told []string
	h, err := webhook.NewKotaniV3(webhook.Config[kotani.V3Event]{
		Auth: webhook.KotaniV3Signature(v3Whsec),
		Handle: func(_ context.Context, ev webhook.Event[kotani.V3Event]) error {
			told = append(told, ev.Data.Event+" "+ev.Reference+" "+ev.Status+" "+ev.Trust.String())
			return nil
		},
	})
	require.NoError(t, err)
	deliver := func(event, data string) int {
		text := `{"event":"` + event + `","data":` + data + `}`
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.TrimSuffix(text, "}")+`,"signature":"x"}`))
		r.Header.Set("X-Kotani-Signature", "sha256="+sign(sha256.New, v3Whsec, text))
		return send(h, r).Code
	}
	for _, d := range [][2]string{
		{"transaction.deposit.status.updated", `{"reference_id":"d-1","status":"SUCCESSFUL"}`},
		{"transaction.deposit.status.updated", `{"reference_id":"d-1","status":"SUCCESSFUL"}`}, // again
		{"transaction.deposit.status.updated", `{"reference_id":"d-1","status":"PENDING"}`},    // late
		{"transaction.status.updated", `{"reference_id":"d-1","status":"SUCCESS"}`},            // the deprecated twin
		{"settlement.approved", `{"batch":1}`},
		{"settlement.approved", `{"batch":2}`},
		{"settlement.approved", `{"batch":1}`}, // again
		{"refund.failed", `{"referenceId":"d-1","status":"FAILED"}`},
	} {
		assert.Equal(t, 200, deliver(d[0], d[1]))
	}
	assert.Equal(t, 400, deliverRaw(h, strings.Replace(v3Body(), `{"event"`, `{"Data":{"reference_id":"d-2"},"event"`, 1)), "data twice, in capitals")
	require.Len(t, told, 4)
	assert.Equal(t, "transaction.deposit.status.updated d-1 SUCCESSFUL verified", told[0])
	assert.True(t, strings.HasPrefix(told[1], "settlement.approved settlement.approved "))
	assert.NotEqual(t, told[1], told[2])
	assert.Equal(t, "refund.failed d-1 FAILED verified", told[3])
	assert.Equal(t, 401, send(h, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(v3Body()))).Code)
}

func TestAKotaniV3EventWithFurtherMembersIsHandedOn(t *testing.T) {
	const pair = `"event":"transaction.deposit.status.updated","data":{"reference_id":"d-1","status":"SUCCESSFUL"}`
	for name, tc := range map[string]struct {
		signed, body string
		code         int
	}{
		"a version beside what is signed":     {"{" + pair + "}", `{"version":1,` + pair + `}`, 200},
		"an id beside what is signed":         {"{" + pair + "}", "{" + pair + `,"id":{"a":[]},"signature":"x"}`, 200},
		"a time that is signed, too":          {"{" + pair + `,"timestamp":7}`, "{" + pair + `,"timestamp":7,"signature":"x"}`, 200},
		"a reference beside what is signed":   {"{" + pair + "}", `{"reference_id":"d-2","status":"FAILED",` + pair + `}`, 200},
		"the event again in capitals":         {"{" + pair + "}", "{" + pair + `,"EVENT":"refund.failed"}`, 400},
		"a signed time that was changed":      {"{" + pair + `,"timestamp":7}`, "{" + pair + `,"timestamp":8}`, 401},
		"an event that is not what is signed": {"{" + pair + "}", `{"version":1,` + strings.Replace(pair, "d-1", "d-2", 1) + `}`, 401},
	} {
		t.Run(name, func(t *testing.T) {
			var told []string
			h, err := webhook.NewKotaniV3(webhook.Config[kotani.V3Event]{
				Auth: webhook.KotaniV3Signature(v3Whsec),
				Handle: func(_ context.Context, ev webhook.Event[kotani.V3Event]) error {
					told = append(told, ev.Reference+" "+ev.Status+" "+ev.Trust.String())
					return nil
				},
			})
			require.NoError(t, err)
			for range 2 {
				r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(tc.body))
				r.Header.Set("X-Kotani-Signature", "sha256="+sign(sha256.New, v3Whsec, tc.signed))
				assert.Equal(t, tc.code, send(h, r).Code)
			}
			if tc.code == 200 {
				assert.Equal(t, []string{"d-1 SUCCESSFUL verified"}, told, "once")
			} else {
				assert.Empty(t, told)
			}
		})
	}
}

func deliverRaw(h http.Handler, body string) int {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("X-Kotani-Signature", v3Signature(v3Whsec))
	return send(h, r).Code
}

// Nothing is accepted but what was signed, in whatever dress.
func FuzzKotaniV3Signature(f *testing.F) {
	good := "sha256=" + v3Signature(v3Whsec)
	f.Add(good, v3Body())
	f.Add(good, strings.Replace(v3Body(), ":", " :\t", 3))
	f.Add("sha256=", `{"event":{},"data":{}}`)
	f.Add(good, `{"event":"\u0065","data":[[[[]]]]}`)
	f.Add(good, strings.Replace(v3Body(), `"signature":"`, "\"signature\":\"\x00", 1))
	a := webhook.KotaniV3Signature(v3Whsec)
	h, err := webhook.NewKotaniV3(webhook.Config[kotani.V3Event]{
		Auth: a,
		Handle: func(context.Context, webhook.Event[kotani.V3Event]) error {
			return errors.New("handed on") // answered with 500
		},
	})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, header, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header["X-Kotani-Signature"] = []string{header}
		if _, err := webhook.Verify(r, []byte(body), a); err != nil {
			return
		}
		var got struct{ Event, Data json.RawMessage }
		if json.Unmarshal([]byte(body), &got) != nil {
			// What a stranger adds beside the signed members reaches nobody.
			r.Body = io.NopCloser(strings.NewReader(body))
			assert.Equal(t, http.StatusBadRequest, send(h, r).Code)
			return
		}
		event, data := got.Event, got.Data
		for _, text := range []string{`{"event":` + string(event) + `,"data":` + string(data) + `}`, compacted(t, `{"event":`+string(event)+`,"data":`+string(data)+`}`)} {
			if mac := sign(sha256.New, v3Whsec, text); strings.EqualFold(header, "sha256="+mac) || strings.EqualFold(header, mac) {
				return
			}
		}
		t.Errorf("accepted %q with %q", body, header)
	})
}

func compacted(t *testing.T, text string) string {
	var b strings.Builder
	var raw json.RawMessage = []byte(text)
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	require.NoError(t, encoder.Encode(raw))
	return strings.TrimSuffix(b.String(), "\n")
}
