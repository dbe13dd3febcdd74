package kotani

// Country is the country code in the path of a Stellar or Tron operation. One
// that is not listed passes through.
type Country string

// The documented countries.
const (
	Kenya Country = "KE"
	Ghana Country = "GH"
)
