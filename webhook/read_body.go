package webhook

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// DefaultMaxBody is the largest body accepted unless Config.MaxBody says otherwise.
const DefaultMaxBody = 1 << 20

// ReadBody reads a callback's body, of at most limit bytes (DefaultMaxBody when
// limit is 0). Compressed bodies are refused, so a small one cannot become a big
// one. Errors: ErrBodyTooLarge, ErrEncoding, ErrMalformed for a body cut short.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if limit <= 0 {
		limit = DefaultMaxBody
	}
	for _, coding := range r.Header.Values("Content-Encoding") {
		if coding != "" && !strings.EqualFold(coding, "identity") {
			return nil, ErrEncoding
		}
	}
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close")
		return nil, ErrBodyTooLarge
	}
	var buf bytes.Buffer
	if r.ContentLength > 0 {
		// The header is only a promise: a stranger's is not taken for much.
		buf.Grow(int(min(r.ContentLength, 64<<10)) + bytes.MinRead)
	}
	if _, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, limit)); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, ErrBodyTooLarge
		}
		// The cause is the peer's or the network's; its text adds nothing safe.
		return nil, fmt.Errorf("%w: body cut short", ErrMalformed)
	}
	return buf.Bytes(), nil
}

// readTimeout bounds how slowly a sender may feed its body.
const readTimeout = 10 * time.Second

// hurry bounds the time for the body. net/http lifts the deadline itself once the
// body is in; while it still reads the rest of a refused one, it stays. Not every
// ResponseWriter has deadlines; the merchant's server may have its own.
func hurry(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readTimeout))
}
