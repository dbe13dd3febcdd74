package kpaytest

import (
	"encoding/json"
	"fmt"
	"strings"
)

// answer is a JSON object to send: strings, and the integers success and
// retcode.
type answer map[string]any

// noisy is an answer with the oddities the Config asks for.
func (f *Fake) noisy(a answer) answer {
	out := make(answer, len(a))
	for name, value := range a {
		switch v := value.(type) {
		case int:
			out[name] = f.noisyInt(name, v)
		case string:
			out[name] = f.noisyString(name, v)
		}
	}
	return out
}

func (f *Fake) noisyInt(name string, v int) any {
	switch {
	case name == "success" && f.config.SuccessAsBool:
		return v == 1
	case name == "success" && f.config.NumbersAsStrings:
		return fmt.Sprint(v)
	case f.config.NumbersAsStrings:
		return fmt.Sprintf("%03d", v)
	}
	return v
}

func (f *Fake) noisyString(name, v string) any {
	switch name {
	case "tid", "refid", "momtransactionid", "statusid":
		digits := v
		if name == "statusid" {
			digits = strings.TrimLeft(v, "0")
		}
		if f.config.StringsAsNumbers && isNumber(digits) {
			return json.Number(digits)
		}
	}
	if f.config.PadValues {
		return " " + v + " "
	}
	return v
}

// isNumber says that the text can stand in JSON as an integer.
func isNumber(text string) bool {
	return text != "" && text[0] != '0' && strings.Trim(text, "0123456789") == ""
}
