package webhook

// Source describes one provider's callbacks. The provider functions of this
// package return them; write one of your own for a sender this module does not
// know.
type Source[E any] struct {
	// Provider names the sender in inbox keys, logs and errors.
	Provider string
	// Decode reads a body as received, whatever its content type says. It may
	// keep the slice.
	Decode func(body []byte) (E, error)
	// Identify names what the event is about. It is asked again for the event
	// that Confirm returned.
	Identify func(E) Subject
	// Match reports whether the event is about the reference its capability URL
	// was minted for. Nil compares Subject.Reference; needed where a provider
	// calls back with a reference of its own.
	Match func(event E, reference string) bool
	// Acknowledge builds the answer the sender expects, from the event as
	// posted. Nil answers 200 without a body.
	Acknowledge func(E) Answer
}

func (s Source[E]) acknowledge(e E) Answer {
	if s.Acknowledge == nil {
		return Answer{Status: 200}
	}
	return s.Acknowledge(e)
}
