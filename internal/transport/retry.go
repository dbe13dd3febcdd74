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

// retryAfter reads the Retry-After header: seconds or an HTTP date. It never
// overflows and never answers less than zero, which stands for no wait asked.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if text == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil {
		return time.Duration(min(seconds, maxRetryAfterSeconds)) * time.Second
	}
	if strings.Trim(text, "0123456789") == "" { // digits beyond uint64
		return maxRetryAfterSeconds * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfterSeconds*time.Second)
	}
	return 0
}

// Long enough to stop any retry, far from overflow.
const maxRetryAfterSeconds = 10 * 365 * 24 * 3600
