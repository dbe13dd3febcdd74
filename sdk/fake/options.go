package fake

import (
	"log/slog"
	"net/http"
	"time"
)

// Options set up a World. The zero value is right for a test: a clock that
// stands still until it is advanced, and ids from a fixed seed.
type Options struct {
	// RealTime lets the clock follow real time. Inside a testing/synctest
	// bubble that is the bubble's time. Without it nothing that waits for the
	// clock happens before Advance.
	RealTime bool

	// Speed is how many virtual seconds pass in one real second. It counts
	// with RealTime only; zero means 1.
	Speed float64

	// Start is the virtual time at the beginning. Zero means
	// 2026-04-03T09:00:00Z, with RealTime the time of the call.
	Start time.Time

	// Seed makes the ids. Equal seeds and equal calls give equal ids.
	// Zero means 1.
	Seed uint64

	// Callbacks, when set, receives every callback in memory, whatever host
	// its URL names, without a socket.
	Callbacks http.Handler

	// CallbackClient posts the callbacks when Callbacks is nil; nil means a
	// plain client of the World's own. It is copied; redirects are never
	// followed and an attempt never waits longer than 10 s.
	CallbackClient *http.Client

	// PublicURL is the address clients use when it is not the one the server
	// sees (a proxy or a tunnel in between): scheme, host and an optional path
	// prefix, without the provider's mount. Empty means: as the request says.
	PublicURL string

	// JournalSize is how many requests and how many deliveries are kept.
	// Zero means 10,000.
	JournalSize int

	// Logger hears what a fake cannot tell anybody else, such as a panic in a
	// handler. Nil means silence.
	Logger *slog.Logger
}

const defaultJournalSize = 10_000

func (o Options) withDefaults() Options {
	if o.Speed <= 0 {
		o.Speed = 1
	}
	if o.Start.IsZero() {
		o.Start = time.Date(2026, 4, 3, 9, 0, 0, 0, time.UTC)
		if o.RealTime {
			o.Start = time.Now()
		}
	}
	o.Start = o.Start.Round(0).UTC()
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.JournalSize <= 0 {
		o.JournalSize = defaultJournalSize
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
