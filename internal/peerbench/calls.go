package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/google/go-github/v93/github"
	"github.com/hashicorp/go-retryablehttp"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/shopspring/decimal"
	"github.com/stripe/stripe-go/v85"
	"resty.dev/v3"

	"github.com/kapiteni/kapiten-go/kapiten"
)

// The names of the calls, and of the places where the server stands.
const (
	post     = "POST create"
	get      = "GET"
	noSocket = "no socket"
	loopback = "loopback"
)

// The names of this SDK's sides: as it comes, and without its limit per attempt, which
// most peers do not have.
const (
	ours    = "kapiten-go"
	noLimit = ", AttemptTimeout -1"
)

const token = "peerbench-token-0123456789"

// canned are the responses of the server, which is the same for all sides.
var canned = map[string]struct {
	status int
	body   string
}{
	"POST /api/rides/":               {http.StatusCreated, rideJSON},
	"GET /api/companies/co-1/rides/": {http.StatusOK, `{"count":1,"next":null,"previous":null,"results":[` + rideJSON + `]}`},

	"POST /repos/shop/orders/issues":     {http.StatusCreated, issueJSON},
	"GET /repos/shop/orders/issues/1347": {http.StatusOK, issueJSON},

	"POST /v2/core/event_destinations":           {http.StatusOK, destinationJSON},
	"GET /v2/core/event_destinations/ed_test_61": {http.StatusOK, destinationJSON},

	"POST /v1/vector_stores":       {http.StatusOK, storeJSON},
	"GET /v1/vector_stores/vs_123": {http.StatusOK, storeJSON},
}

// Responses of about the same size, from the documents of the APIs.
const (
	rideJSON        = `{"id":"9f0d3f5e-8a52-4c0e-9f5a-0d6f8f5e2b11","reference_number":"KPT-123456","status":"PENDING","estimated_price":1200.0,"distance_km":4.5,"external_id":"ORDER-99123","created_at":"2026-11-28T08:00:00Z","updated_at":"2026-11-28T08:00:00Z","package_type":"Food","weight_range":"0-5"}`
	issueJSON       = `{"id":1,"node_id":"MDU6SXNzdWUx","number":1347,"state":"open","title":"Found a bug","body":"I'm having a problem with this.","locked":false,"comments":0,"created_at":"2026-11-28T08:00:00Z","updated_at":"2026-11-28T08:00:00Z","author_association":"COLLABORATOR","html_url":"https://github.com/shop/orders/issues/1347"}`
	destinationJSON = `{"id":"ed_test_61","object":"v2.core.event_destination","created":"2026-11-28T08:00:00.000Z","description":"Orders","enabled_events":["v1.billing.meter.error_report_triggered"],"event_payload":"thin","livemode":false,"metadata":{},"name":"Orders","status":"enabled","type":"webhook_endpoint","updated":"2026-11-28T08:00:00.000Z"}`
	storeJSON       = `{"id":"vs_123","object":"vector_store","created_at":1795852800,"name":"Support FAQ","description":"Questions","usage_bytes":139920,"last_active_at":1795852800,"status":"completed","file_counts":{"in_progress":0,"completed":3,"failed":0,"cancelled":0,"total":3},"metadata":{"shop":"ORDER-99123"},"expires_at":null}`
)

// observer, if set, is shown each request that reaches the server.
type observer func(r *http.Request, body []byte)

func (o observer) see(r *http.Request) error {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	defer r.Body.Close()
	if o == nil {
		_, err := io.Copy(io.Discard, r.Body)
		return err
	}
	body, err := io.ReadAll(r.Body)
	o(r, body)
	return err
}

// memory responds without a socket.
type memory struct{ seen observer }

func (m memory) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := m.seen.see(r); err != nil {
		return nil, err
	}
	response, ok := canned[r.Method+" "+r.URL.Path]
	if !ok {
		return nil, fmt.Errorf("nobody responds to %s %s", r.Method, r.URL.Path)
	}
	return &http.Response{
		Status: http.StatusText(response.status), StatusCode: response.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(response.body)),
		Body: io.NopCloser(strings.NewReader(response.body)), Request: r,
	}, nil
}

// ServeHTTP responds over loopback.
func (m memory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := m.seen.see(r); err != nil {
		http.Error(w, "body", http.StatusBadRequest)
		return
	}
	response, ok := canned[r.Method+" "+r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(response.status)
	_, _ = io.WriteString(w, response.body)
}

// place is where the server stands.
type place struct {
	name, url string
	// transport is what a client gets, a new one for each. Nil stands for a socket, and
	// then the SDK brings its own.
	transport func() http.RoundTripper
}

func (p place) client(timeout time.Duration) *http.Client {
	if p.transport != nil {
		return &http.Client{Transport: p.transport(), Timeout: timeout}
	}
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: timeout}
}

func callCells() (cells []*cell, done func(), err error) { return callCellsSeen(nil) }

func callCellsSeen(seen observer) (cells []*cell, done func(), err error) {
	server := httptest.NewServer(memory{seen})
	for _, p := range []place{
		{noSocket, "http://peer.localhost", func() http.RoundTripper { return memory{seen} }},
		{loopback, server.URL, nil},
	} {
		for _, deadline := range []bool{false, true} {
			for _, build := range []func(place) (create, read *cell, err error){rides, issues, destinations, stores} {
				create, read, err := build(p)
				if err != nil {
					server.Close()
					return nil, nil, err
				}
				for _, c := range []*cell{create, read} {
					c.where, c.deadline = p.name, deadline
					cells = append(cells, c)
				}
			}
		}
	}
	return cells, server.Close, nil
}

// family makes the two calls of an API: by hand, by its clients, and by hand again.
func family(create, read func(*http.Client) func(context.Context) error, p place, creates, reads []*side) (created, got *cell) {
	around := func(name string, byHand func(*http.Client) func(context.Context) error, sides []*side) *cell {
		c := &cell{name: name, sides: []*side{{name: "by hand", do: byHand(p.client(0))}}}
		c.sides = append(append(c.sides, sides...), &side{name: "by hand, again", do: byHand(p.client(0))})
		return c
	}
	return around(post, create, creates), around(get, read, reads)
}

// byHand is what a careful engineer writes with net/http and encoding/json. id takes
// from the response what the caller looks at.
func byHand[T any](p place, method, path, scheme string, body any, id func(*T) string, want string) func(*http.Client) func(context.Context) error {
	return func(client *http.Client) func(context.Context) error {
		return func(ctx context.Context) error {
			var reader io.Reader
			if body != nil {
				text, err := json.Marshal(body)
				if err != nil {
					return err
				}
				reader = bytes.NewReader(text)
			}
			req, err := http.NewRequestWithContext(ctx, method, p.url+path, reader)
			if err != nil {
				return err
			}
			req.Header.Set("Authorization", scheme+" "+token)
			req.Header.Set("Accept", "application/json")
			req.Header.Set("User-Agent", "by-hand/1")
			if body != nil {
				req.Header.Set("Content-Type", "application/json")
			}
			resp, err := client.Do(req)
			if err != nil {
				return err
			}
			var value T
			return errors.Join(read(resp, &value), is(id(&value), want))
		}
	}
}

// read decodes a response as everybody does.
func read(resp *http.Response, into any) error {
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return errors.New(resp.Status)
	}
	return json.Unmarshal(text, into)
}

func is(got, want string) error {
	if got != want {
		return fmt.Errorf("got %q, not %q", got, want)
	}
	return nil
}

const rideID = "9f0d3f5e-8a52-4c0e-9f5a-0d6f8f5e2b11"

type contactByHand struct {
	Name  string `json:"name"`
	Phone string `json:"phone"`
}

type rideRequest struct {
	CompanyID        string        `json:"company_id"`
	PickupAddress    string        `json:"pickup_address"`
	PickupLatitude   float64       `json:"pickup_latitude"`
	PickupLongitude  float64       `json:"pickup_longitude"`
	DropoffAddress   string        `json:"dropoff_address"`
	DropoffLatitude  float64       `json:"dropoff_latitude"`
	DropoffLongitude float64       `json:"dropoff_longitude"`
	Sender           contactByHand `json:"sender"`
	Receiver         contactByHand `json:"receiver"`
	ExternalID       string        `json:"external_id"`
}

type rideByHand struct {
	ID              string          `json:"id"`
	ReferenceNumber string          `json:"reference_number"`
	Status          string          `json:"status"`
	EstimatedPrice  decimal.Decimal `json:"estimated_price"`
	DistanceKM      decimal.Decimal `json:"distance_km"`
	ExternalID      string          `json:"external_id"`
	CreatedAt       time.Time       `json:"created_at"`
	UpdatedAt       time.Time       `json:"updated_at"`
	PackageType     string          `json:"package_type"`
	WeightRange     string          `json:"weight_range"`
}

type ridesByHand struct {
	Count   int          `json:"count"`
	Next    *string      `json:"next"`
	Results []rideByHand `json:"results"`
}

func (r *rideByHand) id() string { return r.ID }

func (r *ridesByHand) id() string {
	for i := range r.Results {
		if r.Results[i].ID == rideID {
			return rideID
		}
	}
	return ""
}

// rides is Kapiten's API, for this SDK and for the clients that know no API.
func rides(p place) (create, read *cell, err error) {
	params := kapiten.CreateRideParams{
		CompanyID:     "co-1",
		PickupAddress: "Kicukiro, KK 12 Ave", Pickup: kapiten.Location{Latitude: -1.9441, Longitude: 30.0619},
		DropoffAddress: "M. Peace Plaza, Nyarugenge", Dropoff: kapiten.Location{Latitude: -1.9706, Longitude: 30.1044},
		Sender: kapiten.Contact{Name: "Best Pilau", Phone: "0788123456"}, Receiver: kapiten.Contact{Name: "Customer", Phone: "0789000111"},
		ExternalID: "ORDER-99123",
	}
	body := rideRequest{
		params.CompanyID, params.PickupAddress, params.Pickup.Latitude, params.Pickup.Longitude,
		params.DropoffAddress, params.Dropoff.Latitude, params.Dropoff.Longitude,
		contactByHand(params.Sender), contactByHand(params.Receiver), params.ExternalID,
	}
	var creates, reads []*side
	for _, name := range []string{ours, ours + noLimit} {
		cfg := kapiten.Config{BaseURL: p.url, Token: token}
		if name != ours {
			cfg.AttemptTimeout = -1
		}
		if p.transport != nil {
			cfg.HTTPClient = p.client(0)
		}
		client, err := kapiten.New(cfg)
		if err != nil {
			return nil, nil, err
		}
		creates = append(creates, &side{name: name, do: func(ctx context.Context) error {
			ride, err := client.Rides.Create(ctx, params)
			if err != nil {
				return err
			}
			return is(ride.ID, rideID)
		}})
		reads = append(reads, &side{name: name, do: func(ctx context.Context) error {
			ride, err := client.Rides.Get(ctx, "co-1", rideID)
			if err != nil {
				return err
			}
			return is(ride.ID, rideID)
		}})
	}
	const ridesPath, pagePath = "/api/rides/", "/api/companies/co-1/rides/?page=1"
	creates = append(creates,
		&side{name: retryable(), do: retryablehttpCall(p, http.MethodPost, ridesPath, body, (*rideByHand).id)},
		&side{name: versioned("resty", "resty.dev/v3"), do: restyCall(p, http.MethodPost, ridesPath, body, (*rideByHand).id)})
	reads = append(reads,
		&side{name: retryable(), do: retryablehttpCall(p, http.MethodGet, pagePath, nil, (*ridesByHand).id)},
		&side{name: versioned("resty", "resty.dev/v3"), do: restyCall(p, http.MethodGet, pagePath, nil, (*ridesByHand).id)})
	create, read = family(
		byHand(p, http.MethodPost, ridesPath, "Token", body, (*rideByHand).id, rideID),
		byHand(p, http.MethodGet, pagePath, "Token", nil, (*ridesByHand).id, rideID), p, creates, reads)
	return create, read, nil
}

func retryable() string {
	return versioned("go-retryablehttp", "github.com/hashicorp/go-retryablehttp")
}

// retryablehttpCall is written around the client as by hand, without its logger,
// which would print each request.
func retryablehttpCall[T any](p place, method, path string, body any, id func(*T) string) func(context.Context) error {
	client := retryablehttp.NewClient()
	client.HTTPClient, client.Logger = p.client(0), nil
	return func(ctx context.Context) error {
		var text any
		if body != nil {
			encoded, err := json.Marshal(body)
			if err != nil {
				return err
			}
			text = encoded
		}
		req, err := retryablehttp.NewRequestWithContext(ctx, method, p.url+path, text)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Token "+token)
		req.Header.Set("Accept", "application/json")
		req.Header.Set("User-Agent", "retryable/1")
		if body != nil {
			req.Header.Set("Content-Type", "application/json")
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		var value T
		return errors.Join(read(resp, &value), is(id(&value), rideID))
	}
}

func restyCall[T any](p place, method, path string, body any, id func(*T) string) func(context.Context) error {
	client := resty.NewWithClient(p.client(0)).SetBaseURL(p.url).SetAuthScheme("Token").SetAuthToken(token).
		SetLoggerWarnLevel(true). // of a credential without TLS, with each request
		SetHeader("Accept", "application/json")
	return func(ctx context.Context) error {
		var value T
		r := client.R().SetContext(ctx).SetResult(&value)
		if body != nil {
			r.SetBody(body)
		}
		resp, err := r.Execute(method, path)
		if err != nil {
			return err
		}
		if !resp.IsStatusSuccess() {
			return errors.New(resp.Status())
		}
		return is(id(&value), rideID)
	}
}

type issueRequest struct {
	Title  string   `json:"title"`
	Body   string   `json:"body"`
	Labels []string `json:"labels"`
}

type issueByHand struct {
	ID        int64     `json:"id"`
	NodeID    string    `json:"node_id"`
	Number    int       `json:"number"`
	State     string    `json:"state"`
	Title     string    `json:"title"`
	Body      string    `json:"body"`
	Locked    bool      `json:"locked"`
	Comments  int       `json:"comments"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Author    string    `json:"author_association"`
	HTMLURL   string    `json:"html_url"`
}

// issues is GitHub's API.
func issues(p place) (create, read *cell, err error) {
	base := p.url + "/"
	client, err := github.NewClient(github.WithHTTPClient(p.client(0)), github.WithAuthToken(token), github.WithURLs(&base, &base))
	if err != nil {
		return nil, nil, err
	}
	const title, nodeID = "Found a bug", "MDU6SXNzdWUx"
	body := github.CreateIssueRequest{Title: title, Body: new("I'm having a problem with this."), Labels: []string{"bug"}}
	name := versioned("go-github", "github.com/google/go-github/v93")
	id := func(i *issueByHand) string { return i.NodeID }
	create, read = family(
		byHand(p, http.MethodPost, "/repos/shop/orders/issues", "Bearer", issueRequest{title, *body.Body, body.Labels}, id, nodeID),
		byHand(p, http.MethodGet, "/repos/shop/orders/issues/1347", "Bearer", nil, id, nodeID), p,
		[]*side{{name: name, do: func(ctx context.Context) error {
			issue, _, err := client.Issues.Create(ctx, "shop", "orders", body)
			return errors.Join(err, is(issue.GetNodeID(), nodeID))
		}}},
		[]*side{{name: name, do: func(ctx context.Context) error {
			issue, _, err := client.Issues.Get(ctx, "shop", "orders", 1347)
			return errors.Join(err, is(issue.GetNodeID(), nodeID))
		}}})
	return create, read, nil
}

type destinationRequest struct {
	Name          string   `json:"name"`
	Description   string   `json:"description"`
	Type          string   `json:"type"`
	EventPayload  string   `json:"event_payload"`
	EnabledEvents []string `json:"enabled_events"`
}

type destinationByHand struct {
	ID            string            `json:"id"`
	Object        string            `json:"object"`
	Created       time.Time         `json:"created"`
	Description   string            `json:"description"`
	EnabledEvents []string          `json:"enabled_events"`
	EventPayload  string            `json:"event_payload"`
	Livemode      bool              `json:"livemode"`
	Metadata      map[string]string `json:"metadata"`
	Name          string            `json:"name"`
	Status        string            `json:"status"`
	Type          string            `json:"type"`
	Updated       time.Time         `json:"updated"`
}

// destinations is Stripe's API: its second version, because the first takes forms.
func destinations(p place) (create, read *cell, err error) {
	// 80 seconds is the limit of the client which stripe-go makes by itself.
	client := stripe.NewClient(token, stripe.WithBackends(stripe.NewBackendsWithConfig(&stripe.BackendConfig{
		HTTPClient: p.client(80 * time.Second), URL: stripe.String(p.url),
	})))
	body := destinationRequest{"Orders", "Orders", "webhook_endpoint", "thin", []string{"v1.billing.meter.error_report_triggered"}}
	const want = "ed_test_61"
	name := versioned("stripe-go", "github.com/stripe/stripe-go/v85")
	id := func(d *destinationByHand) string { return d.ID }
	create, read = family(
		byHand(p, http.MethodPost, "/v2/core/event_destinations", "Bearer", body, id, want),
		byHand(p, http.MethodGet, "/v2/core/event_destinations/"+want, "Bearer", nil, id, want), p,
		[]*side{{name: name, do: func(ctx context.Context) error {
			// A call changes its parameters, so each has its own.
			d, err := client.V2CoreEventDestinations.Create(ctx, &stripe.V2CoreEventDestinationCreateParams{
				Name: &body.Name, Description: &body.Description, Type: &body.Type, EventPayload: &body.EventPayload,
				EnabledEvents: []*string{&body.EnabledEvents[0]},
			})
			return errors.Join(err, is(d.ID, want))
		}}},
		[]*side{{name: name, do: func(ctx context.Context) error {
			d, err := client.V2CoreEventDestinations.Retrieve(ctx, want, nil)
			return errors.Join(err, is(d.ID, want))
		}}})
	return create, read, nil
}

type storeRequest struct {
	Name        string            `json:"name"`
	Description string            `json:"description"`
	Metadata    map[string]string `json:"metadata"`
}

type storeByHand struct {
	ID           string            `json:"id"`
	Object       string            `json:"object"`
	CreatedAt    int64             `json:"created_at"`
	Name         string            `json:"name"`
	Description  string            `json:"description"`
	UsageBytes   int64             `json:"usage_bytes"`
	LastActiveAt int64             `json:"last_active_at"`
	Status       string            `json:"status"`
	Metadata     map[string]string `json:"metadata"`
	ExpiresAt    *int64            `json:"expires_at"`
	FileCounts   struct {
		InProgress int64 `json:"in_progress"`
		Completed  int64 `json:"completed"`
		Failed     int64 `json:"failed"`
		Cancelled  int64 `json:"cancelled"`
		Total      int64 `json:"total"`
	} `json:"file_counts"`
}

// stores is OpenAI's API.
func stores(p place) (create, read *cell, err error) {
	client := openai.NewClient(option.WithBaseURL(p.url+"/v1/"), option.WithAPIKey(token), option.WithHTTPClient(p.client(0)))
	body := storeRequest{"Support FAQ", "Questions", map[string]string{"shop": "ORDER-99123"}}
	const want = "vs_123"
	name := versioned("openai-go", "github.com/openai/openai-go/v3")
	id := func(s *storeByHand) string { return s.ID }
	params := openai.VectorStoreNewParams{Name: openai.String(body.Name), Description: openai.String(body.Description), Metadata: body.Metadata}
	create, read = family(
		byHand(p, http.MethodPost, "/v1/vector_stores", "Bearer", body, id, want),
		byHand(p, http.MethodGet, "/v1/vector_stores/"+want, "Bearer", nil, id, want), p,
		[]*side{{name: name, do: func(ctx context.Context) error {
			store, err := client.VectorStores.New(ctx, params)
			if err != nil {
				return err
			}
			return is(store.ID, want)
		}}},
		[]*side{{name: name, do: func(ctx context.Context) error {
			store, err := client.VectorStores.Get(ctx, want)
			if err != nil {
				return err
			}
			return is(store.ID, want)
		}}})
	return create, read, nil
}
