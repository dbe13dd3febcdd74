package clienttest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/kapiteni/kapiten-go/sdk"
)

// Recorder is a RoundTripper that writes down each request as it reaches the network.
// It sends the responses that Play gave it, one per request.
type Recorder struct {
	call       string
	responses  []string
	requests   []string
	operations []string // of the requests, as the client itself names them
}

// tb is the part of *testing.T that a Recorder needs.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// OnAttempt belongs into the Options of each client that the Recorder serves.
func (r *Recorder) OnAttempt(_ context.Context, a sdk.Attempt) {
	r.operations = append(r.operations, a.Operation)
}

// Play makes one call, which must send exactly as many requests as there are
// responses. An empty response breaks the connection after the request was sent.
func (r *Recorder) Play(t tb, name string, responses []string, call func() error) {
	t.Helper()
	r.call, r.responses = name, responses
	if err := call(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(r.responses) > 0 {
		t.Fatalf("%s sent fewer requests than there are responses", name)
	}
}

// CheckGolden holds all requests against a file, byte for byte. UPDATE_GOLDEN=1 writes
// the file anew. Every operation must have been sent.
func (r *Recorder) CheckGolden(t tb, golden string, operations []sdk.Operation) {
	t.Helper()
	for _, op := range operations {
		if !slices.Contains(r.operations, op.Name) {
			t.Errorf("no call sends %s", op.Name)
		}
	}
	if len(r.operations) != len(r.requests) {
		t.Fatalf("%d requests, %d attempts of an operation", len(r.requests), len(r.operations))
	}
	blocks := make([]string, len(r.requests))
	for i, request := range r.requests {
		blocks[i] = "# " + r.operations[i] + ": " + request
	}
	got := strings.Join(blocks, "\n")
	if os.Getenv("UPDATE_GOLDEN") == "1" {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatalf("%v", err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if got != string(want) {
		t.Errorf("the requests are not those of %s:\n%s", golden, firstDifference(string(want), got))
	}
}

func firstDifference(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(a), len(b)) {
		var w, g string
		if i < len(a) {
			w = a[i]
		}
		if i < len(b) {
			g = b[i]
		}
		if w != g {
			return fmt.Sprintf("line %d\nwant %q\ngot  %q", i+1, w, g)
		}
	}
	return ""
}

// RoundTrip implements http.RoundTripper.
func (r *Recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	block, err := r.write(req)
	if err != nil {
		return nil, err
	}
	r.requests = append(r.requests, block)
	if len(r.responses) == 0 {
		return nil, fmt.Errorf("%s sent more requests than there are responses", r.call)
	}
	response := r.responses[0]
	r.responses = r.responses[1:]
	if response == "" {
		return nil, io.ErrUnexpectedEOF
	}
	envelope := struct{ StatusCode int }{http.StatusOK} // some providers' errors repeat their status
	_ = json.Unmarshal([]byte(response), &envelope)     // other responses are not objects
	return Respond(envelope.StatusCode, response)(req), nil
}

// write shows a request with every header that a client sets.
func (r *Recorder) write(req *http.Request) (string, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return "", err
		}
		if err := req.Body.Close(); err != nil {
			return "", err
		}
	}
	header := req.Header.Clone()
	if header["User-Agent"] != nil {
		header["User-Agent"] = []string{"*"}
	}
	if req.Host != "" && req.Host != req.URL.Host {
		header["Host"] = []string{req.Host}
	}
	if req.ContentLength != 0 || len(body) > 0 {
		header["Content-Length"] = []string{strconv.FormatInt(req.ContentLength, 10)}
	}
	var block strings.Builder
	fmt.Fprintf(&block, "%s\n%s %s\n", r.call, req.Method, req.URL)
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			fmt.Fprintf(&block, "%s: %s\n", name, value)
		}
	}
	if len(body) > 0 {
		fmt.Fprintf(&block, "\n%s\n", body)
	}
	return block.String(), nil
}

// Filled refuses parameters with a field that is not set.
func Filled[T any](t tb, params T) T {
	t.Helper()
	v := reflect.ValueOf(params)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Fatalf("%s.%s is not set", v.Type(), v.Type().Field(i).Name)
		}
	}
	return params
}
