package fakeserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

// Options are what the command line does not say.
type Options struct {
	// VerifySignature checks the signatures of FiatConnect logins; see
	// kotanitest.FiatConnectConfig. Nil accepts any that is well formed.
	VerifySignature func(address string, message, signature []byte) bool
}

// Run serves until the context ends, then finishes what is in flight. args are
// those of the command line; -h lists them.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer, o Options) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", s.addr)
	if err != nil {
		return err
	}
	base := strings.TrimRight(s.publicURL, "/")
	if base == "" {
		base = "http://" + listener.Addr().String()
	}

	world := fake.NewWorld(s.world)
	defer world.Close()
	server := &http.Server{
		Handler:           newHandler(world, o),
		ReadHeaderTimeout: 10 * time.Second,
	}
	if err := json.NewEncoder(stdout).Encode(greeting(listener.Addr().String(), base)); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "listening on %s\n", listener.Addr())

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

// greeting is the first line on stdout.
func greeting(addr, base string) map[string]any {
	credentials := map[string]any{}
	line := map[string]any{
		"addr": addr, "admin": base + "/_fake", "console": base + "/", "credentials": credentials,
	}
	for _, m := range mounts {
		for name, path := range m.bases {
			line[name] = base + path
		}
		maps.Copy(credentials, m.credentials)
	}
	return line
}
