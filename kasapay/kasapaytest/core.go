package kasapaytest

import "github.com/kapiteni/kapiten-go/internal/fake"

// What all fakes of this module share.
type (
	// TB is the part of testing.TB a fake needs: Helper, Errorf, Cleanup.
	TB = fake.TB

	// Control is what every fake has in common.
	Control = fake.Control

	// Options set up the world a fake lives in: RealTime, Speed and Start of
	// the clock, the Seed of ids, Callbacks (an http.Handler that receives all
	// callbacks in memory) or CallbackClient, PublicURL, JournalSize, Logger.
	// The zero value is right for most tests.
	Options = fake.Options

	// World is the ground several fakes can share; see NewIn.
	World = fake.World

	// Fault is a rule that makes requests go wrong: Method, Path (a glob such
	// as "/v1/payouts/b2b/*"), Times (0 means always), Kind, Status, Seconds.
	Fault = fake.Fault

	// FaultKind is one of the Fault constants below.
	FaultKind = fake.FaultKind

	// Disturbance is a rule that makes callbacks go wrong: Event ("payout.700"
	// and so on), Subject (the caller's payout_reference), Times (0 means
	// always), Kind, Seconds.
	Disturbance = fake.Disturbance

	// DisturbanceKind is one of the Disturb constants below.
	DisturbanceKind = fake.DisturbanceKind

	// Request is one request of the journal: Time, Method, Path, Query,
	// Status, Header, RequestBody, ResponseBody, Fault. Secrets are masked.
	Request = fake.Request

	// Delivery is one callback: ID, Time, Event ("payout." and the status),
	// Subject (the caller's payout_reference), URL, Body, State and its
	// Attempts.
	Delivery = fake.Delivery

	// DeliveryState is one of the Delivery constants below.
	DeliveryState = fake.DeliveryState

	// Attempt is one POST of a Delivery: Time, Status (0 without an answer),
	// Error.
	Attempt = fake.Attempt

	// Entry is one line of the float account: ID, Account, Amount (a payout is
	// negative), Kind (DEPOSIT, PAYOUT, REVERSAL, REFUND), Status (pending
	// while reserved, posted, failed when released), Description, Reference
	// (the caller's payout_reference) and Created.
	Entry = fake.Entry
)

// What a Fault does.
const (
	FaultStatus      = fake.FaultStatus      // answers Status with an error body; no work is done
	FaultDelay       = fake.FaultDelay       // waits Seconds on the clock, then goes on
	FaultDropBefore  = fake.FaultDropBefore  // closes the connection; no work is done
	FaultDropAfter   = fake.FaultDropAfter   // does the work, then closes the connection
	FaultTruncate    = fake.FaultTruncate    // does the work, sends half the answer
	FaultMalformed   = fake.FaultMalformed   // does the work, answers JSON cut in half
	FaultHTML        = fake.FaultHTML        // answers a proxy's HTML page, 502 unless Status is set
	FaultRateLimit   = fake.FaultRateLimit   // answers 429, with Retry-After unless Seconds is 0
	FaultExpireToken = fake.FaultExpireToken // expires every token first, then goes on
)

// What a Disturbance does.
const (
	DisturbDrop      = fake.DisturbDrop      // never sent
	DisturbDuplicate = fake.DisturbDuplicate // sent twice
	DisturbDelay     = fake.DisturbDelay     // the first attempt waits Seconds on the clock
	DisturbHold      = fake.DisturbHold      // follows the next callback of the same payout
)

// What became of a Delivery.
const (
	DeliveryPending   = fake.DeliveryPending   // not acknowledged yet
	DeliveryDelivered = fake.DeliveryDelivered // answered with 200
	DeliveryDead      = fake.DeliveryDead      // dropped, or out of attempts
)
