package kpay

import "strings"

// Code is a code of KPay's one list, which serves as retcode of a request and
// as statusid of a payment. A code this package does not know passes through
// unharmed.
//
// As the status of a payment (statusid), 0 and 03 are pending, 01 is paid, and
// 02, 606, 607 and every numeric code that is not listed here are failed: the
// vendor's guide calls any statusid other than 01 the mobile-money error
// ("682"). The codes from 401 to 605 and from 608 to 611 speak of a request,
// not of a payment.
type Code string

// The codes. Documented are those of the reference document; vendor are further
// ones of KPay's developer guide. The sentinel a code matches is in brackets.
const (
	CodeProcessing         Code = "0"   // documented: no error, being processed
	CodePaid               Code = "01"  // documented: successful payment
	CodeFailed             Code = "02"  // documented: payment failed [ErrDeclined]
	CodePending            Code = "03"  // documented: pending
	CodeNoCredentials      Code = "401" // documented: authentication header missing [ErrUnauthorized]
	CodeNotHTTPS           Code = "500" // documented: request not over HTTPS [ErrConfiguration]
	CodeBadCredentials     Code = "600" // documented: wrong username or password [ErrUnauthorized]
	CodeBadRemoteUser      Code = "601" // vendor: invalid remote user [ErrUnauthorized]
	CodeNotAllowListed     Code = "602" // documented: location or IP not whitelisted [ErrForbidden, ErrConfiguration]
	CodeMissingParameter   Code = "603" // documented: missing (vendor: or empty) parameter [ErrValidation]
	CodeUnknownRetailer    Code = "604" // vendor: unknown retailer [ErrConfiguration]
	CodeRetailerDisabled   Code = "605" // vendor: retailer not enabled [ErrConfiguration]
	CodeProcessingError    Code = "606" // vendor: error while processing, or refused by the processor [ErrDeclined]
	CodeMobileMoneyFailed  Code = "607" // vendor: mobile-money transaction failed [ErrDeclined]
	CodeDuplicate          Code = "608" // documented: refid already used [ErrDuplicate]
	CodeUnknownMethod      Code = "609" // vendor: unknown payment method [ErrValidation]
	CodeUnknownInstitution Code = "610" // vendor: unknown or disabled institution [ErrValidation]
	CodeNotFound           Code = "611" // documented: transaction not found [ErrNotFound]
)

// ParseCode reads a code in any spelling seen on the wire: " 1 ", "01" and "001"
// are CodePaid, "00" and "000" are CodeProcessing. What is no number is kept.
func ParseCode(text string) Code {
	text = strings.TrimSpace(text)
	if !numeric(text) {
		return Code(text)
	}
	switch digits := strings.TrimLeft(text, "0"); len(digits) {
	case 0:
		return CodeProcessing
	case 1:
		return Code("0" + digits)
	default:
		return Code(digits)
	}
}

// Pending reports whether the payment is still under way.
func (c Code) Pending() bool { return c.class() == classPending }

// Paid reports whether the payer has paid.
func (c Code) Paid() bool { return c.class() == classPaid }

// Failed reports whether the payment failed for good. See Code for the codes
// nobody has listed.
func (c Code) Failed() bool { return c.class() == classFailed }

// Final reports whether the payment is settled: paid or failed (that nothing
// follows is inferred).
func (c Code) Final() bool { return c.Paid() || c.Failed() }

// class sorts codes by what they speak of: first the payment, from classRequest
// on the request.
type class uint8

const (
	classUnknown class = iota // no number
	classPending
	classPaid
	classFailed
	classRequest // credentials, set-up, parameters
	classDuplicate
	classNotFound
)

func (c Code) class() class {
	switch c {
	case CodeProcessing, CodePending:
		return classPending
	case CodePaid:
		return classPaid
	case CodeDuplicate:
		return classDuplicate
	case CodeNotFound:
		return classNotFound
	case CodeNoCredentials, CodeNotHTTPS, CodeBadCredentials, CodeBadRemoteUser, CodeNotAllowListed, CodeMissingParameter,
		CodeUnknownRetailer, CodeRetailerDisabled, CodeUnknownMethod, CodeUnknownInstitution:
		return classRequest
	}
	if numeric(string(c)) {
		return classFailed
	}
	return classUnknown
}

// listed reports whether a failure code is KPay's own and not the processor's.
func (c Code) listed() bool {
	return c == CodeFailed || c == CodeProcessingError || c == CodeMobileMoneyFailed
}

func numeric(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
