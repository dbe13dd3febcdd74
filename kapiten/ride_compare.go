package kapiten

import (
	"math"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// rideShown is what a response may show of the request, beside the fields of a Ride
// (assumed).
type rideShown struct {
	CompanyID        string              `json:"company_id"`
	PickupAddress    string              `json:"pickup_address"`
	PickupLatitude   decimal.NullDecimal `json:"pickup_latitude"`
	PickupLongitude  decimal.NullDecimal `json:"pickup_longitude"`
	DropoffAddress   string              `json:"dropoff_address"`
	DropoffLatitude  decimal.NullDecimal `json:"dropoff_latitude"`
	DropoffLongitude decimal.NullDecimal `json:"dropoff_longitude"`
	Sender           contactShown        `json:"sender"`
	Receiver         contactShown        `json:"receiver"`
}

type contactShown struct {
	Phone string `json:"phone"`
}

// compare holds a ride against the parameters, as far as the response shows them. It
// reports whether the response shows where the ride goes, or for whom. A request has
// no price to compare.
func (p *CreateRideParams) compare(ride *Ride, w *rideShown) (c transport.Comparison, shown bool) {
	switch {
	case ride.external == externalShown && ride.ExternalID != p.ExternalID, ride.external == externalNone && p.ExternalID != "":
		c.Text("external_id", "asked", "shown") // also where one side has none
	}
	c.Fold("company_id", p.CompanyID, w.CompanyID)
	compareWords(&c, "pickup_address", p.PickupAddress, w.PickupAddress)
	compareWords(&c, "dropoff_address", p.DropoffAddress, w.DropoffAddress)
	comparePlace(&c, "pickup_latitude", p.Pickup.Latitude, w.PickupLatitude)
	comparePlace(&c, "pickup_longitude", p.Pickup.Longitude, w.PickupLongitude)
	comparePlace(&c, "dropoff_latitude", p.Dropoff.Latitude, w.DropoffLatitude)
	comparePlace(&c, "dropoff_longitude", p.Dropoff.Longitude, w.DropoffLongitude)
	comparePhone(&c, "sender.phone", p.Sender.Phone, w.Sender.Phone)
	comparePhone(&c, "receiver.phone", p.Receiver.Phone, w.Receiver.Phone)
	c.Fold("weight_range", string(p.WeightRange), string(ride.WeightRange))
	compareOption(&c, "includes_fragile_items", p.IncludesFragileItems, ride.IncludesFragileItems)
	compareOption(&c, "is_priority", p.IsPriority, ride.IsPriority)
	return c, w.PickupAddress+w.DropoffAddress+w.Sender.Phone+w.Receiver.Phone != "" || w.DropoffLatitude.Valid && w.DropoffLongitude.Valid
}

// compareWords takes texts that differ in case or in white space for the same.
func compareWords(c *transport.Comparison, field, asked, shown string) {
	if shown != "" {
		c.Fold(field, strings.Join(strings.Fields(asked), " "), strings.Join(strings.Fields(shown), " "))
	}
}

// comparePhone has nothing to do for most responses, and a comparison is not free.
func comparePhone(c *transport.Comparison, field, asked, shown string) {
	if shown != "" {
		c.Phone(field, asked, shown)
	}
}

// comparePlace takes two coordinates that lie about ten metres apart for the same: a
// server may round them.
func comparePlace(c *transport.Comparison, field string, asked float64, shown decimal.NullDecimal) {
	if shown.Valid && math.Abs(asked-shown.Decimal.InexactFloat64()) > 0.0001 {
		c.Text(field, "asked", "shown")
	}
}

func compareOption(c *transport.Comparison, field string, asked bool, shown *bool) {
	if shown != nil {
		c.Text(field, strconv.FormatBool(asked), strconv.FormatBool(*shown))
	}
}
