package kapiten_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk"
)

// request is what a stub server saw.
type request struct {
	Method, URI, Auth, ContentType, Body string
}

// stub gives every request the same response and remembers what it saw. The
// stateful server is kapitentest; a stub is for responses it would never give.
type stub struct {
	*httptest.Server
	mu   sync.Mutex
	seen []request
}

func newStub(t *testing.T, status int, contentType, body string) *stub {
	t.Helper()
	s := &stub{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.seen = append(s.seen, request{r.Method, r.RequestURI, r.Header.Get("Authorization"), r.Header.Get("Content-Type"), string(sent)})
		s.mu.Unlock()
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *stub) requests() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]request(nil), s.seen...)
}

func newClient(t *testing.T, url string, change ...func(*kapiten.Config)) *kapiten.Client {
	t.Helper()
	cfg := kapiten.Config{BaseURL: url, Token: "planted-token", Options: sdk.Options{MaxAttempts: 1}}
	for _, c := range change {
		c(&cfg)
	}
	client, err := kapiten.New(cfg)
	require.NoError(t, err)
	return client
}

func validRide() kapiten.CreateRideParams {
	return kapiten.CreateRideParams{
		CompanyID:     "co-1",
		PickupAddress: "Kicukiro, KK 12 Ave", Pickup: kapiten.Location{Latitude: -1.9441, Longitude: 30.0619},
		DropoffAddress: "M. Peace Plaza, Nyarugenge", Dropoff: kapiten.Location{Latitude: -1.9706, Longitude: 30.1044},
		Sender:     kapiten.Contact{Name: "Best Pilau", Phone: "0788123456"},
		Receiver:   kapiten.Contact{Name: "Customer", Phone: "0789000111"},
		ExternalID: "ORDER-99123",
	}
}
