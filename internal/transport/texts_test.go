package transport_test

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// verbatim writes its text as it is.
type verbatim struct{ Text string }

func (v verbatim) MarshalJSON() ([]byte, error) { return []byte(`"` + v.Text + `"`), nil }

// spelled and hidden write a text that reflection does not name.
type (
	spelled struct{ text string }
	hidden  struct{ text string }
)

func (s spelled) MarshalText() ([]byte, error) { return []byte(s.text), nil }
func (h hidden) MarshalJSON() ([]byte, error)  { return json.Marshal(h.text) }

func TestATextThatIsNoUTF8IsRefusedBeforeTheNetwork(t *testing.T) {
	const odd = "order-\xff1"
	type contact struct {
		Name string `json:"name"`
	}
	type Base struct {
		Note string `json:"note,omitempty"`
	}
	type order struct {
		Base
		Sender *contact          `json:"sender"`
		Lines  []contact         `json:"lines"`
		Extra  map[string]any    `json:"extra"`
		Hidden string            `json:"-"`
		Plain  string            // without a tag
		Tags   map[string]string `json:"tags"`
	}
	for name, row := range map[string]struct {
		call  transport.Call
		field string
	}{
		"body":            {transport.Call{Body: contact{odd}}, "name"},
		"nested":          {transport.Call{Body: &order{Sender: &contact{odd}}}, "sender.name"},
		"in a list":       {transport.Call{Body: order{Lines: []contact{{"a"}, {odd}}}}, "lines.name"},
		"embedded":        {transport.Call{Body: order{Base: Base{odd}}}, "note"},
		"without a tag":   {transport.Call{Body: order{Plain: odd}}, "Plain"},
		"map of anything": {transport.Call{Body: order{Extra: map[string]any{"a": []any{odd}}}}, "extra.a"},
		"map value":       {transport.Call{Body: order{Tags: map[string]string{"k": odd}}}, "tags.k"},
		"its own JSON":    {transport.Call{Body: verbatim{odd}}, "Text"},
		"map key":         {transport.Call{Body: order{Tags: map[string]string{"k\xff": "v"}}}, "tags.k?"},
		"query":           {transport.Call{Query: url.Values{"q": {odd}}}, "q"},
		"reference":       {transport.Call{Reference: odd}, "reference"},
	} {
		row.call.Op = "once"
		s := newFixture(t)
		err := s.core().Do(t.Context(), row.call)
		assert.ErrorIs(t, err, sdk.ErrNotSent, name)
		assert.Equal(t, map[string][]string{row.field: {"must be valid UTF-8"}}, failure(t, err).Fields, name)
	}
	// What a MarshalJSON or a MarshalText writes, and what goes as it is.
	for name, row := range map[string]struct {
		body  any
		field string
	}{
		"raw JSON":        {map[string]any{"data": json.RawMessage(`{"a":"` + odd + `"}`)}, "data"},
		"only raw JSON":   {json.RawMessage(`{"a":"` + odd + `"}`), "body"},
		"bytes":           {[]byte(`{"a":"` + odd + `"}`), "body"},
		"text of its own": {map[string]any{"data": spelled{odd}}, "data"},
		"hidden JSON":     {map[string]any{"data": hidden{odd}}, "body"},
		"hidden and good": {map[string]any{"data": &hidden{odd}}, "body"},
	} {
		s := newFixture(t)
		err := s.core().Do(t.Context(), transport.Call{Op: "once", Body: row.body})
		assert.ErrorIs(t, err, sdk.ErrNotSent, name)
		assert.Equal(t, map[string][]string{row.field: {"must be valid UTF-8"}}, failure(t, err).Fields, name)
	}
	for name, body := range map[string]any{
		"a text": order{Plain: "\ufffd"}, "raw JSON": json.RawMessage(`{"a":"\ufffd"}`), "escaped": json.RawMessage(`{"a":"\\uFFFD"}`), "bytes": []byte(`{"a":"\ufffd"}`),
		"text of its own": map[string]any{"data": spelled{"\ufffd"}}, "hidden": map[string]any{"data": &hidden{"\ufffd"}}, "map key": map[string]int{"\ufffd": 1},
	} {
		assert.NoError(t, newFixture(t, accept).core().Do(t.Context(), transport.Call{Op: "once", Body: body}), name)
	}
	path := transport.Call{Op: "item", Path: []string{"a", odd}}
	assert.ErrorIs(t, newFixture(t).core().Do(t.Context(), path), sdk.ErrNotSent)

	s := newFixture(t, accept)
	assert.NoError(t, s.core().Do(t.Context(), transport.Call{Op: "once", Body: order{Hidden: odd, Plain: "\ufffd", Sender: &contact{"Zoë"}}}))
}

func TestABodyThatHoldsItselfIsRefused(t *testing.T) {
	round := map[string]any{"name": "a"}
	round["self"] = round
	err := newFixture(t).core().Do(t.Context(), transport.Call{Op: "once", Body: round})
	assert.ErrorIs(t, err, sdk.ErrNotSent)
	assert.Contains(t, failure(t, err).Fields, "body")

	deep := any("bottom")
	for range 9_000 {
		deep = []any{deep}
	}
	assert.NoError(t, newFixture(t, accept).core().Do(t.Context(), transport.Call{Op: "once", Body: deep}))
}
