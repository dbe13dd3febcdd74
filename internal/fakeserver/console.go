package fakeserver

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

//go:embed console
var consoleFiles embed.FS

// serveConsole serves the page for people at /, its parts under /console/ and what
// it shows before anything has happened at /console/start.json.
func serveConsole(mux *http.ServeMux, line map[string]any) {
	files, err := fs.Sub(consoleFiles, "console")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { serveFile(w, r, files, "index.html") })
	mux.HandleFunc("GET /console/{name}", func(w http.ResponseWriter, r *http.Request) { serveFile(w, r, files, r.PathValue("name")) })
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, r *http.Request) { serveFile(w, r, files, "icon.svg") })
	mux.HandleFunc("GET /console/start.json", func(w http.ResponseWriter, _ *http.Request) {
		fake.AdminRespond(w, http.StatusOK, startPage(line))
	})
}

// serveFile lets a browser keep a file as long as the program is the same.
func serveFile(w http.ResponseWriter, r *http.Request, files fs.FS, name string) {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	types := map[string]string{".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
	sum := sha256.Sum256(text)
	w.Header().Set("Content-Type", types[path.Ext(name)]+"; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(text))
}

// startEndpoint is an API as the console introduces it.
type startEndpoint struct {
	Name        string            `json:"name"`
	Title       string            `json:"title"`
	Base        string            `json:"base"`
	Credentials map[string]string `json:"credentials"`
	Curl        string            `json:"curl"`
	Magic       []magic           `json:"magic"`
}

func startPage(line map[string]any) map[string]any {
	endpoints := []startEndpoint{}
	credentials, _ := line["credentials"].(map[string]map[string]string)
	for _, p := range providers() {
		for _, e := range p.endpoints {
			base, _ := line[e.name].(string)
			title := p.title
			if e.name != p.name {
				title = "FiatConnect"
			}
			curl := strings.ReplaceAll(e.curl, "{base}", base)
			for name, value := range credentials[e.name] {
				curl = strings.ReplaceAll(curl, "{"+name+"}", value)
			}
			endpoints = append(endpoints, startEndpoint{e.name, title, base, credentials[e.name], curl, e.magic})
		}
	}
	return map[string]any{"endpoints": endpoints, "admin": line["admin"]}
}
