package readme

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/bitpesa"
	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kasapay"
	"github.com/kapiteni/kapiten-go/kotani"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk"
)

var update = flag.Bool("update", false, "rewrite the operation tables of the READMEs")

const root = "../.."

// row is what a README shows of an operation.
type row struct{ name, method, path, class, source string }

func rows() map[string][]row {
	tables := map[string][]row{}
	for provider, operations := range map[string][]sdk.Operation{
		"kapiten": kapiten.Operations(),
		"kpay":    kpay.Operations(),
		"kasapay": kasapay.Operations(),
		"kotani":  kotani.Operations(),
		"bitpesa": bitpesa.Operations(),
	} {
		for _, op := range operations {
			source := string(op.Source)
			if op.Grade != "" {
				source += ", " + op.Grade
			}
			tables[provider] = append(tables[provider], row{op.Name, op.Method, op.Path, op.Class.String(), source})
		}
	}
	return tables
}

func table(rows []row) string {
	var b strings.Builder
	b.WriteString("\n| operation | route | class | known from |\n|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| `%s` | `%s %s` | %s | %s |\n", r.name, r.method, r.path, r.class, r.source)
	}
	return b.String()
}

// place is where the table of a provider stands: in the README of its folder, or in
// the root's as long as the folder has none.
func place(provider string) (path, open, end string) {
	path = filepath.Join(root, provider, "README.md")
	if _, err := os.Stat(path); err == nil {
		return path, "<!-- operations -->\n", "<!-- /operations -->"
	}
	return filepath.Join(root, "README.md"), "<!-- operations of " + provider + " -->\n", "<!-- end -->"
}

func TestTheOperationTablesAreThoseOfThePackages(t *testing.T) {
	for provider, rows := range rows() {
		path, open, end := place(provider)
		file, err := os.ReadFile(path)
		require.NoError(t, err)
		text := string(file)
		_, rest, found := strings.Cut(text, open)
		require.True(t, found, "%s has no table of %s", path, provider)
		shown, _, found := strings.Cut(rest, end)
		require.True(t, found, "the table of %s has no end", provider)
		want := table(rows) + "\n"
		if *update {
			text = strings.Replace(text, open+shown+end, open+want+end, 1)
			require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
			continue
		}
		assert.Equal(t, want, shown, "go test ./internal/readme -update")
	}
}

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

func TestTheGoSnippetsStandInFilesThatCompile(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root, "*", "README.md"))
	require.NoError(t, err)
	var sources []string
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		source, err := os.ReadFile(path)
		sources = append(sources, flat(string(source)))
		return err
	}))
	snippets := 0
	for _, path := range append(paths, filepath.Join(root, "README.md")) {
		file, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, snippet := range goBlock.FindAllStringSubmatch(string(file), -1) {
			snippets++
			found := false
			for _, source := range sources {
				found = found || strings.Contains(source, flat(snippet[1]))
			}
			assert.True(t, found, "%s: stands in no Go file:\n%s", path, snippet[1])
		}
	}
	assert.NotZero(t, snippets)
}

// flat is a text without indentation, which differs between README and code.
func flat(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}
