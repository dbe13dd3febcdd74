package kotanitest

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/kapiteni/kapiten-go/kotani"
)

// Credentials are a client's: webhooks about the users whose sessions' calls
// came with its key go to it.
type Credentials struct {
	APIKey        string `json:"api_key"`
	Webhook       string `json:"webhook"` // URL
	WebhookSecret string `json:"webhook_secret"`
}

// AddClient registers a client, as POST /credentials does.
func (f *FiatConnect) AddClient(webhook string) Credentials {
	f.world.Lock()
	defer f.world.Unlock()
	return *f.addClient(webhook)
}

func (f *FiatConnect) addClient(webhook string) *Credentials {
	c := &Credentials{APIKey: f.ids().Hex(32), Webhook: webhook, WebhookSecret: f.ids().Hex(64)}
	f.state.Keys[c.APIKey] = c
	return c
}

// credentials is POST /credentials, Kotani's own addition. It wants no key, that
// is where keys come from.
func (f *FiatConnect) credentials(rw http.ResponseWriter, r *http.Request) {
	f.world.Lock()
	defer f.world.Unlock()
	c, ok := newCall(r, false)
	if !ok {
		problem(http.StatusBadRequest, kotani.ErrInvalidParameters).write(rw)
		return
	}
	u, err := url.Parse(c.text("webhook"))
	if c.fault != "" || err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		problem(http.StatusBadRequest, kotani.ErrInvalidParameters).write(rw)
		return
	}
	client := f.addClient(c.optional("webhook"))
	writeJSON(rw, http.StatusOK, object{
		"apiKey": client.APIKey, "webhook": client.Webhook, "webhookSecret": client.WebhookSecret,
	})
}

// clientKey reads the optional header: missing although required, or malformed,
// is 400, unknown 401. The specification names no codes for that; these are
// assumed.
func (f *FiatConnect) clientKey(r *http.Request) (key string, refusal *reply) {
	bad := problem(http.StatusBadRequest, kotani.ErrInvalidParameters)
	values, sent := r.Header["Authorization"]
	if !sent {
		if f.config.RequireAPIKey {
			return "", &bad
		}
		return "", nil
	}
	scheme, key, found := strings.Cut(strings.Join(values, ", "), " ")
	if !found || !strings.EqualFold(scheme, "bearer") || key == "" || strings.ContainsAny(key, " ,") {
		return "", &bad
	}
	if f.state.Keys[key] == nil {
		unknown := problem(http.StatusUnauthorized, kotani.ErrSessionUnauthorized)
		return "", &unknown
	}
	return key, nil
}
