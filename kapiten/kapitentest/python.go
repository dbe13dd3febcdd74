package kapitentest

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// typeName is what Python calls the type of a JSON value.
func typeName(v any) string {
	switch v := v.(type) {
	case bool:
		return "bool"
	case number:
		if v.isInt() {
			return "int"
		}
		return "float"
	case string:
		return "str"
	case []any:
		return "list"
	case map[string]any:
		return "dict"
	default:
		return "NoneType"
	}
}

// str is Python's str() of a number, a text or a truth value.
func str(v any) string {
	switch v := v.(type) {
	case bool:
		if v {
			return "True"
		}
		return "False"
	case number:
		if v.isInt() {
			if n, ok := new(big.Int).SetString(string(v), 10); ok {
				return n.String()
			}
		}
		f, _ := strconv.ParseFloat(string(v), 64) // out of range is infinite, as in Python
		return floatString(f)
	case string:
		return v
	default:
		return typeName(v)
	}
}

// floatString is Python's repr of a float: the shortest digits, with an
// exponent below 1e-4 and from 1e16.
func floatString(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
