// Package secrets holds the test that nothing prints a secret. The test plants a
// secret in every text field of every exported Config and of sdk.Error, hands
// the value to every encoder, and searches for the secret in what comes out.
//
// A new field is covered by itself. A new exported Config needs a row in the
// table: the test names each Config that has none.
package secrets
