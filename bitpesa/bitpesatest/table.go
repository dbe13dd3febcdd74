package bitpesatest

import (
	"bytes"
	"encoding/json"
	"errors"
)

// table holds rows in the order they came, found by id.
type table[T interface{ rowID() string }] struct {
	rows []T
	byID map[string]T
}

func (t *table[T]) add(row T) {
	if t.byID == nil {
		t.byID = map[string]T{}
	}
	t.rows = append(t.rows, row)
	t.byID[row.rowID()] = row
}

// keep adds a row and lets the oldest go beyond n.
func (t *table[T]) keep(row T, n int) {
	t.add(row)
	if len(t.rows) > n {
		delete(t.byID, t.rows[0].rowID())
		t.rows = t.rows[1:]
	}
}

func (t *table[T]) find(id string) (T, bool) {
	row, ok := t.byID[id]
	return row, ok
}

// newest are the rows that match, newest first; nil matches all.
func (t *table[T]) newest(match func(T) bool) []T {
	var out []T
	for i := len(t.rows) - 1; i >= 0; i-- {
		if match == nil || match(t.rows[i]) {
			out = append(out, t.rows[i])
		}
	}
	return out
}

// MarshalJSON implements json.Marshaler.
func (t table[T]) MarshalJSON() ([]byte, error) {
	if t.rows == nil {
		return []byte("[]"), nil
	}
	return json.Marshal(t.rows)
}

// UnmarshalJSON implements json.Unmarshaler. Numbers inside of free objects
// keep their digits.
func (t *table[T]) UnmarshalJSON(data []byte) error {
	var rows []*T
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&rows); err != nil {
		return err
	}
	*t = table[T]{}
	for _, row := range rows {
		if row == nil || (*row).rowID() == "" {
			return errors.New("row without id")
		}
		if _, twice := t.find((*row).rowID()); twice {
			return errors.New("two rows with one id")
		}
		t.add(*row)
	}
	return nil
}
