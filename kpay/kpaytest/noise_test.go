package kpaytest_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
)

// Each switch changes what it says and nothing else.
func TestNoise(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		cfg                    kpaytest.Config
		pending, status, error string // the keys that differ
	}{
		"none":               {},
		"blank url":          {kpaytest.Config{BlankURL: true}, `{"url":" "}`, `{}`, `{}`},
		"numbers as strings": {kpaytest.Config{NumbersAsStrings: true}, `{"success":"1","retcode":"000"}`, `{}`, `{"success":"0","retcode":"608"}`},
		"strings as numbers": {kpaytest.Config{StringsAsNumbers: true}, `{"refid":77}`, `{"refid":77,"statusid":3}`, `{"refid":77}`},
		"success as bool":    {kpaytest.Config{SuccessAsBool: true}, `{"success":true}`, `{}`, `{"success":false}`},
		"bool over string":   {kpaytest.Config{SuccessAsBool: true, NumbersAsStrings: true}, `{"success":true,"retcode":"000"}`, `{}`, `{"success":false,"retcode":"608"}`},
		"padded":             {kpaytest.Config{PadValues: true}, `{"reply":" PENDING ","refid":" 77 "}`, `{"refid":" 77 ","statusid":" 03 ","statusdesc":" Pending transaction. ","momtransactionid":"  "}`, `{"reply":" Duplicate refid used ","tid":" E ","refid":" 77 ","url":"   "}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain, noisy := newMerchant(t, kpaytest.Config{}), newMerchant(t, tc.cfg)
			for _, step := range []struct {
				body object
				diff string
			}{
				{order(object{"refid": "77"}), tc.pending},
				{object{"action": "checkstatus", "refid": "77"}, tc.status},
				{order(object{"refid": "77"}), tc.error},
			} {
				want, got := plain.call(step.body), noisy.call(step.body)
				if step.diff != "" {
					for key, v := range parse(t, step.diff) {
						want[key] = v
					}
				}
				if tc.cfg.PadValues { // drawn ids: the diffs above cannot name them
					for _, o := range []object{want, got} {
						maps.DeleteFunc(o, func(key string, v any) bool {
							text, _ := v.(string)
							return key == "authkey" || strings.TrimSpace(text) != "E" && key == "tid" || strings.Contains(text, "//")
						})
					}
				}
				assert.Equal(t, want, got)
			}
		})
	}
}

func TestMinimalErrors(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{MinimalErrors: true})
	assert.Equal(t, parse(t, `{"reply":"TARGET_AUTHORIZATION_ERROR","retcode":606}`), m.pay(object{"msisdn": "0783300008"}))
	assert.Equal(t, parse(t, `{"reply":"Unknown retailer","retcode":604}`), m.pay(object{"retailerid": "1", "refid": "n"}))
	assert.Contains(t, m.pay(object{"refid": "n"}), "success", "what went well is not cut")
}

func TestNoiseReachesPostbacks(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, kpaytest.Config{StringsAsNumbers: true})
	m.pay(object{"refid": "77"})
	m.Advance(10 * time.Second)
	posts := m.postbacks()
	require.Len(t, posts, 1, "an acknowledgement that repeats the numbers is taken")
	assert.Contains(t, posts[0].body, `"refid":77,"statusdesc"`)
	assert.Contains(t, posts[0].body, `"statusid":1,`)
}
