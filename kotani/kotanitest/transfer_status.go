package kotanitest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// TransferOutcome is what becomes of a transfer. The last four characters of the
// fiat account's number choose it.
type TransferOutcome string

const (
	TransferPaid     TransferOutcome = "paid"     // goes to TransferComplete, a state each Config.StepDelay
	TransferFails    TransferOutcome = "failed"   // 0001: TransferFailed; out: after the crypto arrived, in: before the fiat does
	TransferAML      TransferOutcome = "aml"      // 0002: out: TransferAmlFailed; in: TransferFailed after the fiat arrived
	TransferNotMoved TransferOutcome = "no-money" // 0003: the user never sends anything
)

func transferOutcome(number string) TransferOutcome {
	switch number[max(len(number)-4, 0):] {
	case "0001":
		return TransferFails
	case "0002":
		return TransferAML
	case "0003":
		return TransferNotMoved
	}
	return TransferPaid
}

// Reasons for which SetTransferStatus changes nothing.
var (
	ErrNoTransfer     = errors.New("kotanitest: no such transfer")
	ErrTransferStatus = errors.New("kotanitest: unknown transfer status")
	ErrTransferArrow  = errors.New("kotanitest: no such arrow")
)

// SetTransferStatus takes a transfer one arrow of the specification further now.
func (f *FiatConnect) SetTransferStatus(id string, status kotani.TransferStatus) error {
	f.world.Lock()
	defer f.world.Unlock()
	if !knownTransferStatus(status) {
		return ErrTransferStatus
	}
	t := f.state.Transfers[id]
	if t == nil {
		return ErrNoTransfer
	}
	waiting := t.Status == kotani.TransferReadyForUserToSendCryptoFunds
	switch {
	case !slices.Contains(f.arrows(t), status):
		return fmt.Errorf("%w: %s to %s", ErrTransferArrow, t.Status, status)
	case waiting && status == kotani.TransferFailed && f.world.Now().Before(t.Guaranteed):
		return fmt.Errorf("%w: the quote has not expired yet", ErrTransferArrow)
	}
	f.enter(t, status)
	return nil
}

// arrows are the states a transfer can go to. A transfer in waits for the user
// or debits the account, never both.
func (f *FiatConnect) arrows(t *Transfer) []kotani.TransferStatus {
	if t.Type == kotani.TransferTypeOut {
		switch t.Status {
		case kotani.TransferStarted:
			return []kotani.TransferStatus{kotani.TransferReadyForUserToSendCryptoFunds, kotani.TransferAmlFailed, kotani.TransferFailed}
		case kotani.TransferReadyForUserToSendCryptoFunds:
			return []kotani.TransferStatus{kotani.TransferReceivedCryptoFunds, kotani.TransferFailed}
		case kotani.TransferReceivedCryptoFunds:
			return []kotani.TransferStatus{kotani.TransferComplete, kotani.TransferFailed}
		}
		return nil
	}
	switch t.Status {
	case kotani.TransferStarted:
		if t.UserAction == nil {
			return []kotani.TransferStatus{kotani.TransferFiatFundsDebited, kotani.TransferFailed}
		}
		return []kotani.TransferStatus{kotani.TransferWaitingForUserAction, kotani.TransferFailed}
	case kotani.TransferFiatFundsDebited, kotani.TransferWaitingForUserAction:
		return []kotani.TransferStatus{kotani.TransferReceivedFiatFunds, kotani.TransferFailed}
	case kotani.TransferReceivedFiatFunds:
		return []kotani.TransferStatus{kotani.TransferSendingCryptoFunds, kotani.TransferFailed}
	case kotani.TransferSendingCryptoFunds:
		return []kotani.TransferStatus{kotani.TransferComplete, kotani.TransferFailed}
	}
	return nil
}

// step takes a transfer to the state its outcome has next.
func (f *FiatConnect) step(t *Transfer) {
	arrows := f.arrows(t)
	if len(arrows) == 0 {
		return
	}
	next := arrows[0]
	user := t.Status == kotani.TransferWaitingForUserAction || t.Status == kotani.TransferReadyForUserToSendCryptoFunds
	switch {
	case t.Outcome == TransferNotMoved && user:
		return
	case t.Outcome == TransferAML && t.Type == kotani.TransferTypeOut && t.Status == kotani.TransferStarted:
		next = kotani.TransferAmlFailed
	case t.Outcome == TransferAML && t.Status == kotani.TransferReceivedFiatFunds,
		t.Outcome == TransferFails && t.Type == kotani.TransferTypeIn && t.Status != kotani.TransferStarted,
		t.Outcome == TransferFails && t.Status == kotani.TransferReceivedCryptoFunds:
		next = kotani.TransferFailed
	}
	f.enter(t, next)
}

// enter gives a transfer a state, tells the client and plans the next one. It
// returns the webhook's delivery, if there is one.
func (f *FiatConnect) enter(t *Transfer, status kotani.TransferStatus) (delivery string) {
	t.Status = status
	if status == kotani.TransferSendingCryptoFunds {
		t.TxHash = "0x" + f.ids().Hex(64)
	}
	event, payload := "WebhookTransferInStatusEvent", t.shown()
	if t.Type == kotani.TransferTypeOut {
		event = "WebhookTransferOutStatusEvent" // such a transfer has neither txHash nor userActionDetails
	}
	if !f.config.ManualTransfers && len(f.arrows(t)) > 0 {
		f.after(f.config.StepDelay, eventStep, t.ID)
	}
	return f.sendWebhook(event, t.User, t.ID, payload)
}

func knownTransferStatus(status kotani.TransferStatus) bool {
	return slices.Contains([]kotani.TransferStatus{
		kotani.TransferStarted, kotani.TransferFiatFundsDebited, kotani.TransferWaitingForUserAction,
		kotani.TransferSendingCryptoFunds, kotani.TransferAmlFailed, kotani.TransferReadyForUserToSendCryptoFunds,
		kotani.TransferReceivedCryptoFunds, kotani.TransferReceivedFiatFunds, kotani.TransferComplete, kotani.TransferFailed,
	}, status)
}

// adminTransfer is POST /_fake/fiatconnect/transfers/{id}/status {"status":...}.
func (f *FiatConnect) adminTransfer(rw http.ResponseWriter, r *http.Request) {
	var in struct {
		Status kotani.TransferStatus `json:"status"`
	}
	if !fake.AdminBody(rw, r, &in) {
		return
	}
	id := r.PathValue("id")
	switch err := f.SetTransferStatus(id, in.Status); {
	case errors.Is(err, ErrTransferStatus):
		fake.AdminError(rw, http.StatusBadRequest, "status", err.Error())
	case errors.Is(err, ErrNoTransfer):
		fake.AdminError(rw, http.StatusNotFound, "id", err.Error())
	case err != nil:
		fake.AdminError(rw, http.StatusConflict, "status", err.Error())
	default:
		t, _ := f.Transfer(id)
		fake.AdminRespond(rw, http.StatusOK, t.shown())
	}
}
