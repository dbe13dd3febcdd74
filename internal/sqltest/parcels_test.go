package sqltest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/webhook"
)

// parcel is the event of a made-up provider. References that begin with "free"
// have events without an order; all others go through the states of a ride.
type parcel struct {
	Reference string `json:"reference"`
	Status    string `json:"status"`
}

func parcels() webhook.Source[parcel] {
	states := webhook.KapitenStates()
	return webhook.Source[parcel]{
		Provider: "shop",
		Decode: func(body []byte) (p parcel, err error) {
			err = json.Unmarshal(body, &p)
			return p, err
		},
		Identify: func(p parcel) webhook.Identity {
			s := webhook.Identity{Reference: p.Reference, Status: p.Status}
			if !strings.HasPrefix(p.Reference, "free") {
				s.States = states
			}
			return s
		},
	}
}

func (p parcel) body() string {
	return fmt.Sprintf(`{"reference":%q,"status":%q}`, p.Reference, p.Status)
}

const parcelSecret = "sqltest-path-secret-1"

// way is a ride's happy path; a status's place in it is its rank.
var way = []kapiten.RideStatus{
	kapiten.RideWaitingPayment, kapiten.RidePending, kapiten.RideAccepted, kapiten.RideWaitingPickup,
	kapiten.RidePickedUp, kapiten.RideInTransit, kapiten.RideWaitingDelivery, kapiten.RideCompleted,
}

func rank(status string) int {
	for i, s := range way {
		if string(s) == status {
			return i
		}
	}
	return -1
}
