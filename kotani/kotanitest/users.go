package kotanitest

import (
	"net/http"
	"time"

	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// User is an end user as the fake keeps him.
type User struct {
	ID        string `json:"id"`
	Phone     string `json:"phone"` // digits
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	Email     string `json:"email"`
	Verified  bool   `json:"verified"` // once the details were given
}

// User returns a user by phone number, in digits.
func (f *Fake) User(phone string) (User, bool) {
	f.world.Lock()
	defer f.world.Unlock()
	return fake.Copy(f.state.Users.Find(phone))
}

// Users are all users, oldest first.
func (f *Fake) Users() []User {
	f.world.Lock()
	defer f.world.Unlock()
	return fake.Copies(f.state.Users.All())
}

const descNoUser = "user does not exist"

// createUser is POST /kyc/user/create.
func (f *Fake) createUser(c *call) object {
	phone := c.phone("phoneNumber")
	if c.reason != "" {
		return c.refused()
	}
	if u := f.state.Users.Find(phone); u != nil {
		o := refused("user exists")
		o["userId"] = u.ID
		return o
	}
	u := &User{ID: f.ids().UUID(), Phone: phone}
	f.state.Users.Add(u)
	return object{"status": 201, "userId": u.ID}
}

// verifyUser is POST /kyc/user/isverifiedcheck. Its status is a string, as documented;
// the values are assumed.
func (f *Fake) verifyUser(c *call) object {
	u, refusal := f.user(c)
	switch {
	case refusal != nil:
		return refusal
	case f.config.Quirks.StatusAsBool:
		return object{"status": u.Verified}
	case u.Verified:
		return object{"status": "verified"}
	}
	return object{"status": "unverified"}
}

// updateUser is POST /kyc/user/update.
func (f *Fake) updateUser(c *call) object {
	last, first, email := c.text("lastname"), c.text("firstname"), c.text("email")
	u, refusal := f.user(c)
	if refusal != nil {
		return refusal
	}
	u.FirstName, u.LastName, u.Email, u.Verified = first, last, email, true
	return object{"status": "active", "desc": "User details updated", "details": f.record(u)}
}

// userByPhone is POST /kyc/user/getDetailsByPhone. Its refusal is the operator's.
func (f *Fake) userByPhone(c *call) object {
	u, refusal := f.user(c)
	switch {
	case c.reason != "":
		return refusal
	case refusal != nil:
		return object{"status": "phonenumber not found"}
	}
	return object{"userRecord": f.record(u)}
}

// listUsers is GET /kyc/users: records by phone number.
func (f *Fake) listUsers(*call) object {
	data := object{}
	for _, u := range f.state.Users.All() {
		data[u.Phone] = f.record(u)
	}
	return object{"data": data}
}

// phoneByAddress is POST /kyc/user/getPhoneByAddress, for an address on any
// chain.
func (f *Fake) phoneByAddress(c *call) object {
	address := c.text("publicAddress")
	if c.reason != "" {
		return c.refused()
	}
	for _, u := range f.state.Users.All() {
		for _, chain := range chains() {
			if sameAddress(f.address(u.Phone, chain), address) {
				return object{"phoneNumber": u.Phone}
			}
		}
	}
	return refused(descNoUser)
}

// user is the user that a request names.
func (f *Fake) user(c *call) (*User, object) {
	phone := c.phone("phoneNumber")
	if c.reason != "" {
		return nil, c.refused()
	}
	if u := f.state.Users.Find(phone); u != nil {
		return u, nil
	}
	return nil, refused(descNoUser)
}

func (f *Fake) record(u *User) object {
	return object{
		"userId": u.ID, "phoneNumber": u.Phone, "firstname": u.FirstName, "lastname": u.LastName,
		"email": u.Email, "verified": u.Verified, "publicAddress": f.address(u.Phone, kotani.ChainCelo),
	}
}

// beneficiary is a user of a UBI program. A program exists when it is first used.
type beneficiary struct {
	Program string    `json:"program"`
	Phone   string    `json:"phone"`
	Claimed time.Time `json:"claimed"` // when the last claim was
	Claims  int       `json:"claims"`
}

// ubiClaim is POST /transactions/ubi/claimfunds. It moves cUSD from the partner
// to the beneficiary's wallet on Celo.
func (f *Fake) ubiClaim(c *call) object {
	phone, program := c.phone("phoneNumber"), c.text("programId")
	b := f.state.Beneficiaries.Find((&beneficiary{Phone: phone, Program: program}).key())
	now := f.world.Now()
	amount := f.config.Quirks.ClaimAmount
	switch {
	case c.reason != "":
		return c.refused()
	case b == nil:
		return refused("user is not approved as a beneficiary")
	}
	if next := b.Claimed.Add(f.config.Quirks.ClaimEvery); b.Claims > 0 && now.Before(next) {
		return refused("Not yet time, try again at " + timestamp(next))
	}
	legs := append(pays("cUSD", amount), Leg{wallet(b.Phone, kotani.ChainCelo), "cUSD", amount})
	t := &Transaction{
		Operation: kotani.OpUBIClaim, Type: kotani.Payouts, Amount: amount, Currency: "cUSD",
		Phone: b.Phone, Program: b.Program, TxHash: "0x" + f.ids().Hex(64), Legs: legs,
	}
	if f.begin(c, t) != "" {
		return refused("insufficient funds")
	}
	b.Claimed, b.Claims = now, b.Claims+1
	fake.Must(f.move(t, kotani.StatusSuccessful, "")) // on chain, so at once
	return object{
		"status": http.StatusCreated, "desc": "Funds claimed",
		"txid": "https://explorer.celo.org/tx/" + t.TxHash, // a URL, as in the operator's source
	}
}

// isBeneficiary is POST /transactions/ubi/checkIfBeneficiary. "No" looks like an
// error, as in the operator's source.
func (f *Fake) isBeneficiary(c *call) object {
	_, b := f.beneficiary(c)
	switch {
	case c.reason != "":
		return c.refused()
	case b == nil:
		return refused("Not a beneficiary")
	}
	return object{"status": http.StatusCreated, "desc": "User is a beneficiary", "result": object{"claims": b.Claims}}
}

// setBeneficiary is POST /transactions/ubi/setBeneficiary.
func (f *Fake) setBeneficiary(c *call) object {
	named, b := f.beneficiary(c)
	switch {
	case c.reason != "":
		return c.refused()
	case b != nil:
		return refused("User is already a beneficiary")
	}
	f.state.Beneficiaries.Add(&named)
	return object{"status": http.StatusCreated, "desc": "User set as beneficiary", "result": object{
		"programId": named.Program, "phoneNumber": named.Phone, "address": f.address(named.Phone, kotani.ChainCelo),
	}}
}

// beneficiary is the beneficiary that a request names, who must be a user; known is nil
// when the user is none yet.
func (f *Fake) beneficiary(c *call) (named beneficiary, known *beneficiary) {
	named = beneficiary{Phone: c.phone("phoneNumber"), Program: c.text("programId")}
	if f.state.Users.Find(named.Phone) == nil {
		c.refuse(descNoUser)
	}
	return named, f.state.Beneficiaries.Find(named.key())
}

func (b *beneficiary) key() string { return b.Phone + " " + b.Program }
