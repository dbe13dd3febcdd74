package fakeserver

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// .ci/run takes its list of providers from the same folders.
func TestEachFolderWithAFakeIsAProviderOfTheTable(t *testing.T) {
	folders, err := filepath.Glob("../../*/*test")
	require.NoError(t, err)
	var found, named []string
	for _, folder := range folders {
		if name := filepath.Base(filepath.Dir(folder)); filepath.Base(folder) == name+"test" {
			found = append(found, name)
		}
	}
	for _, p := range providers() {
		named = append(named, p.name)
	}
	assert.ElementsMatch(t, named, found)
}

func TestTheREADMENamesEachProviderOfTheTable(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	for _, p := range providers() {
		row := regexp.MustCompile(`(?m)^\| .*\b` + p.name + `\b.*\b` + p.name + `test\b.*\|$`)
		assert.True(t, row.Match(readme), "no row of a table with %s and %stest", p.name, p.name)
		assert.True(t, regexp.MustCompile(`\b`+p.title+`\b`).Match(readme), "no %s", p.title)
	}
}

// examples/conform and sdk/sim open each fake in their own way. The table names what
// they must open.
func TestConformAndTheSimulationKnowEachProviderOfTheTable(t *testing.T) {
	conform, err := os.ReadFile("../../examples/conform/providers.go")
	require.NoError(t, err)
	days, err := os.ReadFile("../../sdk/sim/banks.go")
	require.NoError(t, err)
	for _, p := range providers() {
		assert.Regexp(t, `&bank\{name: "`+p.name+`"`, string(days))
		for _, e := range p.endpoints {
			assert.Regexp(t, `(?m)^\t\{"`+e.name+`", open`, string(conform))
		}
	}
}
