package transport

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// backoff is the wait before attempt n+1: full jitter under a growing bound.
func backoff(n int, lo, hi time.Duration) time.Duration {
	bound := min(lo, hi)
	for i := 1; i < n && bound < hi; i++ {
		bound += min(bound, hi-bound) // twice as long, never beyond hi
	}
	return rand.N(bound) + 1
}

// retryAfter reads the Retry-After header: seconds or an HTTP date. It never
// overflows and never answers less than zero.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if text == "" {
		return 0, false
	}
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil {
		return time.Duration(min(seconds, maxRetryAfterSeconds)) * time.Second, true
	}
	if strings.Trim(text, "0123456789") == "" { // digits beyond uint64
		return maxRetryAfterSeconds * time.Second, true
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfterSeconds*time.Second), true
	}
	return 0, false
}

// Long enough to stop any retry, far from overflow.
const maxRetryAfterSeconds = 10 * 365 * 24 * 3600
