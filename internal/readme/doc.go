// Package readme holds the tests that keep each README.md true: the operation tables
// are those of the packages, and the Go snippets stand in files that compile.
package readme
