package webhook

import "net/http"

// Delivery is a request while it is being authenticated.
type Delivery struct {
	// Request gives method, URL, headers and peer. Its body is read through Body.
	Request *http.Request

	read func() ([]byte, error)
	body []byte
	err  error
}

// Body returns the raw body, read on the first call. An Authenticator that does
// not ask for it is done before the sender's body costs anything.
func (d *Delivery) Body() ([]byte, error) {
	if d.read != nil {
		d.body, d.err = d.read()
		d.read = nil
	}
	return d.body, d.err
}
