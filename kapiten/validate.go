package kapiten

import (
	"math"
	"net/url"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// faults collects what is wrong with parameters, all of it at once. The zero
// value has found nothing.
type faults struct{ fields transport.Fields }

func (f *faults) add(field, message string) {
	if f.fields == nil {
		f.fields = transport.Fields{}
	}
	f.fields.Add(field, message)
}

func (f *faults) required(field, value string) {
	if strings.TrimSpace(value) == "" {
		f.add(field, "is required")
	}
}

// segment checks a value that becomes part of a path.
func (f *faults) segment(field, value string) {
	if err := transport.CheckSegment(value); err != nil {
		f.add(field, err.Error())
	}
}

func (f *faults) location(prefix string, l Location) {
	switch {
	case l == Location{}:
		f.add(prefix+"_latitude", "is required")
		f.add(prefix+"_longitude", "is required")
		return
	case !within(l.Latitude, 90):
		f.add(prefix+"_latitude", "must be between -90 and 90 degrees")
	}
	if !within(l.Longitude, 180) {
		f.add(prefix+"_longitude", "must be between -180 and 180 degrees")
	}
}

func within(degrees, limit float64) bool { return math.Abs(degrees) <= limit } // false for NaN

func (f *faults) httpURL(field, value string) {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		f.add(field, "must be an absolute http or https URL")
	}
}
