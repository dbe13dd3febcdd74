package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
	"github.com/kapiteni/kapiten-go/webhook"
)

const scope = "github.com/kapiteni/kapiten-go/examples/opentelemetry"

// telemetry makes spans and metrics of what the SDK tells its hooks. It exports no
// reference, phone number, body, URL or secret.
type telemetry struct {
	tracer trace.Tracer
	meter  metric.Meter
	key    []byte // hashes references
	calls  *recent

	attempts, called, unknowns, callbacks, journaled metric.Int64Counter
	attemptTime, confirmTime, callbackLag, age       metric.Float64Histogram
}

// seconds are the bounds of the histograms: OpenTelemetry's own are for milliseconds.
// A payment may take days to become final.
var seconds = metric.WithExplicitBucketBoundaries(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 86400)

// newTelemetry makes the instruments. key must be secret and the same in every
// process: whoever has it can try references against the hashes.
func newTelemetry(traces trace.TracerProvider, metrics metric.MeterProvider, key []byte) (*telemetry, error) {
	if len(key) < sha256.Size {
		return nil, errors.New("the key that hashes references is shorter than 32 bytes")
	}
	t := &telemetry{tracer: traces.Tracer(scope), meter: metrics.Meter(scope), key: key, calls: newRecent(10_000)}
	var faults []error
	counter := func(name, unit, about string) metric.Int64Counter {
		c, err := t.meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(about))
		faults = append(faults, err)
		return c
	}
	histogram := func(name, about string) metric.Float64Histogram {
		h, err := t.meter.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(about), seconds)
		faults = append(faults, err)
		return h
	}
	t.attempts = counter("kapiten.attempts", "{attempt}", "Requests that were sent, or tried.")
	t.attemptTime = histogram("kapiten.attempt.duration", "How long an attempt took.")
	t.called = counter("kapiten.calls", "{call}", "Calls, by what sdk.Advise says of them.")
	t.unknowns = counter("kapiten.unknowns", "{call}", "Calls, without the journal's, after which nobody knows whether money moved.")
	t.callbacks = counter("kapiten.callbacks", "{step}", "Steps of deliveries.")
	t.confirmTime = histogram("kapiten.callback.confirm.duration", "How long the API took to confirm a callback.")
	t.callbackLag = histogram("kapiten.callback.lag", "From the arrival of a callback until it was handed on.")
	t.journaled = counter("kapiten.journal.events", "{event}", "What journal.Config.Observe was told.")
	t.age = histogram("kapiten.journal.age", "From Plan until an entry was final, refused or stuck.")
	return t, errors.Join(faults...)
}

// hash names a reference for those who have the key: grep for the hash of a
// reference to find its spans.
func (t *telemetry) hash(reference string) string {
	m := hmac.New(sha256.New, t.key)
	m.Write([]byte(reference))
	return hex.EncodeToString(m.Sum(nil)[:8])
}

// call makes one call of a client inside a span of its own. The client's OnAttempt
// must be t.attempt, so that the attempts become events of the span. A call that shares
// the flight of another with the same reference has no attempts of its own.
func call[T any](ctx context.Context, t *telemetry, provider, operation, reference string, do func(context.Context) (T, error)) (T, error) {
	hash := t.hash(reference)
	links := []trace.Link{}
	if earlier, ok := t.calls.of(hash); ok {
		links = append(links, trace.Link{SpanContext: earlier})
	}
	ctx, span := t.tracer.Start(ctx, provider+" "+operation, trace.WithSpanKind(trace.SpanKindClient), trace.WithLinks(links...), trace.WithAttributes(
		attribute.String("kapiten.provider", provider), attribute.String("kapiten.operation", operation), attribute.String("kapiten.reference.hash", hash)))
	defer span.End()
	t.calls.keep(hash, span.SpanContext()) // before a callback can come

	value, err := do(ctx)
	advice := sdk.Advise(err)
	span.SetAttributes(attribute.String("kapiten.advice", advice.String()))
	labels := metric.WithAttributes(attribute.String("provider", provider), attribute.String("operation", operation))
	t.called.Add(ctx, 1, labels, metric.WithAttributes(attribute.String("advice", advice.String())))
	// A dashboard shows 0 once a call has ended well. A first call that ends in doubt
	// begins the series at 1, which is no increase: see the alerts in README.md.
	t.unknowns.Add(ctx, 0, labels)
	if advice == sdk.Look {
		t.unknowns.Add(ctx, 1, labels)
	}
	if err != nil {
		span.SetStatus(codes.Error, sdk.SafeText(err))
	}
	return value, err
}

// attempt is for sdk.Options.OnAttempt. A context without a span comes from a worker,
// of the journal say: its call makes one attempt, which then has a span of its own.
func (t *telemetry) attempt(ctx context.Context, a sdk.Attempt) {
	outcome := "succeeded"
	if !a.Succeeded {
		outcome = a.Outcome.String()
	}
	labels := metric.WithAttributes(attribute.String("provider", a.Provider), attribute.String("operation", a.Operation))
	t.attempts.Add(ctx, 1, labels, metric.WithAttributes(attribute.String("outcome", outcome), attribute.Int("status", a.StatusCode)))
	t.attemptTime.Record(ctx, a.Duration.Seconds(), labels)

	span := trace.SpanFromContext(ctx)
	if !span.SpanContext().IsValid() {
		_, span = t.tracer.Start(ctx, a.Provider+" "+a.Operation, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(time.Now().Add(-a.Duration)))
		defer span.End()
	}
	attributes := []attribute.KeyValue{
		attribute.String("kapiten.provider", a.Provider), attribute.String("kapiten.operation", a.Operation),
		attribute.Int("kapiten.attempt", a.Number), attribute.String("kapiten.outcome", outcome),
		attribute.String("http.request.method", a.Method), attribute.String("url.template", a.Path), attribute.Int("http.response.status_code", a.StatusCode),
		attribute.Float64("kapiten.seconds", a.Duration.Seconds()),
	}
	if a.RequestID != "" {
		attributes = append(attributes, attribute.String("kapiten.request_id", a.RequestID))
	}
	if a.Err != nil {
		attributes = append(attributes, attribute.String("kapiten.cause", sdk.SafeText(a.Err)))
	}
	span.AddEvent("attempt", trace.WithAttributes(attributes...))
}

// callback gives each delivery a span. What the handler asks the API meanwhile becomes
// events of it.
func (t *telemetry) callback(provider string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A new root: a stranger's traceparent is not followed.
		ctx, span := t.tracer.Start(r.Context(), provider+" callback", trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(attribute.String("kapiten.provider", provider)))
		defer span.End()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// observed is for webhook.Config.Observe.
func (t *telemetry) observed(ctx context.Context, o webhook.Observation) {
	t.callbacks.Add(ctx, 1, metric.WithAttributes(attribute.String("provider", o.Provider), attribute.String("step", string(o.Step)),
		attribute.String("reason", o.Reason), attribute.String("transition", string(o.Transition))))
	provider := metric.WithAttributes(attribute.String("provider", o.Provider))
	span := trace.SpanFromContext(ctx)
	switch o.Step {
	case webhook.StepConfirmed:
		t.confirmTime.Record(ctx, o.Took.Seconds(), provider)
	case webhook.StepHandedOn:
		t.callbackLag.Record(ctx, o.Took.Seconds(), provider)
	case webhook.StepRefused:
		span.SetStatus(codes.Error, o.Reason)
	}
	span.AddEvent(string(o.Step))
}

// handled wraps webhook.Config.Handle: it names the event on the span of its delivery,
// and links the span of the call that has the same reference.
func handled[E any](t *telemetry, next func(context.Context, webhook.Event[E]) error) func(context.Context, webhook.Event[E]) error {
	return func(ctx context.Context, ev webhook.Event[E]) error {
		t.name(ctx, ev.Identity, ev.Transition, ev.Trust)
		return next(ctx, ev)
	}
}

// handledTx is handled for webhook.Config.HandleTx. The span names an event again if
// the transaction is repeated.
func handledTx[E any](t *telemetry, next func(context.Context, *sql.Tx, webhook.Event[E]) error) func(context.Context, *sql.Tx, webhook.Event[E]) error {
	return func(ctx context.Context, tx *sql.Tx, ev webhook.Event[E]) error {
		t.name(ctx, ev.Identity, ev.Transition, ev.Trust)
		return next(ctx, tx, ev)
	}
}

func (t *telemetry) name(ctx context.Context, about webhook.Identity, transition webhook.Transition, trust webhook.Trust) {
	span, hash := trace.SpanFromContext(ctx), t.hash(about.Reference)
	span.SetAttributes(attribute.String("kapiten.reference.hash", hash), attribute.String("kapiten.status", about.Status),
		attribute.String("kapiten.transition", string(transition)), attribute.String("kapiten.trust", trust.String()))
	if made, ok := t.calls.of(hash); ok {
		span.AddLink(trace.Link{SpanContext: made})
	}
}

// journalEvent is for journal.Config.Observe.
func (t *telemetry) journalEvent(e journal.Event) {
	ctx := context.Background()
	t.journaled.Add(ctx, 1, metric.WithAttributes(attribute.String("flow", e.Flow), attribute.String("what", e.What), attribute.String("reason", string(e.Reason))))
	switch e.What {
	case journal.EventFinal, journal.EventRefused, journal.EventStuck:
		t.age.Record(ctx, e.Age.Seconds(), metric.WithAttributes(attribute.String("flow", e.Flow), attribute.String("what", e.What)))
	}
}

// watchJournal reads the numbers of some flows whenever metrics are collected. stats is
// journal.Journal.Stats. Let one process do it: the numbers are those of the database.
func (t *telemetry) watchJournal(stats func(context.Context, string) (journal.Stats, error), flows ...string) error {
	waiting, err1 := t.meter.Int64ObservableGauge("kapiten.journal.waiting", metric.WithUnit("{entry}"), metric.WithDescription("Entries to send and to follow, up to 10,001."))
	late, err2 := t.meter.Float64ObservableGauge("kapiten.journal.late", metric.WithUnit("s"), metric.WithDescription("How long the oldest due entry has waited."))
	stuck, err3 := t.meter.Int64ObservableGauge("kapiten.journal.stuck", metric.WithUnit("{entry}"), metric.WithDescription("Entries that wait for a person."))
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	_, err := t.meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		for _, flow := range flows {
			s, err := stats(ctx, flow)
			if err != nil {
				return err
			}
			of := func(key, value string) metric.MeasurementOption {
				return metric.WithAttributes(attribute.String("flow", flow), attribute.String(key, value))
			}
			o.ObserveInt64(waiting, int64(s.ToSend), of("lane", "send"))
			o.ObserveInt64(waiting, int64(s.ToFollow), of("lane", "follow"))
			o.ObserveFloat64(late, s.SendLate.Seconds(), of("lane", "send"))
			o.ObserveFloat64(late, s.FollowLate.Seconds(), of("lane", "follow"))
			for reason, count := range s.Stuck {
				o.ObserveInt64(stuck, int64(count), of("reason", string(reason)))
			}
		}
		return nil
	}, waiting, late, stuck)
	return err
}

// recent finds the span of the first call with a reference, among the newest ones. On
// several replicas keep the span's context with the order instead.
type recent struct {
	mu    sync.Mutex
	spans map[string]trace.SpanContext
	order []string // a ring
	next  int
}

func newRecent(most int) *recent {
	return &recent{spans: map[string]trace.SpanContext{}, order: make([]string, most)}
}

func (r *recent) of(hash string) (trace.SpanContext, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sc, ok := r.spans[hash]
	return sc, ok
}

func (r *recent) keep(hash string, sc trace.SpanContext) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.spans[hash]; ok {
		return
	}
	delete(r.spans, r.order[r.next])
	r.spans[hash], r.order[r.next] = sc, hash
	r.next = (r.next + 1) % len(r.order)
}
