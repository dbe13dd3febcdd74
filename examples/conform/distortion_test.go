package main

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa/bitpesatest"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/kasapay/kasapaytest"
	"github.com/kapiteni/kapiten-go/kotani/kotanitest"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk"
)

// distortion changes what goes to a fake and what comes back, so that the fake plays a
// server which differs from what the SDK assumes.
type distortion struct {
	next http.RoundTripper

	moved  map[string]string // the path below which a path of the fake is found
	words  []string          // old and new in turn, in responses
	twice  string            // a reference whose second request counts as a new one
	lag    int32             // lookups which do not show the reference yet
	until  func(*http.Request) bool
	mend   func(*http.Request, *http.Response) // changes a response
	says   func(*http.Request) *http.Response  // responds in place of the fake; nil: does not
	again  func(first string) string           // the response to each further POST of the reference, made of the first one
	status int                                 // its status; 0 is 200
	posts  http.Handler                        // takes the callbacks, in memory; nil: all are acknowledged

	sent  atomic.Int32
	first string
}

func (d *distortion) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for theirs, ours := range d.moved {
		switch {
		case strings.HasSuffix(r.URL.Path, theirs):
			r.URL.Path = strings.TrimSuffix(r.URL.Path, theirs) + ours
			r.URL.RawPath = ""
		case strings.HasSuffix(r.URL.Path, ours):
			return textResponse(r, http.StatusNotFound, "no such page"), nil
		}
	}
	second := ""
	if r.Body != nil && d.twice != "" {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if r.Method == http.MethodPost && bytes.Contains(body, []byte(d.twice)) && !bytes.Contains(body, []byte("checkstatus")) && d.sent.Add(1) > 1 {
			second = d.twice + "b"
			body = bytes.ReplaceAll(body, []byte(d.twice), []byte(second))
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	if d.until != nil && d.until(r) && atomic.AddInt32(&d.lag, -1) >= 0 {
		return textResponse(r, http.StatusNotFound, `{"message":"not found"}`), nil
	}
	if d.says != nil {
		if response := d.says(r); response != nil {
			return response, nil
		}
	}
	response, err := d.roundTrip(r)
	if err == nil && d.mend != nil {
		d.mend(r, response)
	}
	if err != nil || len(d.words) == 0 && second == "" {
		return response, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	body = []byte(strings.NewReplacer(d.words...).Replace(string(body)))
	if second != "" {
		body = bytes.ReplaceAll(body, []byte(second), []byte(d.twice))
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	response.Header.Del("Content-Length")
	return response, nil
}

// roundTrip asks the fake, or repeats its first response to a write of conform's.
func (d *distortion) roundTrip(r *http.Request) (*http.Response, error) {
	if d.again == nil || r.Method != http.MethodPost || r.Body == nil {
		return d.next.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if !bytes.Contains(body, []byte("conform")) || bytes.Contains(body, []byte("checkstatus")) {
		return d.next.RoundTrip(r)
	}
	if d.first != "" {
		return textResponse(r, cmp.Or(d.status, http.StatusOK), d.again(d.first)), nil
	}
	response, err := d.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(response.Body)
	d.first, response.Body = string(text), io.NopCloser(bytes.NewReader(text))
	return response, err
}

func textResponse(r *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"text/html"}}, Request: r, ContentLength: int64(len(body)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: io.NopCloser(strings.NewReader(body)),
	}
}

// on puts the distortion below a client.
func (d *distortion) on(o *sdk.Options) {
	d.next = o.HTTPClient.Transport
	o.HTTPClient = &http.Client{Transport: d}
}

// registered is the URL to which Kapiten and BitPesa post.
const registered = "https://shop.example/hook"

// openDistorted opens a provider on a fake behind a distortion.
func openDistorted(t *testing.T, name string, d *distortion) *target {
	t.Helper()
	out := &target{name: name, fake: true, close: func() {}}
	options := live
	options.Callbacks = d.posts
	if d.posts == nil { // no callback of a test leaves the process
		options.Callbacks = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	}
	var err error
	switch name {
	case "kapiten":
		server := kapitentest.NewServer(t, kapitentest.Config{Options: options, Autopilot: true})
		co := server.AddCompany(kapitentest.Company{Balance: decimal.NewFromInt(50_000), WebhookURL: registered})
		cfg := server.ClientConfig(co)
		d.on(&cfg.Options)
		out, err = kapitenTarget(out, cfg, co.ID, "0788000001", "0788000222")
	case "kpay":
		cfg := kpaytest.NewServer(t, kpaytest.Config{Options: options}).ClientConfig()
		d.on(&cfg.Options)
		out, err = kpayTarget(out, cfg, "0788123456")
	case "kasapay":
		cfg := kasapaytest.NewServer(t, kasapaytest.Config{Options: options}).ClientConfig()
		d.on(&cfg.Options)
		out, err = kasapayTarget(out, cfg, "565601")
	case "kotani":
		cfg := kotanitest.NewServer(t, kotanitest.Config{Options: options, UniqueExternalID: true}).ClientConfig()
		d.on(&cfg.Options)
		out, err = kotaniTarget(out, cfg, "+254711222333")
	case "fiatconnect":
		cfg := kotanitest.NewServer(t, kotanitest.Config{Options: options}).ClientConfig()
		d.on(&cfg.Options)
		out, err = fiatConnectTarget(out, cfg)
	case "bitpesa":
		cfg := bitpesatest.NewServer(t, bitpesatest.Config{Options: options}).ClientConfig()
		d.on(&cfg.Options)
		out, err = bitpesaTarget(out, cfg)
	}
	require.NoError(t, err)
	out.name = name
	if out.operations == nil {
		for _, p := range providers {
			if p.name == name {
				plain, err := p.open(func(string) string { return "" }, false)
				require.NoError(t, err)
				plain.close()
				out.operations = plain.operations
			}
		}
	}
	return out
}

// printed runs conform over a target and returns what people read.
func printed(t *testing.T, target *target, spend bool) (string, int) {
	t.Helper()
	var out, log bytes.Buffer
	code := conform(t.Context(), target, options{spend: spend, patience: 10 * time.Second}, &out, &log)
	assert.Equal(t, spend && len(target.spends) > 0, log.Len() > 0, "only a spending is logged: %s", log.String())
	return out.String(), code
}

// status responds to what ends in a path, or to everything.
func status(code int, path, body string) func(*http.Request) *http.Response {
	return func(r *http.Request) *http.Response {
		if path != "" && !strings.HasSuffix(r.URL.Path, path) {
			return nil
		}
		return textResponse(r, code, body)
	}
}
