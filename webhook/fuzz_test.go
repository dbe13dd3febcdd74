package webhook_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/clienttest"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/webhook"
)

// No header is accepted but those that hold the right MAC for their own time.
func FuzzTimestampedSignature(f *testing.F) {
	body := paid("o1")
	good := v1("whsec", noon, body)
	for _, seed := range []string{
		fmt.Sprintf("t=%d,v1=%s", noon.Unix(), good), "t=,v1=", ",,,", "v1=" + good, "t=1 t=1", "t=-1,v1=" + good,
		fmt.Sprintf("t=%d v1=%s v1=%s", noon.Unix(), good, good), "t", "=", "t=00000000000001,v1=" + good,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header["Shop-Signature"] = []string{header}
		_, err := webhook.Verify(r, []byte(body), webhook.Signature(stamped, "whsec"))
		if err != nil {
			return
		}
		for d := -5 * time.Minute; d <= 5*time.Minute; d += time.Second {
			at := noon.Add(d)
			if strings.Contains(header, fmt.Sprintf("t=%d", at.Unix())) && strings.Contains(strings.ToLower(header), "v1="+v1("whsec", at, body)) {
				return
			}
		}
		t.Errorf("accepted %q", header)
	})
}

func FuzzHexHeaderSignature(f *testing.F) {
	body := paid("o1")
	good := sign(sha256.New, "whsec", body)
	for _, seed := range []string{"sha256=" + good, good, "sha256=", "sha1=" + good[:40], "sha256=" + good + good} {
		f.Add(seed)
	}
	a := webhook.Signature(webhook.SignatureConfig{Scheme: webhook.HexHeader("X-Shop-Signature", "sha256=")}, "whsec")
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header["X-Shop-Signature"] = []string{header}
		_, err := webhook.Verify(r, []byte(body), a)
		if (err == nil) != (len(header) == 71 && header[:7] == "sha256=" && strings.ToLower(header[7:]) == good) {
			t.Errorf("%q: %v", header, err)
		}
	})
}

// No path is accepted but the one that was minted.
func FuzzCapability(f *testing.F) {
	c := capabilities(f, atNoon, newKey)
	path := mint(f, c, webhook.Bound{Reference: "o1", Amount: money("100"), Currency: "RWF"})
	for _, seed := range []string{path, "/", "", path + "/", path[:20], strings.ToLower(path)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		if _, err := c.Check(given); (err == nil) != strings.HasSuffix("/"+given, path[strings.LastIndexByte(path, '/'):]) {
			t.Errorf("%q: %v", given, err)
		}
	})
}

// Whatever comes in, the allow-list lets in nobody whose peer is neither allowed
// nor a proxy.
func FuzzAllowList(f *testing.F) {
	a := webhook.AllowList([]string{"52.50.88.0/24", "2001:db8::/32"}, "10.0.0.0/8")
	f.Add("10.0.0.1:1", "52.50.88.9")
	f.Add("[::ffff:10.0.0.1]:1", "52.50.88.9, 10.0.0.2,")
	f.Add("203.0.113.7:1", "52.50.88.9")
	f.Fuzz(func(t *testing.T, peer, forwarded string) {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.RemoteAddr = peer
		r.Header["X-Forwarded-For"] = []string{forwarded}
		if _, err := webhook.Verify(r, nil, a); err == nil && !strings.Contains(peer, "10.") && !strings.Contains(peer, "52.50.88.") && !strings.Contains(strings.ToLower(peer), "2001:") && !strings.Contains(strings.ToLower(peer), "ffff:") {
			t.Errorf("let in %q with %q", peer, forwarded)
		}
	})
}

// No body makes the handler fall over, and whatever it acknowledges it can name.
func FuzzKapitenCallback(f *testing.F) {
	for _, seed := range []string{
		`{"event":"status_update","ride_id":"721e54a2","reference_number":"KPT-112233","external_id":"YOUR_INTERNAL_ORDER_ID","status":"PICKED_UP","metadata":{}}`,
		`{"ride_id":1,"status":null}`, `{"ride_id":"a","ride_id":"b","status":"x"}`, `[]`, ``, `{"ride_id":"\u0000","status":"x"}`, `{"ride_id":"\ud800","status":"x"}`,
	} {
		f.Add([]byte(seed))
	}
	source := webhook.Kapiten()
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := source.Decode(body)
		plain, plainErr := kapiten.ParseEvent(body)
		if err != nil {
			return // for a key that comes twice, if ParseEvent does not mind
		}
		require.NoError(t, plainErr)
		assert.Equal(t, plain.RideID, e.ID)
		assert.Equal(t, plain.ReferenceNumber, e.ReferenceNumber)
		assert.Equal(t, plain.ExternalID, e.ExternalID)
		assert.Equal(t, plain.Status, e.Status)
		assert.Equal(t, string(plain.Raw), string(e.Raw))
		assert.NotEmpty(t, source.Identify(e).Reference)
	})
}

// noisyCallback is what a provider posts: the members that decide, and %s, a member more.
type noisyCallback struct {
	good     string
	deciding string // names that are not noise
	read     func(body string) (webhook.Identity, error)
}

func noisy[E any](s webhook.Source[E], good, deciding string) noisyCallback {
	return noisyCallback{good, deciding, func(body string) (webhook.Identity, error) {
		e, err := s.Decode([]byte(body))
		if err != nil {
			return webhook.Identity{}, err
		}
		got := s.Identify(e)
		return webhook.Identity{Reference: got.Reference, Alias: got.Alias, Status: got.Status}, nil
	}}
}

func noisyCallbacks() map[string]noisyCallback {
	return map[string]noisyCallback{
		"kapiten":     noisy(webhook.Kapiten(), `{"ride_id":"r-1","status":"PICKED_UP",%s}`, "ride_id status"),
		"kpay":        noisy(webhook.KPay(), `{"refid":"o-1","statusid":"01",%s}`, "refid statusid"),
		"kasapay":     noisy(webhook.Kasapay(), `{"payout_reference":"o-1","payment_status":700,%s}`, "payout_reference payment_status"),
		"kotani":      noisy(webhook.Kotani(), `{"externalId":"o-1","status":"SUCCESSFUL",%s}`, "externalid status result transactiontype"),
		"kotani-v3":   noisy(webhook.KotaniV3(), `{"event":"transaction.deposit.status.updated","data":{"reference_id":"r-1","status":"SUCCESSFUL",%s},"signature":"x"}`, "reference_id referenceid status"),
		"fiatconnect": noisy(webhook.FiatConnect(), `{"eventType":"WebhookTransferInStatusEvent","eventId":"e-1","timestamp":"1700000000","payload":{"transferId":"t-1","status":"TransferComplete",%s}}`, "transferid status transferstatus transfertype"),
		"bitpesa":     noisy(webhook.BitPesa(), `{"webhook":"w-1","event":"transaction.paid_in","object":{"id":"t-1","state":"received",%s}}`, "id state"),
	}
}

// with reads the callback with a member more.
func (c noisyCallback) with(member string) (webhook.Identity, error) {
	return c.read(strings.Replace(c.good, "%s", member, 1))
}

func TestNoiseInACallbackHidesNotWhatItIsAbout(t *testing.T) {
	for provider, callback := range noisyCallbacks() {
		want, err := callback.with(`"no-such-member":0`)
		require.NoError(t, err, provider)
		require.NotEmpty(t, want.Reference, provider)
		for name := range strings.FieldsSeq("external_id reference_number metadata event amount currency url tid momtransactionid statusdesc payment_reference account_balance transaction_time createdAt timestamp phoneNumber fee amountProvided recipients sender traits state_reason created_at") {
			for _, value := range slices.Concat(clienttest.BadDates(), clienttest.BadDecimals(), []string{`["x"]`, `{"name":"KES"}`, `[[]]`}) {
				for _, mark := range []string{"", "\ufeff"} {
					got, err := callback.read(mark + strings.Replace(callback.good, "%s", `"`+name+`":`+value, 1))
					assert.NoError(t, err, "%s: %s: %s", provider, name, value)
					assert.Equal(t, want, got, "%s: %s: %s", provider, name, value)
				}
			}
		}
	}
}

// FuzzNoise puts any JSON into any member that decides nothing.
func FuzzNoise(f *testing.F) {
	callbacks := noisyCallbacks()
	providers := slices.Sorted(maps.Keys(callbacks))
	for i := range providers {
		f.Add(uint8(i), "metadata", `{"_seconds":1}`)
		f.Add(uint8(i), "amount", `"1,200.00"`)
		f.Add(uint8(i), "external_id", `false`)
	}
	f.Fuzz(func(t *testing.T, which uint8, field, value string) {
		provider := providers[int(which)%len(providers)]
		callback := callbacks[provider]
		name, err := json.Marshal(field)
		if err != nil || !json.Valid([]byte(value)) || slices.Contains(strings.Fields(callback.deciding), strings.ToLower(strings.ToValidUTF8(field, "\ufffd"))) {
			return
		}
		member := string(name) + ":" + value
		if wire.UniqueKeys([]byte(strings.Replace(callback.good, "%s", member, 1))) != nil {
			return // a key that comes twice has two meanings
		}
		want, err := callback.with(`"no-such-member":0`)
		require.NoError(t, err)
		got, err := callback.with(member)
		if err != nil || got != want {
			t.Errorf("%s: %q: %s: %+v, %v", provider, field, value, got, err)
		}
	})
}
