package kotani

import "github.com/kapiteni/kapiten-go/sdk"

// FiatConnectCode is an error code of the FiatConnect specification, and a
// sentinel for errors.Is. It is Error.Code, too. A code that is not listed
// passes through there.
type FiatConnectCode string

// Error is the code itself.
func (c FiatConnectCode) Error() string { return string(c) }

// The codes of the specification 1.2.5.
const (
	ErrInvalidSignature          FiatConnectCode = "InvalidSignature"
	ErrGeoNotSupported           FiatConnectCode = "GeoNotSupported"
	ErrCryptoAmountTooLow        FiatConnectCode = "CryptoAmountTooLow"  // see Error.QuoteLimits
	ErrCryptoAmountTooHigh       FiatConnectCode = "CryptoAmountTooHigh" // see Error.QuoteLimits
	ErrFiatAmountTooLow          FiatConnectCode = "FiatAmountTooLow"    // see Error.QuoteLimits
	ErrFiatAmountTooHigh         FiatConnectCode = "FiatAmountTooHigh"   // see Error.QuoteLimits
	ErrCryptoNotSupported        FiatConnectCode = "CryptoNotSupported"
	ErrFiatNotSupported          FiatConnectCode = "FiatNotSupported"
	ErrUnsupportedSchema         FiatConnectCode = "UnsupportedSchema"
	ErrInvalidSchema             FiatConnectCode = "InvalidSchema"
	ErrResourceExists            FiatConnectCode = "ResourceExists"   // matches ErrDuplicate, too
	ErrResourceNotFound          FiatConnectCode = "ResourceNotFound" // matches ErrNotFound, too
	ErrTransferNotAllowed        FiatConnectCode = "TransferNotAllowed"
	ErrKycExpired                FiatConnectCode = "KycExpired"
	ErrSessionUnauthorized       FiatConnectCode = "Unauthorized"      // matches ErrUnauthorized, too
	ErrSessionExpired            FiatConnectCode = "SessionExpired"    // matches ErrUnauthorized, too
	ErrInvalidParameters         FiatConnectCode = "InvalidParameters" // matches ErrValidation, too
	ErrContractLoginNotSupported FiatConnectCode = "ContractLoginNotSupported"
	ErrNonceInUse                FiatConnectCode = "NonceInUse"
	ErrIssuedTooEarly            FiatConnectCode = "IssuedTooEarly"
	ErrExpirationTooLong         FiatConnectCode = "ExpirationTooLong"
	ErrInvalidFiatAccount        FiatConnectCode = "InvalidFiatAccount" // the account does not fit this transfer
	ErrInvalidQuote              FiatConnectCode = "InvalidQuote"       // expired, unknown, another's, or of the other direction
)

// specified reports whether the code is one of the above.
func (c FiatConnectCode) specified() bool {
	switch c {
	case ErrInvalidSignature, ErrGeoNotSupported, ErrCryptoAmountTooLow, ErrCryptoAmountTooHigh, ErrFiatAmountTooLow,
		ErrFiatAmountTooHigh, ErrCryptoNotSupported, ErrFiatNotSupported, ErrUnsupportedSchema, ErrInvalidSchema,
		ErrResourceExists, ErrResourceNotFound, ErrTransferNotAllowed, ErrKycExpired, ErrSessionUnauthorized,
		ErrSessionExpired, ErrInvalidParameters, ErrContractLoginNotSupported, ErrNonceInUse, ErrIssuedTooEarly,
		ErrExpirationTooLong, ErrInvalidFiatAccount, ErrInvalidQuote:
		return true
	}
	return false
}

// kinds are the sentinels a code matches.
func (c FiatConnectCode) reasons() []error {
	switch c {
	case ErrResourceExists:
		return []error{sdk.ErrDuplicate, c}
	case ErrResourceNotFound:
		return []error{sdk.ErrNotFound, c}
	case ErrInvalidSignature, ErrSessionUnauthorized, ErrSessionExpired, ErrContractLoginNotSupported,
		ErrNonceInUse, ErrIssuedTooEarly, ErrExpirationTooLong:
		return []error{sdk.ErrUnauthorized, c}
	case ErrInvalidParameters, ErrInvalidSchema, ErrUnsupportedSchema:
		return []error{sdk.ErrValidation, c}
	}
	return []error{c}
}
