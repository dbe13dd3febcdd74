// Guide tells the stories of the merchant's guide (../README.md): each runs on the fakes,
// with a journal on a SQLite file, and prints what happens. The clock is simulated, so
// that a week passes in a moment.
//
//	go run ./guide             # every story
//	go run ./guide checkout    # one of them
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
)

// story is a chapter of the guide.
type story struct {
	name string
	tell func(ctx context.Context, s *demo) error
}

var stories = [...]story{
	{"checkout", tellCheckout}, {"payouts", tellPayouts}, {"remittance", tellRemittance}, {"cashout", tellCashOut},
	{"unknown", tellUnknown}, {"stuck", tellStuck}, {"live", tellLive},
	{"lost", tellLost}, {"crash", tellCrash}, {"twice", tellTwice}, {"unpaid", tellUnpaid}, {"reversed", tellReversed},
	{"forged", tellForged}, {"silent", tellSilent}, {"bug", tellBug}, {"outage", tellOutage}, {"backup", tellBackup},
}

func main() {
	dir, err := os.MkdirTemp("", "guide")
	if err != nil {
		fmt.Fprintln(os.Stderr, "guide:", err)
		os.Exit(1)
	}
	testing.Init() // a bubble of testing/synctest wants a test
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "guide", F: func(t *testing.T) {
		code := tell(t, dir, os.Args[1:])
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}}}, nil, nil)
}

// tell tells the named stories, or all of them.
func tell(t *testing.T, dir string, names []string) (code int) {
	told := 0
	for _, one := range stories {
		if len(names) > 0 && !slices.Contains(names, one.name) {
			continue
		}
		told++
		fmt.Println("==", one.name)
		if err := play(t, dir, one, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "guide:", err)
			return 1
		}
	}
	if told == 0 {
		fmt.Fprintln(os.Stderr, "guide: there is no story", names)
		return 2
	}
	return 0
}

// play tells a story in a bubble, where the clock goes on as soon as everybody waits.
func play(t *testing.T, dir string, one story, out io.Writer) (err error) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		s := newDemo(filepath.Join(dir, one.name+".db"), out)
		err = one.tell(ctx, s)
		stop()
		s.close()
	})
	if err != nil {
		return fmt.Errorf("%s: %w", one.name, err)
	}
	return nil
}
