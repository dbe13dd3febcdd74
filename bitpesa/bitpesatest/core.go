package bitpesatest

import "github.com/kapiteni/kapiten-go/internal/fake"

// What all fakes of this module share.
type (
	// TB is the part of testing.TB a fake needs: Helper, Errorf, Cleanup.
	TB = fake.TB

	// Options set up the world a fake lives in: RealTime, Speed and Start of
	// the clock, the Seed of ids, Callbacks (an http.Handler that receives all
	// webhooks in memory) or CallbackClient, PublicURL, JournalSize, Logger.
	// The zero value is right for most tests.
	Options = fake.Options

	// World is the ground several fakes can share; see NewIn.
	World = fake.World

	// Fault is a rule that makes requests go wrong: Method, Path (a glob such
	// as "/transactions/*"), Times (0 means always), Kind, Status, Seconds.
	Fault = fake.Fault

	// FaultKind is one of the Fault constants below.
	FaultKind = fake.FaultKind

	// Disturbance is a rule that makes webhooks go wrong: Event, Subject (the
	// transaction's or sender's id), Times (0 means always), Kind, Seconds.
	Disturbance = fake.Disturbance

	// DisturbanceKind is one of the Disturb constants below.
	DisturbanceKind = fake.DisturbanceKind

	// Request is one request of the journal: Time, Method, Path, Query,
	// Status, Header, RequestBody, ResponseBody, Fault. Secrets are masked.
	Request = fake.Request

	// Delivery is one webhook delivery: ID, Time, Event, Subject (the
	// transaction's or sender's id), URL, Body, State and its Attempts.
	Delivery = fake.Delivery

	// DeliveryState is one of the Delivery constants below.
	DeliveryState = fake.DeliveryState

	// Attempt is one POST of a Delivery: Time, Status (0 without an answer),
	// Error.
	Attempt = fake.Attempt
)

// What a Fault does.
const (
	FaultStatus     = fake.FaultStatus     // answers Status with an error body; no work is done
	FaultDelay      = fake.FaultDelay      // waits Seconds on the clock, then goes on
	FaultDropBefore = fake.FaultDropBefore // closes the connection; no work is done
	FaultDropAfter  = fake.FaultDropAfter  // does the work, then closes the connection
	FaultTruncate   = fake.FaultTruncate   // does the work, sends half the answer
	FaultMalformed  = fake.FaultMalformed  // does the work, answers JSON cut in half
	FaultHTML       = fake.FaultHTML       // answers a proxy's HTML page, 502 unless Status is set
	FaultRateLimit  = fake.FaultRateLimit  // answers 429, with Retry-After unless Seconds is 0
)

// What a Disturbance does.
const (
	DisturbDrop      = fake.DisturbDrop      // never sent
	DisturbDuplicate = fake.DisturbDuplicate // sent twice, each with a nonce of its own
	DisturbDelay     = fake.DisturbDelay     // the first attempt waits Seconds on the clock
	DisturbHold      = fake.DisturbHold      // follows the next webhook of the same subject
	DisturbForge     = fake.DisturbForge     // signed with a wrong secret
)

// What became of a Delivery.
const (
	DeliveryPending   = fake.DeliveryPending   // not acknowledged yet
	DeliveryDelivered = fake.DeliveryDelivered // answered with a 2xx
	DeliveryDead      = fake.DeliveryDead      // dropped, given up, or out of attempts
)
