package fake_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// A fake mounted below another one keeps its own journal and its own faults, by
// socketless URL too.
func TestRequestsBelowAProviderAreNotItsOwn(t *testing.T) {
	t.Parallel()
	w := fake.NewWorld(fake.Options{})
	w.Attach(t)
	inner := joinShop(w, "inner")
	ok := http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "outer") })
	outer := w.Join(fake.Provider{
		Name: "outer", Handler: ok, Reset: func() {}, State: func() any { return nil },
		Below: func(r *http.Request) http.Handler {
			if strings.HasPrefix(r.URL.Path, "/inner/") {
				return http.StripPrefix("/inner", inner.Control)
			}
			return nil
		},
	})
	get := func(path string) (*http.Response, error) {
		return outer.HTTPClient().Get(outer.URL() + path)
	}
	res, err := get("/own")
	require.NoError(t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	assert.Equal(t, "outer", string(text))
	res, err = get("/inner/v1/orders")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Len(t, outer.Requests(), 1)
	require.Len(t, inner.Requests(), 1)
	assert.Equal(t, "/orders", inner.Requests()[0].Path)

	require.NoError(t, inner.AddFault(fake.Fault{Kind: fake.FaultDropAfter, Times: 1}))
	res, err = get("/own")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	_, err = get("/inner/v1/orders")
	require.Error(t, err)
	assert.Empty(t, inner.Faults())
}
