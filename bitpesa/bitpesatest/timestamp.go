package bitpesatest

import "time"

// The spellings of a time the vendor uses; which field has which one is
// documented for transactions and recipients only, the rest is assumed.
const (
	spelledOut = "2006-01-02 15:04:05 UTC"
	spelledISO = "2006-01-02T15:04:05.000Z"
	spelledRFC = "2006-01-02T15:04:05.000+0000"
)

func stamp(t time.Time, layout string) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(layout)
}
