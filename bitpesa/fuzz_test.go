package bitpesa_test

import (
	"testing"

	"github.com/kapiteni/kapiten-go/bitpesa"
)

func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		nestedErrors, debitResponse, `{"status":401,"error":"Unauthorized"}`, `<html>`, ``, `null`, `{"object":null}`,
		`{"object":[{"id":"r-1","state":"error","requested_amount":"1e-5"}],"meta":{"pagination":{"next_page":1}}}`,
		`{"object":{"errors":[[{"error":"x"}]]},"meta":{"error":{"a":1},"existing":{"transaction":{"id":1,"state":"x"},"sender":[]}}}`,
		`{"webhook":"w","event":"transaction.paid_in","object":{"id":"t-1","traits":{"auto_refund":"1"},"recipients":[null]}}`,
		`[{"currency":"USD","amount":1}]`, `{"errors":{"a":{"errors":{"b":"c"}}}}`,
	} {
		for _, status := range []int{200, 404, 422} {
			f.Add(status, []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if fault := bitpesa.ReadAnything(status, body); fault != "" {
			t.Errorf("%s: HTTP %d %q", fault, status, body)
		}
	})
}
