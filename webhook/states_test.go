package webhook_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/webhook"
)

func TestStatesTellWhatAStatusMeans(t *testing.T) {
	payout := webhook.NewStates(map[string][]string{
		"pending": {"paid", "failed", "jammed"},
		"jammed":  {"paid", "failed"},
		"error":   {"retry"},
		"retry":   {"error", "paid"},
	}, []string{"paid"}, []string{"reversed", "refunded"})

	for _, c := range []struct {
		from, to string
		want     webhook.Transition
	}{
		{"", "pending", webhook.Advanced},
		{"", "reversed", webhook.Reversed},
		{"pending", "jammed", webhook.Advanced},
		{"pending", "paid", webhook.Advanced},
		{"pending", "reversed", webhook.Reversed}, // the success in between was missed
		{"pending", "pending", webhook.Duplicate},
		{"paid", "paid", webhook.Duplicate},
		{"paid", "pending", webhook.Stale},
		{"reversed", "paid", webhook.Stale},
		{"reversed", "pending", webhook.Stale},
		{"paid", "reversed", webhook.Reversed},
		{"paid", "failed", webhook.Reversed},
		{"failed", "paid", webhook.Corrected},
		{"failed", "reversed", webhook.Reversed},
		{"reversed", "refunded", webhook.Unexpected},
		{"error", "retry", webhook.Advanced}, // a circle: a transition counts more than the way round
		{"retry", "error", webhook.Advanced},
		{"error", "error", webhook.Duplicate},
		{"pending", "brand new", webhook.Advanced},
		{"brand new", "paid", webhook.Advanced},
		{"brand new", "other new", webhook.Advanced},
		{"brand new", "brand new", webhook.Duplicate},
		{"failed", "brand new", webhook.Unexpected},
	} {
		t.Run(c.from+" to "+c.to, func(t *testing.T) {
			assert.Equal(t, c.want, payout.Transition(c.from, c.to))
		})
	}
}

func TestStatesKnowWhatIsFinal(t *testing.T) {
	s := webhook.NewStates(map[string][]string{"a": {"b", "c"}}, []string{"b"}, []string{"d"})
	for status, want := range map[string]bool{"a": false, "b": true, "c": true, "d": true, "unheard of": false, "": false} {
		assert.Equal(t, want, s.Final(status), status)
	}
	assert.False(t, (*webhook.States)(nil).Final("b"))
}

func TestNoStatesMeansNoOrder(t *testing.T) {
	var s *webhook.States
	assert.Equal(t, webhook.Advanced, s.Transition("b", "a"))
	assert.Equal(t, webhook.Duplicate, s.Transition("a", "a"))
}

func TestStatesOfACircleAndOfForks(t *testing.T) {
	circle := webhook.NewStates(map[string][]string{"a": {"b"}, "b": {"c"}, "c": {"a", "done"}}, []string{"done"}, nil)
	assert.Equal(t, webhook.Advanced, circle.Transition("c", "b"), "round the circle, one status missed")
	assert.Equal(t, webhook.Stale, circle.Transition("done", "b"))
	fork := webhook.NewStates(map[string][]string{"a": {"left", "right"}, "left": {"done"}, "right": {"done"}}, []string{"done"}, nil)
	assert.Equal(t, webhook.Unexpected, fork.Transition("left", "right"), "no way there")
	assert.Equal(t, webhook.Advanced, fork.Transition("left", "new"), "a status without a name in the table")
}
