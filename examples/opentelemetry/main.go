// Command opentelemetry shows a merchant's calls and callbacks as OpenTelemetry sees
// them: one span per call with the attempts as events, one span per callback, linked to
// the call by reference, and the metrics of a dashboard.
//
//	go run -C examples/opentelemetry .
//
// It runs on the embedded fakes and without a collector: what would be exported is
// printed. It ends with exit code 0 only when every step did what it says.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/kpay/kpaytest"
	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/fake"
	"github.com/kapiteni/kapiten-go/sdk/journal"
	"github.com/kapiteni/kapiten-go/webhook"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "opentelemetry:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	seen, err := story(ctx)
	if err != nil {
		return err
	}
	printSpans(out, seen.spans)
	fmt.Fprintln(out)
	printSeries(out, seen.series)
	return nil
}

// seen is what an exporter would have got.
type seen struct {
	spans  tracetest.SpanStubs
	series series
}

const (
	orderReference = "order-4711"
	rideReference  = "ride-of-order-4711"
	customerPhone  = "0783300000"
)

func story(ctx context.Context) (*seen, error) {
	// In earnest: an OTLP exporter in a batcher, and a periodic reader.
	spans, reader := tracetest.NewInMemoryExporter(), metric.NewManualReader()
	traces := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	t, err := newTelemetry(traces, metric.NewMeterProvider(metric.WithReader(reader)), key)
	if err != nil {
		return nil, err
	}
	if err := collectTheMoney(ctx, t); err != nil {
		return nil, err
	}
	if err := orderTheRide(ctx, t); err != nil {
		return nil, err
	}
	if err := followTheJournal(t); err != nil {
		return nil, err
	}
	s := &seen{spans: spans.GetSpans()}
	s.series, err = collect(ctx, reader)
	return s, err
}

// collectTheMoney pays once through a connection that breaks. A stranger knocks
// meanwhile, and the real callback comes.
func collectTheMoney(ctx context.Context, t *telemetry) error {
	urls, err := webhook.NewCapabilities(webhook.CapabilityConfig{Provider: "kpay", BaseURL: "https://shop.example/hooks/kpay"}, rand.Text())
	if err != nil {
		return err
	}
	var hooks http.ServeMux
	server := kpaytest.New(kpaytest.Config{Options: fake.Options{Callbacks: &hooks}, EndsAfter: time.Second})
	defer server.Close()
	cfg := server.ClientConfig()
	cfg.OnAttempt, cfg.CallbackURL = t.attempt, urls.Mint
	client, err := kpay.New(cfg)
	if err != nil {
		return err
	}
	paid := 0
	handler, err := webhook.NewKPay(client, webhook.Config[kpay.Payment]{
		Auth: urls, Observe: t.observed,
		Handle: handled(t, func(_ context.Context, ev webhook.Event[kpay.Payment]) error {
			if ev.Data.Status.Paid() {
				paid++
			}
			return nil
		}),
	})
	if err != nil {
		return err
	}
	delivered, traced := make(chan struct{}, 2), t.callback("kpay", handler)
	hooks.HandleFunc("/hooks/kpay/", func(w http.ResponseWriter, r *http.Request) {
		traced.ServeHTTP(w, r)
		delivered <- struct{}{}
	})

	// The response to the first request is lost, so the client looks the payment up.
	if err := server.AddFault(fake.Fault{Kind: fake.FaultDropAfter, Times: 1}); err != nil {
		return err
	}
	_, err = call(ctx, t, "kpay", kpay.OpPay, orderReference, func(ctx context.Context) (*kpay.Payment, error) {
		return client.Pay(ctx, kpay.PayParams{
			RefID: orderReference, Amount: decimal.NewFromInt(4200), Method: kpay.MethodMoMo, MSISDN: customerPhone,
			Email: "ama@example.com", CustomerName: "Ama", CustomerNumber: "1", Details: "Order", RedirectURL: "https://shop.example/thanks",
		})
	})
	if err != nil {
		return err
	}
	forged := httptest.NewRequestWithContext(ctx, http.MethodPost, "/hooks/kpay/forged", strings.NewReader(`{"refid":"`+orderReference+`","statusid":"01"}`))
	hooks.ServeHTTP(httptest.NewRecorder(), forged)

	server.Advance(2 * time.Second) // it is paid, and KPay posts
	for range 2 {
		select {
		case <-delivered:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if paid != 1 {
		return fmt.Errorf("the payment was handed on %d times", paid)
	}
	return nil
}

// orderTheRide loses the response to a write that cannot be repeated.
func orderTheRide(ctx context.Context, t *telemetry) error {
	server := kapitentest.New(kapitentest.Config{})
	defer server.Close()
	company := server.AddCompany(kapitentest.Company{Balance: decimal.NewFromInt(5000)})
	cfg := server.ClientConfig(company)
	cfg.OnAttempt = t.attempt
	client, err := kapiten.New(cfg)
	if err != nil {
		return err
	}
	if err := server.AddFault(fake.Fault{Kind: fake.FaultDropAfter, Times: 1}); err != nil {
		return err
	}
	_, err = call(ctx, t, "kapiten", kapiten.OpCreateRide, rideReference, func(ctx context.Context) (*kapiten.Ride, error) {
		return client.Rides.Create(ctx, kapiten.CreateRideParams{
			CompanyID: company.ID, ExternalID: rideReference,
			PickupAddress: "KK 12 Ave, Kigali", Pickup: kapiten.Location{Latitude: -1.9441, Longitude: 30.0619},
			DropoffAddress: "KG 7 Ave, Kigali", Dropoff: kapiten.Location{Latitude: -1.9706, Longitude: 30.1044},
			Sender: kapiten.Contact{Name: "The shop", Phone: "0788123457"}, Receiver: kapiten.Contact{Name: "Ama", Phone: customerPhone},
		})
	})
	if sdk.Advise(err) != sdk.Look {
		return fmt.Errorf("the ride is not in doubt: %w", err)
	}
	return nil
}

// followTheJournal shows the journal's hooks without a database: a journal of your own
// has journal.Config{Observe: t.journalEvent}, and its Stats are given to watchJournal.
func followTheJournal(t *telemetry) error {
	for _, e := range []journal.Event{
		{Flow: "payouts", What: journal.EventDoubt},
		{Flow: "payouts", What: journal.EventFinal, Age: 90 * time.Second},
		{Flow: "payouts", What: journal.EventStuck, Reason: journal.ReasonUndecided, Age: 25 * time.Hour},
	} {
		t.journalEvent(e)
	}
	return t.watchJournal(func(_ context.Context, flow string) (journal.Stats, error) {
		if flow != "payouts" {
			return journal.Stats{}, errors.New("no such flow")
		}
		return journal.Stats{Flow: flow, ToSend: 3, ToFollow: 12, SendLate: 40 * time.Second, Stuck: map[journal.Reason]int{journal.ReasonUndecided: 1}}, nil
	}, "payouts")
}
