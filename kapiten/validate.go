package kapiten

import (
	"math"
	"net/url"
	"strings"

	"github.com/kapiteni/kapiten-go/internal/transport"
)

// faults collects what is wrong with parameters, all of it at once.
type faults struct{ transport.Fields }

func newFaults() faults { return faults{transport.Fields{}} }

func (f faults) required(field, value string) {
	if strings.TrimSpace(value) == "" {
		f.Add(field, "is required")
	}
}

// segment checks a value that becomes part of a path.
func (f faults) segment(field, value string) {
	if err := transport.CheckSegment(value); err != nil {
		f.Add(field, err.Error())
	}
}

func (f faults) coordinate(field string, value, limit float64) {
	if math.IsNaN(value) || value < -limit || value > limit {
		if limit == 90 {
			f.Add(field, "must be between -90 and 90 degrees")
		} else {
			f.Add(field, "must be between -180 and 180 degrees")
		}
	}
}

func (f faults) httpURL(field, value string) {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		f.Add(field, "must be an absolute http or https URL")
	}
}
