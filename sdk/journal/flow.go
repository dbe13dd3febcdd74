package journal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/kapiteni/kapiten-go/internal/sqldb"
	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/sdk"
)

// Flow plans and follows the requests of one kind. Make one with a constructor such
// as KPay. P are the parameters of a request, and T is what the provider shows of it.
type Flow[P, T any] struct {
	j     *Journal
	m     *machine
	p     Provider[P, T]
	fault error
}

// New makes a flow of a Provider of your own. fn may be nil. The name is part of the
// key of each entry: never change it. Flows are made before Run; what is wrong with a
// flow comes out of its Plan, and out of Run.
func New[P, T any](j *Journal, name string, p Provider[P, T], fn Func[T]) *Flow[P, T] {
	f := &Flow[P, T]{j: j, p: p, m: newMachine(name, p, fn)}
	if j == nil {
		f.fault = fmt.Errorf("%w: flow %q: no journal", ErrConfiguration, name)
		return f
	}
	f.fault = j.add(f.m)
	return f
}

// Plan records a request in your transaction. Nothing leaves before you commit, and
// nothing leaves if you roll back. A worker of Run sends it.
//
// The same parameters under the same reference are the same entry: Plan changes
// nothing and returns nil. Other parameters are ErrReferenceTaken, if they decide who
// pays, who is paid, how much or by which way; of a cash-out so does the accepted quote:
// store its id with the order. Other descriptions, the payer's name and QuoteLimits do not
// decide: those of the first Plan stand. RetailerID, ServiceCode and Method, which the client
// fills in, are the same when they are spelt out, until the entry is purged. The Address of
// a FiatConnect quote is not: give it each time or never.
//
// After any error roll back: nothing was planned. Parameters that cannot be sent are
// sdk.ErrValidation, and a set-up that is wrong is ErrConfiguration. So is a reference
// that a newer release has planned, or whose parameters this release cannot read: the text
// says so, and you update this process. Every other error but ErrReferenceTaken is of the
// database: run your transaction again. Do not ask sdk.Advise about it. A request that was
// not planned is never sent, and cannot be looked up.
//
// On SQLite begin your transaction with BEGIN IMMEDIATE. On PostgreSQL at REPEATABLE
// READ a concurrent Plan of the same reference ends in a serialization failure: run
// your transaction again.
func (f *Flow[P, T]) Plan(ctx context.Context, tx Tx, params P) error {
	if f.fault != nil {
		return f.fault
	}
	id, err := f.p.Identify(params)
	if err != nil {
		return err
	}
	if err := checkReference(id.Reference); err != nil {
		return err
	}
	data, err := f.m.encode(params)
	if err != nil {
		return invalid("parameters", "cannot be written as JSON")
	}
	version := len(f.m.digests)
	sum := f.m.digests[version-1](params)
	if stored, err := f.m.decode(data); err != nil || f.m.digests[version-1](stored) != sum {
		return invalid("parameters", "cannot be stored: encoding/json does not read them back as they were")
	}
	tx = &transaction{Tx: tx, dialect: f.j.db.dialect}
	created, err := f.j.insert(ctx, tx, f.m.name, id, sum, version, data)
	if err != nil || created {
		return planFailed(err)
	}
	return f.compare(ctx, tx, id.Reference, params)
}

// planFailed says what to do about SQLite's most common surprise.
func planFailed(err error) error {
	const snapshot = 517 // SQLITE_BUSY_SNAPSHOT
	var coded interface{ Code() int }
	if errors.As(err, &coded) && coded.Code() == snapshot {
		return fmt.Errorf("journal: plan: your transaction read before it wrote: begin it with BEGIN IMMEDIATE (_txlock=immediate): %w", err)
	}
	if sqldb.Passing(err) {
		return fmt.Errorf("journal: plan: another transaction was in the way: roll back, and run your transaction again: %w", err)
	}
	return failed("plan", err)
}

func (j *Journal) insert(ctx context.Context, tx Tx, flow string, id Identity, sum [sha256.Size]byte, version int, params []byte) (created bool, err error) {
	entry, none := int64(0), []byte{}
	args := []any{flow, id.Reference, sum[:], version}
	details := []any{id.Amount.String(), id.Currency, params, none, none}
	switch {
	case j.sql.planAll != "":
		err = sqldb.QueryRow(ctx, tx, j.sql.planAll, append(args, details...), &entry)
	case j.db.dialect == MySQL:
		var r sql.Result
		if r, err = tx.ExecContext(ctx, j.sql.plan, args...); err == nil {
			if entry, err = r.LastInsertId(); err == nil && entry == 0 {
				err = sql.ErrNoRows
			}
		}
	default:
		err = sqldb.QueryRow(ctx, tx, j.sql.plan, args, &entry)
	}
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil || j.sql.planAll != "":
		return err == nil, err
	}
	if _, err := tx.ExecContext(ctx, j.sql.planDetails, append([]any{entry}, details...)...); err != nil {
		return false, err
	}
	_, err = tx.ExecContext(ctx, j.sql.planHistory, entry)
	return err == nil, err
}

// compare holds the parameters against those that stand under the reference.
func (f *Flow[P, T]) compare(ctx context.Context, tx Tx, reference string, params P) error {
	var (
		stored  []byte
		version int
	)
	err := sqldb.QueryRow(ctx, tx, f.j.sql.planned, []any{f.m.name, reference}, &stored, &version)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return errors.New("journal: plan: another transaction has just planned this reference: run your transaction again")
	case err != nil:
		return failed("plan", err)
	case version < 1 || version > len(f.m.digests):
		return fmt.Errorf("%w: plan: a newer release planned this reference (digest version %d): update this process", ErrConfiguration, version)
	}
	sum := f.m.digests[version-1](params)
	same := bytes.Equal(sum[:], stored)
	if same && version < len(f.m.digests) || !same && f.p.spelt != nil {
		same, err = f.comparePlanned(ctx, tx, reference, params, same)
	}
	if err == nil && !same {
		err = &sdk.Error{
			Provider: "journal", Operation: "plan", Outcome: sdk.NotSent, Reference: reference, Reasons: []error{sdk.ErrReferenceTaken},
			Cause: errPlanned,
		}
	}
	return err
}

// comparePlanned holds the parameters against those of an entry whose digest does not tell
// all: an older one, or of another spelling of what the client fills in. Of an entry that is
// purged nothing more is known than its digest, and so whether that is the same.
func (f *Flow[P, T]) comparePlanned(ctx context.Context, tx Tx, reference string, params P, same bool) (bool, error) {
	var data []byte
	err := sqldb.QueryRow(ctx, tx, f.j.sql.plannedParams, []any{f.m.name, reference}, &data)
	if errors.Is(err, sql.ErrNoRows) { // a snapshot from before the plan: its details are there
		err = sqldb.QueryRow(ctx, tx, f.j.sql.plannedLately, []any{f.m.name, reference}, &data)
	}
	switch {
	case err == nil && data == nil, errors.Is(err, sql.ErrNoRows):
		return same, nil
	case err != nil:
		return false, failed("plan", err)
	}
	stored, err := f.m.decode(data)
	if err != nil {
		return false, unreadable("plan")
	}
	if f.p.spelt != nil {
		params = f.p.spelt(params, stored.(P))
	}
	newest := f.m.digests[len(f.m.digests)-1]
	return newest(stored) == newest(params), nil
}

const errPlanned = planned("other parameters stand under this reference")

// planned is why a reference cannot be planned again. Its text may stand in a log.
type planned string

func (e planned) Error() string    { return string(e) }
func (e planned) SafeText() string { return string(e) }

func checkReference(reference string) error {
	space := func(r rune) bool { return unicode.IsSpace(r) || r < ' ' || r == 0x7f }
	if reference == "" || len(reference) > 255 || !utf8.ValidString(reference) ||
		strings.TrimFunc(reference, space) != reference || strings.ContainsRune(reference, 0) {
		return invalid("reference", "must be valid UTF-8 of 1 to 255 bytes without white space at its ends")
	}
	return nil
}

// invalid refuses parameters as a client does: nothing was sent.
func invalid(field, fault string) error {
	return &sdk.Error{
		Provider: "journal", Operation: "plan", Outcome: sdk.NotSent,
		Fields: map[string][]string{field: {fault}}, Reasons: []error{sdk.ErrValidation},
	}
}

// Await waits until nothing more is expected for a reference, and returns what the
// provider showed last. A payment that failed is no error: look at its status.
// ErrRefused, ErrCancelled and ErrStuck come without a value, or with the last one. So does
// *EndError, of an entry that a person has ended, or whose details Purge has removed.
// ErrNotPlanned means that nothing is committed under the reference.
func (f *Flow[P, T]) Await(ctx context.Context, reference string) (T, error) {
	var value T
	if f.fault != nil {
		return value, f.fault
	}
	for wait := 50 * time.Millisecond; ; wait = min(wait*2, 2*time.Second) {
		var (
			state    State
			standing Kind
			owed     string
			purged   bool
			data     []byte // SQLite reads no bytes as NULL
		)
		err := sqldb.QueryRow(ctx, f.j.db, f.j.sql.await, []any{f.m.name, reference}, &state, &standing, &owed, &purged, &data)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return value, ErrNotPlanned
		case err != nil:
			return value, failed("await", err)
		}
		if done, end := state.end(); done && (owed == "" || state == StateStuck) {
			if len(data) > 0 && json.Unmarshal(data, &value) != nil {
				return value, unreadable("await")
			}
			if end == nil && (len(data) == 0 || plain(f.p.Judge(value)) != standing) {
				end = &EndError{Standing: standing, Purged: purged}
			}
			return value, end
		}
		if err := transport.Pause(ctx, wait); err != nil {
			return value, err
		}
	}
}

// EndError is Await's error about an entry that is over in a way that the value does not
// show. Never take it for a payment that failed: Standing says how it ended.
type EndError struct {
	Standing Kind // Succeeded, Failed or Reversed, as your func was told
	// Purged means that the details are gone. Otherwise a person has ended the entry with
	// Happened or DidNot, and the value is what the provider showed before, if anything.
	Purged bool
}

func (e *EndError) Error() string {
	if e.Purged {
		return "journal: " + string(e.Standing) + ", and the details are gone"
	}
	return "journal: " + string(e.Standing) + ", as a person decided"
}

// Reference makes a reference of 26 small letters and digits, which every provider of
// this module takes. It is the same again for the same order and purpose, so that a
// process which crashed makes the same one. Two purposes of an order, such as
// "collect" and "refund", have two references.
func Reference(orderID, purpose string) string {
	h := sha256.New()
	for _, part := range []string{"journal.Reference.1", orderID, purpose} {
		_ = binary.Write(h, binary.BigEndian, uint64(len(part)))
		_, _ = h.Write([]byte(part))
	}
	const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	return base32.NewEncoding(alphabet).WithPadding(base32.NoPadding).EncodeToString(h.Sum(nil))[:26]
}
