package wire

import (
	"errors"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

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
