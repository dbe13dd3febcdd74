package kotanitest

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/fake"
)

const fiatConnectName = "fiatconnect"

// FiatConnect is the FiatConnect section.
type FiatConnect struct {
	*Control
	world  *World
	config FiatConnectConfig
}

func newFiatConnect(w *World, c FiatConnectConfig) *FiatConnect {
	f := &FiatConnect{world: w, config: c}
	f.Control = w.Join(fake.Provider{
		Name:    fiatConnectName,
		Handler: http.NotFoundHandler(),
		Reset:   func() {},
		State:   func() any { return nil },
		Load:    func(json.RawMessage) (func(), error) { return func() {}, nil },
		Refuse:  refuse,
	})
	return f
}

// below is the section's handler for requests below its prefix.
func (f *FiatConnect) below(r *http.Request) http.Handler {
	if !strings.HasPrefix(r.URL.Path, f.config.Prefix+"/") {
		return nil
	}
	return http.StripPrefix(f.config.Prefix, f.Control)
}
