package main

import (
	"bytes"
	"database/sql"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kapiteni/kapiten-go/kapiten"
	"github.com/kapiteni/kapiten-go/kpay"
	"github.com/kapiteni/kapiten-go/sdk/journal"
)

var update = flag.Bool("update", false, "rewrite what the stories print in ../README.md")

const guide = "../README.md"

var shown = regexp.MustCompile("(?s)```text\n\\$ go run \\./guide (\\w+)\n(.*?)```")

// TestTheGuideShowsWhatTheStoriesPrint holds each run in ../README.md against the story.
func TestTheGuideShowsWhatTheStoriesPrint(t *testing.T) {
	file, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	text, have := string(file), map[string]string{}
	for _, match := range shown.FindAllStringSubmatch(text, -1) {
		have[match[1]] = match[2]
	}
	for _, one := range stories {
		was, ok := have[one.name]
		delete(have, one.name)
		t.Run(one.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := play(t, t.TempDir(), one, &out); err != nil {
				t.Fatal(err)
			}
			switch {
			case !ok:
				t.Errorf("%s does not show this story:\n%s", guide, out.String())
			case *update:
				head := "```text\n$ go run ./guide " + one.name + "\n"
				text = strings.Replace(text, head+was+"```", head+out.String()+"```", 1)
			case was != out.String():
				t.Errorf("%s shows\n%s\nand the story prints\n%s", guide, was, out.String())
			}
		})
	}
	for name := range have {
		t.Errorf("%s shows %s, and there is no such story", guide, name)
	}
	if *update {
		if err := os.WriteFile(guide, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAPaymentTakenBackStaysInSight: news of the ride cannot hide it, and a correction goes on
// where the order was.
func TestAPaymentTakenBackStaysInSight(t *testing.T) {
	s := newDemo(filepath.Join(t.TempDir(), "shop.db"), io.Discard)
	defer s.close()
	shop, err := s.shop(t.Context(), unhurried())
	if err == nil {
		err = shop.order(t.Context(), "order-1", "0783300000", francs(9000))
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		of   string
		kind journal.Kind
		want string
	}{
		{"ride", journal.Pending, "new"},
		{"payment", journal.Succeeded, "paid"},
		{"payment", journal.Reversed, "cancelled"},
		{"ride", journal.Succeeded, "cancelled"},
		{"payment", journal.Corrected, "delivered"},
		{"ride", journal.Reversed, "paid, not delivered"},
		{"payment", journal.Reversed, "cancelled"},
	} {
		reference := journal.Reference("order-1", step.of)
		if err := inTx(t.Context(), shop.db, func(tx *sql.Tx) error {
			if step.of == "ride" {
				return shop.rode(t.Context(), tx, journal.Change[kapiten.Ride]{Reference: reference, Kind: step.kind})
			}
			return shop.paid(t.Context(), tx, journal.Change[kpay.Payment]{Reference: reference, Kind: step.kind})
		}); err != nil {
			t.Fatal(err)
		}
		if got := shop.state(t.Context(), "order-1"); got != step.want {
			t.Errorf("%s %s: the order is %s, not %s", step.of, step.kind, got, step.want)
		}
	}
}
