package journal_test

import (
	"context"
	"log"
	"time"

	"github.com/kapiteni/kapiten-go/sdk/journal"
)

// One process does this once a day: names and phone numbers go, and the references stay.
func ExampleJournal_Purge() {
	_ = func(ctx context.Context, j *journal.Journal) {
		const day = 24 * time.Hour
		purged, err := j.Purge(ctx, journal.Retention{Final: 90 * day, Refused: 30 * day, Cancelled: 30 * day})
		log.Print("purged: ", purged, ", error: ", err)
	}
}
