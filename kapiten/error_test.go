package kapiten_test

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

// A detail is a refusal in the framework's own words alone, in a list or not.
func TestADetailInAListIsReadAsATextIs(t *testing.T) {
	for body, want := range map[string]struct {
		status   int
		rejected bool
	}{
		`{"detail":["Insufficient balance."]}`:                                       {400, true},
		`{"detail":["Malformed request.","Insufficient balance."]}`:                  {400, true},
		`{"detail":[{"message":"Insufficient balance.","code":"invalid"}]}`:          {400, true},
		`{"detail":["Insufficient balance."] }`:                                      {422, true},
		`{"detail":"Invalid token.","code":null}`:                                    {401, true},
		`{"detail":"Invalid token.","code":null,"messages":null}`:                    {401, true},
		`{"detail":["Blocked."]}`:                                                    {400, false},
		`{"detail":["Insufficient balance.","Blocked."]}`:                            {400, false},
		`{"detail":["Insufficient balance."],"code":"x"}`:                            {400, false},
		`{"detail":["Not found."]}`:                                                  {404, false},
		`{"detail":["Insufficient balance."]} `:                                      {403, false},
		`{"detail":[{"loc":["body"],"msg":"Insufficient balance.","type":"value"}]}`: {422, false},
		`{"detail":[]}`:                         {400, false},
		`{"detail":{}}`:                         {400, false},
		`{"detail":null}`:                       {400, false},
		`{"detail":"Blocked.","code":null}`:     {403, false},
		`{"detail":"Invalid token.","code":{}}`: {401, false},
	} {
		_, err := newClient(t, newStub(t, want.status, "application/json", body).URL).Rides.Create(t.Context(), validRide())
		require.Error(t, err, body)
		assert.Equal(t, want.rejected, errors.Is(err, sdk.ErrRejected), body)
		assert.Equal(t, !want.rejected, errors.Is(err, sdk.ErrOutcomeUnknown), body)
	}
}
