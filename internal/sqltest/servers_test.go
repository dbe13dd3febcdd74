package sqltest

import (
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
)

// TestMain starts a PostgreSQL and a MariaDB for all tests; as a worker of the kill
// test it is a merchant's process instead.
func TestMain(m *testing.M) {
	_ = mysql.SetLogger(log.New(io.Discard, "", 0)) // it would report each connection that a killed server closed
	if os.Getenv(workerVariable) != "" {
		work()
		return
	}
	os.Exit(runWithServers(m))
}

// server is where the PostgreSQL of this run listens, a directory, and mariaServer the
// beginning of a DSN of its MariaDB.
var server, mariaServer = new(string), new(string)

// mysqlVariable names a server that the tests use instead of MariaDB, such as MySQL 8:
// "root:secret@tcp(localhost:3306)/". They create databases there and leave them.
const mysqlVariable = "KAPITEN_MYSQL"

// countVariable makes PostgreSQL count statements, for the benchmarks. It slows all sides.
const countVariable = "KAPITEN_COUNT"

func runWithServers(m *testing.M) int {
	// Most tests wait for a server, so that more of them than processors go well together.
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = f.Value.Set("8")
	}
	// The servers of all tests are never killed, and need not wait for the disk.
	// What is measured does.
	hasty := func(args func(string) ([]string, error), setting ...string) func(string) ([]string, error) {
		return func(dir string) ([]string, error) {
			all, err := args(dir)
			if flag.Lookup("test.bench").Value.String() == "" {
				all = append(all, setting...)
			}
			return all, err
		}
	}
	postgres, err := newCluster(initPostgres, hasty(postgresArgs, "-c", "synchronous_commit=off"), "INT")
	if err == nil {
		defer postgres.remove()
		*server = postgres.dir
		err = postgres.start(await("pgx", dsn("public")))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sqltest: no PostgreSQL (setup.sh installs one):", err)
		return 1
	}
	if *mariaServer = os.Getenv(mysqlVariable); *mariaServer != "" {
		return m.Run()
	}
	maria, err := newCluster(initMaria, hasty(mariaArgs, "--innodb-flush-log-at-trx-commit=0"), "TERM")
	if err == nil {
		defer maria.remove()
		*mariaServer = "root@unix(" + filepath.Join(maria.dir, "socket") + ")/"
		err = maria.start(await("mysql", mariaDSN("mysql")))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sqltest: no MariaDB (setup.sh installs one):", err)
		return 1
	}
	return m.Run()
}

// cluster is a database server with a directory of its own.
type cluster struct {
	dir     string
	as      *syscall.Credential
	args    func(dir string) ([]string, error)
	signal  string // that ends the server
	running *exec.Cmd
	pipe    io.Closer
}

func newCluster(initialise, args func(dir string) ([]string, error), signal string) (*cluster, error) {
	dir, err := os.MkdirTemp("", "db")
	if err != nil {
		return nil, err
	}
	as, err := unprivileged(dir)
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir, as: as, args: args, signal: signal}
	first, err := initialise(dir)
	if err != nil {
		return nil, err
	}
	if out, err := c.command(first...).CombinedOutput(); err != nil {
		c.remove()
		return nil, fmt.Errorf("%s: %w: %s", first[0], err, out)
	}
	return c, nil
}

func (c *cluster) command(args ...string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.SysProcAttr = c.dir, &syscall.SysProcAttr{Credential: c.as}
	cmd.Env = append(os.Environ(), "TMPDIR="+c.dir) // servers name their files there by process ids, which containers repeat
	return cmd
}

// start returns when the server accepts connections.
func (c *cluster) start(ready func() error) error {
	args, err := c.args(c.dir)
	if err != nil {
		return err
	}
	// The shell outlives nothing: when this process ends, however it ends, the pipe
	// closes and the server is stopped.
	c.running = c.command(append([]string{"sh", "-c", `"$0" "$@" >>log 2>&1 & pid=$!; echo $pid >server.pid; cat >/dev/null; kill -"$STOP" $pid; wait $pid`}, args...)...)
	c.running.Env = append(c.running.Env, "STOP="+c.signal)
	pipe, err := c.running.StdinPipe()
	if err != nil {
		return err
	}
	c.pipe = pipe
	if err := c.running.Start(); err != nil {
		return err
	}
	if err := ready(); err != nil {
		text, _ := os.ReadFile(filepath.Join(c.dir, "log"))
		return fmt.Errorf("%w: %s", err, text)
	}
	return nil
}

func (c *cluster) stop() {
	if c.running != nil {
		_ = c.pipe.Close()
		_ = c.running.Wait()
		c.running = nil
	}
}

func (c *cluster) remove() {
	c.stop()
	_ = os.RemoveAll(c.dir)
}

func postgresBin() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", errors.New("initdb not found")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

func initPostgres(dir string) ([]string, error) {
	bin, err := postgresBin()
	return []string{filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "merchant", "-A", "trust", "-E", "UTF8", "--no-sync"}, err
}

func postgresArgs(dir string) ([]string, error) {
	bin, err := postgresBin()
	args := []string{filepath.Join(bin, "postgres"), "-D", filepath.Join(dir, "data"), "-k", dir, "-c", "listen_addresses=", "-c", "max_connections=300"}
	if os.Getenv(countVariable) != "" {
		args = append(args, "-c", "shared_preload_libraries=pg_stat_statements", "-c", "pg_stat_statements.track_planning=on")
	}
	return args, err
}

// installed finds a program, in the directory of administrators too.
func installed(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath(filepath.Join("/usr/sbin", name))
	}
	return path, err
}

func initMaria(dir string) ([]string, error) {
	path, err := installed("mariadb-install-db")
	return []string{path, "--no-defaults", "--datadir=" + filepath.Join(dir, "data"), "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"}, err
}

func mariaArgs(dir string) ([]string, error) {
	path, err := installed("mariadbd")
	args := []string{path, "--no-defaults", "--datadir=" + filepath.Join(dir, "data"), "--socket=" + filepath.Join(dir, "socket"), "--pid-file=" + filepath.Join(dir, "pid"),
		"--skip-networking", "--skip-name-resolve", "--character-set-server=utf8mb4", "--max-connections=200", "--innodb-buffer-pool-size=256M"}
	return args, err
}

// unprivileged is who runs a server, which refuses root; nil for ourselves.
func unprivileged(dir string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err := errors.Join(err1, err2, os.Chown(dir, uid, gid)); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("root, and no other user to run it as")
}

// await returns when a database answers.
func await(driver, dsn string) func() error { return awaitFor(driver, dsn, 30*time.Second) }

func awaitFor(driver, dsn string, patience time.Duration) func() error {
	return func() error {
		db, err := sql.Open(driver, dsn)
		if err != nil {
			return err
		}
		defer db.Close()
		tick, late := time.NewTicker(20*time.Millisecond), time.After(patience)
		defer tick.Stop()
		for {
			if err = db.Ping(); err == nil {
				return nil
			}
			select {
			case <-tick.C:
			case <-late:
				return err
			}
		}
	}
}

func dsn(schema string) string {
	return fmt.Sprintf("host=%s user=merchant dbname=postgres search_path=%s", *server, schema)
}

func mariaDSN(database string) string { return *mariaServer + database }

var schemas atomic.Int64

// openPostgres gives a test a schema of its own.
func openPostgres(t testing.TB) (*sql.DB, string) {
	t.Helper()
	schema := fmt.Sprintf("s%d", schemas.Add(1))
	db, err := sql.Open("pgx", dsn(schema))
	require.NoError(t, err)
	closeLater(t, db)
	_, err = db.ExecContext(t.Context(), "CREATE SCHEMA "+schema)
	require.NoError(t, err)
	return db, dsn(schema)
}

// openMaria gives a test a database of its own on MariaDB. The driver's parameters
// are the defaults.
func openMaria(t testing.TB) (*sql.DB, string) {
	t.Helper()
	name := fmt.Sprintf("s%d", schemas.Add(1))
	admin, err := sql.Open("mysql", mariaDSN(""))
	require.NoError(t, err)
	defer admin.Close()
	_, err = admin.ExecContext(t.Context(), "CREATE DATABASE "+name)
	require.NoError(t, err)
	db, err := sql.Open("mysql", mariaDSN(name))
	require.NoError(t, err)
	closeLater(t, db)
	return db, mariaDSN(name)
}

func closeLater(t testing.TB, c io.Closer) {
	t.Cleanup(func() { _ = c.Close() })
}

// TestMaria says on which server the dialect of MySQL is tested. MySQL itself is tested
// only where KAPITEN_MYSQL names a server: Debian has no package of it.
func TestMaria(t *testing.T) {
	t.Parallel()
	db, _ := openMaria(t)
	version := ""
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT VERSION()`).Scan(&version))
	require.Equal(t, os.Getenv(mysqlVariable) == "", strings.Contains(version, "MariaDB"), version)
	t.Log("the dialect of MySQL is tested on", version)
}

// initBouncer sets up a PgBouncer in transaction mode before the PostgreSQL of this run.
func initBouncer(dir string) ([]string, error) {
	config := "[databases]\n* = host=" + *server + " user=merchant\n[pgbouncer]\nlisten_addr =\nunix_socket_dir = " + dir +
		"\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 4\nmax_client_conn = 200\nignore_startup_parameters = extra_float_digits\n"
	return []string{"true"}, os.WriteFile(filepath.Join(dir, "bouncer.ini"), []byte(config), 0o644) //nolint:gosec // another user reads it
}

func bouncerArgs(dir string) ([]string, error) {
	path, err := installed("pgbouncer")
	return []string{path, filepath.Join(dir, "bouncer.ini")}, err
}

// openBouncer gives a test a database of its own behind PgBouncer.
func openBouncer(t testing.TB) (plain *sql.DB, bouncer string) {
	t.Helper()
	plain, _ = openPostgres(t)
	name := fmt.Sprintf("b%d", schemas.Add(1))
	_, err := plain.ExecContext(t.Context(), "CREATE DATABASE "+name)
	require.NoError(t, err)
	c, err := newCluster(initBouncer, bouncerArgs, "INT")
	require.NoError(t, err)
	t.Cleanup(c.remove)
	dsn := fmt.Sprintf("host=%s port=6432 user=merchant dbname=%s sslmode=disable", c.dir, name)
	require.NoError(t, c.start(await("pgx", dsn+" default_query_exec_mode=exec")))
	plain, err = sql.Open("pgx", fmt.Sprintf("host=%s user=merchant dbname=%s", *server, name))
	require.NoError(t, err)
	closeLater(t, plain)
	return plain, dsn
}
