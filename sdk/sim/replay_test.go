package sim

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is no replay, or a part of one, makes some other day, which passes.
func TestAReplayIsWholeOrRefused(t *testing.T) {
	t.Parallel()
	for _, bytes := range [][]byte{nil, {1}, {0, 0, 7}, []byte("the choices of a day")} {
		text := encode(append(bytes, 0, 0))
		got, err := decode(text)
		require.NoError(t, err)
		assert.Equal(t, string(bytes), string(got))
		for _, wrong := range []string{text[1:], text[:len(text)-1], text[:len(text)-2], text + "AA", text + "AAAA", text + "!", "r", "", "4711", strings.Replace(text, text[1:2], "_", 1)} {
			_, err := decode(wrong)
			require.Error(t, err, wrong)
		}
	}
}

// The command for one test runs that test alone, in a shell, whatever its name.
func TestTheCommandForOneTestNamesItAlone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"TestShop", "TestShop/a_(b)", "TestShop/[x]/y|z", "TestShop/it's_$HOME", `TestShop/a\b`} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+only(name)).Output()
		require.NoError(t, err)
		patterns, parts := strings.Split(string(out), "/"), strings.Split(name, "/")
		require.Len(t, patterns, len(parts), "go test splits the pattern at each slash")
		for i, part := range parts {
			assert.Regexp(t, patterns[i], part)
			assert.NotRegexp(t, patterns[i], part+"x")
		}
	}
}

// fatal is a test that says why it ends.
type fatal struct{ testing.TB }

func (fatal) Helper() {}

func (fatal) Fatalf(format string, args ...any) { panic(format) }

// A slip in a variable is told, and does not pass for a day.
func TestAVariableThatIsNoNumberIsRefused(t *testing.T) {
	for variable, wrong := range map[string][]string{"SIM_SEED": {"abc", "-1", "1O0"}, "SIM_SEEDS": {"1O0", "0", "-3"}} {
		for _, value := range wrong {
			t.Run(variable+"="+value, func(t *testing.T) {
				t.Setenv(variable, value)
				assert.PanicsWithValue(t, variable+map[string]string{"SIM_SEED": " is %q, and no number", "SIM_SEEDS": " is %q, and no number of days"}[variable], func() {
					Config{}.withDefaults(fatal{t})
				})
			})
		}
	}
	t.Setenv("SIM_SEED", "7")
	assert.Equal(t, uint64(7), Config{}.withDefaults(t).Seed)
	assert.Equal(t, 1, Config{}.withDefaults(t).Seeds)
	t.Setenv("SIM_SEEDS", "9")
	assert.Equal(t, 9, Config{}.withDefaults(t).Seeds)
}
