package fake

// TB is the part of testing.TB that a fake needs. *testing.T, *testing.B and
// *testing.F satisfy it.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Cleanup(func())
}

// Attach closes the World when the test ends and reports panics of handlers
// as errors of the test.
func (w *World) Attach(t TB) {
	t.Helper()
	w.mu.Lock()
	w.tb = t
	w.mu.Unlock()
	t.Cleanup(w.Close)
}
