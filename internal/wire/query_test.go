package wire_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/wire"
)

func TestQueryEncodesTaggedFields(t *testing.T) {
	type list struct {
		Page   int      `url:"page,omitempty"`
		Status []string `url:"status,omitempty"`
		Search string   `url:"q,omitempty"`
		Paid   *bool    `url:"paid,omitempty"`
	}
	no := false
	values, err := wire.Query(list{Page: 2, Status: []string{"a", "b"}, Search: "x&y", Paid: &no})
	require.NoError(t, err)
	assert.Equal(t, "page=2&paid=false&q=x%26y&status=a&status=b", values.Encode())
	values, err = wire.Query(list{})
	require.NoError(t, err)
	assert.Empty(t, values)
	_, err = wire.Query("page=2")
	assert.Error(t, err)
}
