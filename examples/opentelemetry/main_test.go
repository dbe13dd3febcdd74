package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/kapiteni/kapiten-go/sdk"
	"github.com/kapiteni/kapiten-go/sdk/journal"
	"github.com/kapiteni/kapiten-go/webhook"
)

// played is the story, on fakes of its own.
func played(t *testing.T) *seen {
	t.Helper()
	s, err := story(t.Context())
	require.NoError(t, err)
	return s
}

func attributes(s tracetest.SpanStub) map[string]string {
	found := map[string]string{}
	for _, a := range s.Attributes {
		found[string(a.Key)] = a.Value.String()
	}
	return found
}

// events are the names of a span's events, attempts with operation and outcome.
func events(s tracetest.SpanStub) []string {
	var found []string
	for _, e := range s.Events {
		var name strings.Builder
		name.WriteString(e.Name)
		for _, a := range e.Attributes {
			if key := string(a.Key); key == "kapiten.operation" || key == "kapiten.outcome" {
				name.WriteString(" " + a.Value.String())
			}
		}
		found = append(found, name.String())
	}
	return found
}

func TestEachCallAndEachCallbackIsOneSpan(t *testing.T) {
	spans := played(t).spans
	require.Len(t, spans, 4)
	pay, forged, callback, ride := spans[0], spans[1], spans[2], spans[3]

	assert.Equal(t, "kpay pay", pay.Name)
	assert.Equal(t, trace.SpanKindClient, pay.SpanKind)
	assert.Equal(t, []string{"attempt pay unknown", "attempt checkstatus succeeded"}, events(pay))
	assert.Equal(t, "done", attributes(pay)["kapiten.advice"])
	assert.Equal(t, codes.Unset, pay.Status.Code)
	assert.Empty(t, pay.Links)

	assert.Equal(t, "kpay callback", forged.Name)
	assert.Equal(t, []string{"received", "refused"}, events(forged))
	assert.Equal(t, sdktrace.Status{Code: codes.Error, Description: "not authenticated"}, forged.Status)
	assert.NotContains(t, attributes(forged), "kapiten.reference.hash")
	assert.Empty(t, forged.Links)

	assert.Equal(t, "kpay callback", callback.Name)
	assert.Equal(t, trace.SpanKindServer, callback.SpanKind)
	assert.Equal(t, []string{"received", "attempt checkstatus succeeded", "confirmed", "handed on"}, events(callback))
	assert.Equal(t, "advanced", attributes(callback)["kapiten.transition"])
	assert.Equal(t, "confirmed", attributes(callback)["kapiten.trust"])
	// Linked by reference, in a trace of its own.
	require.Len(t, callback.Links, 1)
	assert.Equal(t, pay.SpanContext.SpanID(), callback.Links[0].SpanContext.SpanID())
	assert.NotEqual(t, pay.SpanContext.TraceID(), callback.SpanContext.TraceID())
	assert.Equal(t, attributes(pay)["kapiten.reference.hash"], attributes(callback)["kapiten.reference.hash"])
	assert.Len(t, attributes(pay)["kapiten.reference.hash"], 16)

	assert.Equal(t, "kapiten rides.create", ride.Name)
	assert.Equal(t, []string{"attempt rides.create unknown"}, events(ride))
	assert.Equal(t, "look", attributes(ride)["kapiten.advice"])
	assert.Equal(t, codes.Error, ride.Status.Code)
	assert.NotEqual(t, attributes(pay)["kapiten.reference.hash"], attributes(ride)["kapiten.reference.hash"])
}

func TestTheMetricsCountWhatHappened(t *testing.T) {
	all := played(t).series
	for name, want := range map[string]float64{
		`kapiten_attempts_total{operation="pay",outcome="unknown",provider="kpay",status="0"}`:             1,
		`kapiten_attempts_total{operation="checkstatus",outcome="succeeded",provider="kpay",status="200"}`: 2,
		`kapiten_attempts_total{operation="rides.create",outcome="unknown",provider="kapiten",status="0"}`: 1,
		`kapiten_attempt_duration_seconds_count{operation="checkstatus",provider="kpay"}`:                  2,
		`kapiten_calls_total{advice="done",operation="pay",provider="kpay"}`:                               1,
		`kapiten_calls_total{advice="look",operation="rides.create",provider="kapiten"}`:                   1,
		`kapiten_unknowns_total{operation="pay",provider="kpay"}`:                                          0,
		`kapiten_unknowns_total{operation="rides.create",provider="kapiten"}`:                              1,
		`kapiten_callbacks_total{provider="kpay",reason="",step="received",transition=""}`:                 2,
		`kapiten_callbacks_total{provider="kpay",reason="not authenticated",step="refused",transition=""}`: 1,
		`kapiten_callbacks_total{provider="kpay",reason="",step="handed on",transition="advanced"}`:        1,
		`kapiten_callback_confirm_duration_seconds_count{provider="kpay"}`:                                 1,
		`kapiten_callback_lag_seconds_count{provider="kpay"}`:                                              1,
		`kapiten_journal_events_total{flow="payouts",reason="undecided",what="stuck"}`:                     1,
		`kapiten_journal_age_seconds_sum{flow="payouts",what="final"}`:                                     90,
		`kapiten_journal_late_seconds{flow="payouts",lane="send"}`:                                         40,
		`kapiten_journal_waiting{flow="payouts",lane="follow"}`:                                            12,
		`kapiten_journal_stuck{flow="payouts",reason="undecided"}`:                                         1,
	} {
		got, ok := all[name]
		assert.True(t, ok, name)
		assert.InDelta(t, want, got, 0, name)
	}
	// A doubt is no end, and has no age.
	assert.NotContains(t, all, `kapiten_journal_age_seconds_count{flow="payouts",what="doubt"}`)
}

func TestNothingPrivateIsExported(t *testing.T) {
	s := played(t)
	// A dump holds addresses and times too, and so any short number.
	all, shown := fmt.Sprintf("%+v %+v", s.spans, s.series), fmt.Sprintf("%q", slices.Sorted(maps.Keys(s.series)))
	for _, span := range s.spans {
		shown += fmt.Sprint(span.Name, attributes(span), span.Status)
		for _, event := range span.Events {
			shown += fmt.Sprint(event.Name, event.Attributes)
		}
	}
	for _, private := range []string{orderReference, rideReference, customerPhone, "783300000", "Ama", "shop.example", "Token ", "Basic ", "forged"} {
		assert.NotContains(t, all+shown, private)
	}
	assert.NotRegexp(t, `\b4200\b`, shown, "the amount, and not a part of a hash or a duration")
}

var (
	metricName = regexp.MustCompile(`kapiten_[a-z_]+`)
	labelName  = regexp.MustCompile(`by \(([a-z_, ]+)\)|\{([a-z]+)=`)
	increaseOf = regexp.MustCompile(`(sum by \([a-z, ]+\)) \(increase\((\S+)\[(\d+m|\d+h)\]\)\)`)
)

// base is the name of a metric without the suffixes of a histogram's series.
func base(name string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		name = strings.TrimSuffix(name, suffix)
	}
	return name
}

func TestTheREADMENamesExactlyTheMetricsThatAreExported(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	exported, series, labels := map[string]bool{}, map[string]bool{}, map[string]string{}
	for name := range played(t).series {
		name, set, _ := strings.Cut(name, "{")
		exported[base(name)], series[name] = true, true
		labels[name] += "," + set
	}
	named := map[string]bool{}
	for _, name := range metricName.FindAllString(string(readme), -1) {
		named[base(name)] = true
	}
	assert.Equal(t, exported, named)

	queries, increases := 0, 0
	for line := range strings.Lines(string(readme)) {
		if strings.HasPrefix(line, "|") || !strings.Contains(line, "(kapiten_") {
			continue
		}
		queries++
		names := metricName.FindAllString(line, -1)
		for _, name := range names {
			assert.True(t, series[name], "%s has no series %s", line, name)
		}
		for _, match := range labelName.FindAllStringSubmatch(line, -1) {
			for label := range strings.SplitSeq(match[1]+match[2], ", ") {
				assert.Contains(t, strings.ReplaceAll(labels[names[0]], "{", ","), ","+label+"=", line)
			}
		}
		// increase is 0 for a series that appears at 1, as most alerts' series do.
		if strings.Contains(line, "increase(") {
			increases++
			of := increaseOf.FindStringSubmatch(line)
			require.NotEmpty(t, of, line)
			by, x, window := of[1], of[2], of[3]
			assert.Equal(t, fmt.Sprintf("(%[1]s (increase(%[2]s[%[3]s])) > 0) or (%[1]s (%[2]s unless %[2]s offset %[3]s) > 0)\n", by, x, window), line)
		}
	}
	assert.Equal(t, 17, queries)
	assert.Equal(t, 4, increases)
}

// telemetryFor has exporters of its own, for one test.
func telemetryFor(t *testing.T) (*telemetry, *tracetest.InMemoryExporter, *sdkmetric.ManualReader) {
	t.Helper()
	spans, reader := tracetest.NewInMemoryExporter(), sdkmetric.NewManualReader()
	tel, err := newTelemetry(sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)), sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)), make([]byte, 32))
	require.NoError(t, err)
	return tel, spans, reader
}

func TestAnAttemptWithoutACallHasASpanOfItsOwn(t *testing.T) {
	tel, spans, _ := telemetryFor(t)
	tel.attempt(t.Context(), sdk.Attempt{Provider: "kasapay", Operation: "payouts.create", Duration: time.Minute, Succeeded: true, RequestID: "r-1"})
	require.Len(t, spans.GetSpans(), 1)
	span := spans.GetSpans()[0]
	assert.Equal(t, "kasapay payouts.create", span.Name)
	assert.GreaterOrEqual(t, span.EndTime.Sub(span.StartTime), time.Minute)
	assert.Equal(t, []string{"attempt payouts.create succeeded"}, events(span))
}

func TestACallThatIsMadeAgainIsLinkedToTheFirst(t *testing.T) {
	tel, spans, reader := telemetryFor(t)
	for range 3 {
		_, err := call(t.Context(), tel, "kpay", "pay", "order-1", func(context.Context) (int, error) { return 1, nil })
		require.NoError(t, err)
	}
	_, err := call(t.Context(), tel, "kpay", "pay", "order-2", func(context.Context) (int, error) { return 0, fmt.Errorf("order-2 of 0783300000") })
	require.Error(t, err)
	made := spans.GetSpans()
	require.Len(t, made, 4)
	assert.Empty(t, made[0].Links)
	for _, again := range made[1:3] {
		require.Len(t, again.Links, 1)
		assert.Equal(t, made[0].SpanContext.SpanID(), again.Links[0].SpanContext.SpanID())
	}
	assert.Empty(t, made[3].Links)
	// An error of the caller's own is in doubt, and is not quoted.
	assert.NotContains(t, made[3].Status.Description, "0783300000")
	all, err := collect(t.Context(), reader)
	require.NoError(t, err)
	assert.InDelta(t, 1, all[`kapiten_unknowns_total{operation="pay",provider="kpay"}`], 0)
}

func TestOnlyTheNewestReferencesAreKept(t *testing.T) {
	r := newRecent(2)
	for _, hash := range []string{"a", "b", "a", "c"} {
		r.keep(hash, trace.SpanContext{})
	}
	for hash, kept := range map[string]bool{"a": false, "b": true, "c": true} {
		_, ok := r.of(hash)
		assert.Equal(t, kept, ok, hash)
	}
}

func TestACallStaysInItsCallersTraceAndACallbackDoesNot(t *testing.T) {
	tel, spans, _ := telemetryFor(t)
	ctx, parent := tel.tracer.Start(t.Context(), "parent") // of a stranger, for the callback
	_, err := call(ctx, tel, "kpay", "pay", "order-1", func(context.Context) (int, error) { return 1, nil })
	require.NoError(t, err)
	tel.callback("kpay", http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodPost, "/", nil))
	made := spans.GetSpans()
	require.Len(t, made, 2)
	assert.Equal(t, parent.SpanContext().TraceID(), made[0].SpanContext.TraceID())
	assert.NotEqual(t, parent.SpanContext().TraceID(), made[1].SpanContext.TraceID())
	assert.False(t, made[1].Parent.IsValid())
}

func TestAFuncWithATransactionIsNamedAndLinkedToo(t *testing.T) {
	tel, spans, _ := telemetryFor(t)
	_, err := call(t.Context(), tel, "kpay", "pay", "order-1", func(context.Context) (int, error) { return 1, nil })
	require.NoError(t, err)
	open, failed := new(sql.Tx), errors.New("no order has this reference")
	handle := handledTx(tel, func(_ context.Context, tx *sql.Tx, ev webhook.Event[int]) error {
		assert.Same(t, open, tx)
		assert.Equal(t, 7, ev.Data)
		return failed
	})
	tel.callback("kpay", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		assert.Equal(t, failed, handle(r.Context(), open, webhook.Event[int]{
			Identity: webhook.Identity{Reference: "order-1", Status: "01"}, Data: 7, Trust: webhook.Confirmed, Transition: webhook.Advanced,
		}))
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil))
	made := spans.GetSpans()
	require.Len(t, made, 2)
	require.Len(t, made[1].Links, 1)
	assert.Equal(t, made[0].SpanContext.SpanID(), made[1].Links[0].SpanContext.SpanID())
	assert.Equal(t, map[string]string{
		"kapiten.provider": "kpay", "kapiten.reference.hash": tel.hash("order-1"), "kapiten.status": "01",
		"kapiten.transition": "advanced", "kapiten.trust": "confirmed",
	}, attributes(made[1]))
}

func TestAShortKeyIsRefused(t *testing.T) {
	_, err := newTelemetry(sdktrace.NewTracerProvider(), sdkmetric.NewMeterProvider(), []byte("short"))
	assert.ErrorContains(t, err, "32 bytes")
}

func TestTheJournalsNumbersStayAwayWhenTheyCannotBeRead(t *testing.T) {
	tel, _, reader := telemetryFor(t)
	require.NoError(t, tel.watchJournal(func(context.Context, string) (journal.Stats, error) { return journal.Stats{}, assert.AnError }, "payouts"))
	tel.observed(t.Context(), webhook.Observation{Provider: "kpay", Step: webhook.StepNotNew, Transition: webhook.Duplicate})
	_, err := collect(t.Context(), reader)
	assert.ErrorIs(t, err, assert.AnError)
}

func TestTheExamplePrintsSpansAndMetrics(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out))
	for _, line := range []string{
		"span 3: kpay callback\n", "    linked to span 1\n", "span 2: kpay callback (error: not authenticated)\n",
		`kapiten_unknowns_total{operation="rides.create",provider="kapiten"} 1` + "\n",
	} {
		assert.Contains(t, out.String(), line)
	}
}
