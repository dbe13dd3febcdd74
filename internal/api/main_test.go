package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// known are packages that were checked, by import path.
type known map[string]*types.Package

func (k known) Import(path string) (*types.Package, error) { return k[path], nil }

func (k known) check(t *testing.T, path, source string) *types.Package {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "x.go", source, parser.SkipObjectResolution)
	require.NoError(t, err)
	p, err := (&types.Config{Importer: k}).Check(path, set, []*ast.File{file}, nil)
	require.NoError(t, err)
	k[path] = p
	return p
}

func TestAnExportedNameOfAnInternalTypeIsFound(t *testing.T) {
	k := known{}
	k.check(t, "example.com/m/internal/core", "package core; type T struct{}; type G[X any] struct{ F X }; func F() T { return T{} }")
	k.check(t, "example.com/m/sdk", "package sdk; type T struct{}; type G[X any] struct{ F X }")
	for _, of := range []struct {
		source string
		want   []string
	}{
		{`import "example.com/m/internal/core"; type X = core.T`, []string{"p.X"}},
		{`import tr "example.com/m/internal/core"; type X = tr.T`, []string{"p.X"}},
		{`import . "example.com/m/internal/core"; type X = T`, []string{"p.X"}},
		{`import "example.com/m/internal/core"; type x = core.T; type X = x`, []string{"p.X"}},
		{`import "example.com/m/internal/core"; type x = core.T; type y = x; type ( Z = *y; L = []y )`, []string{"p.L", "p.Z"}},
		{`import "example.com/m/internal/core"; type X[A any] = core.G[A]; type Y = X[int]`, []string{"p.X", "p.Y"}},
		{`import "example.com/m/internal/core"; var X = core.F()`, []string{"p.X"}},

		{`import "example.com/m/internal/core"; type x = core.T; type X struct{ f x }; func F() x { return x{} }`, nil},
		{`import "example.com/m/sdk"; type X = sdk.T; type Y = sdk.G[int]; type M = map[string]any; type E = error`, nil},
	} {
		assert.Equal(t, of.want, hidden(k.check(t, "example.com/m/p", "package p; "+of.source)), of.source)
	}
}
