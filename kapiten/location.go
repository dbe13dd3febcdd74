package kapiten

// Location is a point in degrees. A Location at 0, 0 is in the Atlantic Ocean
// and taken for a forgotten one.
type Location struct {
	Latitude  float64 // -90 to 90
	Longitude float64 // -180 to 180
}

func (l Location) validate(f faults, prefix string) {
	if l == (Location{}) {
		f.Add(prefix+"_latitude", "is required")
		f.Add(prefix+"_longitude", "is required")
		return
	}
	f.coordinate(prefix+"_latitude", l.Latitude, 90)
	f.coordinate(prefix+"_longitude", l.Longitude, 180)
}
