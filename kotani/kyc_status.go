package kotani

import "slices"

// KYCStatus is the state of a KYC record. One that is not listed passes through.
type KYCStatus string

// The states of the specification 1.2.5.
const (
	KYCNotCreated KYCStatus = "KycNotCreated"
	KYCPending    KYCStatus = "KycPending"
	KYCApproved   KYCStatus = "KycApproved"
	KYCDenied     KYCStatus = "KycDenied"
	KYCExpired    KYCStatus = "KycExpired"
)

// Decided reports whether the provider has made up its mind.
func (s KYCStatus) Decided() bool {
	return s == KYCApproved || s == KYCDenied || s == KYCExpired
}

// Next returns the states that can follow directly. The specification lists the
// states and no order: this one is inferred.
func (s KYCStatus) Next() []KYCStatus {
	switch s {
	case KYCNotCreated:
		return []KYCStatus{KYCPending, KYCApproved, KYCDenied}
	case KYCPending:
		return []KYCStatus{KYCApproved, KYCDenied}
	case KYCApproved:
		return []KYCStatus{KYCExpired}
	}
	return nil
}

// CanBecome reports whether a record can get from s to another state, in one
// step or several.
func (s KYCStatus) CanBecome(later KYCStatus) bool {
	return slices.ContainsFunc(s.Next(), func(next KYCStatus) bool {
		return next == later || next.CanBecome(later)
	})
}
