package fakeserver

import (
	_ "embed"
	"io"
	"net/http"
)

//go:embed console.html
var consolePage string

// console is a page for people: the clock, what came in and what went out.
func console(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'")
	_, _ = io.WriteString(w, consolePage)
}
