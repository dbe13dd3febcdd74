package kotani

import (
	"context"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// ServerClock is the provider's time.
type ServerClock struct {
	Time time.Time
	// Skew is how far the provider's clock is ahead of ours, give or take half
	// the time the answer took.
	Skew time.Duration
	Raw  sdk.Raw
}

// Clock asks for the provider's time. Logins do so by themselves.
func (f *FiatConnect) Clock(ctx context.Context) (*ServerClock, error) {
	var clock *ServerClock
	start := time.Now()
	err := f.core.Do(ctx, transport.Call{
		Op: OpFiatConnectClock,
		Decode: into(&clock, func(body []byte) (ServerClock, error) {
			var w struct {
				Time time.Time `json:"time"`
			}
			err := wire.Unmarshal(body, &w)
			if err == nil && w.Time.IsZero() {
				err = missing("time")
			}
			end := time.Now()
			return ServerClock{Time: w.Time, Skew: w.Time.Sub(start.Add(end.Sub(start) / 2)), Raw: body}, err
		}),
	})
	return clock, err
}
