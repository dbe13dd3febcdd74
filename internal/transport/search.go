package transport

// Absent is the failure of a search that answered properly and found nothing.
func Absent(provider string, op Operation, reference string) *Failure {
	return &Failure{
		Provider: provider, Operation: op.Name, Class: op.Class, Outcome: NoEffect,
		Reference: reference, kinds: []error{ErrNotFound}, cause: errNothingFound,
	}
}

// Inconclusive is the failure of a search whose answers do not show what was
// searched for.
func Inconclusive(provider string, op Operation, reference string, cause error) *Failure {
	return &Failure{
		Provider: provider, Operation: op.Name, Class: op.Class, Outcome: NoEffect,
		Reference: reference, kinds: []error{ErrUnexpectedResponse}, cause: &wrapped{text: "search inconclusive", err: cause},
	}
}
