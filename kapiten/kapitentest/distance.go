package kapitentest

import (
	"math"

	"github.com/shopspring/decimal"
)

const earthRadiusKM = 6371

// point is a place in degrees. Coordinates are no money: float64 is right.
type point struct{ latitude, longitude float64 }

// distance is the great-circle distance in km, rounded half up to 0.1 km.
func distance(a, b point) decimal.Decimal {
	lat1, lat2 := radians(a.latitude), radians(b.latitude)
	sinLat := math.Sin((lat2 - lat1) / 2)
	sinLon := math.Sin(radians(b.longitude-a.longitude) / 2)
	h := sinLat*sinLat + math.Cos(lat1)*math.Cos(lat2)*sinLon*sinLon
	km := 2 * earthRadiusKM * math.Asin(math.Sqrt(min(h, 1)))
	return decimal.New(int64(math.Floor(km*10+0.5)), -1)
}

func radians(degrees float64) float64 { return degrees * math.Pi / 180 }
