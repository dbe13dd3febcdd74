package sqltest

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
)

// TestMain starts a PostgreSQL for all tests; as a worker of the kill test it is
// a merchant's process instead.
func TestMain(m *testing.M) {
	if os.Getenv(workerVariable) != "" {
		work()
		return
	}
	os.Exit(runWithPostgres(m))
}

// server is where the PostgreSQL of this run listens: a directory.
var server = new(string)

func runWithPostgres(m *testing.M) int {
	stop, err := startPostgres()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sqltest: no PostgreSQL (setup.sh installs one):", err)
		return 1
	}
	defer stop()
	return m.Run()
}

func startPostgres() (stop func(), err error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		return nil, err
	}
	credential, err := unprivileged(dir)
	if err != nil {
		return nil, err
	}
	run := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Credential: credential}
		return cmd
	}
	data := filepath.Join(dir, "data")
	if out, err := run(filepath.Join(bin, "initdb"), "-D", data, "-U", "merchant", "-A", "trust", "-E", "UTF8", "--no-sync").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	// The shell outlives nothing: when this process ends, however it ends, the
	// pipe closes and PostgreSQL is stopped.
	cmd := run("sh", "-c", `"$0" -D "$1" -k "$2" -c listen_addresses= -c max_connections=60 >"$2/log" 2>&1 & pid=$!; cat >/dev/null; kill -INT $pid; wait $pid`,
		filepath.Join(bin, "postgres"), data, dir)
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		_ = pipe.Close()
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	}
	*server = dir
	if err := await(dsn("public")); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		stop()
		return nil, fmt.Errorf("%w: %s", err, log)
	}
	return stop, nil
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

// unprivileged is who runs PostgreSQL, which refuses root; nil for ourselves.
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

func await(dsn string) error {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	tick, late := time.NewTicker(20*time.Millisecond), time.After(30*time.Second)
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

func dsn(schema string) string {
	return fmt.Sprintf("host=%s user=merchant dbname=postgres search_path=%s", *server, schema)
}

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

func closeLater(t testing.TB, c io.Closer) {
	t.Cleanup(func() { _ = c.Close() })
}
