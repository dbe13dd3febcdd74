package kapitentest

import (
	"fmt"
	"net/http"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// DeactivateUser makes a user's token worthless: 401 "User inactive or deleted."
func (f *Fake) DeactivateUser(userID string) error {
	f.world.Lock()
	defer f.world.Unlock()
	u := f.state.users[userID]
	if u == nil {
		return fmt.Errorf("kapitentest: user %q: %w", userID, fake.ErrNotFound)
	}
	u.Active = false
	return nil
}

type user struct {
	ID          string `json:"id"`
	CompanyID   string `json:"company_id"`
	PhoneNumber string `json:"phone_number"`
	FirstName   string `json:"first_name"`
	LastName    string `json:"last_name"`
	Email       string `json:"email"`
	Token       string `json:"token"`
	Active      bool   `json:"is_active"`
}

func (s *state) addUser(u *user) error {
	co := s.byID[u.CompanyID]
	if co == nil || u.ID == "" || s.users[u.ID] != nil || s.byEmail[u.Email] != nil || s.byToken[u.Token] != nil {
		return fmt.Errorf("user %q exists already or has no company", u.Email)
	}
	co.users = append(co.users, u)
	s.users[u.ID] = u
	s.byEmail[u.Email] = u
	if u.Token != "" { // a snapshot without secrets has none
		s.byToken[u.Token] = u
	}
	return nil
}

// expireTokens gives every user a new token, as if the old token was revoked.
func (f *Fake) expireTokens() {
	clear(f.state.byToken)
	for _, co := range f.state.companies {
		for _, u := range co.users {
			u.Token = f.ids.Hex(tokenLength)
			f.state.byToken[u.Token] = u
		}
	}
}

func (f *Fake) createUser(c *call) *response {
	co, failure := f.companyOf(c)
	if failure != nil {
		return failure
	}
	in, failure := c.read()
	if failure != nil {
		return failure
	}
	u := &user{CompanyID: co.ID, Active: true}
	u.PhoneNumber = in.text("phone_number", needed, textLength)
	u.FirstName = in.text("first_name", needed, textLength)
	u.LastName = in.text("last_name", needed, textLength)
	u.Email = in.email("email")
	if f.state.byEmail[u.Email] != nil {
		in.fail("email", "user with this email already exists.")
	}
	if failure := in.invalid(); failure != nil {
		return failure
	}
	u.ID, u.Token = f.ids.UUID(), f.ids.Hex(tokenLength)
	fake.Must(f.state.addUser(u)) // the email was free a moment ago
	return &response{status: http.StatusCreated, body: object{
		{"id", u.ID}, {"phone_number", u.PhoneNumber}, {"first_name", u.FirstName}, {"last_name", u.LastName},
		{"wallet", object{{"balance", f.money(decimal.Zero)}, {"currency", currency}}}, // the users' own stay at zero
	}}
}

func (f *Fake) userToken(c *call) *response {
	co, failure := f.companyOf(c)
	if failure != nil {
		return failure
	}
	id, ok := canonicalUUID(c.request.PathValue("user_id"))
	if !ok {
		return notFound("")
	}
	u := f.state.users[id]
	if u == nil || u.CompanyID != co.ID {
		return notFound("User")
	}
	return &response{status: http.StatusOK, body: object{{"token", u.Token}}}
}

// listUsers lists the oldest first (assumed; the document says no order).
func (f *Fake) listUsers(c *call) *response {
	co, failure := f.companyOf(c)
	if failure != nil {
		return failure
	}
	return paginate(f, c, len(co.users), func(skip, n int) []object {
		var rows []object
		for _, u := range co.users[skip:min(skip+n, len(co.users))] {
			rows = append(rows, object{{"id", u.ID}, {"first_name", u.FirstName}, {"last_name", u.LastName}, {"email", u.Email}})
		}
		return rows
	})
}
