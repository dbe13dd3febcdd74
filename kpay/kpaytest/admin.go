package kpaytest

import (
	"errors"
	"net/http"

	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// adminSettle is POST /_fake/kpay/payments/{refid}/settle {"statusid":"01"}.
func (f *Fake) adminSettle(rw http.ResponseWriter, r *http.Request) {
	var in struct {
		StatusID kpay.Code `json:"statusid"`
	}
	if !fake.AdminBody(rw, r, &in) {
		return
	}
	refID := r.PathValue("refid")
	switch err := f.Settle(refID, in.StatusID); {
	case errors.Is(err, ErrStatusID):
		fake.AdminError(rw, http.StatusBadRequest, "statusid", err.Error())
	case errors.Is(err, ErrNoPayment):
		fake.AdminError(rw, http.StatusNotFound, "refid", err.Error())
	case err != nil:
		fake.AdminError(rw, http.StatusConflict, "statusid", err.Error())
	default:
		p, _ := f.Payment(refID)
		fake.AdminRespond(rw, http.StatusOK, p)
	}
}
