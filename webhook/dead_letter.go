package webhook

import (
	"strings"
	"time"
)

// DeadLetter is an event nobody could be made to accept: its attempts ran out,
// or its status cannot follow.
type DeadLetter struct {
	Key
	Reason   string // at most 500 bytes
	Attempts int
	Since    time.Time
	// Payload is the stored delivery in this package's own form; its body is in
	// it as received. See Body.
	Payload []byte
}

// Body is the callback's body as received; nil if it is no longer stored.
func (d DeadLetter) Body() []byte {
	p, err := decodePayload(d.Payload)
	if err != nil {
		return nil
	}
	return p.Body
}

const maxReason = 500

// shorten makes of a reason, which may quote anything, a text that every database
// takes: within bounds, in one piece, without NUL.
func shorten(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "?"), "\x00", "?")
	if len(text) <= maxReason {
		return text
	}
	cut := maxReason
	for cut > 0 && text[cut]&0xC0 == 0x80 {
		cut--
	}
	return text[:cut]
}
