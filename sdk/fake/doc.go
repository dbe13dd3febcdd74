// Package fake is the core all fakes of this module stand on: a World with a
// clock, scheduled events, deterministic ids, fault rules, a journal of
// requests, a deliverer of callbacks, a ledger, snapshots and an admin API over
// HTTP. It knows no provider. A provider's fake describes itself in a Provider,
// joins a World and embeds the Control it gets back.
//
// Several fakes may join one World; then one Advance moves them all.
//
// Locking: one mutex per World. A provider takes it with World.Lock after it
// has read a request and gives it back before it writes an answer; the
// callbacks a Provider names (Fire, State, Reset ...) are called with it held.
// Nothing in here waits for a network while holding it.
package fake
