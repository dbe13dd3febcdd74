package kasapaytest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
)

func TestConfigPrintsNoCredential(t *testing.T) {
	t.Parallel()
	c := kasapaytest.Config{ConsumerKey: "planted-key", ConsumerSecret: "planted-secret"}
	assert.NotContains(t, faketest.Printed(t, c), "planted")
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
