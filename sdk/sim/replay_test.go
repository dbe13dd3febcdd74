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
