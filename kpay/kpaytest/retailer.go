package kpaytest

// Retailer is a merchant as KPay knows it: the retailerid of a pay request.
type Retailer struct {
	ID       string // leading zeros count
	Name     string // shown on the checkout page
	Disabled bool   // pay answers 605
}

func (f *Fake) retailer(id string) (Retailer, bool) {
	for _, r := range f.config.Retailers {
		if r.ID == id {
			return r, true
		}
	}
	return Retailer{}, false
}

// enabledRetailer is the first one that can be paid, if any.
func (f *Fake) enabledRetailer() string {
	for _, r := range f.config.Retailers {
		if !r.Disabled {
			return r.ID
		}
	}
	return ""
}
