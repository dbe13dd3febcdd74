// Package fakeserver is the program behind examples/fakeserver: all fakes on one
// clock behind one address, an admin API and a console. It stands here because a
// second program, in a nested module, adds a check of FiatConnect signatures.
package fakeserver
