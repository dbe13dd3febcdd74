package kapitentest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/internal/faketest"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
)

// reply is a response as it came.
type reply struct {
	status int
	header http.Header
	body   string
}

// send makes one request, headers given as name, value, name, value.
func send(t testing.TB, h http.Handler, method, path, body string, headers ...string) reply {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	res := rec.Result()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return reply{res.StatusCode, res.Header, string(text)}
}

// as is send with a company's token.
func as(t testing.TB, srv *kapitentest.Fake, co kapitentest.Company, method, path, body string) reply {
	t.Helper()
	return send(t, srv, method, path, body, "Authorization", "Token "+co.Token)
}

// object decodes a response, numbers as they stand.
func (r reply) object(t testing.TB) map[string]any {
	t.Helper()
	return faketest.Object(t, r.body)
}

func (r reply) text(t testing.TB, key string) string {
	t.Helper()
	s, ok := r.object(t)[key].(string)
	require.True(t, ok, "%s is no text in %s", key, r.body)
	return s
}

// results are the rows of a list.
func (r reply) results(t testing.TB) []map[string]any {
	t.Helper()
	require.Equal(t, 200, r.status, "%s", r.body)
	var rows []map[string]any
	for _, row := range r.object(t)["results"].([]any) {
		rows = append(rows, row.(map[string]any))
	}
	return rows
}

func sample(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("../../testdata/kapiten/" + name + ".json")
	require.NoError(t, err)
	return string(b)
}

// order is the document's Create Delivery request for a company, changed.
func order(t testing.TB, co kapitentest.Company, changes ...func(map[string]any)) string {
	t.Helper()
	var o map[string]any
	require.NoError(t, json.Unmarshal([]byte(sample(t, "create_delivery.request")), &o))
	o["company_id"] = co.ID
	for _, change := range changes {
		change(o)
	}
	b, err := json.Marshal(o)
	require.NoError(t, err)
	return string(b)
}

func with(key string, value any) func(map[string]any) {
	return func(o map[string]any) { o[key] = value }
}

func without(key string) func(map[string]any) {
	return func(o map[string]any) { delete(o, key) }
}

// ride creates a ride and returns its id.
func ride(t testing.TB, srv *kapitentest.Fake, co kapitentest.Company, changes ...func(map[string]any)) string {
	t.Helper()
	r := as(t, srv, co, "POST", "/api/rides/", order(t, co, changes...))
	require.Equal(t, 201, r.status, "%s", r.body)
	return r.text(t, "id")
}

func francs(n int64) decimal.Decimal { return decimal.NewFromInt(n) }

func wantMoney(t testing.TB, want int64, got decimal.Decimal) {
	t.Helper()
	assert.True(t, francs(want).Equal(got), "want %d, got %s", want, got)
}

// topUp starts a top-up and returns its id.
func topUp(t testing.TB, srv *kapitentest.Fake, co kapitentest.Company, amount, phone string) string {
	t.Helper()
	r := as(t, srv, co, "POST", "/api/companies/"+co.ID+"/topup/", `{"amount":`+amount+`,"phone_number":"`+phone+`"}`)
	require.Equal(t, 201, r.status, "%s", r.body)
	return r.text(t, "id")
}
