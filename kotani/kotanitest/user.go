package kotanitest

import "github.com/kapiteni/kapiten-go/kotani"

// User is an end user as the fake keeps him.
type User struct {
	ID        string `json:"id"`
	Phone     string `json:"phone"` // digits
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	Email     string `json:"email"`
	Verified  bool   `json:"verified"` // once the details were given
}

const descNoUser = "user does not exist"

// User returns one user by phone number, in digits.
func (f *Fake) User(phone string) (User, bool) {
	f.world.Lock()
	defer f.world.Unlock()
	if u := f.state.Users[phone]; u != nil {
		return *u, true
	}
	return User{}, false
}

// createUser is POST /kyc/user/create.
func (f *Fake) createUser(c *call) object {
	phone := c.phone("phoneNumber")
	if c.fault != "" {
		return c.refused()
	}
	if u := f.state.Users[phone]; u != nil {
		o := refused("user exists")
		o["userId"] = u.ID
		return o
	}
	u := &User{ID: f.ids().UUID(), Phone: phone}
	f.state.Users[phone] = u
	return object{"status": 201, "userId": u.ID}
}

// verifyUser is POST /kyc/user/isverifiedcheck. Its status is a boolean, as the
// operator's source has it; the document shows a string.
func (f *Fake) verifyUser(c *call) object {
	u, refusal := f.user(c)
	if refusal != nil {
		return refusal
	}
	return object{"status": u.Verified}
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
	case c.fault != "":
		return refusal
	case refusal != nil:
		return object{"status": "phonenumber not found"}
	}
	return object{"userRecord": f.record(u)}
}

// users is GET /kyc/users: records by phone number.
func (f *Fake) users(*call) object {
	data := object{}
	for phone, u := range f.state.Users {
		data[phone] = f.record(u)
	}
	return object{"data": data}
}

// phoneByAddress is POST /kyc/user/getPhoneByAddress, for an address on any
// chain.
func (f *Fake) phoneByAddress(c *call) object {
	address := c.text("publicAddress")
	if c.fault != "" {
		return c.refused()
	}
	for phone := range f.state.Users {
		for _, chain := range chains {
			if sameAddress(f.address(phone, chain), address) {
				return object{"phoneNumber": phone}
			}
		}
	}
	return refused(descNoUser)
}

// user is the one a request is about.
func (f *Fake) user(c *call) (*User, object) {
	phone := c.phone("phoneNumber")
	if c.fault != "" {
		return nil, c.refused()
	}
	if u := f.state.Users[phone]; u != nil {
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
