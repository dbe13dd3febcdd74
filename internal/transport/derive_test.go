package transport_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

func TestADerivedCoreSharesConnectionsAndDiffersWhereItIsTold(t *testing.T) {
	s := newFixture(t, accept, accept, accept)
	header := func(name string) func(*transport.Config) {
		return func(cfg *transport.Config) {
			cfg.Authorize = func(req *http.Request, _ sdk.Operation, _ []byte, _ string) error {
				req.Header.Set("Authorization", name)
				return nil
			}
		}
	}
	first := s.core(header("first"), func(cfg *transport.Config) {
		cfg.Routes = map[string]sdk.Route{"safe": {Path: "/elsewhere"}}
	})
	second, err := first.Derive(func(cfg *transport.Config) {
		header("second")(cfg)
		cfg.BaseURL = "http://section.localhost/v2"
	})
	require.NoError(t, err)
	for _, core := range []*transport.Core{first, second, first} {
		require.NoError(t, core.Do(t.Context(), callOf("safe")))
	}
	var got []string
	for _, r := range s.seen() {
		got = append(got, r.Header.Get("Authorization")+" "+r.Host+r.URI)
	}
	assert.Equal(t, []string{"first provider.localhost/elsewhere", "second section.localhost/v2/elsewhere", "first provider.localhost/elsewhere"}, got)
	assert.Equal(t, 2, s.dialled(), "one connection for each host, kept")

	_, err = first.Derive(func(cfg *transport.Config) { cfg.BaseURL = "nonsense" })
	assert.Error(t, err)
}
