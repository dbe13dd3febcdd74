package webhook

// Event is one status change, as handed to your function.
type Event[E any] struct {
	Subject

	// Data is the provider's event; after a confirmation the one the API
	// returned, not the posted one.
	Data     E
	Provider string
	Trust    Trust
	// Transition is Advanced or Reversal.
	Transition Transition
	// Previous is the status applied before, empty if none was.
	Previous string
	// Attempt counts from 1; above 1 only in background mode.
	Attempt int
}

func (e Event[E]) key() Key { return Key{Provider: e.Provider, Reference: e.Reference, ID: e.ID} }

func (e Event[E]) fail(err error) *Error {
	return &Error{Provider: e.Provider, Reference: e.Reference, EventID: e.ID, Status: e.Status, Trust: e.Trust, Err: err}
}
