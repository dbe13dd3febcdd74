package fake_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// story goes on from wherever a toy stands and tells all that can be seen.
func story(t *testing.T, s *toy) []string {
	t.Helper()
	var told []string
	for range 3 {
		_, body := s.order(t, `{}`)
		told = append(told, body)
		s.Advance(7 * time.Second)
	}
	s.Advance(2 * time.Minute)
	for _, d := range s.Deliveries() {
		var line strings.Builder
		line.WriteString(d.ID + " " + d.Body + " " + string(d.State))
		for _, a := range d.Attempts {
			line.WriteString(" " + a.Time.String())
		}
		told = append(told, line.String())
	}
	return append(told, s.Now().String())
}

func TestRestoredWorldGoesOnAsTheFirstWouldHave(t *testing.T) {
	t.Parallel()
	fresh := func() *toy {
		return newToy(t, fake.Options{Callbacks: responding(500)}, withHook, withPolicy(retries))
	}
	s := fresh()
	require.NoError(t, s.AddCallbackFault(fake.CallbackFault{Kind: fake.CallbackHold, Times: 1}))
	require.NoError(t, s.AddFault(fake.Fault{Kind: fake.FaultExpireToken, Times: 2}))
	s.order(t, `{}`)
	s.order(t, `{}`)
	s.Advance(5 * time.Second)
	saved, err := s.Snapshot()
	require.NoError(t, err)
	want := story(t, s)

	other := fresh()
	story(t, other) // whatever was there before is gone afterwards
	require.NoError(t, other.Restore(saved))
	assert.Equal(t, want, story(t, other))

	require.NoError(t, s.Restore(saved), "and into the same world")
	again, err := s.Snapshot()
	require.NoError(t, err)
	assert.Equal(t, string(saved), string(again))
}

func TestResetGoesBackToTheStart(t *testing.T) {
	t.Parallel()
	s := newToy(t, fake.Options{Callbacks: responding(200)}, withHook)
	want := story(t, s)
	require.NoError(t, s.AddFault(fake.Fault{Kind: fake.FaultDropBefore}))
	require.NoError(t, s.AddCallbackFault(fake.CallbackFault{Kind: fake.CallbackDrop}))
	s.Reset()
	assert.Empty(t, s.Requests())
	assert.Empty(t, s.Deliveries())
	assert.Empty(t, s.Faults())
	assert.Equal(t, 0, s.orders())
	assert.Equal(t, want, story(t, s))
}

func TestResetForgetsCallbacksOnTheirWay(t *testing.T) {
	t.Parallel()
	arrived, leave := make(chan struct{}), make(chan struct{})
	s := newToy(t, fake.Options{Callbacks: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-leave
	})}, withHook)
	s.order(t, `{}`)
	<-arrived
	s.Reset()
	s.Flush()
	close(leave)
	assert.Empty(t, s.Deliveries())
	s.Advance(time.Minute)
	assert.Empty(t, s.Deliveries(), "the order's event is gone too")
}

// TestSnapshotsOfOlderReleasesKeepTheirMeaning: what a callback is about was its Subject.
func TestSnapshotsOfOlderReleasesKeepTheirMeaning(t *testing.T) {
	t.Parallel()
	for subject, want := range map[string]string{"x*": "made", "?*": ""} {
		r := &receiver{}
		s := newToy(t, fake.Options{Callbacks: r}, withHook)
		saved, err := s.Snapshot()
		require.NoError(t, err)
		require.Contains(t, string(saved), `"disturbances":null`)
		older := `"disturbances":[{"Provider":"toy","Event":"","Subject":"` + subject + `","Times":1,"Kind":"drop","Seconds":0}]`
		require.NoError(t, s.Restore([]byte(strings.Replace(string(saved), `"disturbances":null`, older, 1))))
		s.order(t, `{}`)
		s.Flush()
		assert.Equal(t, want, r.events(), subject)
		saved, err = s.Snapshot()
		require.NoError(t, err)
		assert.Contains(t, string(saved), `"subject":"`+s.Deliveries()[0].Identity+`"`)
	}
}

func TestForeignSnapshotsChangeNothing(t *testing.T) {
	t.Parallel()
	s := newToy(t, fake.Options{})
	s.order(t, `{}`)
	saved, err := s.Snapshot()
	require.NoError(t, err)
	bank := joinToy(fake.NewWorld(fake.Options{}), "bank")
	t.Cleanup(bank.Close)
	foreign, err := bank.Snapshot()
	require.NoError(t, err)

	change := func(old, new string) string {
		require.Contains(t, string(saved), old)
		return strings.Replace(string(saved), old, new, 1)
	}
	for name, text := range map[string]string{
		"no json":            `hello`,
		"another document":   `{"version":1}`,
		"newer version":      change(`"version":1`, `"version":2`),
		"other providers":    string(foreign),
		"broken state":       change(`"orders":[`, `"orders":7,"x":[`),
		"foreign event":      change(`"provider":"toy","kind":"end"`, `"provider":"bank","kind":"end"`),
		"empty fault":        change(`"faults":null`, `"faults":[null]`),
		"bad fault":          change(`"faults":null`, `"faults":[{"kind":"x"}]`),
		"bad callback fault": change(`"disturbances":null`, `"disturbances":[{"Kind":"x"}]`),
		"no callback fault":  change(`"disturbances":null`, `"disturbances":[null]`),
		"broken ids":         change(`"ids":{"toy":"`, `"ids":{"toy":"AAAA`),
		"foreign delivery":   change(`"deliveries":null`, `"deliveries":[{"provider":"bank"}]`),
		"empty":              ``,
	} {
		assert.Error(t, s.Restore([]byte(text)), name)
		now, err := s.Snapshot()
		require.NoError(t, err)
		assert.Equal(t, string(saved), string(now), name)
	}
}

func TestWorldIsSharedByItsProviders(t *testing.T) {
	t.Parallel()
	w := fake.NewWorld(fake.Options{Callbacks: responding(200)})
	t.Cleanup(w.Close)
	a, b := joinToy(w, "toy", withHook), joinToy(w, "bank")
	assert.Same(t, a.World(), b.World())
	a.order(t, `{}`)
	b.Advance(time.Minute)
	assert.Equal(t, a.Now(), b.Now())
	assert.Len(t, a.Deliveries(), 2)
	assert.Empty(t, b.Deliveries())
	assert.Empty(t, b.Requests())
	assert.ErrorIs(t, b.Redeliver(a.Deliveries()[0].ID), fake.ErrNotFound, "a provider redelivers its own callbacks only")

	res, err := a.HTTPClient().Post(b.URL()+"/orders", "", nil)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	assert.Len(t, b.Requests(), 1, "one client reaches both")

	res, err = a.HTTPClient().Get("http://nobody.localhost/")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	assert.Equal(t, http.StatusMisdirectedRequest, res.StatusCode)
	assert.Panics(t, func() { joinToy(w, "bank") })
}
