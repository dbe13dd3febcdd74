package kapiten

import (
	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// InterpretAnything runs the readers of responses over anything at all.
func InterpretAnything(status int, body []byte) {
	r := &transport.Response{Status: status, Body: body}
	if v := interpret(sdk.Operation{}, r); v.Kind == transport.Accepted && (status < 200 || status > 299) {
		panic("accepted an error status")
	}
	if ride, err := decodeRide(body); err == nil && (ride.ID == "" || ride.Status == "") {
		panic("decoded a ride that is none")
	}
	_, _ = decode[Company](body)
	_, _ = decode[RegisteredCompany](body)
	_, _ = decode[User](body)
	_, _ = decodeTransaction(body)
	_, _ = decodeEstimate(body)
	_, _ = decodePage(body, 1, decodeRide)
}
