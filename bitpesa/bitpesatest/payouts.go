package bitpesatest

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/bitpesa"
)

// maxFailures is how many attempts of a payout fail before its recipient becomes
// manual (assumed).
const maxFailures = 5

// retryAfter is the wait before a failed payout is tried again (assumed).
func retryAfter(failures int) time.Duration {
	waits := []time.Duration{10 * time.Minute, time.Hour, 4 * time.Hour, 12 * time.Hour}
	return waits[min(max(failures, 1), len(waits))-1]
}

// startPayout sends a recipient's money on its way, unless the trait
// account_validation stops it. The lock is held.
func (f *Fake) startPayout(a *account, t *transaction, r *recipient) {
	m := a.PayoutMethods.Find(r.PayoutMethodID)
	r.Attempt++
	r.Edited, r.Blocked = false, ""
	if t.AccountCheck && !f.accountFits(r, m) {
		f.failPayout(a, t, r, r.Code)
		return
	}
	r.Code = "1"
	if cash(m.Type) {
		r.Code = "21"
		r.Metadata = maps.Clone(orEmpty(r.Metadata))
		if blank(r.Metadata["payment_reference"]) { // an edit keeps the reference
			r.Metadata["payment_reference"] = strings.ToUpper(f.world.IDs(name).Hex(10))
		}
	}
	f.moveRecipient(a, t, r, bitpesa.RecipientPending)
	f.world.After(f.config.EndsAfter, name, eventPayout, payoutKey(r))
}

// payoutKey names an attempt, so that a late event of an older attempt is told
// apart.
func payoutKey(r *recipient) string { return fmt.Sprintf("%s/%d", r.ID, r.Attempt) }

func (f *Fake) recipientOfKey(key string) (*account, *transaction, *recipient) {
	id, attempt, _ := strings.Cut(key, "/")
	a, r := find(f.state, recipients, id)
	if r == nil || attempt != strconv.Itoa(r.Attempt) {
		return nil, nil, nil
	}
	return a, a.Transactions.Find(r.TransactionID), r
}

// payoutDue is when the provider reports: the magic numbers say what.
func (f *Fake) payoutDue(key string) {
	a, t, r := f.recipientOfKey(key)
	if r == nil || r.State != bitpesa.RecipientPending || !t.payingOut() {
		return
	}
	m := a.PayoutMethods.Find(r.PayoutMethodID)
	switch code := payoutCode(m.Type, m.Details); category(code) {
	case categoryPaid:
		f.succeedPayout(a, t, r)
	case categoryPending:
		r.Code = code
	default:
		f.failPayout(a, t, r, code)
	}
}

func (f *Fake) succeedPayout(a *account, t *transaction, r *recipient) {
	r.Code, r.CancelRequested, r.Blocked = codePaid, false, ""
	if strings.HasSuffix(a.PayoutMethods.Find(r.PayoutMethodID).Type, "::Balance") {
		f.credit(a, r.OutputCurrency, r.Output, entryPayout, r.ID)
	}
	f.moveRecipient(a, t, r, bitpesa.RecipientSuccess)
	f.finish(a, t)
}

// failPayout notes that the money did not arrive. A cancellation asked for
// meanwhile happens now. New details are tried at once. A temporary error is
// retried on the clock.
func (f *Fake) failPayout(a *account, t *transaction, r *recipient, code string) {
	r.Code = code
	r.Failures++
	f.moveRecipient(a, t, r, bitpesa.RecipientError)
	if t.State != bitpesa.TransactionManual && t.State != bitpesa.TransactionProcessing {
		f.move(a, t, bitpesa.TransactionManual)
	}
	switch {
	case r.CancelRequested:
		f.moveRecipient(a, t, r, bitpesa.RecipientCanceled)
		f.finish(a, t)
	case r.Edited:
		f.startPayout(a, t, r)
	case !r.retriable():
	case r.Failures >= maxFailures:
		f.moveRecipient(a, t, r, bitpesa.RecipientManual)
	default:
		f.world.After(retryAfter(r.Failures), name, eventRetry, payoutKey(r))
	}
}

// retryDue tries a payout again.
func (f *Fake) retryDue(key string) {
	a, t, r := f.recipientOfKey(key)
	if r != nil && r.State == bitpesa.RecipientError && t.payingOut() {
		f.startPayout(a, t, r)
	}
}

// accountFits asks the bank or the operator about the account, in the corridors
// where the vendor asks, and notes the result. If the account does not fit, Code
// and Blocked say why.
func (f *Fake) accountFits(r *recipient, m *payoutMethod) bool {
	code, method, _ := strings.Cut(m.Type, "::")
	name := ""
	provider := text(m.Details, "mobile_provider")
	switch {
	case m.Type == "NGN::Bank" || m.Type == "GHS::Bank" || m.Type == "GHS::Mobile":
		name = "provider_name_validation"
	case m.Type == "XAF::Mobile" && provider == "mtn":
		name = "provider_account_status_validation"
	case (m.Type == "XOF::Mobile" || m.Type == "XAF::Mobile") && provider == "orange":
		name = "provider_network_validation"
	default:
		return true
	}
	q := inquire(code, method, m.Details)
	fits := q.fault == ""
	switch {
	case f.state.Outage || !fits && q.field == "account_name":
		fits = false
		r.Code, r.Blocked = "3", "The account could not be verified. It will be tried again; the recipient can also be edited or cancelled."
	case q.field == "account_name" && !strings.EqualFold(text(m.Details, "first_name")+" "+text(m.Details, "last_name"), q.value):
		fits = false
		r.Code, r.Blocked = "44", "The recipient's name is not the account holder's. Edit or cancel the recipient."
	case !fits:
		r.Code, r.Blocked = "41", "The account does not fit the recipient's details. Edit or cancel the recipient."
	}
	r.Metadata = maps.Clone(orEmpty(r.Metadata))
	r.Metadata[name] = object{"valid?": fits, q.field: orNull(q.value)}
	return fits
}

// Reason codes of the magic numbers.
const (
	codePaid    = "0"
	codePending = "14"
)

// payoutCode is the reason code which the suffix of a bank account or a phone
// number asks for, as the vendor's sandbox documents it. Any other number is paid
// (assumed).
func payoutCode(payoutType string, details object) string {
	number := digits(text(details, "bank_account"))
	if strings.HasSuffix(payoutType, "::Mobile") {
		number = digits(text(details, "phone_number"))
	}
	for _, m := range magicNumbers(payoutType, details) {
		if strings.HasSuffix(number, m.suffix) {
			return m.code
		}
	}
	return codePaid
}

type magic struct{ suffix, code string }

// magicNumbers are tried in order, so the longer suffix comes first.
func magicNumbers(payoutType string, details object) []magic {
	number := digits(text(details, "phone_number"))
	switch payoutType {
	case "GHS::Bank", "GHS::Mobile":
		return []magic{{"01", codePending}, {"18", "3"}, {"39", "421"}, {"19", "5"}}
	case "NGN::Bank":
		return []magic{{"01", codePending}, {"08", "3"}, {"19", "416"}, {"71", "511"}}
	case "UGX::Mobile":
		if ugandan(details, number) == "airtel" {
			return []magic{{"11", codePending}, {"18", "331"}, {"19", "42"}, {"49", "5"}}
		}
		// The table says 09, its own example ends in 19.
		return []magic{{"18", "331"}, {"09", "414"}, {"19", "414"}, {"1", codePending}}
	case "XAF::Mobile":
		if text(details, "country") == "GA" || strings.HasPrefix(number, "241") {
			return []magic{{"08", "3"}, {"09", "423"}, {"1", codePending}}
		}
		return []magic{{"01", codePending}, {"38", "3"}, {"69", "42"}, {"09", "531"}}
	case "XOF::Mobile":
		return []magic{{"01", codePending}, {"38", "3"}, {"69", "42"}, {"09", "531"}}
	}
	return nil
}

// ugandan is the operator of a number: the named operator, or else the owner of
// the prefix (assumed).
func ugandan(details object, number string) string {
	if p := text(details, "mobile_provider"); p != "" {
		return p
	}
	national := strings.TrimLeft(strings.TrimPrefix(number, "256"), "0")
	for _, prefix := range []string{"70", "74", "75"} {
		if strings.HasPrefix(national, prefix) {
			return "airtel"
		}
	}
	return "mtn"
}

func digits(s string) string {
	return strings.Map(func(c rune) rune {
		if c < '0' || c > '9' {
			return -1
		}
		return c
	}, s)
}
