package fake

import (
	"fmt"
	"path"
	"strings"
)

// glob reports whether a path matches a pattern: path.Match within each
// segment, and a segment ** for any number of segments.
func glob(pattern, p string) bool {
	return globSegments(strings.Split(pattern, "/"), strings.Split(p, "/"))
}

func globSegments(pattern, p []string) bool {
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			rest := pattern[1:]
			if len(rest) == 0 {
				return true
			}
			for i := range p {
				if globSegments(rest, p[i:]) {
					return true
				}
			}
			return false
		}
		if len(p) == 0 {
			return false
		}
		if ok, _ := path.Match(pattern[0], p[0]); !ok { // the pattern was checked when the rule came
			return false
		}
		pattern, p = pattern[1:], p[1:]
	}
	return len(p) == 0
}

const maxGlob = 500

func checkGlob(pattern string) error {
	if len(pattern) > maxGlob || strings.Count(pattern, "**") > 4 {
		return fmt.Errorf("path pattern is too long")
	}
	if _, err := path.Match(pattern, ""); err != nil {
		return fmt.Errorf("path is not a valid pattern")
	}
	return nil
}
