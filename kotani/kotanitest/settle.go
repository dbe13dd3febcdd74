package kotanitest

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Reasons for which Settle changes nothing.
var (
	ErrNoTransaction = errors.New("kotanitest: no such transaction")
	ErrStatus        = errors.New("kotanitest: not a status to settle with: SUCCESSFUL, FAILED, CANCELLED, EXPIRED, DECLINED, PERMANENTLY_FAILED or REVERSED")
	ErrArrow         = errors.New("kotanitest: no such arrow")
	ErrSpent         = errors.New("kotanitest: the money to take back is spent already")
)

// Settle ends a pending transaction now, or reverses a successful one, whatever
// was planned for it. Balances and the callback follow at once. id is the
// request id, or else the external id.
func (f *Fake) Settle(id string, status kotani.TransactionStatus) error {
	f.world.Lock()
	defer f.world.Unlock()
	switch status {
	case kotani.StatusSuccessful, kotani.StatusFailed, kotani.StatusCancelled, kotani.StatusExpired,
		kotani.StatusDeclined, kotani.StatusPermanentlyFailed, kotani.StatusReversed:
	default:
		return ErrStatus
	}
	t := f.state.find(id)
	if t == nil {
		return ErrNoTransaction
	}
	return f.move(t, status, "")
}

// move takes a transaction along an arrow, with its money, and tells the caller.
func (f *Fake) move(t *Transaction, status kotani.TransactionStatus, message string) error {
	reversal := status == kotani.StatusReversed
	if reversal && t.Status != kotani.StatusSuccessful || !reversal && t.Status != kotani.StatusPending {
		return fmt.Errorf("%w: %s to %s", ErrArrow, t.Status, status)
	}
	switch {
	case reversal:
		if !f.state.reverse(t, f.world.Now()) {
			return ErrSpent
		}
	case status == kotani.StatusSuccessful:
		f.state.settle(t, fake.EntryPosted)
	default:
		f.state.settle(t, fake.EntryFailed)
	}
	t.Status, t.Message, t.Updated = status, message, f.world.Now()
	f.callBack(t)
	return nil
}

// callBack posts a transaction's status object to the caller's URL, if there is
// one.
func (f *Fake) callBack(t *Transaction) {
	if t.Callback == "" {
		return
	}
	f.world.Send(fake.Callback{
		Provider: providerName, Event: "transaction." + string(t.Status), Subject: t.RequestID, URL: t.Callback,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: encode(t.shown()),
	})
}

// adminSettle is POST /_fake/kotani/transactions/{id}/settle {"status":...}.
func (f *Fake) adminSettle(rw http.ResponseWriter, r *http.Request) {
	var in struct {
		Status kotani.TransactionStatus `json:"status"`
	}
	if !fake.AdminBody(rw, r, &in) {
		return
	}
	id := r.PathValue("id")
	switch err := f.Settle(id, in.Status); {
	case errors.Is(err, ErrStatus):
		fake.AdminError(rw, http.StatusBadRequest, "status", err.Error())
	case errors.Is(err, ErrNoTransaction):
		fake.AdminError(rw, http.StatusNotFound, "id", err.Error())
	case err != nil:
		fake.AdminError(rw, http.StatusConflict, "status", err.Error())
	default:
		t, _ := f.Transaction(id)
		fake.AdminRespond(rw, http.StatusOK, t.shown())
	}
}
