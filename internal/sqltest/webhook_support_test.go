package sqltest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/webhook"
)

// parcel is the signed event of a made-up provider. References that begin with "free"
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
			s := webhook.Identity{Reference: p.Reference, Status: p.Status, ID: p.Status}
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

// deliver is a signed delivery to a path.
func (p parcel) deliver(to string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, to, strings.NewReader(p.body()))
	r.RequestURI = ""
	mac := hmac.New(sha256.New, []byte(parcelSecret))
	mac.Write([]byte(p.body()))
	r.Header.Set("X-Shop-Signature", hex.EncodeToString(mac.Sum(nil)))
	return r
}

const parcelSecret = "sqltest-parcel-secret"

func parcelAuth() webhook.Authenticator {
	return webhook.Signature(webhook.SignatureConfig{Scheme: webhook.HexHeader("X-Shop-Signature", "")}, parcelSecret)
}

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

// target is a database with an inbox, and the merchant's own tables.
type target struct {
	*webhook.SQLInbox
	dialect     webhook.Dialect
	db          *sql.DB
	driver, dsn string
}

var dialects = map[string]webhook.Dialect{"postgres": webhook.PostgreSQL, "maria": webhook.MySQL, "sqlite": webhook.SQLite}

// onEachSQL runs a test on every database there is.
func onEachSQL(t *testing.T, test func(t *testing.T, s target)) {
	t.Parallel()
	for name := range dialects {
		t.Run(name, func(t *testing.T) { t.Parallel(); test(t, inboxOn(t, name)) })
	}
}

// bare is a database without an inbox.
func bare(t testing.TB, name string) target {
	t.Helper()
	s := target{dialect: dialects[name]}
	switch name {
	case "postgres":
		s.driver = "pgx"
		s.db, s.dsn = openPostgres(t)
	case "maria":
		s.driver = "mysql"
		s.db, s.dsn = openMaria(t)
	default:
		s.driver, s.dsn = "sqlite", "file:"+filepath.Join(t.TempDir(), "shop.db")+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)"
		s.db = s.open(t)
	}
	inbox, err := webhook.NewSQLInbox(s.db, s.dialect)
	require.NoError(t, err)
	s.SQLInbox = inbox
	return s
}

// inboxOn is a database with an inbox and the merchant's tables.
func inboxOn(t testing.TB, name string) target {
	t.Helper()
	s := bare(t, name)
	require.NoError(t, s.Migrate(t.Context()))
	require.NoError(t, s.Check(t.Context()))
	s.exec(t, `CREATE TABLE applied (reference varchar(255) NOT NULL, status varchar(255) NOT NULL, worker bigint NOT NULL)`)
	s.exec(t, `CREATE TABLE parcels (reference varchar(255) PRIMARY KEY, status varchar(255) NOT NULL, place bigint NOT NULL, backwards bigint NOT NULL)`)
	return s
}

// open opens the database once more, as another process would.
func (s target) open(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open(s.driver, s.dsn)
	require.NoError(t, err)
	closeLater(t, db)
	return db
}

func (s target) exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	_, err := s.db.ExecContext(t.Context(), s.sql(statement), args...)
	require.NoError(t, err, statement)
}

func (s target) count(t testing.TB, query string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, s.db.QueryRowContext(t.Context(), s.sql(query), args...).Scan(&n), query)
	return n
}

// sql writes parameters, which are in order, as the dialect does.
func (s target) sql(statement string) string {
	if s.dialect == webhook.PostgreSQL {
		for n := 1; strings.Contains(statement, "?"); n++ {
			statement = strings.Replace(statement, "?", fmt.Sprint("$", n), 1)
		}
	}
	return statement
}

// record is the smallest effect a merchant's function has.
func (s target) record(ctx context.Context, tx *sql.Tx, ev webhook.Event[parcel]) error {
	_, err := tx.ExecContext(ctx, s.sql("INSERT INTO applied (reference, status, worker) VALUES (?, ?, 0)"), ev.Reference, ev.Status)
	return err
}

func (s target) handler(t testing.TB, change func(*webhook.Config[parcel])) *webhook.Handler[parcel] {
	t.Helper()
	cfg := webhook.Config[parcel]{Auth: parcelAuth(), Inbox: s.SQLInbox, HandleTx: s.record}
	if change != nil {
		change(&cfg)
	}
	h, err := webhook.New(parcels(), cfg)
	require.NoError(t, err)
	return h
}

func post(h http.Handler, p parcel) int {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, p.deliver("/"))
	return w.Code
}

// tap writes down what a program says to a database.
type tap struct {
	mu   sync.Mutex
	said []statement
}

type statement struct {
	text string
	args []any
}

// inbox is another process on the same database, whose statements are written down.
func (s *tap) inbox(t testing.TB, on target) target {
	t.Helper()
	opened, err := sql.Open(on.driver, on.dsn)
	require.NoError(t, err)
	defer opened.Close()
	var connector driver.Connector = tappedDSN{opened.Driver(), on.dsn}
	if d, ok := opened.Driver().(driver.DriverContext); ok {
		connector, err = d.OpenConnector(on.dsn)
		require.NoError(t, err)
	}
	on.db = sql.OpenDB(tappedConnector{connector, s})
	closeLater(t, on.db)
	on.SQLInbox, err = webhook.NewSQLInbox(on.db, on.dialect)
	require.NoError(t, err)
	require.NoError(t, on.Check(t.Context()))
	s.take()
	return on
}

func (s *tap) note(text string, args []driver.NamedValue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	said := statement{text: text}
	for _, a := range args {
		said.args = append(said.args, a.Value)
	}
	s.said = append(s.said, said)
}

func (s *tap) take() []statement {
	s.mu.Lock()
	defer s.mu.Unlock()
	said := s.said
	s.said = nil
	return said
}

type tappedDSN struct {
	driver driver.Driver
	dsn    string
}

func (c tappedDSN) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c tappedDSN) Driver() driver.Driver                        { return c.driver }

type tappedConnector struct {
	driver.Connector
	spy *tap
}

func (c tappedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	return &tappedConn{conn, c.spy}, err
}

type tappedConn struct {
	driver.Conn
	spy *tap
}

func (c *tappedConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	c.spy.note(text, args)
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, text, args)
}

func (c *tappedConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	c.spy.note(text, args)
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, text, args)
}

func (c *tappedConn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	return c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, text)
}

func (c *tappedConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c *tappedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.spy.note("BEGIN", nil)
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
	return tappedTx{tx, c.spy}, err
}

type tappedTx struct {
	driver.Tx
	spy *tap
}

func (t tappedTx) Commit() error {
	t.spy.note("COMMIT", nil)
	return t.Tx.Commit()
}

func (t tappedTx) Rollback() error {
	t.spy.note("ROLLBACK", nil)
	return t.Tx.Rollback()
}

func request(to, body string) *http.Request {
	return httptest.NewRequest(http.MethodPost, to, strings.NewReader(body))
}
