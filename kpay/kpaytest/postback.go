package kpaytest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

const eventPostback = "postback"

// postBack tells the merchant that a payment is final. The lock is held.
func (f *Fake) postBack(p *Payment) {
	a := f.noisy(f.status(p))
	contentType := "application/x-www-form-urlencoded"
	var body []byte
	if f.config.PostbackFormat == PostbackForm {
		form := url.Values{}
		for name, value := range a {
			form.Set(name, fmt.Sprint(value))
		}
		body = []byte(form.Encode())
	} else {
		text, err := json.Marshal(a)
		if err != nil {
			panic(err) // strings can always be written
		}
		body = text
		if f.config.PostbackFormat == PostbackJSON {
			contentType = "application/json"
		}
	}
	f.world.Send(fake.Callback{
		Provider: providerName, Event: eventPostback, Subject: p.RefID, Tag: p.StatusTID,
		URL: p.PostbackURL, Header: http.Header{"Content-Type": {contentType}}, Body: body,
	})
}

// acknowledged wants a 2xx and {"tid","refid","reply":"OK"} with the very ids
// of the postback.
func acknowledged(d fake.Delivery, status int, body []byte) bool {
	var raw map[string]json.RawMessage
	if status < 200 || status > 299 || json.Unmarshal(body, &raw) != nil {
		return false
	}
	return strings.EqualFold(scalar(raw["reply"]), "OK") &&
		scalar(raw["tid"]) == d.Tag && scalar(raw["refid"]) == d.Subject
}
