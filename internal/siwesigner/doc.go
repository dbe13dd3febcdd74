// Package siwesigner is a kotani.Signer with a private key in memory: what the
// root module leaves out, because neither Keccak nor secp256k1 is in the
// standard library. It serves the FiatConnect example and the test that holds a
// real signature against the fake; Verify is the other side of it.
//
// A wallet that holds real money keeps its key elsewhere: in a hardware module,
// or behind a signing service.
package siwesigner
