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
		"leaf":{"name":1,"more":[{}]},"leaves":[ {"name":"a"} , {"name":"b"} ],"words":["x",7],
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
	assert.Equal(t, leaf{Name: "1", Raw: sdk.Raw(`{"name":1,"more":[{}]}`)}, *got.Leaf)
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
	type inner struct {
		Name string `json:"name" wire:"strict"`
	}
	type strict struct {
		ID     string              `json:"id" wire:"strict"`
		Amount decimal.NullDecimal `json:"amount" wire:"strict"`
		Fee    decimal.NullDecimal `json:"fee" wire:"strict,digits"`
		At     time.Time           `json:"at" wire:"strict"`
		Flag   bool                `json:"flag" wire:"strict"`
		Count  int                 `json:"count" wire:"strict"`
		Leaf   *inner              `json:"leaf" wire:"strict"`
		Leaves []leaf              `json:"leaves" wire:"strict"`
		Option map[string]leaf     `json:"options" wire:"strict"`
	}
	for text, want := range map[string]string{
		`{"id":{"secret":1}}`:        "id: ",
		`{"id":true}`:                "id: ",
		`{"amount":"secret"}`:        "amount: ",
		`{"amount":"5."}`:            "amount: ",
		`{"amount":1e99}`:            "amount: ",
		`{"fee":"secret"}`:           "fee: ",
		`{"flag":"secret"}`:          "flag: ",
		`{"count":"secret"}`:         "count: ",
		`{"at":["secret"]}`:          "at: ",
		`{"leaf":"secret"}`:          "leaf: not an object",
		`{"leaf":{"name":["no"]}}`:   "leaf: name: ",
		`{"leaves":{"secret":1}}`:    "leaves: not an array",
		`{"options":["secret"]}`:     "options: not an object",
		`{"id":"secret"`:             "not valid JSON",
		`["secret"]`:                 "not an object",
		`"secret"`:                   "not an object",
		``:                           "not valid JSON",
		"\xef\xbb\xbf\xef\xbb\xbf{}": "not valid JSON",
	} {
		err := Unmarshal([]byte(text), new(strict))
		if assert.Error(t, err, text) {
			assert.True(t, strings.HasPrefix(err.Error(), want), "%s: %v", text, err)
			assert.NotContains(t, err.Error(), "secret")
		}
	}
}

// Whatever stands where a field that decides nothing should be, the others are read.
func TestAFieldThatCannotBeReadIsAbsent(t *testing.T) {
	noise := []string{
		`false`, `true`, `[]`, `{}`, `[[1]]`, `{"_seconds":1700000000}`, `{"$date":"2026-01-01"}`, `"1,200.00"`, `"1200,50"`, `"0750.00"`, `".5"`, `"+5"`,
		`"NaN"`, `"5.2 km"`, `0.1234567890123456789`, `1e99`, `"\ud800"`, `99999999999999999999999999999999999999999`,
	}
	fields := []string{"name", "state", "amount", "at", "flag", "count", "note", "metadata", "leaf", "leaves", "words", "options"}
	for _, value := range noise {
		for _, field := range fields {
			var got tree
			require.NoError(t, Unmarshal([]byte(`{"id":"p-1","`+field+`":`+value+`,"more":1}`), &got), "%s: %s", field, value)
			assert.Equal(t, "p-1", got.ID, "%s: %s", field, value)
			assert.Contains(t, got.Extra, "more")
		}
	}
	for _, value := range append(noise[6:], `false`, `[]`, `{}`) {
		var got tree
		require.NoError(t, Unmarshal([]byte(`{"amount":`+value+`}`), &got))
		assert.False(t, got.Amount.Valid, value)
	}
	for _, value := range []string{`false`, `[]`, `{}`, `{"_seconds":1}`, `1700000000`, `"soon"`} {
		var got tree
		require.NoError(t, Unmarshal([]byte(`{"at":`+value+`,"name":`+value+`}`), &got))
		assert.True(t, got.At.IsZero(), value)
	}
	var got tree
	require.NoError(t, Unmarshal([]byte("\xef\xbb\xbf {\"id\":1}"), &got))
	assert.Equal(t, "1", got.ID, "a byte order mark")
}

func TestARowThatCannotBeReadIsLeftOutAndCounted(t *testing.T) {
	type row struct {
		ID string `json:"id" wire:"required"`
	}
	type page struct {
		Rows    []row          `json:"rows"`
		ByName  map[string]row `json:"by_name"`
		Skipped int
	}
	var got page
	require.NoError(t, Unmarshal([]byte(`{"rows":[{"id":"a"},7,{"id":{}},{},null,{"id":"b"},[]],"by_name":{"x":{"id":"c"},"y":false},"Skipped":99}`), &got))
	assert.Equal(t, page{Rows: []row{{"a"}, {"b"}}, ByName: map[string]row{"x": {"c"}}, Skipped: 6}, got)
	var rows []row
	skipped, err := UnmarshalList([]byte(`[{"id":"a"},{"id":[]},"x"]`), &rows)
	require.NoError(t, err)
	assert.Equal(t, 2, skipped)
	assert.Equal(t, []row{{"a"}}, rows)
	require.NoError(t, Unmarshal([]byte(`[7]`), &rows))
	assert.NotNil(t, rows, "a list all of whose rows are left out is no missing list")
	assert.Empty(t, rows)
}

func TestScalarsCanBeFields(t *testing.T) {
	var got struct {
		Text     Text         `json:"text"`
		Optional OptionalText `json:"optional"`
		Int      Int          `json:"int"`
		Bool     Bool         `json:"bool"`
		Decimal  Decimal      `json:"decimal"`
		Time     Time         `json:"time"`
	}
	require.NoError(t, Unmarshal([]byte(`{"text":7,"optional":"x","int":"8","bool":1,"decimal":"2.5","time":"2026-01-01"}`), &got))
	assert.Equal(t, Text("7"), got.Text)
	assert.Equal(t, OptionalText{Text: "x", Present: true}, got.Optional)
	assert.Equal(t, int64(8), got.Int.Int)
	assert.True(t, got.Bool.Bool && got.Decimal.Valid)
	assert.Equal(t, 2026, got.Time.Time.Year())
	require.NoError(t, Unmarshal([]byte(`{"text":{},"optional":[],"int":"x","bool":"y","decimal":{},"time":false}`), &got))
	assert.Zero(t, got)
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

func TestUnmarshalHoldsRequiredFieldsAndTakesDigits(t *testing.T) {
	type payment struct {
		ID     string              `json:"id" wire:"required"`
		Amount decimal.NullDecimal `json:"amount" wire:"digits"`
		Note   string              `json:"note"`
		Leaves []leaf              `json:"leaves"`
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
	assert.Equal(t, "p", got.ID)
	assert.Empty(t, got.Note)
	require.Len(t, got.Leaves, 1)
	assert.Equal(t, "a", got.Leaves[0].Name)
}
