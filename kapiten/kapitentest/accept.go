package kapitentest

import (
	"slices"
	"strings"
)

// negotiate chooses the format of the answer as the framework does: the most
// specific types the client lists first, JSON before HTML, q values ignored.
func negotiate(accept string, sent bool) (asHTML, ok bool) {
	if !sent {
		return false, true
	}
	ranges := strings.Split(accept, ",")
	slices.SortStableFunc(ranges, func(a, b string) int { return specificity(b) - specificity(a) })
	for i := 0; i < len(ranges); {
		j := i
		for j < len(ranges) && specificity(ranges[j]) == specificity(ranges[i]) {
			j++
		}
		for _, renderer := range []string{"application/json", "text/html"} {
			if slices.ContainsFunc(ranges[i:j], func(r string) bool { return matches(renderer, r) }) {
				return renderer == "text/html", true
			}
		}
		i = j
	}
	return false, false
}

func specificity(mediaRange string) int {
	main, sub, _ := strings.Cut(mediaType(mediaRange), "/")
	switch {
	case main == "*":
		return 0
	case sub == "*":
		return 1
	case !strings.Contains(mediaRange, ";") || strings.HasPrefix(parameters(mediaRange), "q="):
		return 2
	default:
		return 3
	}
}

func parameters(mediaRange string) string {
	_, params, _ := strings.Cut(mediaRange, ";")
	return strings.ToLower(strings.TrimSpace(params))
}

func matches(renderer, mediaRange string) bool {
	main, sub, _ := strings.Cut(mediaType(mediaRange), "/")
	wantMain, wantSub, _ := strings.Cut(renderer, "/")
	return (main == "*" || main == wantMain) && (sub == "*" || sub == wantSub)
}
