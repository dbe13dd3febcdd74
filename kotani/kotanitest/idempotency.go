package kotanitest

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/kapiteni/kapiten-go/kotani"
)

// keyedRequest is what a request under an Idempotency-Key was answered. Keys
// belong to their user and are kept for good.
type keyedRequest struct {
	Payload string `json:"payload"` // path and body, the body's keys in order
	Running bool   `json:"running"` // the answer has not gone out yet
	Status  int    `json:"status"`
	Body    string `json:"body"`
}

// once carries a request out the first time its key comes, and answers the same
// again after that, success or error. The specification refers to an IETF draft
// for it: 400 without a key, 422 for another payload, 409 while the first one is
// at work. It names no codes for these; they are assumed.
func (f *FiatConnect) once(c *fiatCall, work func() reply) reply {
	key := strings.TrimSpace(c.request.Header.Get("Idempotency-Key"))
	if inner, ok := strings.CutPrefix(key, `"`); ok { // the draft quotes it, clients mostly do not
		key = strings.TrimSuffix(inner, `"`)
	}
	if key == "" {
		return problem(http.StatusBadRequest, kotani.ErrInvalidParameters)
	}
	payload := c.request.URL.Path + " " + string(encode(c.fields))
	id := c.address + " " + key
	if first := f.state.Requests[id]; first != nil {
		switch {
		case first.Payload != payload:
			return problem(http.StatusUnprocessableEntity, kotani.ErrInvalidParameters)
		case first.Running:
			return problem(http.StatusConflict, kotani.ErrResourceExists)
		}
		return reply{first.Status, json.RawMessage(first.Body)}
	}
	answer := work()
	f.state.Requests[id] = &keyedRequest{
		Payload: payload, Running: c.first != "", Status: answer.status, Body: string(encode(answer.body)),
	}
	c.key = id
	return answer
}

// finish marks a request as answered.
func (f *FiatConnect) finish(c *fiatCall) {
	f.world.Lock()
	defer f.world.Unlock()
	if r := f.state.Requests[c.key]; r != nil {
		r.Running = false
	}
}
