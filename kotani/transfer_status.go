package kotani

import "slices"

// TransferType is the direction of a transfer.
type TransferType string

// The directions (specification).
const (
	TransferTypeIn  TransferType = "TransferIn"  // fiat to crypto
	TransferTypeOut TransferType = "TransferOut" // crypto to fiat
)

// TransferStatus is the state of a transfer. One that is not listed passes
// through unharmed and is never final.
type TransferStatus string

// The states of the specification 1.2.5.
const (
	TransferStarted                       TransferStatus = "TransferStarted"
	TransferFiatFundsDebited              TransferStatus = "TransferFiatFundsDebited"
	TransferWaitingForUserAction          TransferStatus = "TransferWaitingForUserAction"
	TransferSendingCryptoFunds            TransferStatus = "TransferSendingCryptoFunds"
	TransferAmlFailed                     TransferStatus = "TransferAmlFailed" // final
	TransferReadyForUserToSendCryptoFunds TransferStatus = "TransferReadyForUserToSendCryptoFunds"
	TransferReceivedCryptoFunds           TransferStatus = "TransferReceivedCryptoFunds"
	TransferReceivedFiatFunds             TransferStatus = "TransferReceivedFiatFunds"
	TransferComplete                      TransferStatus = "TransferComplete" // final
	TransferFailed                        TransferStatus = "TransferFailed"   // final: fiat or crypto that arrived must go back
)

// Final reports whether no further status can follow (specification).
func (s TransferStatus) Final() bool {
	return s == TransferComplete || s == TransferFailed || s == TransferAmlFailed
}

// Next returns the states that can follow directly in a transfer of a type
// (specification). Whoever polls may miss some in between.
func (s TransferStatus) Next(t TransferType) []TransferStatus {
	switch t {
	case TransferTypeIn:
		switch s {
		case TransferStarted:
			return []TransferStatus{TransferFiatFundsDebited, TransferWaitingForUserAction, TransferFailed}
		case TransferFiatFundsDebited, TransferWaitingForUserAction:
			return []TransferStatus{TransferReceivedFiatFunds, TransferFailed}
		case TransferReceivedFiatFunds:
			return []TransferStatus{TransferSendingCryptoFunds, TransferFailed}
		case TransferSendingCryptoFunds:
			return []TransferStatus{TransferComplete, TransferFailed}
		}
	case TransferTypeOut:
		switch s {
		case TransferStarted:
			return []TransferStatus{TransferReadyForUserToSendCryptoFunds, TransferAmlFailed, TransferFailed}
		case TransferReadyForUserToSendCryptoFunds:
			return []TransferStatus{TransferReceivedCryptoFunds, TransferFailed}
		case TransferReceivedCryptoFunds:
			return []TransferStatus{TransferComplete, TransferFailed}
		}
	}
	return nil
}

// CanBecome reports whether a transfer of a type can get from s to another
// state, in one step or several.
func (s TransferStatus) CanBecome(t TransferType, later TransferStatus) bool {
	return slices.ContainsFunc(s.Next(t), func(next TransferStatus) bool {
		return next == later || next.CanBecome(t, later)
	})
}
