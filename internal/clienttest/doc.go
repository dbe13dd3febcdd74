// Package clienttest is test support for clients, where a stateful fake behaves too
// well: scripted responses, a handler behind in-memory pipes, the failures that a
// write must survive, and the comparison of a call with the same call by hand.
package clienttest
