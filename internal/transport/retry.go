package transport

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// backoff is the wait before attempt n+1: full jitter under a growing bound.
func backoff(n int, lo, hi time.Duration, jitter func(time.Duration) time.Duration) time.Duration {
	bound := min(lo, hi)
	for i := 1; i < n && bound < hi; i++ {
		bound += min(bound, hi-bound) // twice as long, never beyond hi
	}
	if jitter != nil {
		return min(max(jitter(bound), 1), bound)
	}
	return rand.N(bound) + 1
}

// retryAfter reads the Retry-After header: seconds, with or without decimals, or an
// HTTP date. A date is measured against the response's own Date, because the two
// clocks may differ. It never overflows and never returns less than zero, which
// stands for no wait.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	whole, decimals, _ := strings.Cut(text, ".")
	switch {
	case text == "":
		return 0
	case whole != "" && strings.Trim(whole+decimals, "0123456789") == "":
		seconds, err := strconv.ParseUint(whole, 10, 64)
		if err != nil || seconds > maxRetryAfterSeconds { // beyond uint64, too
			seconds = maxRetryAfterSeconds
		}
		wait := time.Duration(seconds) * time.Second
		if fraction, err := time.ParseDuration("0." + decimals + "s"); err == nil && decimals != "" {
			wait += fraction
		}
		return min(wait, maxRetryAfterSeconds*time.Second)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	if sent, err := http.ParseTime(h.Get("Date")); err == nil {
		now = sent
	}
	return min(max(at.Sub(now), 0), maxRetryAfterSeconds*time.Second)
}

// Long enough to stop any retry, far from overflow.
const maxRetryAfterSeconds = 10 * 365 * 24 * 3600
