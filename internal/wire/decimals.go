package wire

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

// Bounds of a decimal on the wire. Python back ends do print 1e-05, so
// exponents are taken, but small ones only.
const (
	maxDecimalBytes    = 40
	maxDecimalFraction = 18
	maxDecimalExponent = 18
)

var (
	errDecimalForm  = errors.New("not a decimal number")
	errDecimalRange = errors.New("decimal number out of bounds")
)

// ParseDecimal reads a JSON number text: no plus sign, no leading dot, at most
// 40 bytes, 18 fraction digits and an exponent of magnitude 18. The text is
// never part of the error.
func ParseDecimal(text string) (decimal.Decimal, error) {
	if len(text) > maxDecimalBytes {
		return decimal.Decimal{}, errDecimalRange
	}
	rest := strings.TrimPrefix(text, "-")
	negative := len(rest) != len(text)

	whole := digits(rest)
	if whole == 0 || whole > 1 && rest[0] == '0' {
		return decimal.Decimal{}, errDecimalForm
	}
	rest = rest[whole:]

	fraction := 0
	if strings.HasPrefix(rest, ".") {
		fraction = digits(rest[1:])
		if fraction == 0 {
			return decimal.Decimal{}, errDecimalForm
		}
		if fraction > maxDecimalFraction {
			return decimal.Decimal{}, errDecimalRange
		}
		rest = rest[1+fraction:]
	}

	exponent := 0
	if rest != "" {
		if rest[0] != 'e' && rest[0] != 'E' {
			return decimal.Decimal{}, errDecimalForm
		}
		rest = rest[1:]
		sign := 1
		if rest != "" && (rest[0] == '+' || rest[0] == '-') {
			if rest[0] == '-' {
				sign = -1
			}
			rest = rest[1:]
		}
		if n := digits(rest); n == 0 || n != len(rest) {
			return decimal.Decimal{}, errDecimalForm
		}
		for _, c := range []byte(rest) {
			if exponent = exponent*10 + int(c-'0'); exponent > maxDecimalExponent {
				return decimal.Decimal{}, errDecimalRange
			}
		}
		exponent *= sign
	}

	if whole+fraction > 18 { // beyond int64: the library's own parser
		d, err := decimal.NewFromString(strings.Clone(text)) // so that text may stand on the stack
		if err != nil {
			return decimal.Decimal{}, errDecimalForm
		}
		return d, nil
	}
	var coefficient int64
	start := 0
	if negative {
		start = 1
	}
	for _, c := range []byte(text[start : start+whole]) {
		coefficient = coefficient*10 + int64(c-'0')
	}
	if fraction > 0 {
		for _, c := range []byte(text[start+whole+1 : start+whole+1+fraction]) {
			coefficient = coefficient*10 + int64(c-'0')
		}
	}
	if negative {
		coefficient = -coefficient
	}
	return decimal.New(coefficient, int32(exponent-fraction)), nil
}

// digits counts the leading decimal digits of s.
func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

// Decimal decodes a number, a numeric string or null. Valid is false for null,
// an empty string and a missing key: an absent amount is not zero.
type Decimal struct {
	Decimal decimal.Decimal
	Valid   bool
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *Decimal) UnmarshalJSON(data []byte) error {
	*d = Decimal{}
	if len(data) > 0 && (data[0] == '-' || '0' <= data[0] && data[0] <= '9') {
		value, err := ParseDecimal(string(data)) // mostly without allocating a text
		*d = Decimal{Decimal: value, Valid: err == nil}
		return err
	}
	text, err := scalar(data)
	if err != nil || text == "" {
		return err
	}
	value, err := ParseDecimal(text)
	if err != nil {
		return err
	}
	*d = Decimal{Decimal: value, Valid: true}
	return nil
}

// Null returns the amount as the public types show it where it may be absent.
func (d Decimal) Null() decimal.NullDecimal {
	return decimal.NullDecimal{Decimal: d.Decimal, Valid: d.Valid}
}

// Number encodes a decimal as a JSON number without an exponent: 1200.5.
type Number decimal.Decimal

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	d := decimal.Decimal(n)
	if !writable(d) {
		return nil, errDecimalRange
	}
	return []byte(d.String()), nil
}

// writable refuses what would print as thousands of digits.
func writable(d decimal.Decimal) bool {
	e := d.Exponent()
	return -maxDecimalFraction-maxDecimalExponent <= e && e <= maxDecimalExponent && d.NumDigits() <= maxDecimalBytes
}

// Fixed2 encodes a decimal as a string with two decimals: "100.00". A value
// that has more is an error, never rounded.
type Fixed2 decimal.Decimal

// MarshalJSON implements json.Marshaler.
func (f Fixed2) MarshalJSON() ([]byte, error) {
	d := decimal.Decimal(f)
	if !writable(d) {
		return nil, errDecimalRange
	}
	if !d.Equal(d.Truncate(2)) {
		return nil, errors.New("more than two decimals")
	}
	return []byte(`"` + d.StringFixed(2) + `"`), nil
}

// Integer encodes a whole decimal as a JSON integer. A fraction is an error.
type Integer decimal.Decimal

// MarshalJSON implements json.Marshaler.
func (i Integer) MarshalJSON() ([]byte, error) {
	d := decimal.Decimal(i)
	if !writable(d) {
		return nil, errDecimalRange
	}
	if !d.IsInteger() {
		return nil, errors.New("not a whole number")
	}
	if d.Exponent() == 0 && d.NumDigits() <= maxAmountDigits {
		return strconv.AppendInt(nil, d.IntPart(), 10), nil // the usual case
	}
	return []byte(d.BigInt().String()), nil
}

// IsCurrency reports an alphabetic code of ISO 4217, funds and metals included, as of
// 2026. The codes for tests (XTS) and for no currency (XXX) are no money. Codes that
// were withdrawn since 2024 still count, because amounts in them still appear.
func IsCurrency(code string) bool { return listed(currencies, code) }

// IsCountry reports an alpha-3 code of ISO 3166-1.
func IsCountry(code string) bool { return listed(countries, code) }

// listed looks for a code in a text of codes, each with a space on both sides.
func listed(codes, code string) bool {
	return len(code) == 3 && strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" && strings.Contains(codes, " "+code+" ")
}

const currencies = " AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD" +
	" CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD" +
	" GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD" +
	" LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR" +
	" PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD" +
	" TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF" +
	" XPT XSU XUA YER ZAR ZMW ZWG" +
	" ANG BGN CUC SLL ZWL " // withdrawn

const countries = " ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE BDI BEL BEN BES BFA BGD BGR BHR BHS" +
	" BIH BLM BLR BLZ BMU BOL BRA BRB BRN BTN BVT BWA CAF CAN CCK CHE CHL CHN CIV CMR COD COG COK COL COM CPV CRI CUB CUW" +
	" CXR CYM CYP CZE DEU DJI DMA DNK DOM DZA ECU EGY ERI ESH ESP EST ETH FIN FJI FLK FRA FRO FSM GAB GBR GEO GGY GHA GIB" +
	" GIN GLP GMB GNB GNQ GRC GRD GRL GTM GUF GUM GUY HKG HMD HND HRV HTI HUN IDN IMN IND IOT IRL IRN IRQ ISL ISR ITA JAM" +
	" JEY JOR JPN KAZ KEN KGZ KHM KIR KNA KOR KWT LAO LBN LBR LBY LCA LIE LKA LSO LTU LUX LVA MAC MAF MAR MCO MDA MDG MDV" +
	" MEX MHL MKD MLI MLT MMR MNE MNG MNP MOZ MRT MSR MTQ MUS MWI MYS MYT NAM NCL NER NFK NGA NIC NIU NLD NOR NPL NRU NZL" +
	" OMN PAK PAN PCN PER PHL PLW PNG POL PRI PRK PRT PRY PSE PYF QAT REU ROU RUS RWA SAU SDN SEN SGP SGS SHN SJM SLB SLE" +
	" SLV SMR SOM SPM SRB SSD STP SUR SVK SVN SWE SWZ SXM SYC SYR TCA TCD TGO THA TJK TKL TKM TLS TON TTO TUN TUR TUV TWN TZA" +
	" UGA UKR UMI URY USA UZB VAT VCT VEN VGB VIR VNM VUT WLF WSM YEM ZAF ZMB ZWE "

// LacksMoney recognises a refusal that speaks of money which is not there: "insufficient"
// and "funds", say, as whole words of one sentence and near each other. A text that also
// speaks of rights, or of what a gateway has, is none: a load balancer may have written it.
func LacksMoney(text string) bool {
	if !mayLack.MatchString(text) {
		return false // as most texts, cheaply
	}
	text = strings.ToLower(humps.ReplaceAllString(text, "$1 $2"))
	if foreign.MatchString(strings.ReplaceAll(text, "_", " ")) {
		return false
	}
	text = sentenceEnds.ReplaceAllString(strings.NewReplacer("'", "", "\u2019", "").Replace(text), " . ")
	text = strings.Join(strings.Fields(noWords.ReplaceAllString(text, " ")), " ")
	text = links.ReplaceAllString(text, "~")
	return lackOfMoney.MatchString(text) || moneyLacks.MatchString(text)
}

const (
	lack  = `(?:insufficient|(?:not|dont|doesnt) (?:have )?(?:enough|sufficient))`
	money = `(?:balances?|funds?|money|float|liquidity)`
)

var (
	mayLack      = regexp.MustCompile(`(?i)sufficient|enough|low`)
	humps        = regexp.MustCompile(`([a-z])([A-Z])`) // InsufficientFunds
	sentenceEnds = regexp.MustCompile(`[.,:;!?\n]`)
	noWords      = regexp.MustCompile(`[^a-z0-9.]`)

	// links lead from what is lacking to what it is for: "insufficient data for a refund".
	links = regexp.MustCompile(`\b(?:to|for|behind|on|at|by|with)\b`)

	lackOfMoney = regexp.MustCompile(`\b` + lack + `(?: [a-z0-9]+){0,3} ` + money + `\b|\blow (?:[a-z0-9]+ )?` + money + `\b`)
	// The lack ends the sentence, or its part: "insufficient threads" lacks something else.
	moneyLacks = regexp.MustCompile(`\b` + money + `(?: [a-z0-9~]+){0,4} (?:` + lack + `|low)(?:$| [.~]| (?:in|and|please)\b)`)

	foreign = regexp.MustCompile(`\b(?:gateways?|upstreams?|prox(?:y|ies)|balanc(?:ers?|ing)|backends?|(?:un)?healthy|targets?|servers?|hosts?|nodes?|` +
		`clusters?|instances?|replicas?|memory|bandwidth|capacity|connections?|sockets?|threads?|workers?|cpu|disk|resources?|firewall|` +
		`permissions?|privileges?|rights|scopes?|roles?|authori[sz]ation)\b`)
)
