package kotanitest

import (
	"fmt"
	"net/http"
	"time"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// claim is a beneficiary of a program. A program exists when it is first used.
type claim struct {
	Last  time.Time `json:"last"` // zero before the first claim
	Count int       `json:"count"`
}

// ubiClaim is POST /transactions/ubi/claimfunds: cUSD from the partner to the
// beneficiary's wallet on Celo.
func (f *Fake) ubiClaim(c *call) object {
	program, phone, b := f.beneficiary(c)
	now := f.world.Now()
	switch {
	case c.fault != "":
		return c.refused()
	case b == nil:
		return refused("user is not approved as a beneficiary")
	case b.Count > 0 && now.Before(b.Last.Add(f.config.ClaimEvery)):
		return refused("Not yet time, try again at " + timestamp(b.Last.Add(f.config.ClaimEvery)))
	case !f.state.covered(pays("cUSD", f.config.ClaimAmount)):
		return refused("insufficient funds")
	}
	b.Last, b.Count = now, b.Count+1
	for _, l := range append(pays("cUSD", f.config.ClaimAmount), Leg{wallet(phone, kotani.ChainCelo), "cUSD", f.config.ClaimAmount}) {
		book(f.state.Ledger.Post(fake.Entry{
			ID:      fmt.Sprintf("claim %q %s %d %s", program, phone, b.Count, l.Owner),
			Account: f.state.account(l.Owner, l.Currency), Amount: l.Amount,
			Kind: kotani.OpUBIClaim, Reference: program, Created: now,
		}))
	}
	return object{
		"status": http.StatusCreated, "desc": "Funds claimed",
		"txid": "https://explorer.celo.org/tx/0x" + f.ids().Hex(64), // an URL, as in the operator's source
	}
}

// isBeneficiary is POST /transactions/ubi/checkIfBeneficiary. A negative answer
// looks like an error, as in the operator's source.
func (f *Fake) isBeneficiary(c *call) object {
	_, _, b := f.beneficiary(c)
	switch {
	case c.fault != "":
		return c.refused()
	case b == nil:
		return refused("Not a beneficiary")
	}
	return object{"status": http.StatusCreated, "desc": "User is a beneficiary", "result": object{"claims": b.Count}}
}

// setBeneficiary is POST /transactions/ubi/setBeneficiary.
func (f *Fake) setBeneficiary(c *call) object {
	program, phone, b := f.beneficiary(c)
	switch {
	case c.fault != "":
		return c.refused()
	case b != nil:
		return refused("User is already a beneficiary")
	}
	if f.state.Programs[program] == nil {
		f.state.Programs[program] = map[string]*claim{}
	}
	f.state.Programs[program][phone] = &claim{}
	return object{"status": http.StatusCreated, "desc": "User set as beneficiary", "result": object{
		"programId": program, "phoneNumber": phone, "address": f.address(phone, kotani.ChainCelo),
	}}
}

func (f *Fake) beneficiary(c *call) (program, phone string, b *claim) {
	phone, program = c.phone("phoneNumber"), c.text("programId")
	return program, phone, f.state.Programs[program][phone]
}
