package fake_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func TestScenarioIsChosenByReferenceThenNumber(t *testing.T) {
	scenarios := fake.Scenarios{"0001": fake.ScenarioFailed, "0000": fake.ScenarioPaid, "0006": "jammed-paid"}
	for _, c := range []struct {
		reference, number string
		want              fake.Scenario
	}{
		{"order-failed", "0788123456", fake.ScenarioFailed},
		{"order-jammed-paid", "0788123456", "jammed-paid"},
		{"order-paid", "0788120001", fake.ScenarioPaid}, // the reference comes first
		{"order-1", "0788120001", fake.ScenarioFailed},
		{"order-1", "0788123456", ""},
		{"failed", "1", ""}, // a hyphen is needed
		{"", "", ""},
	} {
		assert.Equal(t, c.want, scenarios.Choose(c.reference, c.number), "%+v", c)
	}
}
