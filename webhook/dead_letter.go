package webhook

import "time"

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

// shorten keeps a reason within its column and in one piece.
func shorten(text string) string {
	if len(text) <= maxReason {
		return text
	}
	cut := maxReason
	for cut > 0 && text[cut]&0xC0 == 0x80 {
		cut--
	}
	return text[:cut]
}
