package kotanitest

import (
	"maps"
	"net/http"
	"strings"
	"time"
)

// login is POST /api/login. Unlike all other operations it tells an unknown
// phone number outside HTTP 200.
func (f *Fake) login(rw http.ResponseWriter, r *http.Request) {
	f.world.Lock()
	defer f.world.Unlock()
	c, ok := newCall(r, false)
	if !ok {
		writeText(rw, http.StatusBadRequest, "Bad Request")
		return
	}
	phone, country, password := c.text("phoneNumber"), c.text("countryCode"), c.text("password")
	known := strings.TrimPrefix(phone, "+") == strings.TrimPrefix(f.config.PhoneNumber, "+") &&
		(strings.EqualFold(country, "KEN") || strings.EqualFold(country, "KE"))
	switch {
	case c.fault != "":
		writeJSON(rw, http.StatusOK, c.refused())
	case !known:
		writeText(rw, http.StatusBadRequest, "cannot find user")
	case password != f.config.Password:
		writeJSON(rw, http.StatusOK, refused("Not Allowed"))
	default:
		writeJSON(rw, http.StatusOK, object{"status": http.StatusCreated, "accessToken": f.newToken()})
	}
}

// newToken makes a token and forgets those that have expired.
func (f *Fake) newToken() string {
	now := f.world.Now()
	maps.DeleteFunc(f.state.Tokens, func(_ string, expiry time.Time) bool { return !now.Before(expiry) })
	token := f.ids().Hex(64)
	f.state.Tokens[token] = now.Add(f.config.TokenLifetime)
	return token
}
