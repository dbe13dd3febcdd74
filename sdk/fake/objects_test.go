package fake_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

type parcel struct {
	ID    string         `json:"id"`
	Notes map[string]any `json:"notes"`
}

func newParcels() fake.Store[parcel] { return fake.NewStore(func(p *parcel) string { return p.ID }) }

func TestStoreKeepsObjectsOldestFirst(t *testing.T) {
	t.Parallel()
	s := newParcels()
	empty, err := json.Marshal(s)
	require.NoError(t, err)
	assert.Equal(t, `[]`, string(empty))
	for _, id := range []string{"b", "a", "c"} {
		s.Add(&parcel{ID: id, Notes: map[string]any{"weight": json.Number("1.50")}})
	}
	s.Remove(s.Find("a"))
	assert.Nil(t, s.Find("a"))
	saved, err := json.Marshal(s)
	require.NoError(t, err)
	again := newParcels()
	require.NoError(t, json.Unmarshal(saved, &again))
	assert.Equal(t, s.All(), again.All(), "numbers keep their digits")
	assert.Same(t, again.All()[1], again.Find("c"))
	for _, bad := range []string{`null`, `{}`, `[null]`, `[{}]`, `[{"id":"x"},{"id":"x"}]`} {
		assert.Error(t, json.Unmarshal([]byte(bad), &again), bad)
		assert.Len(t, again.All(), 2, bad)
	}
}

func TestCopiesAreTheCallers(t *testing.T) {
	t.Parallel()
	_, ok := fake.Copy[parcel](nil)
	assert.False(t, ok)
	p := &parcel{ID: "a", Notes: map[string]any{"k": 1}}
	copies := fake.Copies([]*parcel{p}, func(p *parcel) { p.Notes = map[string]any{} })
	copies[0].ID, copies[0].Notes["k"] = "b", 2
	assert.Equal(t, &parcel{ID: "a", Notes: map[string]any{"k": 1}}, p)
}

func TestReadObjectTakesOneObject(t *testing.T) {
	t.Parallel()
	o, ok := fake.ReadObject(strings.NewReader(` {"text":" a ","number":1.50,"none":null,"list":["a"]} `))
	require.True(t, ok)
	assert.Equal(t, []string{"a", "1.50", "", ""}, []string{fake.Text(o["text"]), fake.Text(o["number"]), fake.Text(o["none"]), fake.Text(o["list"])})
	for _, bad := range []string{``, `null`, `[]`, `"a"`, `{} {}`, `{}x`, `{`} {
		_, ok := fake.ReadObject(strings.NewReader(bad))
		assert.False(t, ok, bad)
	}
}
