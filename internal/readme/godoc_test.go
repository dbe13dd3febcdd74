package readme

import (
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk"
)

// Each promoted field is one that a reader of a Config must be able to find.
func TestEachConfigNamesTheOptionsItTakes(t *testing.T) {
	for provider := range rows() {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, provider, "client.go"), nil, parser.ParseComments)
		require.NoError(t, err)
		doc := ""
		ast.Inspect(file, func(n ast.Node) bool {
			if field, ok := n.(*ast.Field); ok && len(field.Names) == 0 && typeName(field.Type) == "Options" {
				doc += field.Doc.Text()
			}
			return true
		})
		for _, field := range reflect.VisibleFields(reflect.TypeFor[sdk.Options]()) {
			assert.Regexp(t, `\b`+field.Name+`\b`, doc, "%s.Config", provider)
		}
	}
}

// go doc of a fake shows an embedded Control without its methods, so a comment lists them.
func TestEachFakeListsTheMethodsOfControl(t *testing.T) {
	want := methodsOf(t, filepath.Join(root, "sdk", "fake"), "Control")
	require.Contains(t, want, "AddFault(f fake.Fault) error")
	comments := map[string]bool{}
	for provider := range rows() {
		files, err := filepath.Glob(filepath.Join(root, provider, provider+"test", "*.go"))
		require.NoError(t, err)
		fakes := 0
		for _, path := range files {
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
			require.NoError(t, err)
			ast.Inspect(file, func(n ast.Node) bool {
				if field, ok := n.(*ast.Field); ok && len(field.Names) == 0 && typeName(field.Type) == "Control" {
					fakes++
					comments[field.Doc.Text()] = true
					says, list, _ := strings.Cut(field.Doc.Text(), "\n\n\t")
					assert.Equal(t, "Control has what every fake has; go doc sdk/fake.Control says more:", says, path)
					assert.ElementsMatch(t, want, strings.Split(strings.TrimSuffix(list, "\n"), "\n\t"), path)
				}
				return true
			})
		}
		assert.Positive(t, fakes, "%s has no fake", provider)
	}
	assert.Len(t, comments, 1, "the comments differ")
}

// methodsOf are the signatures of a type's exported methods, as other packages write them.
func methodsOf(t *testing.T, folder, receiver string) (signatures []string) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	require.NoError(t, err)
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		require.NoError(t, err)
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || !f.Name.IsExported() || typeName(f.Recv.List[0].Type) != receiver {
				continue
			}
			ast.Inspect(f.Type, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.SelectorExpr:
					return false // has its package
				case *ast.Ident:
					if n.IsExported() {
						n.Name = file.Name.Name + "." + n.Name
					}
				}
				return true
			})
			var text strings.Builder
			require.NoError(t, format.Node(&text, token.NewFileSet(), f.Type))
			signatures = append(signatures, f.Name.Name+strings.TrimPrefix(text.String(), "func"))
		}
	}
	return signatures
}

// module is what the packages of the root module declare.
type module struct {
	sources
	packages, funcs map[string]bool // "days", "days.KPay"
}

var (
	bareSentinel = regexp.MustCompile(`(?:^|[^.\w])(Err[A-Z]\w*)`)
	qualified    = regexp.MustCompile(`\b([a-z]\w*)((?:\.[A-Z]\w*)+)`)
)

// unknown are the names in a comment of a package that nothing declares: a sentinel
// without its package, or a member of a package.
func (m module) unknown(pkg, comment string) (names []string) {
	for _, found := range bareSentinel.FindAllStringSubmatch(comment, -1) {
		if !m.members[pkg][found[1]] {
			names = append(names, found[1])
		}
	}
	for _, found := range qualified.FindAllStringSubmatch(comment, -1) {
		path := strings.Split(found[0], ".")
		if !m.packages[path[0]] { // no package of this module
			continue
		}
		if !m.has(found[0]) || len(path) > 2 && m.funcs[path[0]+"."+path[1]] {
			names = append(names, found[0])
		}
	}
	return names
}

// A reader copies the names of a comment into his program.
func TestCommentsNameOnlyWhatExists(t *testing.T) {
	m := module{sources{map[string]bool{}, map[string]bool{}, map[string]map[string]bool{}, map[string][]string{}}, map[string]bool{}, map[string]bool{}}
	files, set := map[string]*ast.File{}, token.NewFileSet()
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, err := os.Stat(filepath.Join(path, "go.mod"))
			if path != root && (err == nil || strings.HasPrefix(d.Name(), ".") || d.Name() == "examples" || d.Name() == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		files[path] = file
		m.read(file)
		m.packages[file.Name.Name] = true
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				m.funcs[file.Name.Name+"."+f.Name.Name] = true
			}
		}
		return nil
	}))
	for path, file := range files {
		for _, group := range file.Comments {
			for _, comment := range group.List {
				for _, name := range m.unknown(file.Name.Name, comment.Text) {
					t.Errorf("%s:%d: there is no %s", path, set.Position(comment.Pos()).Line, name)
				}
			}
		}
	}
	for comment, unknown := range map[string][]string{
		"an ErrNotFound of the SDK":         {"ErrNotFound"},
		"an sdk.ErrNotFound":                nil,
		"days.KPay.Config":                  {"days.KPay.Config"},
		"day := days.KPay(), day.Config":    nil,
		"kpay.Nonsense and kpay.Config":     {"kpay.Nonsense"},
		"kpay.Config.Nonsense":              {"kpay.Config.Nonsense"},
		"kpay.Config.BaseURL, http.Request": nil,
	} {
		assert.Equal(t, unknown, m.unknown("kpay", comment), comment)
	}
}
