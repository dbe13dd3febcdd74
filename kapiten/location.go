package kapiten

// Location is a point in degrees. A Location at 0, 0 is in the Atlantic Ocean
// and taken for a forgotten one.
type Location struct {
	Latitude  float64 // -90 to 90
	Longitude float64 // -180 to 180
}
