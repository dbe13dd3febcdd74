package sdk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk"
)

func TestAnErrorMadeByHandPrintsLikeARealOne(t *testing.T) {
	for name, row := range map[string]struct {
		err  *sdk.Error
		want string
	}{
		"refused by the provider": {
			&sdk.Error{Provider: "kpay", Operation: "pay", Outcome: sdk.Rejected, StatusCode: 200, Code: "608", Reasons: []error{sdk.ErrDuplicate}},
			"kpay: pay: duplicate: HTTP 200, code 608 (outcome: rejected)"},
		"refused here": {
			&sdk.Error{Provider: "kpay", Operation: "pay", Outcome: sdk.NotSent, Fields: map[string][]string{"b": {"is odd"}, "a": {"is required", "is wrong"}}},
			"kpay: pay: invalid parameters: a: is required, is wrong; b: is odd (nothing was sent)"},
		"no response":      {&sdk.Error{Provider: "kpay", Operation: "pay"}, "kpay: pay: no response (outcome: unknown)"},
		"a network error":  {&sdk.Error{Provider: "kpay", Operation: "pay", Cause: io.EOF}, "kpay: pay: connection closed without a response (outcome: unknown)"},
		"only a sentinel":  {&sdk.Error{Outcome: sdk.Rejected, Reasons: []error{sdk.ErrNotFound}}, "not found (outcome: rejected)"},
		"nothing at all":   {&sdk.Error{}, "no response (outcome: unknown)"},
		"a nil error":      {nil, "no error"},
		"a code of words":  {&sdk.Error{Outcome: sdk.Rejected, Code: "drop table\n"}, "code ? (outcome: rejected)"},
		"another call's":   {&sdk.Error{Provider: "a", Operation: "b", Cause: &sdk.Error{Provider: "a", Operation: "login", Outcome: sdk.NotSent, Cause: io.EOF}}, "a: b: a: login: connection closed without a response (outcome: unknown)"},
		"cause and status": {&sdk.Error{StatusCode: 200, Cause: context.DeadlineExceeded}, "HTTP 200, deadline exceeded (outcome: unknown)"},
	} {
		assert.Equal(t, row.want, row.err.Error(), name)
	}
}

func TestAnErrorMatchesItsOutcomeItsReasonsAndItsCause(t *testing.T) {
	err := fmt.Errorf("checkout: %w", &sdk.Error{Outcome: sdk.Rejected, Reasons: []error{sdk.ErrNotFound, sdk.ErrServer}, Cause: io.ErrUnexpectedEOF})
	for _, want := range []error{sdk.ErrRejected, sdk.ErrNotFound, sdk.ErrServer, io.ErrUnexpectedEOF} {
		assert.ErrorIs(t, err, want)
	}
	for _, other := range []error{sdk.ErrOutcomeUnknown, sdk.ErrNotSent, sdk.ErrDuplicate, io.EOF} {
		assert.NotErrorIs(t, err, other)
	}
	assert.ErrorIs(t, &sdk.Error{}, sdk.ErrOutcomeUnknown, "a forgotten outcome is unknown")
	assert.ErrorIs(t, &sdk.Error{Outcome: sdk.NotSent}, sdk.ErrNotSent)
	assert.NotErrorIs(t, &sdk.Error{Outcome: sdk.NoEffect}, sdk.ErrOutcomeUnknown)
	var none *sdk.Error
	assert.False(t, none.Is(sdk.ErrOutcomeUnknown))
	assert.NoError(t, none.Unwrap())
}

func TestTheZeroValuesNeverSayRepeat(t *testing.T) {
	var outcome sdk.Outcome
	var class sdk.Class
	assert.Equal(t, sdk.Unknown, outcome)
	assert.Equal(t, sdk.Once, class)
	assert.Equal(t, sdk.Look, sdk.Advise(&sdk.Error{}))
}

func TestNoEncoderShowsWhatAnErrorHolds(t *testing.T) {
	const planted = "planted-secret"
	e := &sdk.Error{
		Provider: "acme", Operation: "pay", Outcome: sdk.Rejected, StatusCode: 400, Message: planted,
		Body: []byte(planted), Detail: planted, Fields: map[string][]string{"name": {planted}}, Cause: errors.New(planted),
	}
	for _, value := range []any{e, *e, struct{ Err error }{e}, []*sdk.Error{e}, map[string]*sdk.Error{"a": e}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			assert.NotContains(t, fmt.Sprintf(verb, value), planted, "%s of %T", verb, value)
		}
		text, err := json.Marshal(value)
		require.NoError(t, err)
		assert.NotContains(t, string(text), planted, "JSON of %T", value)
		for _, handler := range []func(io.Writer) slog.Handler{
			func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
			func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
		} {
			var log bytes.Buffer
			slog.New(handler(&log)).Info("failed", "err", value)
			assert.NotContains(t, log.String(), planted, "log of %T", value)
			assert.NotEmpty(t, log.String())
		}
	}
	assert.Equal(t, e.Error(), fmt.Sprint(e))
}

func TestRawPrintsAsJSON(t *testing.T) {
	result := struct {
		ID  string
		Raw sdk.Raw
	}{"1", sdk.Raw(`{"id":1}`)}
	assert.Equal(t, `{1 {"id":1}}`, fmt.Sprint(result))
	assert.Contains(t, fmt.Sprintf("%#v", result), `{"id":1}`)
	text, err := json.Marshal(result)
	require.NoError(t, err)
	assert.Equal(t, `{"ID":"1","Raw":{"id":1}}`, string(text))
	require.NoError(t, json.Unmarshal([]byte(`{"Raw":[7]}`), &result))
	assert.Equal(t, "[7]", result.Raw.String())
	text, err = json.Marshal(sdk.Raw(nil))
	require.NoError(t, err)
	assert.Equal(t, "null", string(text))
}

func TestNamesOfOutcomesAndClasses(t *testing.T) {
	text, err := json.Marshal(map[string]any{"o": []sdk.Outcome{sdk.Unknown, sdk.NotSent, sdk.Rejected, sdk.NoEffect}, "c": []sdk.Class{sdk.Once, sdk.Safe, sdk.Keyed, sdk.Referenced, sdk.Searched}})
	require.NoError(t, err)
	assert.Equal(t, `{"c":["once","safe","keyed","referenced","searched"],"o":["unknown","not sent","rejected","no effect"]}`, string(text))
}

func TestAdvise(t *testing.T) {
	rejected := func(reasons ...error) error { return &sdk.Error{Outcome: sdk.Rejected, Reasons: reasons} }
	login := &sdk.Error{Outcome: sdk.NotSent, Reasons: nil, Cause: fmt.Errorf("login failed: %w", sdk.ErrUnauthorized)}
	for name, row := range map[string]struct {
		err  error
		want sdk.Advice
	}{
		"success":                      {nil, sdk.Done},
		"an error of somebody else":    {io.EOF, sdk.Look},
		"wrapped":                      {fmt.Errorf("pay: %w", rejected(sdk.ErrValidation)), sdk.Mend},
		"unknown":                      {&sdk.Error{Outcome: sdk.Unknown}, sdk.Look},
		"unknown, whatever the reason": {&sdk.Error{Reasons: []error{sdk.ErrUnauthorized, sdk.ErrValidation, sdk.ErrRateLimited}}, sdk.Look},
		"unknown, taken":               {&sdk.Error{Reasons: []error{sdk.ErrReferenceTaken}}, sdk.Look},
		"not sent":                     {&sdk.Error{Outcome: sdk.NotSent, Cause: io.EOF}, sdk.Again},
		"refused here":                 {&sdk.Error{Outcome: sdk.NotSent, Reasons: []error{sdk.ErrValidation}}, sdk.Mend},
		"not sent, login refused":      {login, sdk.Credentials},
		"rejected":                     {rejected(), sdk.Mend},
		"rejected, taken":              {rejected(sdk.ErrReferenceTaken), sdk.Taken},
		"rejected, duplicate":          {rejected(sdk.ErrDuplicate, sdk.ErrValidation), sdk.Taken},
		"rejected, throttled":          {rejected(sdk.ErrRateLimited), sdk.Again},
		"rejected, no money":           {rejected(sdk.ErrInsufficientFunds), sdk.Mend},
		"rejected, declined":           {rejected(sdk.ErrDeclined), sdk.Mend},
		"wrong password":               {rejected(sdk.ErrUnauthorized), sdk.Credentials},
		"not allowed":                  {rejected(sdk.ErrForbidden), sdk.Credentials},
		"wrong set-up":                 {rejected(sdk.ErrConfiguration), sdk.Credentials},
		"a read without a response":    {&sdk.Error{Outcome: sdk.NoEffect}, sdk.Again},
		"a read, server error":         {&sdk.Error{Outcome: sdk.NoEffect, Reasons: []error{sdk.ErrServer}}, sdk.Again},
		"a read, nothing found":        {&sdk.Error{Outcome: sdk.NoEffect, Reasons: []error{sdk.ErrNotFound}}, sdk.Mend},
		"a read, redirected":           {&sdk.Error{Outcome: sdk.NoEffect, Reasons: []error{sdk.ErrRedirected}}, sdk.Credentials},
	} {
		assert.Equal(t, row.want.String(), sdk.Advise(row.err).String(), name)
	}
	var none *sdk.Error
	assert.Equal(t, sdk.Look, sdk.Advise(none), "a typed nil is no success")
}

func TestRetryAfterNeverSpins(t *testing.T) {
	assert.Zero(t, sdk.RetryAfter(nil))
	assert.Equal(t, time.Second, sdk.RetryAfter(&sdk.Error{Outcome: sdk.NotSent}))
	assert.Equal(t, time.Second, sdk.RetryAfter(io.EOF))
	assert.Equal(t, time.Minute, sdk.RetryAfter(fmt.Errorf("pay: %w", &sdk.Error{RetryAfter: time.Minute})))
}
