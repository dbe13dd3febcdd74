package transport

import (
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestBackoffNeverOverflows(t *testing.T) {
	for _, hi := range []time.Duration{1, time.Second, math.MaxInt64 - 1} {
		for _, n := range []int{1, 2, 40, 100} {
			for _, lo := range []time.Duration{1, time.Millisecond, math.MaxInt64/2 + 2} {
				got := backoff(n, lo, hi, nil)
				assert.Positive(t, got)
				assert.LessOrEqual(t, got, hi)
			}
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{
		"", "0", "7", " 7 ", "+7", "-7", "0x7", "1e3", "7.5", "٣", "86400", "9223372037", "18446744073709551616",
		"Fri, 31 Dec 1999 23:59:59 GMT", "Friday, 31-Dec-99 23:59:59 GMT", "Fri Dec 31 23:59:59 1999",
		"Fri, 31 Dec 9999 23:59:59 GMT", "Sat, 01 Jan 0000 00:00:00 GMT", "7, 9", "1_000",
	} {
		f.Add(seed, int64(946684800))
	}
	f.Add("Fri, 31 Dec 9999 23:59:59 GMT", int64(math.MinInt64))
	f.Add("Sat, 01 Jan 0000 00:00:00 GMT", int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, text string, now int64) {
		wait := retryAfter(http.Header{"Retry-After": {text}}, time.Unix(now, 0))
		if wait < 0 || wait > maxRetryAfterSeconds*time.Second {
			t.Errorf("%q: %v", text, wait)
		}
	})
}
