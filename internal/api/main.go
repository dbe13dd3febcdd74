// Command api prints the exported API of the public packages, those of modules of
// their own among them: one declaration after the other, without comments. The
// recorded copy in .ci/api.txt shows every change of it.
//
// With -hidden it prints instead which exported names stand for a type of an internal
// package, however they reach it: godoc shows no fields of those.
package main

import (
	"bufio"
	"cmp"
	"context"
	"flag"
	"fmt"
	"go/ast"
	"go/doc"
	"go/format"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const module = "github.com/kapiteni/kapiten-go"

func main() {
	onlyHidden := flag.Bool("hidden", false, "print the exported names of internal types")
	flag.Parse()
	folders, err := publicFolders(".")
	if err != nil {
		log.Fatal(err)
	}
	if *onlyHidden {
		if err := printHidden(os.Stdout, folders); err != nil {
			log.Fatal(err)
		}
		return
	}
	out := bufio.NewWriter(os.Stdout)
	fmt.Fprint(out, "The exported API, without comments. To record a change: go run ./internal/api >.ci/api.txt\n\n")
	for _, folder := range folders {
		if err := printAPI(out, folder); err != nil {
			log.Fatal(err)
		}
	}
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
}

// publicFolders are the folders whose packages a user can import: none below
// internal, examples or testdata.
func publicFolders(root string) (folders []string, err error) {
	return folders, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		name := entry.Name()
		if path != root && (strings.HasPrefix(name, ".") || name == "internal" || name == "examples" || name == "testdata" || name == "node_modules") {
			return filepath.SkipDir
		}
		if sources, _ := filepath.Glob(filepath.Join(path, "*.go")); len(sources) > 0 {
			folders = append(folders, path)
		}
		return nil
	})
}

func printAPI(out *bufio.Writer, folder string) error {
	set := token.NewFileSet()
	sources, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return err
	}
	var files []*ast.File
	for _, path := range sources {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	p, err := doc.NewFromFiles(set, files, path.Join(module, filepath.ToSlash(folder)))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "package %s\n\n", p.ImportPath)
	return printDecls(out, set, slices.Concat(values(p.Consts), values(p.Vars), funcs(p.Funcs), typesOf(p.Types)))
}

func printDecls(out *bufio.Writer, set *token.FileSet, decls []ast.Decl) error {
	texts := make([]string, 0, len(decls))
	for _, decl := range decls {
		var text strings.Builder
		if err := format.Node(&text, set, decl); err != nil {
			return err
		}
		texts = append(texts, strings.ReplaceAll(text.String(), "\n\n", "\n"))
	}
	// By name, so that moving a declaration to another file changes nothing.
	slices.SortFunc(texts, cmp.Compare[string])
	for _, text := range texts {
		fmt.Fprintln(out, text)
	}
	fmt.Fprintln(out)
	return nil
}

func values(list []*doc.Value) (decls []ast.Decl) {
	for _, v := range list {
		decls = append(decls, v.Decl)
	}
	return decls
}

func funcs(list []*doc.Func) (decls []ast.Decl) {
	for _, f := range list {
		f.Decl.Body = nil
		decls = append(decls, f.Decl)
	}
	return decls
}

func typesOf(list []*doc.Type) (decls []ast.Decl) {
	for _, t := range list {
		decls = append(decls, t.Decl)
		decls = slices.Concat(decls, values(t.Consts), values(t.Vars), funcs(t.Funcs), funcs(t.Methods))
	}
	return decls
}

func printHidden(out io.Writer, folders []string) error {
	importers := map[string]types.Importer{}
	for _, folder := range folders {
		root := moduleOf(folder)
		if importers[root] == nil {
			var err error
			if importers[root], err = compiled(root); err != nil {
				return err
			}
		}
		p, err := importers[root].Import(path.Join(module, filepath.ToSlash(folder)))
		if err != nil {
			return err
		}
		for _, name := range hidden(p) {
			fmt.Fprintln(out, name)
		}
	}
	return nil
}

// moduleOf is the folder of the module to which a folder belongs.
func moduleOf(folder string) string {
	for folder != "." {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			break
		}
		folder = filepath.Dir(folder)
	}
	return folder
}

// compiled takes what the compiler knows of a module's packages.
func compiled(root string) (types.Importer, error) {
	list := exec.CommandContext(context.Background(), "go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", "./...")
	list.Dir, list.Stderr = root, os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list in %s: %w", root, err)
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		files[name] = file
	}
	return importer.ForCompiler(token.NewFileSet(), "gc", func(name string) (io.ReadCloser, error) {
		return os.Open(files[name])
	}), nil
}

// hidden are the exported names of a package whose type an internal package declares: an
// alias of it, of an alias of it, or of a pointer to it or a list of it, and a variable.
func hidden(p *types.Package) (names []string) {
	for _, name := range p.Scope().Names() {
		object := p.Scope().Lookup(name)
		if object.Exported() && internal(object.Type()) {
			names = append(names, p.Name()+"."+name)
		}
	}
	return names
}

func internal(t types.Type) bool {
	switch t := types.Unalias(t).(type) {
	case *types.Named:
		return t.Obj().Pkg() != nil && strings.Contains(t.Obj().Pkg().Path()+"/", "/internal/")
	case interface{ Elem() types.Type }: // a pointer, list, map or channel
		return internal(t.Elem())
	}
	return false
}
