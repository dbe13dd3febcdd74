package webhook

// Proof is what authentication found out about a delivery.
type Proof struct {
	// Signed says that a signature over the body was checked.
	Signed bool
	// Secret is which secret of the deciding authenticator matched, from 0. It
	// shows when an old secret is no longer used and can go.
	Secret int
	// Bound is what the callback URL was minted for; nil without a capability URL.
	Bound *Bound

	used *replays
	mark [16]byte
}

// Forget lets the same signed delivery in once more. Handler calls it when it
// answers with an error, as a sender that tries again may send the very same
// request; whoever uses Verify alone does so too.
func (p Proof) Forget() {
	if p.used != nil {
		p.used.forget(p.mark)
	}
}

func (p Proof) trust() Trust {
	if p.Signed {
		return Verified
	}
	return Claimed
}

func (p *Proof) add(other Proof) {
	if other.Signed || !p.Signed {
		p.Secret = other.Secret
	}
	p.Signed = p.Signed || other.Signed
	if other.Bound != nil {
		p.Bound = other.Bound
	}
	if other.used != nil {
		p.used, p.mark = other.used, other.mark
	}
}
