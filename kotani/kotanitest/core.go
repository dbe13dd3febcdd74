package kotanitest

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
	// as "/transactions/*"), Times (0 means always), Kind, Status, Seconds.
	Fault = fake.Fault

	// FaultKind is one of the Fault constants below.
	FaultKind = fake.FaultKind

	// Disturbance is a rule that makes callbacks go wrong: Event
	// ("transaction.FAILED", "WebhookTransferInStatusEvent" and so on), Subject
	// (the request id or the transfer id), Times (0 means always), Kind, Seconds.
	Disturbance = fake.Disturbance

	// DisturbanceKind is one of the Disturb constants below.
	DisturbanceKind = fake.DisturbanceKind

	// Request is one request of the journal: Time, Method, Path, Query,
	// Status, Header, RequestBody, ResponseBody, Fault. Secrets are masked.
	Request = fake.Request

	// Delivery is one callback or webhook: ID, Time, Event, Subject (the request
	// id, the transfer id, or address and schema of a KYC record), URL, Body,
	// State and its Attempts.
	Delivery = fake.Delivery

	// DeliveryState is one of the Delivery constants below.
	DeliveryState = fake.DeliveryState

	// Attempt is one POST of a Delivery: Time, Status (0 without an answer),
	// Error.
	Attempt = fake.Attempt

	// Entry is one line of an account: ID, Account (Owner and Currency), Amount
	// (a debit is negative), Kind (DEPOSIT or the operation's name), Status
	// (pending while reserved, posted, failed when released), Reference (the
	// request id) and Created.
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
	FaultExpireToken = fake.FaultExpireToken // expires every token (FiatConnect: every session) first, then goes on
)

// What a Disturbance does.
const (
	DisturbDrop      = fake.DisturbDrop      // never sent
	DisturbDuplicate = fake.DisturbDuplicate // sent twice
	DisturbDelay     = fake.DisturbDelay     // the first attempt waits Seconds on the clock
	DisturbHold      = fake.DisturbHold      // follows the next callback of the same subject
	DisturbForge     = fake.DisturbForge     // a FiatConnect webhook is signed with another secret
)

// What became of a Delivery.
const (
	DeliveryPending   = fake.DeliveryPending   // not acknowledged yet
	DeliveryDelivered = fake.DeliveryDelivered // acknowledged
	DeliveryDead      = fake.DeliveryDead      // dropped, or out of attempts
)
