package transport

import (
	"context"
	"errors"
)

// settleByLookup finds out what became of a Referenced write that left unanswered: it
// is found, or it is surely absent and sent once more. Whatever becomes of the
// second, short of success, is looked up as well: the first may have arrived
// between the first lookup and the second request.
func settleByLookup(ctx context.Context, f *Failure, lookup func(context.Context) (bool, error), again func() *Failure) *Failure {
	for resent := false; ; resent = true {
		if ctx.Err() != nil {
			return f.stayUnknown(ctx, nil)
		}
		found, err := lookup(ctx)
		switch {
		case err != nil:
			return f.stayUnknown(ctx, &foreign{text: "lookup by reference failed", err: err})
		case found:
			return nil
		case resent && f.settled:
			return f
		case resent:
			return f.stayUnknown(ctx, errStillAbsent)
		case ctx.Err() != nil: // then the lookup's answer is not to be trusted
			return f.stayUnknown(ctx, nil)
		}
		next := again()
		if next == nil {
			return nil
		}
		next.Attempts += f.Attempts
		f = next
	}
}

// stayUnknown gives up on settling f, for a reason or because the context has
// ended.
func (f *Failure) stayUnknown(ctx context.Context, reason error) *Failure {
	f.Outcome = Unknown
	if reason != nil {
		f.cause = reason
	}
	if err := ctx.Err(); err != nil && !errors.Is(f.cause, err) {
		f.cause = errors.Join(err, f.cause)
	}
	return f
}
