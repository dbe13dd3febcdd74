package transport

import (
	"log/slog"
	"time"

	"github.com/kapiteni/kapiten-go/sdk"
)

// startOfAttempt reads the clock if anybody is going to ask how long it took.
func (c *Core) startOfAttempt() (start time.Time) {
	if c.cfg.OnAttempt != nil || c.cfg.Logger != nil {
		start = time.Now()
	}
	return start
}

// observe tells the hook and the log about an attempt. Only what is listed here
// leaves: no URL, no body, no header but the request id.
func (x *exchange) observe(start time.Time) {
	ctx, cfg := x.caller, &x.core.cfg
	level := slog.LevelDebug
	if !x.last.ok {
		level = slog.LevelWarn
	}
	logging := cfg.Logger != nil && cfg.Logger.Enabled(ctx, level)
	if cfg.OnAttempt == nil && !logging {
		return
	}
	a := sdk.Attempt{
		Succeeded: x.last.ok,
		Provider:  cfg.Provider, Operation: x.op.Name, Method: x.op.Method, Path: x.op.Path,
		Number: x.number, StatusCode: x.last.response.Status, Duration: time.Since(start),
		Outcome: x.last.outcome, RequestID: x.last.response.Header.Get("X-Request-Id"), Err: x.last.err,
	}
	if logging {
		attrs := []slog.Attr{
			slog.String("provider", a.Provider),
			slog.String("operation", a.Operation),
			slog.String("method", a.Method),
			slog.String("path", a.Path),
			slog.Int("attempt", a.Number),
			slog.Int("status", a.StatusCode),
			slog.Duration("duration", a.Duration),
		}
		if !a.Succeeded {
			attrs = append(attrs, slog.String("outcome", a.Outcome.String()))
		}
		if a.RequestID != "" {
			attrs = append(attrs, slog.String("request_id", a.RequestID))
		}
		if a.Err != nil {
			attrs = append(attrs, slog.String("cause", sdk.SafeText(a.Err)))
		}
		cfg.Logger.LogAttrs(ctx, level, "http attempt", attrs...)
	}
	if cfg.OnAttempt != nil {
		cfg.OnAttempt(ctx, a)
	}
}
