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

// Migration is the text that creates the inbox's tables, webhook_references and
// webhook_events. Running it again changes nothing, but not at the same time as
// another process: PostgreSQL may then fail one of them. Empty for an unknown
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

// Times are microseconds since 1970 by the database's clock, the only one that
// all its clients share. Statements hold them as {now}.
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

// statement puts the dialect's clock and parameters into a statement written
// with {now} and $1.
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
