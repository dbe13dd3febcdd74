// Package stage holds what tests of clients play against where a stateful fake
// is too well-behaved: scripted answers, and a handler behind in-memory pipes.
package stage
