package kotani

// FiatType is a currency of FiatConnect. One that is not listed passes through.
type FiatType string

// The currencies of the specification 1.2.5.
const (
	FiatUSD FiatType = "USD"
	FiatEUR FiatType = "EUR"
	FiatBRL FiatType = "BRL"
	FiatGNF FiatType = "GNF"
	FiatINR FiatType = "INR"
	FiatNGN FiatType = "NGN"
	FiatGHS FiatType = "GHS"
	FiatKES FiatType = "KES"
	FiatZAR FiatType = "ZAR"
	FiatPHP FiatType = "PHP"
	FiatUGX FiatType = "UGX"
	FiatGBP FiatType = "GBP"
	FiatXOF FiatType = "XOF"
	FiatRWF FiatType = "RWF"
	FiatCNY FiatType = "CNY"
	FiatXAF FiatType = "XAF"
	FiatARS FiatType = "ARS"
	FiatBOB FiatType = "BOB"
	FiatCLP FiatType = "CLP"
	FiatCOP FiatType = "COP"
	FiatFKP FiatType = "FKP"
	FiatGYD FiatType = "GYD"
	FiatPYG FiatType = "PYG"
	FiatPEN FiatType = "PEN"
	FiatSRD FiatType = "SRD"
	FiatUYU FiatType = "UYU"
	FiatVES FiatType = "VES"
	FiatMXN FiatType = "MXN"
	FiatPAB FiatType = "PAB"
)

// CryptoType is a coin of FiatConnect. One that is not listed passes through.
type CryptoType string

// The coins of the specification 1.2.5.
const (
	CryptoCUSD  CryptoType = "cUSD"
	CryptoCEUR  CryptoType = "cEUR"
	CryptoCREAL CryptoType = "cREAL"
	CryptoCELO  CryptoType = "CELO"
)
