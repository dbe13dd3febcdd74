package kasapaytest

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// adminSettle is POST /_fake/kasapay/payouts/{reference}/settle
// {"payment_status":700}.
func (f *Fake) adminSettle(rw http.ResponseWriter, r *http.Request) {
	var in struct {
		PaymentStatus int `json:"payment_status"`
	}
	if !fake.AdminBody(rw, r, &in) {
		return
	}
	reference := r.PathValue("reference")
	switch err := f.Settle(reference, kasapay.PaymentStatus(strconv.Itoa(in.PaymentStatus))); {
	case errors.Is(err, ErrStatus):
		fake.AdminError(rw, http.StatusBadRequest, "payment_status", err.Error())
	case errors.Is(err, ErrNoPayout):
		fake.AdminError(rw, http.StatusNotFound, "reference", err.Error())
	case err != nil:
		fake.AdminError(rw, http.StatusConflict, "payment_status", err.Error())
	default:
		p, _ := f.Payout(reference)
		fake.AdminRespond(rw, http.StatusOK, f.result(&p))
	}
}
