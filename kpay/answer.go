package kpay

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// answer holds every key KPay is known to send: in answers to pay and to
// checkstatus, and in postbacks. Any of them may be missing.
type answer struct {
	Reply      wire.Text         `json:"reply"`
	StatusDesc wire.Text         `json:"statusdesc"`
	StatusMsg  wire.Text         `json:"statusmsg"` // observed
	Message    wire.Text         `json:"message"`   // observed
	Success    wire.Bool         `json:"success"`
	RetCode    wire.OptionalText `json:"retcode"`
	StatusID   wire.Text         `json:"statusid"`
	TID        wire.Text         `json:"tid"`
	RefID      wire.Text         `json:"refid"`
	URL        wire.Text         `json:"url"`
	AuthKey    wire.Text         `json:"authkey"`
	MomTxID    wire.Text         `json:"momtransactionid"`
	PayAccount wire.Text         `json:"payaccount"`

	raw sdk.Raw
}

var errNoObject = errors.New("no JSON object")

func parseAnswer(body []byte) (*answer, error) {
	if !wire.IsObject(body) {
		return nil, errNoObject
	}
	a := &answer{raw: body}
	if err := json.Unmarshal(body, a); err != nil {
		return nil, err
	}
	return a, nil
}

// message is what KPay says in words.
func (a *answer) message() string {
	for _, text := range []wire.Text{a.Reply, a.StatusDesc, a.StatusMsg, a.Message} {
		if text != "" {
			return string(text)
		}
	}
	return ""
}

// code is the one code of an answer: of the payment if it speaks of one.
func (a *answer) code() Code {
	if a.StatusID != "" {
		return ParseCode(string(a.StatusID))
	}
	return ParseCode(a.RetCode.Text)
}

// contradictory reports an answer that says yes and no at once. None has been
// seen; believing either half of one could lose money.
func (a *answer) contradictory() bool {
	refused := a.Success.Valid && !a.Success.Bool
	ret := ParseCode(a.RetCode.Text)
	if a.StatusID != "" {
		status := ParseCode(string(a.StatusID))
		return status.Paid() && (refused || ret != "" && !ret.Pending() && !ret.Paid())
	}
	return refused && (ret.Pending() || ret.Paid()) || a.Success.Bool && ret != "" && !ret.Pending() && !ret.Paid()
}

// noFunds recognises a processor that says why it refused (observed).
func (a *answer) noFunds() bool {
	for _, text := range []wire.Text{a.StatusMsg, a.Reply, a.StatusDesc} {
		t := strings.ToLower(string(text))
		if strings.Contains(t, "not enough funds") || strings.Contains(t, "insufficient") {
			return true
		}
	}
	return false
}
