package wire

// Side decodes the text of a field that decides nothing: a string, a number or
// null. Any other value counts as absent, so that no such field costs the caller the
// response it came with.
type Side string

// UnmarshalJSON implements json.Unmarshaler.
func (s *Side) UnmarshalJSON(data []byte) error {
	text, err := scalar(data)
	if err != nil {
		text = ""
	}
	*s = Side(text)
	return nil
}

// Shown decodes the text of a field that decides. It tells a field that is absent,
// null or empty from one with a value that is no text.
type Shown struct {
	Text       string
	Unreadable bool
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Shown) UnmarshalJSON(data []byte) error {
	text, err := scalar(data)
	*s = Shown{Text: text, Unreadable: err != nil}
	return nil
}
