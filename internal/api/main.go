// Command api prints the exported API of the public packages, those of modules of
// their own among them: one declaration after the other, without comments. The
// recorded copy in .ci/api.txt shows every change of it.
package main

import (
	"bufio"
	"cmp"
	"fmt"
	"go/ast"
	"go/doc"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	folders, err := publicFolders(".")
	if err != nil {
		log.Fatal(err)
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
	p, err := doc.NewFromFiles(set, files, "github.com/kapiteni/kapiten-go/"+filepath.ToSlash(folder))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "package %s\n\n", p.ImportPath)
	return printDecls(out, set, slices.Concat(values(p.Consts), values(p.Vars), funcs(p.Funcs), types(p.Types)))
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

func types(list []*doc.Type) (decls []ast.Decl) {
	for _, t := range list {
		decls = append(decls, t.Decl)
		decls = slices.Concat(decls, values(t.Consts), values(t.Vars), funcs(t.Funcs), funcs(t.Methods))
	}
	return decls
}
