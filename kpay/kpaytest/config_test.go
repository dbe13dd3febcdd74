package kpaytest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
)

func TestConfigPrintsNoCredential(t *testing.T) {
	t.Parallel()
	c := kpaytest.Config{Username: "planted-user", Password: "planted-pass", APIKey: "planted-key"}
	assert.NotContains(t, faketest.Printed(t, c), "planted")
}

func TestClientConfigNamesTheFirstEnabledRetailer(t *testing.T) {
	t.Parallel()
	srv := kpaytest.NewServer(t, kpaytest.Config{APIKey: "k", Retailers: []kpaytest.Retailer{{ID: "1", Disabled: true}, {ID: "2"}, {ID: "3"}}})
	c := srv.ClientConfig()
	assert.Equal(t, []string{"2", "test-user", "test-pass", "k"}, []string{c.RetailerID, c.Username, c.Password, c.APIKey})
	_, err := kpay.New(c)
	require.NoError(t, err)
	assert.Empty(t, kpaytest.NewServer(t, kpaytest.Config{Retailers: []kpaytest.Retailer{}}).ClientConfig().RetailerID)
}
