package kapitentest

import (
	"net/http"
	"strings"
	"unicode/utf8"
)

const tokenLength = 40

// authenticate finds the user of a request: nil without credentials, a failure
// with bad ones, also where none are needed.
func (f *Fake) authenticate(r *http.Request) (*user, *answer) {
	parts := strings.Fields(r.Header.Get("Authorization"))
	if len(parts) == 0 || !strings.EqualFold(parts[0], "Token") {
		return nil, nil
	}
	switch {
	case len(parts) == 1:
		return nil, unauthorized("Invalid token header. No credentials provided.")
	case len(parts) > 2:
		return nil, unauthorized("Invalid token header. Token string should not contain spaces.")
	case !utf8.ValidString(parts[1]):
		return nil, unauthorized("Invalid token header. Token string should not contain invalid characters.")
	}
	u := f.state.byToken[parts[1]]
	if u == nil {
		return nil, unauthorized("Invalid token.")
	}
	if !u.Active {
		return nil, unauthorized("User inactive or deleted.")
	}
	return u, nil
}

// permit decides whether a request may go on to a view.
func (f *Fake) permit(u *user, open bool) *answer {
	if open {
		return nil
	}
	if u == nil {
		return unauthorized("Authentication credentials were not provided.")
	}
	if !f.state.byID[u.CompanyID].Active {
		return forbidden()
	}
	return nil
}

func forbidden() *answer {
	return detail(http.StatusForbidden, "You do not have permission to perform this action.")
}
