package wire

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type state string

type params struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
	Raw  sdk.Raw
}

type leaf struct {
	Name string `json:"name"`
	Raw  sdk.Raw
}

type tree struct {
	params
	State    state               `json:"state"`
	Amount   decimal.NullDecimal `json:"amount"`
	At       time.Time           `json:"at"`
	Flag     bool                `json:"flag"`
	Count    int                 `json:"count"`
	Note     json.RawMessage     `json:"note"`
	Metadata map[string]any      `json:"metadata"`
	Leaf     *leaf               `json:"leaf"`
	Leaves   []leaf              `json:"leaves"`
	Words    []string            `json:"words"`
	Options  map[string]leaf     `json:"options"`
	Hidden   string              `json:"-"`
	Raw      sdk.Raw             `json:"-"`
	Extra    map[string]any      `json:"-"`
}

func TestUnmarshalTakesEveryFormSeenOnTheWire(t *testing.T) {
	text := ` {"id":17,"name":"J\u00fcrgen \"x\"","state":"paid","amount":"20000.50","at":"2017-08-08 13:19:32 UTC",
		"flag":"1","count":"42","note":{"a":[1,"]}"]},"metadata":{"n":12345678901234567890,"s":{}},
		"leaf":{"name":true,"more":[{}]},"leaves":[ {"name":"a"} , {"name":"b"} ],"words":["x",7],
		"options":{"o\u00e9":{"name":"c"}},"Hidden":"h","-":"h","unkn\u006fwn":1.10} `
	var got tree
	require.NoError(t, Unmarshal([]byte(text), &got))
	assert.Equal(t, "17", got.ID)
	assert.Equal(t, `Jürgen "x"`, got.Name)
	assert.Equal(t, state("paid"), got.State)
	assert.True(t, got.Amount.Valid)
	assert.True(t, got.Amount.Decimal.Equal(decimal.RequireFromString("20000.5")))
	assert.Equal(t, time.Date(2017, 8, 8, 13, 19, 32, 0, time.UTC), got.At.UTC())
	assert.True(t, got.Flag)
	assert.Equal(t, 42, got.Count)
	assert.Equal(t, `{"a":[1,"]}"]}`, string(got.Note))
	assert.Equal(t, map[string]any{"n": json.Number("12345678901234567890"), "s": map[string]any{}}, got.Metadata)
	require.NotNil(t, got.Leaf)
	assert.Equal(t, leaf{Name: "true", Raw: sdk.Raw(`{"name":true,"more":[{}]}`)}, *got.Leaf)
	require.Len(t, got.Leaves, 2)
	assert.Equal(t, "b", got.Leaves[1].Name)
	assert.Equal(t, `{"name":"a"}`, string(got.Leaves[0].Raw))
	assert.Equal(t, []string{"x", "7"}, got.Words)
	assert.Equal(t, "c", got.Options["oé"].Name)
	assert.Empty(t, got.Hidden)
	assert.Equal(t, map[string]any{"Hidden": "h", "-": "h", "unknown": json.Number("1.10")}, got.Extra)
	assert.Equal(t, strings.TrimLeft(text, " "), string(got.Raw))
	assert.Nil(t, got.params.Raw, "the outer Raw stands for the object")
}

func TestUnmarshalTakesNullAndAbsence(t *testing.T) {
	for _, text := range []string{`{}`, `{"id":null,"state":null,"amount":null,"at":null,"flag":null,"count":null,
		"note":null,"metadata":null,"leaf":null,"leaves":null,"words":null,"options":null}`,
		`{"amount":"","at":"","flag":"","count":""}`, `{"at":"soon","metadata":[]}`, `{"metadata":"x"}`} {
		var got tree
		require.NoError(t, Unmarshal([]byte(text), &got))
		got.Raw = nil
		assert.Equal(t, tree{}, got, text)
	}
}

func TestUnmarshalTakesLists(t *testing.T) {
	var raw []json.RawMessage
	require.NoError(t, Unmarshal([]byte(` [ 1 ,{"a":[]},"x"] `), &raw))
	assert.Equal(t, []json.RawMessage{json.RawMessage("1"), json.RawMessage(`{"a":[]}`), json.RawMessage(`"x"`)}, raw)
	var leaves []leaf
	require.NoError(t, Unmarshal([]byte(`[{"name":1}]`), &leaves))
	assert.Equal(t, "1", leaves[0].Name)
	require.NoError(t, Unmarshal([]byte(`null`), &leaves))
	assert.Nil(t, leaves)
	assert.Error(t, Unmarshal([]byte(`{}`), &leaves))
	assert.Error(t, Unmarshal([]byte(`null`), new(tree)), "null is no object")
}

func TestUnmarshalRefusesAndNamesThePathOnly(t *testing.T) {
	for text, want := range map[string]string{
		`{"id":{"secret":1}}`:             "id: ",
		`{"amount":"secret"}`:             "amount: ",
		`{"amount":1e99}`:                 "amount: ",
		`{"flag":"secret"}`:               "flag: ",
		`{"count":"secret"}`:              "count: ",
		`{"at":["secret"]}`:               "at: ",
		`{"leaf":"secret"}`:               "leaf: not an object",
		`{"leaves":{"secret":1}}`:         "leaves: not an array",
		`{"leaves":[{},{"name":["no"]}]}`: "leaves: 1: name: ",
		`{"options":["secret"]}`:          "options: not an object",
		`{"options":{"a":"secret"}}`:      "options: a: not an object",
		`{"id":"secret"`:                  "not valid JSON",
		`["secret"]`:                      "not an object",
		`"secret"`:                        "not an object",
		``:                                "not valid JSON",
	} {
		err := Unmarshal([]byte(text), new(tree))
		if assert.Error(t, err, text) {
			assert.True(t, strings.HasPrefix(err.Error(), want), "%s: %v", text, err)
			assert.NotContains(t, err.Error(), "secret")
		}
	}
}

// The walk must see the very members that encoding/json sees.
func FuzzMembersAgreeWithEncodingJSON(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":1,"b":[1,{"c":"]"}],"d":"\\\""}`, "{ \"a\" :\n-1.5e3 , \"a\":null}", `{"\u0061":{}}`, `[1,[2],"3"]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) {
			return
		}
		switch {
		case IsObject(data):
			var want map[string]json.RawMessage
			if json.Unmarshal(data, &want) != nil {
				return
			}
			got := map[string]json.RawMessage{}
			for key, value := range members(data) {
				var exact string // as encoding/json repairs invalid UTF-8
				quoted, _ := json.Marshal(string(key))
				_ = json.Unmarshal(quoted, &exact)
				got[exact] = value
			}
			assert.Equal(t, want, got)
			_ = Unmarshal(data, new(tree))
		case IsArray(data):
			var want []json.RawMessage
			_ = json.Unmarshal(data, &want)
			got := slices.AppendSeq([]json.RawMessage{}, func(yield func(json.RawMessage) bool) {
				for e := range elements(data) {
					if !yield(e) {
						return
					}
				}
			})
			assert.Equal(t, len(want), len(got))
			for i := range got {
				assert.Equal(t, string(want[i]), string(got[i]))
			}
		}
	})
}

func TestHasFindsAKeyOfTheObjectItself(t *testing.T) {
	for text, want := range map[string]bool{
		`{"a":1}`: true, `{"a":null}`: true, ` {"b":"a" , "a" : []}`: true, "{\"\\u0061\":0}": true,
		`{}`: false, `{"A":1}`: false, `{"b":"a"}`: false, `{"b":{"a":1}}`: false, `{"b":["a"]}`: false,
	} {
		assert.Equal(t, want, Has([]byte(text), "a"), text)
	}
}

func TestUnmarshalHoldsRequiredFieldsAndForgivesLenientOnes(t *testing.T) {
	type payment struct {
		ID     string              `json:"id" wire:"required"`
		Amount decimal.NullDecimal `json:"amount" wire:"lenient"`
		Note   string              `json:"note" wire:"lenient"`
		Leaves []leaf              `json:"leaves" wire:"lenient"`
	}
	for _, text := range []string{`{}`, `{"id":null}`, `{"id":""}`} {
		err := Unmarshal([]byte(text), &payment{})
		assert.ErrorIs(t, err, Missing("id"), text)
	}
	for text, want := range map[string]string{
		`20.5`: "20.5", `"20.5"`: "20.5", `"5."`: "5", `"007"`: "7", `".5"`: "0.5", `"00"`: "0", `"1e3"`: "1000",
		`"string"`: "", `""`: "", `{}`: "", `[1]`: "", `true`: "", `"1.79e+308"`: "", `"0x10"`: "", `"-"`: "",
	} {
		got := payment{}
		require.NoError(t, Unmarshal([]byte(`{"id":1,"amount":`+text+`}`), &got), text)
		assert.Equal(t, want != "", got.Amount.Valid, text)
		if want != "" {
			assert.True(t, got.Amount.Decimal.Equal(decimal.RequireFromString(want)), text)
		}
	}
	got := payment{}
	require.NoError(t, Unmarshal([]byte(`{"id":"p","note":{},"leaves":[{"name":"a"},7]}`), &got))
	assert.Equal(t, payment{ID: "p"}, got)
}
