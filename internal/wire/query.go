package wire

import (
	"net/url"

	"github.com/google/go-querystring/query"
)

// Query encodes the `url` tags of a struct of list parameters. Fields must be
// basic kinds, slices of them, or implement query.Encoder: the library drops
// decimals and other structs silently.
func Query(params any) (url.Values, error) {
	return query.Values(params)
}
