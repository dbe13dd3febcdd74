package fake_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestJournalKeepsRequestsWithoutSecrets(t *testing.T) {
	t.Parallel()
	s := newToy(t, fake.Options{}, withHandler(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"access_token":"planted-1","kept":"yes"}`))
	}))
	req := httptest.NewRequest(http.MethodPost, "/v1/orders/?api_key=planted-2&page=3", strings.NewReader(
		`{"Password" : "plan\"ted-3","card":{"no":"planted-4"},"pin":12345,"note":"token","nested":[{"to\u006ben":["planted-5","x"]}],"kept":1.50}`))
	req.Header.Set("Authorization", "Token planted-6")
	req.Header.Set("X-Access-Token", "planted-7")
	req.Header.Set("Content-Type", "application/json")
	s.ServeHTTP(httptest.NewRecorder(), req)

	got := s.Requests()
	require.Len(t, got, 1)
	r := got[0]
	assert.Equal(t, "toy", r.Provider)
	assert.Equal(t, "POST", r.Method)
	assert.Equal(t, "/orders/", r.Path)
	assert.Equal(t, "api_key=[masked]&page=3", r.Query)
	assert.Equal(t, 200, r.Status)
	assert.Equal(t, s.Now(), r.Time)
	assert.Equal(t, `{"Password" : "[masked]","card":"[masked]","pin":"[masked]","note":"token","nested":[{"to\u006ben":"[masked]"}],"kept":1.50}`, r.RequestBody)
	assert.Equal(t, `{"access_token":"[masked]","kept":"yes"}`, r.ResponseBody)
	assert.Equal(t, http.Header{"Authorization": {"[masked]"}, "X-Access-Token": {"[masked]"}, "Content-Type": {"application/json"}}, r.Header)
}

func TestJournalMasksOtherBodies(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ contentType, body, want string }{
		"form":               {"application/x-www-form-urlencoded; charset=utf-8", "a=1&password=planted&b=2", "a=1&password=[masked]&b=2"},
		"json called a form": {"application/x-www-form-urlencoded", ` {"password":"planted"}`, ` {"password":"[masked]"}`},
		"multipart":          {"multipart/form-data; boundary=x", "--x\r\nplanted", "[multipart body]"},
		"broken json":        {"", `{"password":"planted`, `{"password":"[masked]"`},
		"number at the end":  {"", `{"pin": 4711}`, `{"pin": "[masked]"}`},
		"key without value":  {"", `{"pin":`, `{"pin":`},
		"no secret":          {"text/plain", `hello "token"`, `hello "token"`},
		"object":             {"", `{"secret":{"a":"}]\"","b":[1,{"c":2}]},"d":3}`, `{"secret":"[masked]","d":3}`},
		"long":               {"", strings.Repeat("x", 40<<10), strings.Repeat("x", 32<<10) + "...[cut]"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newToy(t, fake.Options{})
			req := httptest.NewRequest(http.MethodPost, "/v1/orders", strings.NewReader(tt.body))
			req.Header.Set("Content-Type", tt.contentType)
			s.ServeHTTP(httptest.NewRecorder(), req)
			assert.Equal(t, tt.want, s.Requests()[0].RequestBody)
		})
	}
}

func TestJournalIsBoundedAndACopy(t *testing.T) {
	t.Parallel()
	s := newToy(t, fake.Options{JournalSize: 3})
	for _, path := range []string{"/1", "/2", "/3", "/4"} {
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/v1"+path, nil))
	}
	got := s.Requests()
	require.Len(t, got, 3)
	assert.Equal(t, "/2", got[0].Path)
	assert.Equal(t, "/4", got[2].Path)
	got[0].Header.Set("Accept", "changed")
	assert.Empty(t, s.Requests()[0].Header.Get("Accept"))
}

func FuzzMaskHidesEverySecret(f *testing.F) {
	f.Add("a", "b", `}`)
	f.Add(`x\`, `"{`, `,"b":2}`)
	f.Add("token", "[", "")
	f.Fuzz(func(t *testing.T, name, value, tail string) {
		if strings.Contains(name+value+tail, "planted") {
			return
		}
		before, err := json.Marshal(map[string]any{name: []string{value}})
		require.NoError(t, err)
		body := strings.TrimSuffix(string(before), "}") + `,"token": "planted"` + tail // the tail may break it
		s := newToy(t, fake.Options{})
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/v1/orders", strings.NewReader(body)))
		assert.NotContains(t, s.Requests()[0].RequestBody, "planted")
	})
}
