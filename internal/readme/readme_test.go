package readme

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

func operations() map[string][]sdk.Operation {
	return map[string][]sdk.Operation{
		"kapiten": kapiten.Operations(),
		"kpay":    kpay.Operations(),
		"kasapay": kasapay.Operations(),
		"kotani":  kotani.Operations(),
		"bitpesa": bitpesa.Operations(),
	}
}

func rows() map[string][]row {
	tables := map[string][]row{}
	for provider, operations := range operations() {
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

// withoutFlow are the writes that move money and that sdk/journal does not record.
var withoutFlow = map[string]string{
	"bitpesa." + bitpesa.OpCreateAndFund:     "the flow creates and funds in two steps, each with a lookup of its own",
	"bitpesa." + bitpesa.OpUpdatePayinMethod: "an act of a person on a transaction that exists",
	"bitpesa." + bitpesa.OpCancelPayinMethod: "an act of a person on a transaction that exists",
	"bitpesa." + bitpesa.OpRetryPayinMethod:  "an act of a person on a transaction that exists",
	"bitpesa." + bitpesa.OpUpdateRecipient:   "an act of a person on a transaction that exists",
	"bitpesa." + bitpesa.OpCancelRecipient:   "an act of a person on a transaction that exists",
	"bitpesa." + bitpesa.OpSandboxPayIn:      "the sandbox alone has it",
	"bitpesa." + bitpesa.OpSandboxPayOut:     "the sandbox alone has it",
}

// A write without a flow is lost with the process.
func TestEachWriteThatMovesMoneyHasAFlowOfTheJournal(t *testing.T) {
	used := map[string]bool{} // "kpay.OpPay"
	paths, err := filepath.Glob(filepath.Join(root, "sdk", "journal", "*.go"))
	require.NoError(t, err)
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && !strings.HasSuffix(path, "_test.go") {
				used[types.ExprString(s)] = true
			}
			return true
		})
	}
	fakes, err := filepath.Glob(filepath.Join(root, "*", "*test", "doc.go"))
	require.NoError(t, err)
	for _, path := range fakes {
		if provider := filepath.Base(filepath.Dir(filepath.Dir(path))); provider != "internal" {
			assert.Contains(t, rows(), provider)
		}
	}
	missing := map[string]bool{}
	for provider, operations := range operations() {
		constants := constantsOf(t, provider)
		for _, op := range operations {
			if name := provider + "." + op.Name; op.MovesMoney && !used[provider+"."+constants[op.Name]] {
				missing[name] = true
				assert.NotEmpty(t, withoutFlow[name], "no flow of sdk/journal sends %s", name)
			}
		}
	}
	for name := range withoutFlow {
		assert.True(t, missing[name], "%s has a flow", name)
	}
}

// constantsOf are the names of a provider's string constants, by value.
func constantsOf(t *testing.T, provider string) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, provider, "operations.go"), nil, 0)
	require.NoError(t, err)
	found := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && len(v.Values) == 1 && strings.HasPrefix(v.Names[0].Name, "Op") {
			if text, ok := v.Values[0].(*ast.BasicLit); ok {
				found[strings.Trim(text.Value, `"`)] = v.Names[0].Name
			}
		}
		return true
	})
	return found
}

// A callback goes to the URL that the test gives, which may be on the internet.
func TestEachFakeSaysWhereItsCallbacksGo(t *testing.T) {
	pages := []string{filepath.Join(root, "examples", "fakeserver", "README.md")}
	for provider := range rows() {
		pages = append(pages, filepath.Join(root, provider, provider+"test", "doc.go"))
	}
	for _, path := range pages {
		page, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.NotRegexp(t, "(without|neither) a network|[Nn]othing leaves", string(page), path)
		assert.Regexp(t, `Options\.Callbacks|Callbacks go to the URL`, string(page), path)
	}
}

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

func TestTheGoSnippetsStandInFilesThatCompile(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root, "*", "README.md"))
	require.NoError(t, err)
	examples, err := filepath.Glob(filepath.Join(root, "examples", "*", "README.md"))
	require.NoError(t, err)
	paths = append(paths, examples...)
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

// assumed are the names that every reader has: a context, and the packages that goimports
// finds.
var assumed = strings.Fields(`ctx context decimal errors fmt http iter log os rand sql testing time
	bitpesa cmp fake journal kapiten kapitentest kasapay kotani kpay kpaytest sdk strings webhook`)

// TestEveryNameOfASnippetIsExplained: a name that no snippet of the page makes stands in
// the text of the page, between backticks, which says what it is.
func TestEveryNameOfASnippetIsExplained(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root, "*", "README.md"))
	require.NoError(t, err)
	for _, path := range append(paths, filepath.Join(root, "README.md")) {
		file, err := os.ReadFile(path)
		require.NoError(t, err)
		text := string(file)
		prose, made := goBlock.ReplaceAllString(text, ""), map[string]bool{}
		var used []string
		for _, snippet := range goBlock.FindAllStringSubmatch(text, -1) {
			source := "package x\n" + snippet[1]
			parsed, err := parser.ParseFile(token.NewFileSet(), "", source, 0)
			if err != nil { // statements
				parsed, err = parser.ParseFile(token.NewFileSet(), "", "package x\nfunc _() {\n"+snippet[1]+"}", 0)
			}
			require.NoError(t, err, "%s:\n%s", path, snippet[1])
			for _, name := range parsed.Unresolved {
				if types.Universe.Lookup(name.Name) == nil && !slices.Contains(assumed, name.Name) {
					used = append(used, name.Name)
				}
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.FuncDecl:
					made[n.Name.Name] = true
				case *ast.AssignStmt:
					for _, left := range n.Lhs {
						if name, ok := left.(*ast.Ident); ok && n.Tok == token.DEFINE {
							made[name.Name] = true
						}
					}
				}
				return true
			})
		}
		for _, name := range used {
			assert.True(t, made[name] || strings.Contains(prose, "`"+name+"`"), "%s: what is %s?", path, name)
		}
	}
}

// flat is a text without indentation, which differs between README and code.
func flat(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}

// documents are those whose statements have a table in the folder of that name.
var documents = []string{"kapiten", "kpay", "kasapay", "kotani", "fiatconnect", "bitpesa"}

// Each statement of a provider's document names where it is met and the tests that
// show it, or says why it cannot be met. A test that is renamed or deleted makes its
// statement false.
func TestEveryStatementOfTheDocumentsNamesATest(t *testing.T) {
	paths, err := filepath.Glob("documents/*.md")
	require.NoError(t, err)
	for _, name := range documents {
		assert.Contains(t, paths, filepath.Join("documents", name+".md"))
	}
	tests := map[string]map[string]bool{} // by package
	unmetRows := map[string]int{}
	for _, path := range paths {
		file, err := os.ReadFile(path)
		require.NoError(t, err)
		provider := strings.Replace(strings.TrimSuffix(filepath.Base(path), ".md"), "fiatconnect", "kotani", 1)
		source := sourceFor(t, provider)
		rows, head := 0, true
		stated := map[string]bool{}
		for line := range strings.Lines(string(file)) {
			if !strings.HasPrefix(line, "|") || strings.Trim(line, "|-: \n") == "" { // no row, or the line below the head
				continue
			}
			cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
			if !assert.Len(t, cells, 3, "%s: %s", path, line) {
				continue
			}
			statement, where, named := strings.TrimSpace(cells[0]), strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2])
			if head {
				assert.Equal(t, "statement, where it is met, test", statement+", "+where+", "+named, path)
				head = false
				continue
			}
			rows++
			assert.False(t, stated[statement], "%s: stated twice: %s", path, statement)
			stated[statement] = true
			assert.NotEmpty(t, where, "%s: %s", path, statement)
			for _, code := range inBackticks.FindAllStringSubmatch(where, -1) {
				assert.True(t, source.has(code[1]), "%s: there is no %s", path, code[0])
			}
			if reason, unmet := strings.CutPrefix(named, "not met: "); unmet {
				assert.NotEmpty(t, reason, "%s: %s", path, statement)
				unmetRows[provider]++
				continue
			}
			for one := range strings.SplitSeq(named, ",") {
				one = strings.Trim(strings.TrimSpace(one), "`")
				dot := strings.LastIndex(one, ".")
				if !assert.Positive(t, dot, "%s: names no test: %s", path, line) {
					continue
				}
				folder, test := one[:dot], one[dot+1:]
				if tests[folder] == nil {
					tests[folder] = testsOf(t, folder)
				}
				assert.True(t, tests[folder][test], "%s: there is no test %s", path, one)
			}
		}
		assert.NotZero(t, rows, path)
	}
	for provider, rows := range unmetRows {
		readme, err := os.ReadFile(filepath.Join(root, provider, "README.md"))
		require.NoError(t, err)
		_, list, found := strings.Cut(string(readme), "Not met, and why:\n\n")
		assert.True(t, found, provider)
		list, _, _ = strings.Cut(list, "\n\n")
		assert.Equal(t, rows, strings.Count("\n"+list, "\n- "), "%s/README.md has a line for each statement that is not met", provider)
	}
}

var (
	inBackticks = regexp.MustCompile("`([^`]+)`")
	symbol      = regexp.MustCompile(`^(?:[A-Za-z]\w*\.)*[A-Za-z]\w*$`)
)

// sources are the files in which a statement of a provider can be met.
type sources struct {
	files   map[string]bool            // by the end of their path: kpaytest/api.go
	words   map[string]bool            // that stand in code or in a text, not in a comment
	members map[string]map[string]bool // of a package or a type: what it declares
	embeds  map[string][]string        // the types that a type embeds
}

func sourceFor(t *testing.T, provider string) sources {
	t.Helper()
	s := sources{map[string]bool{}, map[string]bool{}, map[string]map[string]bool{}, map[string][]string{}}
	for _, folder := range []string{provider, provider + "/" + provider + "test", "webhook", "sdk", "sdk/fake", "internal/transport", "internal/wire"} {
		paths, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
		require.NoError(t, err)
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			s.files[filepath.Base(folder)+"/"+filepath.Base(path)] = true
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			require.NoError(t, err)
			s.read(file)
		}
	}
	return s
}

var oneWord = regexp.MustCompile(`\w+`)

func (s sources) read(file *ast.File) {
	pkg := file.Name.Name
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			s.words[n.Name] = true
		case *ast.BasicLit:
			for _, word := range oneWord.FindAllString(n.Value, -1) {
				s.words[word] = true
			}
		case *ast.FuncDecl:
			if n.Recv == nil {
				s.declare(pkg, n.Name)
			} else {
				s.declare(typeName(n.Recv.List[0].Type), n.Name)
			}
		case *ast.ValueSpec:
			s.declare(pkg, n.Names...)
		case *ast.TypeSpec:
			s.declare(pkg, n.Name)
			s.declare(n.Name.Name)
			ast.Inspect(n.Type, func(in ast.Node) bool {
				if field, ok := in.(*ast.Field); ok {
					s.declare(n.Name.Name, field.Names...)
					if len(field.Names) == 0 {
						s.embeds[n.Name.Name] = append(s.embeds[n.Name.Name], typeName(field.Type))
					}
				}
				return true
			})
		}
		return true
	})
}

func (s sources) declare(in string, names ...*ast.Ident) {
	if s.members[in] == nil {
		s.members[in] = map[string]bool{}
	}
	for _, name := range names {
		s.members[in][name.Name] = true
	}
}

// typeName is the last name of a type: of *T, pkg.T and T[X].
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// has reports whether there is a file or a symbol of that name: each name of a.b.c is
// declared by the one before it. What is neither, such as a piece of JSON, passes.
func (s sources) has(name string) bool {
	if strings.HasSuffix(name, ".go") {
		return s.files[name]
	}
	if !symbol.MatchString(name) {
		return true
	}
	names := strings.Split(name, ".")
	for i := range names[1:] {
		if !s.declares(names[i], names[i+1]) {
			return false
		}
	}
	return s.words[names[len(names)-1]]
}

func (s sources) declares(in, name string) bool {
	return s.members[in][name] || slices.ContainsFunc(s.embeds[in], func(e string) bool { return e != in && s.declares(e, name) })
}

// testsOf are the tests of a package, which may stand in a nested module.
func testsOf(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	require.NoError(t, err)
	found := map[string]bool{}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		require.NoError(t, err)
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && testName.MatchString(f.Name.Name) {
				found[f.Name.Name] = true
			}
		}
	}
	return found
}

var testName = regexp.MustCompile(`^(Test|Fuzz|Example)`)

// A name in the column "where" that is declared nowhere is noticed, and so is one that
// only a comment holds.
func TestASymbolThatNothingDeclaresIsNoticed(t *testing.T) {
	s := sourceFor(t, "kapiten")
	for _, name := range []string{"kapiten.PricingConfig", "CompaniesService.Find", "Config.BaseURL", "sdk.ErrDuplicate", "kapiten/rides.go", `{"a": 1}`, "external_id"} {
		assert.True(t, s.has(name), name)
	}
	for _, name := range []string{"kapiten.Nonsense.the", "bitpesa.PricingConfig", "PricingConfig.Nonsense", "kapiten.the", "kapiten/nonsense.go", "nonsense"} {
		assert.False(t, s.has(name), name)
	}
}
