package webhook

// Key identifies an event. Events of one Reference are worked on one at a time.
type Key struct {
	Provider  string
	Reference string
	ID        string
}
