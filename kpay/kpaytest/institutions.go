package kpaytest

// isMethod knows the pmethod values of the reference document.
func isMethod(name string) bool {
	switch name {
	case methodCard, "momo", "bank", "spenn", "smartcash":
		return true
	}
	return false
}

// isBank knows the bankid values of the reference document (first line) and
// those the vendor's guide adds. That each is open to every method is assumed.
func isBank(id string) bool {
	switch id {
	case "040", "130", "63510", "63514", "000", "63502",
		"010", "070", "100", "115", "145", "160", "192", "400", "750", "800", "900", "950", "951", "63501":
		return true
	}
	return false
}
