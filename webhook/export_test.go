package webhook

import "hash"

// KotaniV3SignatureWith is KotaniV3Signature with a hash that counts.
func KotaniV3SignatureWith(hash func() hash.Hash, secrets ...string) Authenticator {
	return Signature(SignatureConfig{Scheme: kotaniV3Scheme, Hash: hash}, secrets...)
}
