package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// printSpans prints the spans as a person reads them. A collector would get the same.
func printSpans(out io.Writer, spans tracetest.SpanStubs) {
	numbers := map[string]int{}
	for i, s := range spans {
		numbers[s.SpanContext.SpanID().String()] = i + 1
	}
	for i, s := range spans {
		fmt.Fprintf(out, "span %d: %s", i+1, s.Name)
		if s.Status.Code == codes.Error {
			fmt.Fprintf(out, " (error: %s)", s.Status.Description)
		}
		fmt.Fprintln(out)
		fmt.Fprintf(out, "    %s\n", printed(s.Attributes))
		for _, link := range s.Links {
			fmt.Fprintf(out, "    linked to span %d\n", numbers[link.SpanContext.SpanID().String()])
		}
		for _, event := range s.Events {
			fmt.Fprintf(out, "    - %s %s\n", event.Name, printed(event.Attributes, "http.request.method", "url.template", "kapiten.seconds", "kapiten.provider"))
		}
	}
}

func printed(attributes []attribute.KeyValue, without ...string) string {
	var texts []string
	for _, a := range attributes {
		if !slices.Contains(without, string(a.Key)) {
			texts = append(texts, strings.TrimPrefix(string(a.Key), "kapiten.")+"="+strconv.Quote(a.Value.String()))
		}
	}
	return strings.Join(texts, " ")
}

// series are the metrics as Prometheus shows them, by name and labels.
type series map[string]float64

// collect reads the metrics. The names are made by the translator that OpenTelemetry's
// exporters for Prometheus use, with their defaults.
func collect(ctx context.Context, reader *metric.ManualReader) (series, error) {
	var all metricdata.ResourceMetrics
	if err := reader.Collect(ctx, &all); err != nil {
		return nil, err
	}
	found := series{}
	namer := otlptranslator.NewMetricNamer("", otlptranslator.UnderscoreEscapingWithSuffixes)
	for _, s := range all.ScopeMetrics {
		for _, m := range s.Metrics {
			kind := otlptranslator.MetricTypeGauge
			switch m.Data.(type) {
			case metricdata.Sum[int64]:
				kind = otlptranslator.MetricTypeMonotonicCounter
			case metricdata.Histogram[float64]:
				kind = otlptranslator.MetricTypeHistogram
			}
			name, err := namer.Build(otlptranslator.Metric{Name: m.Name, Unit: m.Unit, Type: otlptranslator.MetricType(kind)})
			if err != nil {
				return nil, err
			}
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					found[name+labelled(p.Attributes)] = float64(p.Value)
				}
			case metricdata.Gauge[int64]:
				for _, p := range data.DataPoints {
					found[name+labelled(p.Attributes)] = float64(p.Value)
				}
			case metricdata.Gauge[float64]:
				for _, p := range data.DataPoints {
					found[name+labelled(p.Attributes)] = p.Value
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					found[name+"_count"+labelled(p.Attributes)] = float64(p.Count)
					found[name+"_sum"+labelled(p.Attributes)] = p.Sum
					found[name+"_bucket"+labelled(p.Attributes, attribute.String("le", "+Inf"))] = float64(p.Count)
				}
			default:
				return nil, fmt.Errorf("%s: %T", m.Name, data)
			}
		}
	}
	return found, nil
}

func labelled(set attribute.Set, more ...attribute.KeyValue) string {
	var labels []string
	for _, a := range append(set.ToSlice(), more...) {
		labels = append(labels, string(a.Key)+"="+strconv.Quote(a.Value.String()))
	}
	return "{" + strings.Join(labels, ",") + "}"
}

// printSeries leaves out times, which differ from run to run.
func printSeries(out io.Writer, all series) {
	var lines []string
	for name, value := range all {
		if strings.Contains(name, "_sum{") || strings.Contains(name, "_bucket{") {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s %g", name, value))
	}
	slices.Sort(lines)
	fmt.Fprintln(out, strings.Join(lines, "\n"))
}
