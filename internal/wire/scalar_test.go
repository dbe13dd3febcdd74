package wire_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/wire"
)

func TestTextDecodesStringsAndNumbers(t *testing.T) {
	for text, want := range map[string]string{
		`"abc"`: "abc", `" abc "`: "abc", `""`: "", `null`: "", `17`: "17", `-1.50e3`: "-1.50e3",
		`12345678901234567890`: "12345678901234567890", // longer than any number type
		`"caf\u00e9"`:          "café", `"café"`: "café", `"a\"b\\c"`: `a"b\c`, `"\ud83d\ude00"`: "😀", `"null"`: "null", `"\n"`: "",
	} {
		got := wire.Text("before")
		require.NoError(t, json.Unmarshal([]byte(text), &got), text)
		assert.Equal(t, want, string(got), text)

		var optional wire.OptionalText
		require.NoError(t, json.Unmarshal([]byte(text), &optional), text)
		assert.Equal(t, wire.OptionalText{Text: want, Present: true}, optional, text)
	}
	for _, text := range []string{`true`, `false`, `[]`, `{}`, `["a"]`} {
		var got wire.Text
		assert.Error(t, json.Unmarshal([]byte(text), &got), text)
		var optional wire.OptionalText
		assert.Error(t, json.Unmarshal([]byte(text), &optional), text)
		assert.False(t, optional.Present, text)
	}
	var absent struct {
		A wire.OptionalText `json:"a"`
	}
	require.NoError(t, json.Unmarshal([]byte(`{}`), &absent))
	assert.False(t, absent.A.Present)
}

func TestIntDecodesWholeNumbersInAnyForm(t *testing.T) {
	for text, want := range map[string]int64{
		`0`: 0, `-0`: 0, `17`: 17, `"17"`: 17, `" 17 "`: 17, `"01"`: 1, `-3`: -3, `3600.0`: 3600, `"3600.00"`: 3600, `1e3`: 1000, `120e-1`: 12,
		`9223372036854775807`: math.MaxInt64, `-9223372036854775808`: math.MinInt64, `9223372036854775807.0`: math.MaxInt64,
	} {
		var got wire.Int
		require.NoError(t, json.Unmarshal([]byte(text), &got), text)
		assert.Equal(t, wire.Int{Int: want, Valid: true}, got, text)
	}
	for _, text := range []string{`null`, `""`, `" "`} {
		got := wire.Int{Int: 9, Valid: true}
		require.NoError(t, json.Unmarshal([]byte(text), &got), text)
		assert.Equal(t, wire.Int{}, got, text)
	}
	for _, text := range []string{`1.5`, `"1.5"`, `9223372036854775808`, `-9223372036854775809`, `1e18e`, `1e19`, `1e999999999`, `"x"`, `"0x1f"`, `"1_000"`, `true`, `[]`, `{}`} {
		got := wire.Int{Int: 9, Valid: true}
		assert.Error(t, json.Unmarshal([]byte(text), &got), text)
	}
}

func TestBoolDecodesWordsAndDigits(t *testing.T) {
	for text, want := range map[string]bool{
		`true`: true, `false`: false, `1`: true, `0`: false, `"1"`: true, `"0"`: false, `"true"`: true, `"False"`: false, `" TRUE "`: true,
	} {
		var got wire.Bool
		require.NoError(t, json.Unmarshal([]byte(text), &got), text)
		assert.Equal(t, wire.Bool{Bool: want, Valid: true}, got, text)
	}
	for _, text := range []string{`null`, `""`} {
		got := wire.Bool{Bool: true, Valid: true}
		require.NoError(t, json.Unmarshal([]byte(text), &got), text)
		assert.Equal(t, wire.Bool{}, got, text)
	}
	for _, text := range []string{`2`, `-1`, `1.0`, `"yes"`, `"t"`, `[]`, `{}`} {
		got := wire.Bool{Bool: true, Valid: true}
		assert.Error(t, json.Unmarshal([]byte(text), &got), text)
		assert.False(t, got.Bool, text)
	}
}

func TestKindOfABody(t *testing.T) {
	for body, want := range map[string][2]bool{
		`{}`: {true, false}, " \t\r\n{": {true, false}, `[]`: {false, true}, "\n[": {false, true},
		``: {}, ` `: {}, `"{"`: {}, `<html>`: {}, "\ufeff{": {}, "\v{": {},
	} {
		assert.Equal(t, want, [2]bool{wire.IsObject([]byte(body)), wire.IsArray([]byte(body))}, "%q", body)
	}
}

// FuzzScalars calls the decoders with any bytes, as hand-written decoding does,
// and through encoding/json. None panics, none keeps an old value, none accepts
// through encoding/json what is no JSON, and errors do not echo.
func FuzzScalars(f *testing.F) {
	for _, seed := range []string{
		``, `"`, `""`, `"a`, `"\`, `"\u`, `"\ud800"`, `null`, `nul`, `n`, `nonsense`, `true`, `tru`, `1`, `-`, `-1`, `01`, `1e400`, `"01"`, `"1.0"`, ` 1`, `1 `,
		`"\u0031"`, `{}`, `[`, "\"\x00\"", "\"\xff\"", `"2026-11-21T15:04:05Z"`, `"2026-11-21 15:04:05 XGMT"`, `99999999999999999999`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := time.Unix(1, 0)
		scalars := []json.Unmarshaler{
			new(wire.Text), new(wire.OptionalText), &wire.Int{Int: 1, Valid: true}, &wire.Bool{Bool: true, Valid: true},
			&wire.Decimal{Valid: true}, &wire.Time{Time: before},
		}
		for _, s := range scalars {
			err := s.UnmarshalJSON(data)
			if err != nil && len(data) > 12 && strings.Contains(err.Error(), string(data)) {
				t.Errorf("%T echoes %q", s, data)
			}
			if err := json.Unmarshal(data, s); err == nil && !json.Valid(data) {
				t.Errorf("%T accepted %q", s, data)
			}
		}
		if i := scalars[2].(*wire.Int); i.Valid && json.Valid(data) {
			if d, err := wire.ParseDecimal(strings.TrimSpace(strings.Trim(string(data), " \t\r\n\""))); err == nil && d.IntPart() != i.Int {
				t.Errorf("%q is %d", data, i.Int)
			}
		}
	})
}

func TestEmptyJSONShowsNothing(t *testing.T) {
	for _, body := range []string{"", "null", " null ", "false", `""`, `" "`, "[]", "[ ]", "{}", "{\n}"} {
		assert.True(t, wire.IsEmpty(json.RawMessage(body)), "%q", body)
	}
	for _, body := range []string{"0", "true", `"a"`, "[null]", `{"a":null}`} {
		assert.False(t, wire.IsEmpty(json.RawMessage(body)), "%q", body)
	}
}
