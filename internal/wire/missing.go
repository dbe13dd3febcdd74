package wire

// Missing is the decode error of a response without a field that decides what the
// response means. Such a response settles nothing.
type Missing string

func (m Missing) Error() string { return "response without " + string(m) }

// SafeText lets the field's name, which is ours, stand in an error's text.
func (m Missing) SafeText() string { return m.Error() }
