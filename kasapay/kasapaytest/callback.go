package kasapaytest

import (
	"net/http"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// callBack posts a payout's result to the caller. The lock is held.
func (f *Fake) callBack(p *Payout) {
	f.world.Send(fake.Callback{
		Provider: providerName, Event: "payout." + string(p.Status), Subject: p.Reference, URL: p.CallbackURL,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: f.encode(f.result(p)),
	})
}

func (f *Fake) acknowledged(_ fake.Delivery, status int, _ []byte) bool {
	return status == http.StatusOK || f.config.AnySuccessAcknowledges && status >= 200 && status < 300
}
