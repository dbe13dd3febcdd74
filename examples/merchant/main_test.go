package main

import (
	"fmt"
	"os"
	"testing"
)

// TestMain lets the test binary be the merchant's process, too.
func TestMain(m *testing.M) {
	if os.Getenv(settingsVariable) == "" {
		os.Exit(m.Run())
	}
	main()
}

func TestTheStoryIsTrue(t *testing.T) {
	if err := story(t.Context()); err != nil {
		t.Error(fmt.Errorf("story: %w", err))
	}
}
