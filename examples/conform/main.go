// Command conform compares a live server with what this SDK assumes of it.
//
//	go run ./examples/conform -provider kpay           # the embedded fake
//	KPAY_BASE_URL=... KPAY_USERNAME=... go run ./examples/conform -provider kpay
//	go run ./examples/conform -provider kapiten -spend # makes the smallest transaction
//
// Without -spend nothing is changed: it asks with OPTIONS, HEAD, GET and the reads
// that move nothing. It prints what was seen for each operation, the Routes override
// to paste, and the class that each write deserves. The output holds no secret and no
// personal datum: names of fields and states only. With -json it is JSON.
//
// Credentials without a base URL are refused: the fake would accept any.
//
// The exit code is 1 when something differs or is absent, when a state is unknown, when a
// write was not proven to deserve its class, or when a live server posts no callback to
// -callback. It is 2 when nothing was learnt, the
// credentials were refused or the settings are wrong.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, env func(string) string, out, log io.Writer) int {
	names := make([]string, 0, len(providers))
	for _, p := range providers {
		names = append(names, p.name)
	}
	flags := flag.NewFlagSet("conform", flag.ContinueOnError)
	flags.SetOutput(log)
	name := flags.String("provider", "", strings.Join(names, ", "))
	spend := flags.Bool("spend", false, "make the smallest documented transaction, look it up, and send it again")
	asJSON := flags.Bool("json", false, "print JSON")
	callback := flags.String("callback", "", "a public URL that leads, with all paths below it, to -listen: what the provider posts there is described")
	listen := flags.String("listen", "127.0.0.1:8098", "where callbacks arrive")
	patience := flags.Duration("patience", time.Minute, "how long to wait for a lookup to show the transaction, and for a callback")
	if flags.Parse(args) != nil {
		return 2
	}
	i := slices.IndexFunc(providers, func(p provider) bool { return p.name == *name })
	if i < 0 {
		fmt.Fprintf(log, "conform: -provider must be one of %s\n", strings.Join(names, ", "))
		return 2
	}
	if *callback != "" && !*spend {
		fmt.Fprintln(log, "conform: -callback needs -spend: without a transaction nothing is posted")
		return 2
	}
	t, err := providers[i].target(env, *spend)
	if err != nil {
		fmt.Fprintln(log, "conform:", err)
		return 2
	}
	defer t.close()
	return conform(ctx, t, options{spend: *spend, json: *asJSON, callback: *callback, listen: *listen, patience: *patience}, out, log)
}

type options struct {
	spend, json      bool
	callback, listen string
	patience         time.Duration
}

func conform(ctx context.Context, t *target, o options, out, log io.Writer) int {
	r := &report{Provider: t.name, Fake: t.fake, Spent: o.spend}
	hook, err := newHook(o.callback, t)
	if err == nil && o.spend {
		err = hook.receive(o.listen)
	}
	if err != nil {
		fmt.Fprintln(log, "conform:", err)
		return 2
	}
	defer hook.close()
	t.probe(ctx, r)
	if o.spend {
		t.spend(ctx, r, o, hook, log)
	}
	r.scrub(t.secrets)
	if err := r.print(out, o.json); err != nil {
		fmt.Fprintln(log, "conform:", err)
		return 2
	}
	return r.exitCode()
}
