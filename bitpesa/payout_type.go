package bitpesa

// PayoutType is a corridor: currency and way of payout. Types not named here,
// and types of three parts as the info endpoint shows them, pass through; no
// details are required of them.
type PayoutType string

// The corridors whose details are documented. TZSMobile and NGNMobile are from
// BitPesa's API of 2019. XXX::Balance exists for any currency: see BalancePayout.
const (
	NGNBank   PayoutType = "NGN::Bank"
	NGNMobile PayoutType = "NGN::Mobile"
	GHSBank   PayoutType = "GHS::Bank"
	GHSMobile PayoutType = "GHS::Mobile"
	UGXMobile PayoutType = "UGX::Mobile"
	UGXBank   PayoutType = "UGX::Bank"
	TZSMobile PayoutType = "TZS::Mobile"
	XOFMobile PayoutType = "XOF::Mobile"
	XOFBank   PayoutType = "XOF::Bank"
	XOFCash   PayoutType = "XOF::Cash"
	XAFMobile PayoutType = "XAF::Mobile"
	XAFBank   PayoutType = "XAF::Bank"
	GNFMobile PayoutType = "GNF::Mobile"
	KESBank   PayoutType = "KES::Bank"
	KESMobile PayoutType = "KES::Mobile"
	EURBank   PayoutType = "EUR::Bank"
	GBPBank   PayoutType = "GBP::Bank"
	ZARBank   PayoutType = "ZAR::Bank"
	MADCash   PayoutType = "MAD::Cash"
	USDBank   PayoutType = "USD::Bank"
	USDCash   PayoutType = "USD::Cash"
	EGPBank   PayoutType = "EGP::Bank"
	EGPCash   PayoutType = "EGP::Cash"
	BRLBank   PayoutType = "BRL::Bank"
	CADBank   PayoutType = "CAD::Bank"
	NZDBank   PayoutType = "NZD::Bank"
	BWPBank   PayoutType = "BWP::Bank"
	ZMWBank   PayoutType = "ZMW::Bank"
	BTC       PayoutType = "BTC"
)

// BalancePayout is the payout to another balance with BitPesa: "USD::Balance".
func BalancePayout(currency string) PayoutType { return PayoutType(currency + "::Balance") }
