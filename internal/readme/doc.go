// Package readme holds the tests that keep README.md true: its operation tables
// are those of the packages, and its Go snippets stand in files that compile.
package readme
