// Package wire reads and writes the scalars which providers put on the wire in
// more than one form: numbers as strings, strings as numbers, null for absent,
// decimals as number, integer or fixed-point string, timestamps in several
// spellings. Reading is lenient in form and strict in size, because callback
// bodies come from strangers; writing has exactly one form per field.
package wire
