// Package readme holds the tests that keep each README.md true: the operation tables
// are those of the packages, and the Go snippets stand in files that compile.
//
// The folder documents has a table for each provider's document: each statement, where
// it is met, and the tests that show it. The 541 statements of the five documents stand
// in some 370 rows: statements with one rule and the same tests share a row, such as
// "six fields are required strings", or the members of a sample.
package readme
