package webhook

import "net/http"

// Answer is what the sender gets for an event that was taken. A duplicate of a
// finished event gets the stored answer again.
type Answer struct {
	Status      int    // 0 counts as 200
	ContentType string // empty for none
	Body        []byte
}

func (a Answer) write(w http.ResponseWriter) {
	if a.ContentType != "" {
		w.Header().Set("Content-Type", a.ContentType)
	}
	status := a.Status
	if status == 0 {
		status = http.StatusOK
	}
	w.WriteHeader(status)
	// The sender may be gone; the event is done all the same.
	_, _ = w.Write(a.Body)
}
