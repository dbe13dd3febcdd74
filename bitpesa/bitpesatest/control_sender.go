package bitpesatest

import "github.com/kapiteni/kapiten-go/bitpesa"

// SetSenderState moves a sender along one arrow of its state machine: initial to
// verified or approved or rejected, verified to approved or rejected, any to
// banned or disabled. The transactions of an approved one stop waiting.
func (f *Fake) SetSenderState(id string, to bitpesa.SenderState) error {
	state := string(to)
	f.world.Lock()
	defer f.world.Unlock()
	a, x := f.state.sender(id)
	if x == nil {
		return notKnown("sender", id)
	}
	from := map[string][]string{
		senderVerified: {senderInitial},
		senderApproved: {senderInitial, senderVerified},
		senderRejected: {senderInitial, senderVerified},
		senderBanned:   {senderInitial, senderVerified, senderApproved, senderRejected, senderDisabled},
		senderDisabled: {senderInitial, senderVerified, senderApproved, senderRejected},
	}
	if err := checkArrow("a sender", from, x.State, state); err != nil {
		return err
	}
	x.State = state
	switch state {
	case senderApproved:
		f.emitSender(a, x, "sender.approved")
		f.approveWaiting(a, x)
	case senderRejected:
		f.emitSender(a, x, "sender.rejected")
	}
	return nil
}
