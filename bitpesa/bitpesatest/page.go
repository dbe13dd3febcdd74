package bitpesatest

import (
	"net/http"
	"strconv"
)

const (
	defaultPer = 10   // documented
	largestPer = 1000 // unpublished; assumed
)

// page answers one page of rows, which are newest first (assumed). A page or a
// size that is no number above zero counts as not given.
func page[T any](c *call, rows []T, render func(T) object) answer {
	number, per := positive(c.query.Get("page"), 1), min(positive(c.query.Get("per"), defaultPer), largestPer)
	pages := (len(rows) + per - 1) / per
	list := []any{}
	if number <= pages {
		for _, row := range rows[(number-1)*per : min(number*per, len(rows))] {
			list = append(list, render(row))
		}
	}
	pagination := object{"current_page": number, "next_page": nil, "prev_page": nil, "total_pages": pages, "total_count": len(rows)}
	if number < pages {
		pagination["next_page"] = number + 1
	}
	if number > 1 && number <= pages {
		pagination["prev_page"] = number - 1
	}
	return answer{http.StatusOK, object{"object": list, "meta": object{"pagination": pagination}}}
}

func positive(s string, otherwise int) int {
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return n
	}
	return otherwise
}
