package webhook

// Trust is how far an event can be believed.
type Trust int

const (
	// Claimed: whoever knew the way in said so. Enough to look, not to act.
	Claimed Trust = iota
	// Verified: the provider signed the body.
	Verified
	// Confirmed: the provider's API said so itself.
	Confirmed
)

func (t Trust) String() string {
	switch t {
	case Verified:
		return "verified"
	case Confirmed:
		return "confirmed"
	default:
		return "claimed"
	}
}
