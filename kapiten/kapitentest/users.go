package kapitentest

import (
	"encoding/json"
	"net/http"

	"github.com/shopspring/decimal"
)

func (f *Fake) createUser(c *call) *answer {
	co, failure := f.company(c)
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
	if !in.failed("email") && f.state.byEmail[u.Email] != nil {
		in.fail("email", "user with this email already exists.")
	}
	if failure := in.invalid(); failure != nil {
		return failure
	}
	u.ID, u.Token = f.ids.UUID(), f.ids.Hex(tokenLength)
	if err := f.state.addUser(u); err != nil { // the email was free a moment ago
		panic("kapitentest: " + err.Error())
	}
	type wallet struct {
		Balance  json.RawMessage `json:"balance"`
		Currency string          `json:"currency"`
	}
	return &answer{status: http.StatusCreated, body: struct {
		ID          string `json:"id"`
		PhoneNumber string `json:"phone_number"`
		FirstName   string `json:"first_name"`
		LastName    string `json:"last_name"`
		Wallet      wallet `json:"wallet"` // the users' own stay at zero
	}{u.ID, u.PhoneNumber, u.FirstName, u.LastName, wallet{f.money(decimal.Zero), currency}}}
}

func (f *Fake) userToken(c *call) *answer {
	co, failure := f.company(c)
	if failure != nil {
		return failure
	}
	id, ok := canonicalUUID(c.params["user_id"])
	if !ok {
		return detail(http.StatusNotFound, "Not found.")
	}
	u := f.state.users[id]
	if u == nil || u.CompanyID != co.ID {
		return notFound("User")
	}
	return &answer{status: http.StatusOK, body: struct {
		Token string `json:"token"`
	}{u.Token}}
}

type userRow struct {
	ID        string `json:"id"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	Email     string `json:"email"`
}

// listUsers lists the oldest first (assumed; the document says no order).
func (f *Fake) listUsers(c *call) *answer {
	co, failure := f.company(c)
	if failure != nil {
		return failure
	}
	return paginate(f, c, len(co.users), func(skip, n int) []userRow {
		var rows []userRow
		for _, u := range co.users[skip:min(skip+n, len(co.users))] {
			rows = append(rows, userRow{u.ID, u.FirstName, u.LastName, u.Email})
		}
		return rows
	})
}
