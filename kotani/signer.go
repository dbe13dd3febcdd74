package kotani

import "context"

// Signer signs FiatConnect logins with the key of a wallet. It is yours, since
// neither Keccak nor secp256k1 is in the standard library; a few lines around
// any Ethereum library are one, and so is a remote signing service.
type Signer interface {
	// Address is the wallet's address: 0x and 40 hex digits, in the mixed case
	// of EIP-55 (required by FiatConnect for accounts with a key; neither
	// computed nor checked by this package).
	Address() string
	// SignMessage signs a login message by EIP-191 ("personal sign"): the hash
	// is Keccak-256 over "\x19Ethereum Signed Message:\n", the message's length
	// in decimal, and the message. The signature of an account with a key is the
	// 65 bytes r, s, v with v being 27 or 28; that of a contract (EIP-1271) is
	// whatever the contract takes. ctx ends after two minutes and with no
	// single caller: all that wait for a session wait for one signature.
	SignMessage(ctx context.Context, message []byte) ([]byte, error)
}
