package wire_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/wire"
)

func TestParseTimeKnowsTheSpellingsSeen(t *testing.T) {
	utc := func(h, m, s, ns int) time.Time { return time.Date(2026, 11, 21, h, m, s, ns, time.UTC) }
	for text, want := range map[string]time.Time{
		"2026-11-21T15:04:05Z":             utc(15, 4, 5, 0),
		"2026-11-21T15:04:05.123456Z":      utc(15, 4, 5, 123456000),
		"2026-11-21T15:04:05+03:00":        utc(12, 4, 5, 0),
		"2026-11-21T15:04:05.5-01:30":      utc(16, 34, 5, 500000000),
		"2026-11-21T15:04:05+0300":         utc(12, 4, 5, 0),
		"2026-11-21T15:04:05.123+0000":     utc(15, 4, 5, 123000000),
		"2026-11-21T15:04:05":              utc(15, 4, 5, 0), // no zone: taken as UTC
		"2026-11-21T15:04:05.123456":       utc(15, 4, 5, 123456000),
		"2026-11-21 15:04:05 UTC":          utc(15, 4, 5, 0),
		"2026-11-21 15:04:05 GMT":          utc(15, 4, 5, 0),
		"2026-11-21 15:04:05Z":             utc(15, 4, 5, 0),
		"2026-11-21 15:04:05.123456+03:00": utc(12, 4, 5, 123456000),
		"2026-11-21 15:04:05 +0300":        utc(12, 4, 5, 0),
		"2026-11-21 15:04:05":              utc(15, 4, 5, 0),
		"2026-11-21T15:04Z":                utc(15, 4, 0, 0),
		"2026-11-21":                       utc(0, 0, 0, 0),
	} {
		got := wire.ParseTime(text)
		assert.True(t, got.Equal(want), "%s is not %s", text, got)
	}
	_, offset := wire.ParseTime("2026-11-21T15:04:05+03:00").Zone()
	assert.Equal(t, 3*60*60, offset, "the zone is kept")
}

func TestOnlyASecondInAZoneIsExact(t *testing.T) {
	for text, exact := range map[string]bool{
		"2026-11-21T15:04:05Z": true, "2026-11-21T15:04:05.123456Z": true, "2026-11-21T15:04:05+03:00": true, "2026-11-21T15:04:05.5-01:30": true,
		"2026-11-21T15:04:05+0300": true, "2026-11-21 15:04:05 UTC": true, "2026-11-21 15:04:05 GMT": true, "2026-11-21 15:04:05 +0300": true,
		"2026-11-21T15:04:05": false, "2026-11-21T15:04:05.123456": false, "2026-11-21 15:04:05": false,
		"2026-11-21T15:04Z": false, "2026-11-21T15:04+03:00": false, "2026-11-21": false, "": false, "soon": false,
	} {
		assert.Equal(t, exact, wire.ExactTime(text), text)
	}
}

func TestParseTimeDoesNotGuess(t *testing.T) {
	for _, text := range []string{
		"", "soon", "2026-11-21 15:04:05 EAT", "2026-11-21 15:04:05 CET", "2026-11-21 15:04:05 XGMT", "2026-11-21 15:04:05 XUTC",
		"2026-11-21 15:04:05 GMT+3", "2026-11-21 15:04:05 +03", "2026-13-01", "2026-02-30", "21/11/2026", "1795273445", "2026-11-21T25:00:00Z",
	} {
		assert.True(t, wire.ParseTime(text).IsZero(), "%s became %s", text, wire.ParseTime(text))
	}
}

func TestParseTimeTriesOnlyWhatFits(t *testing.T) {
	for _, text := range []string{"2026-11-21T15:04:05.123Z", "2026-11-21 15:04:05 UTC", "2026-11-21"} {
		assert.Zero(t, testing.AllocsPerRun(100, func() { wire.ParseTime(text) }), text) // a failed attempt allocates its error
	}
}

func TestTimeKeepsTheTextItGot(t *testing.T) {
	for text, want := range map[string]string{
		`"2026-11-21T15:04:05Z"`: "2026-11-21T15:04:05Z", `"soon"`: "soon", `1795273445`: "1795273445", `null`: "", `""`: "",
	} {
		got := wire.Time{Time: time.Unix(1, 0), Text: "before"}
		require.NoError(t, json.Unmarshal([]byte(text), &got), text)
		assert.Equal(t, want, got.Text, text)
		assert.Equal(t, text != `"2026-11-21T15:04:05Z"`, got.Time.IsZero(), text)
	}
	for _, text := range []string{`true`, `[]`, `{}`} {
		var got wire.Time
		assert.Error(t, json.Unmarshal([]byte(text), &got), text)
	}
}

func FuzzTime(f *testing.F) {
	for _, seed := range []string{
		"2026-11-21T15:04:05Z", "2026-11-21 15:04:05 UTC", "2026-11-21 15:04:05 GMT+3", "2026-11-21 15:04:05 +0300", "2026-11-21T15:04:05,5Z",
		"2026-11-21", "0000-01-01", "9999-12-31T23:59:59.999999999-23:59", "", "2026-11-21 15:04:05 +03", "2026-11-21 15:04:05 XUTC",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at := wire.ParseTime(text)
		if at.IsZero() {
			return
		}
		if again := wire.ParseTime(at.Format(time.RFC3339Nano)); !again.Equal(at) {
			if _, offset := at.Zone(); offset%60 == 0 && at.Year() >= 0 && at.Year() <= 9999 {
				t.Errorf("%q became %s, then %s", text, at, again)
			}
		}
		if name, offset := at.Zone(); offset == 0 && name != "UTC" && name != "GMT" && name != "" {
			t.Errorf("%q: the zone %s at offset zero", text, name)
		}
	})
}
