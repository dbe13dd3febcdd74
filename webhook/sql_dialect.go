package webhook

import "strings"

// Dialect is the SQL a SQLInbox speaks.
type Dialect string

const (
	// Postgres is PostgreSQL 12 or later.
	Postgres Dialect = "postgres"
	// SQLite is SQLite 3.35 or later. Give the connection a busy timeout.
	SQLite Dialect = "sqlite"
)

// Migration is the SQL that creates the inbox's tables, webhook_references and
// webhook_events. Running it again changes nothing. Do not run it in two processes
// at once, because PostgreSQL may then fail one of them. It is empty for an unknown
// dialect.
func (d Dialect) Migration() string {
	switch d {
	case Postgres:
		return migration
	case SQLite:
		return strings.ReplaceAll(migration, "bytea", "blob")
	default:
		return ""
	}
}

// Times are microseconds since 1970 by the database's clock, which all processes
// share. Statements write that clock as {now}.
const migration = `CREATE TABLE IF NOT EXISTS webhook_references (
	provider     text   NOT NULL,
	reference    text   NOT NULL,
	state        text   NOT NULL,
	holder       text   NOT NULL,
	fence        bigint NOT NULL,
	leased_until bigint NOT NULL,
	touched_at   bigint NOT NULL,
	PRIMARY KEY (provider, reference)
);
CREATE TABLE IF NOT EXISTS webhook_events (
	provider      text   NOT NULL,
	reference     text   NOT NULL,
	event         text   NOT NULL,
	status        text   NOT NULL,
	outcome       text   NOT NULL,
	reason        text   NOT NULL,
	attempts      bigint NOT NULL,
	due_at        bigint NOT NULL,
	touched_at    bigint NOT NULL,
	payload       bytea  NOT NULL,
	answer_status bigint NOT NULL,
	answer_type   text   NOT NULL,
	answer_body   bytea  NOT NULL,
	PRIMARY KEY (provider, reference, event)
);
CREATE INDEX IF NOT EXISTS webhook_events_queued ON webhook_events (provider, due_at) WHERE status = 'queued';
CREATE INDEX IF NOT EXISTS webhook_events_dead ON webhook_events (provider, touched_at) WHERE status = 'dead';
CREATE INDEX IF NOT EXISTS webhook_events_touched ON webhook_events (touched_at);
CREATE INDEX IF NOT EXISTS webhook_references_touched ON webhook_references (touched_at);
`

// statement translates {now} and $1 into the dialect's clock and parameters.
func (d Dialect) statement(text string) string {
	if d == SQLite {
		return strings.NewReplacer("$", "?", "{now}", sqliteNow).Replace(text)
	}
	return strings.ReplaceAll(text, "{now}", postgresNow)
}

const (
	postgresNow = `CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)`
	sqliteNow   = `CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)`
)

// sqlStatements are a SQLInbox's statements in its dialect. A statement that
// decides something does so in one step, on the row it changes.
type sqlStatements struct {
	lease, holder, response, release, complete, finish string
	put, due, take, retry, bury, dead, replay, discard string
	purgeEvents, purgeReferences                       string
}

func newSQLStatements(d Dialect) sqlStatements {
	return sqlStatements{
		// It returns no row if the event is done or the reference is leased. It
		// looks before it writes, because the holder's transaction locks the row:
		// each writer would wait for it and keep a connection of the merchant's.
		// The fence starts at the clock, so that a reference purged and seen again
		// repeats none.
		lease: d.statement(`INSERT INTO webhook_references AS r (provider, reference, state, holder, fence, leased_until, touched_at)
			SELECT $1, $2, '', $3, {now}, {now} + CAST($4 AS bigint), {now}
			WHERE NOT EXISTS (SELECT 1 FROM webhook_events WHERE provider = $1 AND reference = $2 AND event = $3 AND status = 'done')
				AND NOT EXISTS (SELECT 1 FROM webhook_references WHERE provider = $1 AND reference = $2 AND leased_until > {now})
			ON CONFLICT (provider, reference) DO UPDATE
			SET holder = excluded.holder, fence = r.fence + 1, leased_until = excluded.leased_until, touched_at = excluded.touched_at
			WHERE r.leased_until <= {now}
			RETURNING state, fence`),
		holder: d.statement(`SELECT state, holder FROM webhook_references WHERE provider = $1 AND reference = $2`),
		response: d.statement(`SELECT answer_status, answer_type, answer_body FROM webhook_events
			WHERE provider = $1 AND reference = $2 AND event = $3 AND status = 'done'`),
		release: d.statement(`UPDATE webhook_references SET holder = '', leased_until = 0
			WHERE provider = $1 AND reference = $2 AND holder = $3 AND fence = $4`),
		// It comes first in its transaction. It changes no row if the lease is lost;
		// otherwise it locks the row, so that no worker takes over before the end.
		complete: d.statement(`UPDATE webhook_references
			SET holder = '', leased_until = 0, touched_at = {now}, state = CASE WHEN $5 = '' THEN state ELSE $5 END
			WHERE provider = $1 AND reference = $2 AND holder = $3 AND fence = $4`),
		finish: d.statement(`INSERT INTO webhook_events AS e
			(provider, reference, event, status, outcome, reason, attempts, due_at, touched_at, payload, answer_status, answer_type, answer_body)
			VALUES ($1, $2, $3, 'done', $4, '', 0, 0, {now}, $8, $5, $6, $7)
			ON CONFLICT (provider, reference, event) DO UPDATE
			SET status = 'done', outcome = excluded.outcome, reason = '', touched_at = excluded.touched_at, payload = excluded.payload,
				answer_status = excluded.answer_status, answer_type = excluded.answer_type, answer_body = excluded.answer_body
			WHERE e.status <> 'done'`),
		put: d.statement(`INSERT INTO webhook_events AS e
			(provider, reference, event, status, outcome, reason, attempts, due_at, touched_at, payload, answer_status, answer_type, answer_body)
			VALUES ($1, $2, $3, 'queued', '', '', 0, {now}, {now}, $4, 0, '', $5)
			ON CONFLICT (provider, reference, event) DO UPDATE
			SET status = 'queued', attempts = 0, due_at = excluded.due_at, touched_at = excluded.touched_at, payload = excluded.payload
			WHERE e.status = 'dead'`),
		due: d.statement(`SELECT e.reference, e.event FROM webhook_events e
			LEFT JOIN webhook_references r ON r.provider = e.provider AND r.reference = e.reference
			WHERE e.provider = $1 AND e.status = 'queued' AND e.due_at <= {now} AND (r.leased_until IS NULL OR r.leased_until <= {now})
			ORDER BY e.due_at LIMIT $2`),
		take: d.statement(`UPDATE webhook_events SET attempts = attempts + 1
			WHERE provider = $1 AND reference = $2 AND event = $3 AND status = 'queued' AND due_at <= {now}
			RETURNING attempts, payload`),
		retry: d.statement(`UPDATE webhook_events SET due_at = {now} + CAST($4 AS bigint), reason = $5, touched_at = {now}
			WHERE provider = $1 AND reference = $2 AND event = $3 AND status = 'queued'`),
		bury: d.statement(`INSERT INTO webhook_events AS e
			(provider, reference, event, status, outcome, reason, attempts, due_at, touched_at, payload, answer_status, answer_type, answer_body)
			VALUES ($1, $2, $3, 'dead', '', $4, 0, 0, {now}, $5, 0, '', $6)
			ON CONFLICT (provider, reference, event) DO UPDATE
			SET status = 'dead', reason = excluded.reason, touched_at = excluded.touched_at, payload = excluded.payload
			WHERE e.status <> 'done'`),
		dead: d.statement(`SELECT reference, event, reason, attempts, touched_at, payload FROM webhook_events
			WHERE provider = $1 AND status = 'dead' ORDER BY touched_at LIMIT $2`),
		replay: d.statement(`UPDATE webhook_events SET status = 'queued', attempts = 0, due_at = {now}, touched_at = {now}
			WHERE provider = $1 AND reference = $2 AND event = $3 AND status = 'dead'`),
		discard: d.statement(`UPDATE webhook_events SET status = 'done', touched_at = {now}, payload = substr(payload, 1, 0)
			WHERE provider = $1 AND reference = $2 AND event = $3 AND status = 'dead'`),
		purgeEvents: d.statement(`DELETE FROM webhook_events WHERE status = 'done' AND touched_at < {now} - CAST($1 AS bigint)`),
		purgeReferences: d.statement(`DELETE FROM webhook_references
			WHERE touched_at < {now} - CAST($1 AS bigint) AND leased_until <= {now} AND NOT EXISTS (
				SELECT 1 FROM webhook_events e
				WHERE e.provider = webhook_references.provider AND e.reference = webhook_references.reference)`),
	}
}
