// Package fakeserver is the program behind examples/fakeserver. It serves all
// fakes on one clock behind one address, with an admin API and a console.
//
// To add a provider, add a row to the table in providers.go.
package fakeserver

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Run serves until the context ends, then finishes what is in flight. args are
// those of the command line; -h lists them. The first line on stdout is the
// greeting: one JSON object with the address, the base URLs and the credentials.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	configs, err := configure(s.config, s)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", s.addr)
	if err != nil {
		return err
	}
	listening := listener.Addr().(*net.TCPAddr)
	addr := listening.String()
	if listening.IP.IsUnspecified() { // no client can use it
		addr = net.JoinHostPort(usable(listening.IP, networks()), strconv.Itoa(listening.Port))
	}
	base := strings.TrimRight(s.world.PublicURL, "/")
	if base == "" {
		base = "http://" + addr
	}
	line := greeting(addr, base, configs)

	world := fake.NewWorld(s.world)
	defer world.Close()
	handler, err := newHandler(world, configs, line)
	if err != nil {
		_ = listener.Close()
		return err
	}
	server := &http.Server{
		Handler:           guard(newAllowed(addr, s.world.PublicURL, append(s.hosts, s.addr)), s.world.PublicURL, endStreams(ctx, handler)),
		ReadHeaderTimeout: 10 * time.Second,
	}
	if err := json.NewEncoder(stdout).Encode(line); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "listening on %s\n", listening)
	if !listening.IP.IsLoopback() {
		fmt.Fprintf(stderr, "warning: other machines can reach this server and everything in it; clients use %s\n", base)
	}

	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	fmt.Fprintln(stderr, "finishing what is in flight")
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	if err := server.Shutdown(shutdown); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// settings are the flags.
type settings struct {
	addr      string
	hosts     []string // further values of the Host header
	autopilot bool
	config    string // path of a file; see config.go
	world     fake.Options
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	var clock string
	flags := flag.NewFlagSet("fakeserver", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&s.addr, "addr", "127.0.0.1:8099", "address to listen on; port 0 picks a free one")
	flags.StringVar(&clock, "clock", "real", "real: the clock follows real time; manual: it stands still until advanced")
	flags.Float64Var(&s.world.Speed, "speed", 1, "virtual seconds per real second, with -clock real")
	flags.Uint64Var(&s.world.Seed, "seed", 1, "makes all ids")
	flags.StringVar(&s.world.PublicURL, "public-url", "", "the address that clients use, if a proxy stands before the server")
	flags.BoolVar(&s.autopilot, "autopilot", true, "Kapiten's riders take rides and deliver by themselves")
	flags.StringVar(&s.config, "config", "", "a JSON `file` that sets up the fakes; it wins over -autopilot")
	flags.Func("allow-host", "a further `host` that requests may be for, such as a container's name; repeat it for more", func(host string) error {
		if bareHost(host) == "" {
			return errors.New("a host is missing")
		}
		s.hosts = append(s.hosts, host)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return settings{}, err
	}
	if flags.NArg() > 0 {
		return settings{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	switch clock {
	case "real":
		s.world.RealTime = true
	case "manual":
		s.world.Start = time.Now().UTC().Truncate(time.Second)
	default:
		return settings{}, fmt.Errorf("-clock must be real or manual, not %q", clock)
	}
	if !(s.world.Speed > 0) {
		return settings{}, errors.New("-speed must be greater than zero")
	}
	s.world.Logger = slog.New(slog.NewTextHandler(stderr, nil))
	return s, nil
}

// greeting is the first line on stdout.
func greeting(addr, base string, configs map[string]any) map[string]any {
	credentials := map[string]map[string]string{}
	line := map[string]any{
		"addr": addr, "admin": base + "/_fake", "console": base + "/", "credentials": credentials,
	}
	for _, p := range providers() {
		for _, e := range p.endpoints {
			line[e.name] = base + e.base
			credentials[e.name] = e.credentialsIn(configs[p.name])
		}
	}
	return line
}

// newHandler routes to each fake, the admin API and the console. No ServeMux
// stands before the fakes, because it would redirect unclean paths: each fake
// responds to them as its provider does.
func newHandler(world *fake.World, configs, line map[string]any) (http.Handler, error) {
	table := providers()
	fakes := make([]http.Handler, len(table))
	for i, p := range table {
		opened, err := p.open(world, configs[p.name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		fakes[i] = strip(p.mount(), opened)
	}
	own := http.NewServeMux()
	own.Handle("/_fake/", world.Admin())
	serveConsole(own, line)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i, p := range table {
			if r.URL.Path == p.mount() || strings.HasPrefix(r.URL.Path, p.mount()+"/") {
				fakes[i].ServeHTTP(w, r)
				return
			}
		}
		own.ServeHTTP(w, r)
	}), nil
}

// endStreams ends the streams of events with ctx. They would hold a shutdown back,
// which waits for the requests in flight.
func endStreams(ctx context.Context, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/_fake/events" {
			own, cancel := context.WithCancel(r.Context())
			defer cancel()
			defer context.AfterFunc(ctx, cancel)()
			r = r.WithContext(own)
		}
		next.ServeHTTP(w, r)
	})
}

// strip takes the mount off the path. The mount without a slash behind it is the
// fake's root: a client whose API has one endpoint posts there.
func strip(mount string, h http.Handler) http.Handler {
	stripped := http.StripPrefix(mount, h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == mount {
			r = r.Clone(r.Context())
			r.URL.Path, r.URL.RawPath = mount+"/", ""
		}
		stripped.ServeHTTP(w, r)
	})
}
