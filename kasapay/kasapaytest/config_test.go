package kasapaytest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
)

func TestConfigPrintsNoCredential(t *testing.T) {
	t.Parallel()
	c := kasapaytest.Config{ConsumerKey: "planted-key", ConsumerSecret: "planted-secret"}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%v|%+v|%#v|%s|%q|%v|%+v", c, c, c, c, c, &c, []any{c})
	text, err := json.Marshal(map[string]any{"config": c, "at": &c})
	require.NoError(t, err)
	out.Write(text)
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("configured", "config", c, "listed", []any{c})
	}
	assert.NotContains(t, out.String(), "planted")
}

func TestClientConfigIsComplete(t *testing.T) {
	t.Parallel()
	srv := kasapaytest.NewServer(t, kasapaytest.Config{ConsumerKey: "k", ServiceCodes: []string{"A", "B"}})
	c := srv.ClientConfig()
	assert.Equal(t, []string{"A", "k", "test-secret"}, []string{c.ServiceCode, c.ConsumerKey, c.ConsumerSecret})
	_, err := kasapay.New(c)
	require.NoError(t, err)
	assert.Empty(t, kasapaytest.NewServer(t, kasapaytest.Config{ServiceCodes: []string{}}).ClientConfig().ServiceCode)
}
