package kapiten_test

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk"
)

// A merchant's own tests may stub an error; printing it must not panic.
func TestAnErrorMadeByHandIsHarmless(t *testing.T) {
	err := error(&sdk.Error{Operation: kapiten.OpCreateRide, Outcome: sdk.Unknown})
	assert.NotPanics(t, func() {
		_ = fmt.Sprintf("%v %+v %#v", err, err, err)
		_ = slog.AnyValue(err).Resolve()
	})
	assert.False(t, errors.Is(err, sdk.ErrNotFound))
	var apiErr *sdk.Error
	assert.ErrorAs(t, fmt.Errorf("order 7: %w", err), &apiErr)
}
