package journal

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// statements are the SQL of a Journal in its dialect. Each statement that decides
// something decides it on the row that it changes.
type statements struct {
	text func(string) string // puts a statement into the dialect

	plan, planDetails, planHistory, planAll, planned string
	take, load, loadAll, find                        string
	lease, spent                                     string // MySQL only, which returns nothing from an update
	mark, write, kept, details, history              string
	markMany, markOne, writeMany                     string // PostgreSQL only: for many entries, with details and history
	stuck, unstuck, unalerted, alerted               string
	quiet, knock                                     string
	flow, setFlow, adopt, restore, restoreStuck      string
	spend, reserve                                   string
	await, listHistory, plannedParams, plannedLately string
	overdue, stuckCounts, unfinished                 string
	purgeable, purgeIdle, purgeDetails, purgeHistory string
}

const (
	postgresNow = `CAST(extract(epoch FROM statement_timestamp()) * 1000000 AS bigint)`
	sqliteNow   = `CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)`
	// sysdate() would keep the index from being used, and now() jumps with daylight saving.
	mysqlNow = `timestampdiff(microsecond, '1970-01-01', utc_timestamp(6))`
)

var (
	conflict = regexp.MustCompile(`ON CONFLICT \([^)]*\) DO UPDATE SET`)
	excluded = regexp.MustCompile(`excluded\.(\w+)`)

	parameter = regexp.MustCompile(`\$(\d+)`)
)

// entryColumns are the columns of an entry that a worker reads, in the order in
// which entry.scan reads them.
const entryColumns = `id, flow, reference, state, standing, resume, owed, step, fence, knocks, tries, attempts, opened, looks,
	contested, approved, resend, since_at, created_at, changed_at, first_sent_at, sent_at, asked_at, digest, digest_version, {now}`

const plannedValues = `'planned', '', '', '', 0, 1, {now}, '', 1, 0, 0, 0, 0, 0, 0, 0, 0, {now}, {now}, {now}, 0, 0, 0`

const plannedColumns = `flow, reference, digest, digest_version, state, standing, resume, owed, step, lane, due_at, holder, fence, knocks,
	tries, attempts, opened, looks, contested, approved, resend, since_at, created_at, changed_at, first_sent_at, sent_at, asked_at`

// dueAt moves due_at after a worker is done with an entry: by $2 or, when somebody
// knocked, by $3. A negative time means never.
func dueAt(knocked string) string {
	delay := `CASE WHEN ` + knocked + ` THEN CAST($3 AS {bigint}) ELSE CAST($2 AS {bigint}) END`
	return `CASE WHEN ` + delay + ` < 0 THEN NULL ELSE {now} + ` + delay + ` END`
}

const (
	meanwhile = `knocks <> $4`
	// A knock moves nothing while a func has not taken a change. So somebody may have
	// knocked when the func takes it, unless tries is still zero, as after a signed callback.
	// An open entry is asked for soon anyway.
	meanwhileOrOwed = `(` + meanwhile + ` OR owed <> '' AND tries > 0 AND $6 <> 'open')`
)

// wakes are the finished entries that a knock wakes: a lookup may correct them.
const wakes = `(state IN ('final', 'refused') OR state = 'cancelled' AND attempts + opened > 0 OR state = 'stuck' AND resume IN ('sending', 'open')) AND owed = ''`

// unsent makes a stuck entry of which nothing had left when the backup was made one that
// may have been sent since.
const unsent = `SET resume = 'sending', opened = opened + 1, looks = 0, fence = fence + 1,
				sent_at = {now}, first_sent_at = created_at - 1, changed_at = {now}`

func newStatements(d Dialect) *statements {
	words := map[Dialect][]string{
		PostgreSQL: {"{now}", postgresNow, "{bigint}", "bigint", "{skip}", "FOR UPDATE SKIP LOCKED", "{lock}", "", "{due}", ""},
		SQLite:     {"{now}", sqliteNow, "{bigint}", "bigint", "$", "?", "{skip}", "", "{lock}", "", "{due}", ""},
		MySQL:      {"{now}", mysqlNow, "{bigint}", "signed", "{skip}", "FOR UPDATE SKIP LOCKED", "{lock}", " FOR UPDATE", "{due}", " FORCE INDEX (journal_entries_due)"},
	}[d]
	replacer := strings.NewReplacer(words...)
	s := func(text string) string {
		if d == MySQL { // which has another upsert, and no RETURNING
			text = conflict.ReplaceAllString(text, "ON DUPLICATE KEY UPDATE")
			text = excluded.ReplaceAllString(text, "VALUES($1)")
			text, _, _ = strings.Cut(text, " RETURNING ")
		}
		return replacer.Replace(strings.ReplaceAll(text, "{columns}", entryColumns))
	}
	out := &statements{
		text: s,

		// A duplicate must not be an error, because an error ends the caller's
		// transaction on PostgreSQL.
		plan: s(`INSERT INTO journal_entries (` + plannedColumns + `) VALUES ($1, $2, $3, $4, ` + plannedValues + `)
			ON CONFLICT (flow, reference) DO NOTHING RETURNING id`),
		planDetails: s(`INSERT INTO journal_details (entry, amount, currency, params, prepared, value, note) VALUES ($1, $2, $3, $4, $5, $6, '')`),
		planHistory: s(`INSERT INTO journal_history (entry, at, event, state, actor, note) VALUES ($1, {now}, 'planned', 'planned', '', '')`),
		planned:     s(`SELECT digest, digest_version FROM journal_entries WHERE flow = $1 AND reference = $2{lock}`),

		// A locking read of details that are purged would lock the gap where new ones go.
		plannedParams: s(`SELECT d.params FROM journal_entries e LEFT JOIN journal_details d ON d.entry = e.id WHERE e.flow = $1 AND e.reference = $2`),
		plannedLately: s(`SELECT d.params FROM journal_entries e JOIN journal_details d ON d.entry = e.id WHERE e.flow = $1 AND e.reference = $2{lock}`),

		load: s(`SELECT d.amount, d.currency, d.params, d.prepared, d.value, d.note, COALESCE(s.reason, '')
			FROM journal_details d LEFT JOIN journal_stuck s ON s.entry = d.entry WHERE d.entry = $1`),
		loadAll: s(`SELECT d.entry, d.amount, d.currency, d.params, d.prepared, d.value, d.note, COALESCE(s.reason, '')
			FROM journal_details d LEFT JOIN journal_stuck s ON s.entry = d.entry WHERE d.entry IN `),
		find: s(`SELECT {columns}, holder, COALESCE(due_at, 0), COALESCE((SELECT reason FROM journal_stuck WHERE entry = id), ''),
				COALESCE((SELECT note FROM journal_stuck WHERE entry = id), '')
			FROM journal_entries WHERE flow = $1 AND reference = $2`),

		// mark counts the attempt before a byte leaves. It changes no row when the
		// lease is lost or sending is paused. With $2 = 0 it leaves the lease and so all
		// indexes alone. MySQL assigns from left to right: what
		// reads an old value comes first.
		mark: s(`UPDATE journal_entries SET first_sent_at = CASE WHEN opened = 0 THEN {now} ELSE first_sent_at END, state = 'sending',
				due_at = CASE WHEN CAST($2 AS {bigint}) > 0 THEN {now} + CAST($2 AS {bigint}) ELSE due_at END, fence = fence + 1,
				attempts = attempts + 1, opened = opened + 1, looks = 0, tries = 0, approved = 1, resend = 0, changed_at = {now}, sent_at = {now}, asked_at = {now}
			WHERE id = $1 AND fence = $3 AND NOT EXISTS (SELECT 1 FROM journal_flows f WHERE f.flow = journal_entries.flow AND f.paused = 1)`),
		// write comes first in its transaction. It changes no row when the lease is
		// lost; otherwise it locks the row until the end.
		write: s(`UPDATE journal_entries SET changed_at = CASE WHEN state <> $6 OR standing <> $7 THEN {now} ELSE changed_at END,
				due_at = ` + dueAt(meanwhileOrOwed) + `, holder = '', fence = fence + 1, state = $6, standing = $7, resume = $8, owed = $9, step = $10, lane = $11, tries = $12, opened = $13, looks = $14,
				contested = $15, approved = $16, resend = $17, since_at = CASE WHEN CAST($18 AS {bigint}) = 1 THEN {now} ELSE since_at END, asked_at = {now}
			WHERE id = $1 AND fence = $5`),
		// kept reads what write has written.
		kept: s(`SELECT fence, holder FROM journal_entries WHERE id = $1`),
		// quiet is write for an entry about which there is nothing new.
		quiet: s(`UPDATE journal_entries SET due_at = ` + dueAt(meanwhile) + `, holder = '', fence = fence + 1,
				tries = CASE WHEN ` + meanwhile + ` AND ` + wakes + ` THEN ` + strconv.Itoa(oneKnock) + ` ELSE CAST($6 AS {bigint}) END, looks = $7, asked_at = {now},
				lane = CASE WHEN state = 'planned' AND owed = '' THEN 1 ELSE 0 END
			WHERE id = $1 AND fence = $5`),
		details: s(`UPDATE journal_details SET prepared = $2, value = $3, note = $4 WHERE entry = $1`),
		history: s(`INSERT INTO journal_history (entry, at, event, state, actor, note) VALUES ($1, {now}, $2, $3, $4, $5)`),

		stuck: s(`INSERT INTO journal_stuck (entry, flow, reason, note, since, alerted) VALUES ($1, $2, $3, $4, {now}, 0)
			ON CONFLICT (entry) DO UPDATE SET
			alerted = CASE WHEN journal_stuck.reason = excluded.reason THEN journal_stuck.alerted ELSE 0 END, reason = excluded.reason, note = excluded.note`),
		unstuck: s(`DELETE FROM journal_stuck WHERE entry = $1`),
		// {flows} is a list of parameters.
		unalerted: `SELECT s.entry, s.since, e.flow, e.reference FROM journal_stuck s CROSS JOIN journal_entries e
			WHERE e.id = s.entry AND s.alerted = 0 AND s.since >= $1 AND (s.since > $1 OR s.entry > $2) AND s.flow IN ({flows})
			ORDER BY s.since, s.entry LIMIT $3`,
		alerted: s(`UPDATE journal_stuck SET alerted = 1 WHERE entry = $1`),

		flow: s(`SELECT paused, CASE WHEN adopt_until > {now} THEN 1 ELSE 0 END FROM journal_flows WHERE flow = $1`),
		setFlow: s(`INSERT INTO journal_flows (flow, paused, adopt_until, actor, note, changed_at) VALUES ($1, $2, 0, $3, $4, {now})
			ON CONFLICT (flow) DO UPDATE SET paused = excluded.paused, actor = excluded.actor, note = excluded.note, changed_at = excluded.changed_at`),

		adopt: s(`UPDATE journal_flows SET adopt_until = {now} + CAST($2 AS {bigint}) WHERE flow = $1`),

		spend: s(`INSERT INTO journal_spend (flow, currency, begins, amount)
			VALUES ($1, $2, {now} - {now} % CAST($3 AS {bigint}), '0')
			ON CONFLICT (flow, currency, begins) DO UPDATE SET amount = journal_spend.amount RETURNING begins, amount`),
		reserve: s(`UPDATE journal_spend SET amount = $4 WHERE flow = $1 AND currency = $2 AND begins = $3`),

		await: s(`SELECT e.state, e.standing, e.owed, d.entry IS NULL, d.value FROM journal_entries e LEFT JOIN journal_details d ON d.entry = e.id
			WHERE e.flow = $1 AND e.reference = $2`),
		listHistory: s(`SELECT h.at, h.event, h.state, h.actor, h.note FROM journal_history h
			WHERE h.entry = (SELECT id FROM journal_entries WHERE flow = $1 AND reference = $2) ORDER BY h.id`),

		overdue: s(`SELECT COALESCE({now} - (SELECT due_at FROM journal_entries
			WHERE flow = $1 AND lane = $2 AND due_at IS NOT NULL AND due_at <= {now} ORDER BY due_at LIMIT 1), 0)`),
		unfinished:  s(`SELECT count(*) FROM (SELECT 1 FROM journal_entries WHERE flow = $1 AND lane = $2 AND due_at IS NOT NULL LIMIT 10001) counted`),
		stuckCounts: s(`SELECT reason, count(*) FROM journal_stuck WHERE flow = $1 GROUP BY reason`),

		purgeable: s(`SELECT d.entry, e.created_at, e.state, e.due_at IS NULL AND e.owed = '', {now} - e.changed_at, {now} - e.created_at
			FROM journal_details d JOIN journal_entries e ON e.id = d.entry WHERE d.entry > $1 ORDER BY d.entry LIMIT 500`),
		purgeIdle: s(`SELECT id FROM journal_entries WHERE due_at IS NULL AND owed = '' AND state IN ('final', 'refused', 'cancelled')
			AND {now} - changed_at >= $1 AND id IN {list} {skip}`),
		purgeDetails: s(`DELETE FROM journal_details WHERE entry IN `),
		purgeHistory: s(`DELETE FROM journal_history WHERE entry IN `),

		// A restored planned entry may have been sent before the restore, at any time since
		// its plan. The time before the plan tells it from an attempt that is recorded.
		restore: s(`UPDATE journal_entries{due} SET state = 'sending', lane = 0, opened = opened + 1, looks = 0, fence = fence + 1, holder = '',
				due_at = {now}, sent_at = {now}, first_sent_at = created_at - 1, changed_at = {now}
			WHERE flow = $1 AND due_at IS NOT NULL AND lane IN (0, 1) AND state = 'planned'`),
		// So may an entry that a person had on the desk before it was sent.
		restoreStuck: s(`UPDATE journal_entries ` + unsent + ` WHERE state = 'stuck' AND resume = 'planned' AND id IN (SELECT entry FROM journal_stuck WHERE flow = $1 AND reason NOT IN ('taken', 'several'))`),
	}
	unpaused := `AND ($3 = 0 OR NOT EXISTS (SELECT 1 FROM journal_flows WHERE flow = $1 AND paused = 1))`
	due := `SELECT id FROM journal_entries WHERE flow = $1 AND lane = $2 AND due_at IS NOT NULL AND due_at <= {now} ` + unpaused +
		` ORDER BY due_at LIMIT $4 {skip}`
	set := `UPDATE journal_entries SET due_at = {now} + CAST($5 AS {bigint}), fence = fence + 1, holder = $6, lane = 0 WHERE id `
	// A knock moves due_at no nearer than a gap after the last lookup, nor nearer than
	// secondLook after a first reading. It leaves a lease alone, and the backoff of what was
	// not sent. The references follow $4.
	wait := fmt.Sprintf(`CASE WHEN looks > %d AND CAST($2 AS {bigint}) < %d THEN %[2]d ELSE CAST($2 AS {bigint}) END`, noReading, secondLook.Microseconds())
	nearest := `CASE WHEN asked_at + ` + wait + ` > {now} THEN asked_at + ` + wait + ` ELSE {now} END`
	out.knock = s(`UPDATE journal_entries SET knocks = knocks + 1, tries = CASE WHEN ` + wakes + ` OR owed <> '' AND tries = 0 THEN ` + strconv.Itoa(oneKnock) + ` ELSE tries END, due_at = CASE
			WHEN due_at IS NULL THEN CASE WHEN $3 = 1 AND ` + wakes + ` THEN ` + nearest + ` END
			WHEN holder <> '' OR state = 'planned' OR owed <> '' OR due_at < ` + nearest + ` THEN due_at
			ELSE ` + nearest + ` END
		WHERE flow = $1 AND reference = $4`)
	switch d {
	case SQLite:
		out.take = s(set + `IN (` + due + `) RETURNING {columns}`)
		return out
	case MySQL:
		// LAST_INSERT_ID tells a duplicate: the number of changed rows depends on the driver.
		out.plan = s(`INSERT INTO journal_entries (` + plannedColumns + `) VALUES ($1, $2, $3, $4, ` + plannedValues + `)
			ON DUPLICATE KEY UPDATE step = step + LAST_INSERT_ID(0)`)
		out.take = s(strings.Replace(due, "SELECT id", "SELECT {columns}", 1))
		out.lease = s(strings.NewReplacer("$5", "$1", "$6", "$2").Replace(set) + `IN `)
		// It would read all entries to find those of a list.
		out.restoreStuck = s(`UPDATE journal_stuck s STRAIGHT_JOIN journal_entries ON id = s.entry ` + unsent + `
			WHERE state = 'stuck' AND resume = 'planned' AND s.flow = $1 AND s.reason NOT IN ('taken', 'several')`)
		out.spent = s(`SELECT begins, amount FROM journal_spend WHERE flow = $1 AND currency = $2 ORDER BY begins DESC LIMIT 1{lock}`)
		return out
	}
	// The array runs the inner query once. With IN the planner may run it again for
	// each row and take more than the limit. OFFSET keeps the planner from joining whole
	// tables.
	out.take = s(`WITH e AS (` + set + `= ANY (ARRAY(` + strings.Replace(due, "$3 = 0", "CAST($3 AS bigint) = 0", 1) + `)) RETURNING {columns})
		SELECT e.*, d.* FROM e LEFT JOIN LATERAL (SELECT d.amount, d.currency, d.params, d.prepared, d.value, d.note, COALESCE(s.reason, '')
			FROM journal_details d LEFT JOIN journal_stuck s ON s.entry = d.entry WHERE d.entry = e.id OFFSET 0) d ON true`)
	out.knock = strings.Replace(out.knock, "$3 = 1", "CAST($3 AS bigint) = 1", 1)
	out.markOne = s(many(out.mark, "nnn"))
	// Requests that leave do not wait for a func that holds the row of another entry.
	out.markMany = strings.NewReplacer("FROM r WHERE id", "FROM free r WHERE id", " WHERE one = 1),", ` WHERE one = 1),
		free AS (SELECT r.* FROM r JOIN journal_entries held ON held.id = r.p1 FOR NO KEY UPDATE OF held SKIP LOCKED),`,
		"SELECT place, true FROM e", "SELECT place, true FROM e UNION ALL SELECT place, false FROM r WHERE place NOT IN (SELECT place FROM free)").Replace(out.markOne)
	out.writeMany = s(many(out.write, "nnnnnttttnnnnnnnnn"))
	out.planAll = s(`WITH e AS (` + out.plan + `),
		d AS (INSERT INTO journal_details (entry, amount, currency, params, prepared, value, note) SELECT id, $5, $6, $7, $8, $9, '' FROM e),
		h AS (INSERT INTO journal_history (entry, at, event, state, actor, note) SELECT id, {now}, 'planned', 'planned', '', '' FROM e)
		SELECT id FROM e`)
	return out
}

// many makes a statement about one entry, with its details and history, a statement about
// many. Its one parameter is an array of rows; kinds are those of the row's columns p1,
// p2, ...: number or text. The condition on "one" makes the planner expect one row, so
// that it looks up each by the index, however small the tables were when it planned.
func many(first, kinds string) string {
	n := len(kinds)
	var columns, carried strings.Builder
	for i, kind := range kinds + "ttttttt" {
		word := "text"
		if kind == 'n' {
			word = "bigint"
		}
		fmt.Fprintf(&columns, ", p%d %s", i+1, word)
		if i >= n {
			fmt.Fprintf(&carried, ", r.p%d", i+1)
		}
	}
	first = strings.Replace(first, "WHERE id = $1", "FROM r WHERE id = $1", 1)
	return fmt.Sprintf(`WITH r AS (SELECT * FROM json_to_recordset(CAST(CAST($1 AS text) AS json)) AS r (one bigint, place bigint%s) WHERE one = 1),
		e AS (%s RETURNING id, r.place%s),
		d AS (UPDATE journal_details SET prepared = decode(e.p%d, 'base64'), value = decode(e.p%d, 'base64'), note = e.p%d FROM e WHERE entry = e.id),
		h AS (INSERT INTO journal_history (entry, at, event, state, actor, note) SELECT id, {now}, p%d, p%d, p%d, p%d FROM e)
		SELECT place, true FROM e`, columns.String(), parameter.ReplaceAllString(first, "r.p$1"), carried.String(), n+1, n+2, n+3, n+4, n+5, n+6, n+7)
}
