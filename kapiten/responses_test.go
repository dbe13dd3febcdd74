package kapiten_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Each body is one of the stock shapes of specs/kapiten.md, section 5.
func TestRefusalsOfAWriteAreTyped(t *testing.T) {
	const html = "text/html; charset=utf-8"
	cases := map[string]struct {
		status   int
		kind     string // content type, default JSON
		body     string
		outcome  string
		sentinel error
		message  string
		fields   map[string][]string
		wait     time.Duration
	}{
		"no credentials": {status: 401, body: `{"detail":"Authentication credentials were not provided."}`,
			outcome: "rejected", sentinel: sdk.ErrUnauthorized, message: "Authentication credentials were not provided."},
		"no permission": {status: 403, body: `{"detail":"You do not have permission to perform this action."}`,
			outcome: "rejected", sentinel: sdk.ErrForbidden, message: "You do not have permission to perform this action."},
		"no such object": {status: 404, body: `{"detail":"No Company matches the given query."}`,
			outcome: "rejected", sentinel: sdk.ErrNotFound, message: "No Company matches the given query."},
		"wrong method": {status: 405, body: `{"detail":"Method \"POST\" not allowed."}`,
			outcome: "rejected", sentinel: sdk.ErrRejected, message: `Method "POST" not allowed.`},
		"wrong media type": {status: 415, body: `{"detail":"Unsupported media type \"text/plain\" in request."}`,
			outcome: "rejected", sentinel: sdk.ErrRejected, message: `Unsupported media type "text/plain" in request.`},
		"field errors": {status: 400, body: `{"pickup_address":["This field is required."],"dropoff_address":["Not a valid string."]}`,
			outcome: "rejected", sentinel: sdk.ErrValidation,
			fields: map[string][]string{"pickup_address": {"This field is required."}, "dropoff_address": {"Not a valid string."}}},
		"nested field errors": {status: 400, body: `{"sender":{"phone":["This field is required."],"non_field_errors":["Bad sender."]}}`,
			outcome: "rejected", sentinel: sdk.ErrValidation,
			fields: map[string][]string{"sender.phone": {"This field is required."}, "sender": {"Bad sender."}}},
		"errors of list elements": {status: 400, body: `{"sender":[{},{"name":["This field is required."]}]}`,
			outcome: "rejected", sentinel: sdk.ErrValidation, fields: map[string][]string{"sender.1.name": {"This field is required."}}},
		"cross-field error": {status: 400, body: `{"non_field_errors":["No data provided"]}`,
			outcome: "rejected", sentinel: sdk.ErrValidation, message: "No data provided"},
		"bare array": {status: 400, body: `["Insufficient balance."]`,
			outcome: "rejected", sentinel: sdk.ErrInsufficientFunds, message: "Insufficient balance.",
			fields: map[string][]string{"wallet": {"Insufficient balance."}}},
		"no money": {status: 400, body: `{"detail":"Insufficient wallet balance."}`,
			outcome: "rejected", sentinel: sdk.ErrInsufficientFunds, message: "Insufficient wallet balance.",
			fields: map[string][]string{"wallet": {"Insufficient wallet balance."}}},
		"no money, field named": {status: 422, body: `{"balance":["Not enough funds."]}`,
			outcome: "rejected", sentinel: sdk.ErrInsufficientFunds, fields: map[string][]string{"balance": {"Not enough funds."}}},
		"payment required": {status: 402, body: `{"detail":"Insufficient funds."}`,
			outcome: "rejected", sentinel: sdk.ErrInsufficientFunds, message: "Insufficient funds.",
			fields: map[string][]string{"wallet": {"Insufficient funds."}}},
		"throttled, wait in the text": {status: 429, body: `{"detail":"Request was throttled. Expected available in 59 seconds."}`,
			outcome: "rejected", sentinel: sdk.ErrRateLimited, wait: 59 * time.Second,
			message: "Request was throttled. Expected available in 59 seconds."},
		"throttled by a proxy": {status: 429, kind: html, body: "<h1>Too Many Requests</h1>",
			outcome: "unknown", sentinel: sdk.ErrRateLimited},
		"server error in JSON": {status: 500, body: `{"detail":"A server error occurred."}`,
			outcome: "unknown", sentinel: sdk.ErrServer, message: "A server error occurred."},
		"server error in HTML": {status: 500, kind: html, body: "<title>Server Error (500)</title>",
			outcome: "unknown", sentinel: sdk.ErrServer},
		"bad gateway": {status: 502, kind: html, body: "<h1>502</h1>", outcome: "unknown", sentinel: sdk.ErrServer},
		"timed out at a proxy": {status: 408, body: `{"detail":"timeout"}`,
			outcome: "unknown", sentinel: sdk.ErrUnexpectedResponse, message: "timeout"},
		"route in HTML": {status: 404, kind: html, body: "<title>Not Found</title>", outcome: "unknown", sentinel: sdk.ErrUnexpectedResponse},
		"somebody else's JSON": {status: 400, body: `{"message":"bad gateway config","code":7}`,
			outcome: "unknown", sentinel: sdk.ErrUnexpectedResponse},
		"empty error":       {status: 400, body: ``, outcome: "unknown", sentinel: sdk.ErrUnexpectedResponse},
		"empty object":      {status: 400, body: `{}`, outcome: "unknown", sentinel: sdk.ErrUnexpectedResponse},
		"HTML with a 200":   {status: 200, kind: html, body: "<h1>Welcome to hotel wifi</h1>", outcome: "unknown", sentinel: sdk.ErrUnexpectedResponse},
		"empty 200":         {status: 200, body: ``, outcome: "unknown", sentinel: sdk.ErrUnexpectedResponse},
		"200 without an id": {status: 200, body: `{"status":"PENDING"}`, outcome: "unknown", sentinel: sdk.ErrUnexpectedResponse},
		"200 without a status": {status: 201, body: `{"id":"r"}`,
			outcome: "unknown", sentinel: sdk.ErrUnexpectedResponse},
	}
	for name, tc := range cases {
		for behind, mark := range map[string]string{"": "", ", behind a mark": "\ufeff"} {
			t.Run(name+behind, func(t *testing.T) {
				if tc.kind == "" {
					tc.kind = "application/json"
				}
				server := newStub(t, tc.status, tc.kind, mark+tc.body)
				_, err := newClient(t, server.URL).Rides.Create(t.Context(), validRide())
				var apiErr *sdk.Error
				require.ErrorAs(t, err, &apiErr)
				assert.Equal(t, tc.outcome, apiErr.Outcome.String())
				assert.ErrorIs(t, err, tc.sentinel)
				assert.Equal(t, tc.sentinel == sdk.ErrInsufficientFunds, errors.Is(err, sdk.ErrInsufficientFunds)) //nolint:errorlint // the table's own
				assert.Equal(t, tc.outcome == "unknown", errors.Is(err, sdk.ErrOutcomeUnknown))
				assert.Equal(t, tc.status, apiErr.StatusCode)
				assert.Equal(t, tc.message, apiErr.Message)
				assert.Equal(t, fmt.Sprint(tc.fields), fmt.Sprint(apiErr.Fields))
				assert.Equal(t, tc.wait, apiErr.RetryAfter)
				assert.Equal(t, "ORDER-99123", apiErr.Reference)
				assert.Equal(t, tc.body, string(apiErr.Body))
				assert.NotContains(t, err.Error(), "\n")
				assert.Len(t, server.requests(), 1)
			})
		}
	}
}

func TestAReadNeverClaimsThatSomethingMayHaveMoved(t *testing.T) {
	for _, status := range []int{500, 502, 503, 408, 200} {
		server := newStub(t, status, "text/html", "<h1>oops</h1>")
		_, err := newClient(t, server.URL).Rides.List(t.Context(), "co-1", kapiten.ListOptions{})
		var apiErr *sdk.Error
		require.ErrorAs(t, err, &apiErr)
		assert.Equal(t, sdk.NoEffect, apiErr.Outcome, status)
		assert.NotErrorIs(t, err, sdk.ErrOutcomeUnknown)
	}
}

func FuzzErrorBodies(f *testing.F) {
	f.Add(400, `{"a":["b"],"c":{"d":["e"]}}`)
	f.Add(400, `["x"]`)
	f.Add(429, `{"detail":"Request was throttled. Expected available in 999999999 seconds."}`)
	f.Add(200, `{"id":1,"status":2,"estimated_price":"1e-05"}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		kapiten.InterpretAnything(status, []byte(body))
	})
}
