package main

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
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
