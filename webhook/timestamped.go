package webhook

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Timestamped is the scheme of a header like "t=1763742000,v1=<hex>", signed
// over "<t>.<raw body>", t in Unix seconds. During a rotation a sender may put
// several v1, or several such pairs with one t, separated by spaces. Other keys
// are ignored: a weaker version beside v1 proves nothing.
func Timestamped(header string) Scheme {
	header = http.CanonicalHeaderKey(header)
	return func(d *Delivery, s *Signed) error {
		value, err := onlyHeader(d, header)
		if err != nil {
			return err
		}
		stamp := ""
		for value != "" {
			var pair string
			pair, value = cutPair(value)
			key, text, _ := strings.Cut(pair, "=")
			switch {
			case key == "t" && (stamp == "" || stamp == text):
				stamp = text
			case key == "t":
				return errors.New("two times")
			case key == "v1" && !s.Add(text):
				return errors.New("signature malformed")
			}
		}
		if s.Time, err = unixSeconds(stamp); err != nil {
			return err
		}
		s.Prefix = append(append(s.Prefix, stamp...), '.')
		return nil
	}
}

// Headers longer than this carry no signature of ours.
const maxSignatureHeader = 4096

// onlyHeader takes the name in its canonical form.
func onlyHeader(d *Delivery, name string) (string, error) {
	values := d.Request.Header[name]
	if len(values) != 1 || len(values[0]) > maxSignatureHeader {
		return "", errors.New("header missing, repeated or too long")
	}
	return values[0], nil
}

func cutPair(text string) (before, after string) {
	for i := range len(text) {
		if text[i] == ',' || text[i] == ' ' {
			return text[:i], text[i+1:]
		}
	}
	return text, ""
}

// unixSeconds takes digits only and few of them: one text per time.
func unixSeconds(text string) (time.Time, error) {
	seconds, err := strconv.ParseUint(text, 10, 64)
	if err != nil || len(text) > 12 || text[0] == '0' {
		return time.Time{}, errors.New("time malformed")
	}
	return time.Unix(int64(seconds), 0), nil
}
