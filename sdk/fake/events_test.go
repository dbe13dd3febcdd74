package fake_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestManualClockStandsStillUntilAdvanced(t *testing.T) {
	s := newToy(t, fake.Options{Callbacks: responding(200)}, withHook)
	start := s.Now()
	s.order(t, `{}`)
	s.Flush()
	assert.Equal(t, start, s.Now(), "to the nanosecond")
	assert.Len(t, s.Deliveries(), 1, "the order has not ended")
	s.Advance(9 * time.Second)
	assert.Len(t, s.Deliveries(), 1)
	s.Advance(time.Second)
	assert.Len(t, s.Deliveries(), 2)
	assert.Equal(t, start.Add(10*time.Second), s.Now())
	s.Advance(-time.Hour)
	assert.Equal(t, start.Add(10*time.Second), s.Now(), "the clock never goes back")
}

func TestClockFollowsTheBubblesTimeWithoutAnyOption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newToy(t, fake.Options{Callbacks: responding(200)}, withHook)
		assert.Equal(t, time.Now().UTC(), s.Now())
		s.order(t, `{}`)
		<-time.After(9 * time.Second)
		assert.Len(t, s.Deliveries(), 1)
		<-time.After(time.Second)
		synctest.Wait()
		assert.Len(t, s.Deliveries(), 2)
		s.Reset()
		<-time.After(time.Hour)
		assert.Equal(t, time.Now().UTC(), s.Now())
	})
	s := newToy(t, fake.Options{})
	assert.Equal(t, 2026, s.Now().Year(), "outside a bubble the clock stands still")
}

func TestRealClockFollowsTimeTimesSpeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newToy(t, fake.Options{RealTime: true, Speed: 5, Callbacks: responding(200)}, withHook)
		start := s.Now()
		s.order(t, `{}`)
		<-time.After(1900 * time.Millisecond)
		assert.Equal(t, start.Add(9500*time.Millisecond), s.Now())
		assert.Len(t, s.Deliveries(), 1)
		<-time.After(101 * time.Millisecond)
		synctest.Wait()
		require.Len(t, s.Deliveries(), 2)
		assert.Equal(t, start.Add(10*time.Second), s.Deliveries()[1].Time, "an event happens at its own time")
		s.Advance(time.Hour)
		assert.Equal(t, start.Add(time.Hour+10005*time.Millisecond), s.Now())
	})
}

func TestAdvanceWorksOnRealClockAheadOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newToy(t, fake.Options{RealTime: true, Callbacks: responding(200)}, withHook)
		s.order(t, `{}`)
		s.Advance(10 * time.Second)
		assert.Len(t, s.Deliveries(), 2)
	})
}

func TestRealClockNeverGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-time.After(5 * time.Second) })
		s := newToy(t, fake.Options{RealTime: true, Callbacks: slow}, withHook)
		start := s.Now()
		s.order(t, `{}`)
		s.Advance(7 * time.Second) // from 5 s, when the first callback is done, to 12 s; the second takes until 15 s
		assert.Equal(t, start.Add(15*time.Second), s.Now())
	})
}

func TestEventsOfOneInstantHappenInOrder(t *testing.T) {
	t.Parallel()
	s := newToy(t, fake.Options{Callbacks: responding(200)}, withHook)
	for range 20 {
		s.order(t, `{}`)
	}
	s.Advance(10 * time.Second)
	d := s.Deliveries()
	require.Len(t, d, 40)
	for i := range 20 {
		assert.Equal(t, d[i].Identity, d[20+i].Identity)
	}
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := fake.NewWorld(fake.Options{RealTime: true, Callbacks: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		})})
		s := joinToy(w, "toy", withHook)
		s.order(t, `{}`)
		require.NoError(t, s.AddFault(fake.Fault{Kind: fake.FaultDelay, Seconds: 3600}))
		failed := make(chan error)
		go func() {
			_, err := s.HTTPClient().Get(s.URL() + "/orders")
			failed <- err
		}()
		synctest.Wait()
		assert.Equal(t, 1, s.Waiting())
		s.Close()
		assert.Error(t, <-failed)
		s.Close()
		s.Advance(time.Minute)
	}) // the bubble fails when a goroutine is left
}
