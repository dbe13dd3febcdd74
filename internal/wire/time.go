package wire

import (
	"strings"
	"time"
)

const abbreviated = "2006-01-02 15:04:05 MST"

// layouts are the spellings seen on the wire.
var layouts = [...]string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05.999999999-0700",
	"2006-01-02T15:04:05.999999999", // no zone: taken as UTC
	abbreviated,
	"2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999 -0700",
	"2006-01-02 15:04:05",
	"2006-01-02T15:04Z07:00",
	"2006-01-02",
}

// Time decodes a timestamp and keeps the text it got. A spelling nobody knows
// leaves the time zero and is no error: a date must not cost the caller the
// answer it came with.
type Time struct {
	Time time.Time
	Text string
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Time) UnmarshalJSON(data []byte) error {
	text, err := scalar(data)
	if err != nil {
		return err
	}
	*t = Time{Time: ParseTime(text), Text: text}
	return nil
}

// ParseTime reads a timestamp in any spelling seen on the wire, or returns the
// zero time.
func ParseTime(text string) time.Time {
	for _, layout := range layouts {
		at, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		if layout == abbreviated && !strings.HasSuffix(text, " UTC") && !strings.HasSuffix(text, " GMT") {
			return time.Time{} // Go would take any abbreviation at offset zero
		}
		return at
	}
	return time.Time{}
}
