package kapiten

import (
	"math"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// checkSegment checks a value that becomes part of a path.
func checkSegment(f *transport.Faults, field, value string) {
	if err := transport.CheckSegment(value); err != nil {
		f.Add(field, err.Error())
	}
}

func checkLocation(f *transport.Faults, prefix string, l Location) {
	switch {
	case l == Location{}:
		f.Add(prefix+"_latitude", "is required")
		f.Add(prefix+"_longitude", "is required")
		return
	case !within(l.Latitude, 90):
		f.Add(prefix+"_latitude", "must be between -90 and 90 degrees")
	}
	if !within(l.Longitude, 180) {
		f.Add(prefix+"_longitude", "must be between -180 and 180 degrees")
	}
}

func within(degrees, limit float64) bool { return math.Abs(degrees) <= limit } // false for NaN
