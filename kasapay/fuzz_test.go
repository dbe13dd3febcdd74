package kasapay_test

import (
	"testing"

	"github.com/kapiteni/kapiten-go/kasapay"
)

// Whatever the server says, Initiate returns this payout as accepted or an error.
func FuzzAnswersToInitiate(f *testing.F) {
	for _, body := range []string{
		accepted, processed, unknown, badToken, `{"response_code":"721"}`, `{"statusCode":"409","message":[1,"a",{}],"error":[]}`, `[]`, `{`,
	} {
		f.Add(200, body)
		f.Add(400, body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		client, _ := newClient(t, []step{answer(status, body), answer(403, `{"statusCode":403,"message":"no"}`)}, func(c *kasapay.Config) { c.MaxAttempts = 1 })
		payout, err := client.Payouts.Create(t.Context(), validPayout())
		switch {
		case err == nil && (payout == nil || payout.Reference != "ms83-1" || payout.Status != kasapay.StatusAccepted):
			t.Errorf("no error and no accepted payout: %+v", payout)
		case err == nil && (status < 200 || status > 299):
			t.Errorf("accepted under HTTP %d", status)
		case err != nil && payout != nil:
			t.Error("an error and a payout")
		}
	})
}
