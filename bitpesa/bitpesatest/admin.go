package bitpesatest

import (
	"errors"
	"net/http"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// adminCalls are the control calls over HTTP.
func (f *Fake) adminCalls() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"POST /_fake/bitpesa/senders/{id}/state": func(w http.ResponseWriter, r *http.Request) {
			f.adminState(w, r, func(id string, in stateBody) error { return f.SetSenderState(id, bitpesa.SenderState(in.State)) })
		},
		"POST /_fake/bitpesa/transactions/{id}/state": func(w http.ResponseWriter, r *http.Request) {
			f.adminState(w, r, func(id string, in stateBody) error {
				return f.SetTransactionState(id, bitpesa.TransactionState(in.State))
			})
		},
		"POST /_fake/bitpesa/recipients/{id}/state": func(w http.ResponseWriter, r *http.Request) {
			f.adminState(w, r, func(id string, in stateBody) error {
				return f.SetRecipientState(id, bitpesa.RecipientState(in.State), in.Code)
			})
		},
		"POST /_fake/bitpesa/account_validations/outage": f.adminOutage,
	}
}

type stateBody struct {
	State string `json:"state"`
	Code  string `json:"code"` // of a recipient's error
}

func (f *Fake) adminState(w http.ResponseWriter, r *http.Request, set func(id string, in stateBody) error) {
	var in stateBody
	if !fake.AdminBody(w, r, &in) {
		return
	}
	id := r.PathValue("id")
	err := set(id, in)
	switch {
	case err == nil:
		fake.AdminRespond(w, http.StatusOK, map[string]string{"id": id, "state": f.stateOf(id)})
	case errors.Is(err, ErrNotFound):
		fake.AdminError(w, http.StatusNotFound, "id", err.Error())
	case errors.Is(err, ErrState):
		fake.AdminError(w, http.StatusBadRequest, "state", err.Error())
	default:
		fake.AdminError(w, http.StatusConflict, "state", err.Error())
	}
}

// stateOf is the state of whatever has that id.
func (f *Fake) stateOf(id string) string {
	f.world.Lock()
	defer f.world.Unlock()
	if _, x := f.state.sender(id); x != nil {
		return x.State
	}
	if _, t := f.state.transaction(id); t != nil {
		return t.State
	}
	if _, r := f.state.recipient(id); r != nil {
		return r.State
	}
	return ""
}

func (f *Fake) adminOutage(w http.ResponseWriter, r *http.Request) {
	var in struct {
		On *bool `json:"on"`
	}
	if !fake.AdminBody(w, r, &in) {
		return
	}
	if in.On == nil {
		fake.AdminError(w, http.StatusBadRequest, "on", "on must be true or false")
		return
	}
	f.SetValidationOutage(*in.On)
	fake.AdminRespond(w, http.StatusOK, map[string]bool{"on": *in.On})
}
