package kapiten_test

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/kapiten"
)

// A merchant's own tests may stub an error; printing it must not panic.
func TestAnErrorMadeByHandIsHarmless(t *testing.T) {
	err := error(&kapiten.Error{Operation: kapiten.OpCreateRide, Outcome: kapiten.OutcomeUnknown})
	assert.NotPanics(t, func() {
		_ = fmt.Sprintf("%v %+v %#v", err, err, err)
		_ = slog.AnyValue(err).Resolve()
	})
	assert.False(t, errors.Is(err, kapiten.ErrNotFound))
	var apiErr *kapiten.Error
	assert.ErrorAs(t, fmt.Errorf("order 7: %w", err), &apiErr)
}
