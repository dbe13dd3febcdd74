package kpay

// Method is how the payer pays (pmethod). A method this package does not know
// passes through; KPay answers it with code 609.
type Method string

// The documented methods.
const (
	MethodMoMo      Method = "momo"      // MTN and Airtel mobile money; the payer approves on the handset
	MethodCard      Method = "cc"        // Visa, MasterCard and others, on the hosted checkout page
	MethodBank      Method = "bank"      // needs a BankID
	MethodSPENN     Method = "spenn"     // SPENN
	MethodSmartCash Method = "smartcash" // SmartCash; the vendor's newer guide puts it under "cc"
)

// defaultBank is the institution of a method, where there is only one (observed
// in public clients). For mobile money the number's prefix tells the network.
func (m Method) defaultBank(msisdn string) BankID {
	switch m {
	case MethodMoMo:
		return networkOf(msisdn)
	case MethodCard, MethodSmartCash:
		return BankCards
	case MethodSPENN:
		return BankSPENN
	}
	return ""
}

// networkOf tells the mobile-money network of a Rwandan number.
func networkOf(msisdn string) BankID {
	if len(msisdn) == len("250780000000") && msisdn[:3] == "250" {
		msisdn = "0" + msisdn[3:]
	}
	if len(msisdn) != len("0780000000") {
		return ""
	}
	switch msisdn[:3] {
	case "078", "079":
		return BankMTN
	case "072", "073":
		return BankAirtel
	}
	return ""
}
