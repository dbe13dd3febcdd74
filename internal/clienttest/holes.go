package clienttest

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/kapiteni/kapiten-go/sdk"
)

type otherKey struct{}

// Other names the parameter that this call must change: it is one of MoneyWrite.Others, or
// empty.
func Other(ctx context.Context) string {
	name, _ := ctx.Value(otherKey{}).(string)
	return name
}

// checkRepeats has a request done, whose repeat by somebody on the way meets the provider's own
// throttle or refusal of a token: the client gets that refusal alone. It must look before it
// sends again, where it can look at all.
func (w MoneyWrite) checkRepeats(t *testing.T) {
	for name, refusal := range map[string]Step{"throttle": w.Throttle, "refused token": w.Expired} {
		if refusal == nil {
			continue
		}
		t.Run("done, and a repeat meets the "+name+"/"+w.Op+"/"+w.Class.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, call := w.over(t)
				c.meet = func(n int, req *http.Request) (*http.Response, error) {
					resp, err := c.next.RoundTrip(req)
					if n > 1 || err != nil {
						return resp, err
					}
					_ = resp.Body.Close()
					return refusal(req), nil
				}
				err := call(t.Context())
				looks := w.Class == sdk.Referenced || w.Class == sdk.Searched
				switch {
				case w.Class == sdk.Keyed: // the key says that it is the same
					if err != nil || c.met != 2 {
						t.Errorf("sent %d times: %v", c.met, err)
					}
				case c.met > 1 && (looks || name == "throttle"):
					t.Errorf("sent %d times", c.met)
				case looks && err != nil:
					t.Errorf("it is there: %v", err)
				case name == "throttle" && !looks && !errors.Is(err, sdk.ErrRateLimited):
					t.Errorf("throttled: %v", err)
				}
			})
		})
	}
}

// checkOthers makes a payment, and then another with the same reference: nothing is paid, and
// the first is not taken for the second.
func (w MoneyWrite) checkOthers(t *testing.T) {
	if (len(w.Others) > 0) == (w.Blind != "") {
		t.Errorf("%s, %s: the parameters to change, or why nothing can be compared", w.Op, w.Class)
	}
	for _, name := range w.Others {
		t.Run("with another "+name+"/"+w.Op+"/"+w.Class.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, call := w.over(t)
				if err := call(t.Context()); err != nil {
					t.Fatal(err)
				}
				err := call(context.WithValue(t.Context(), otherKey{}, name))
				want := sdk.Rejected
				if w.Class == sdk.Searched {
					want = sdk.Unknown // no reference need be unique
				}
				var e *sdk.Error
				if !errors.As(err, &e) || !errors.Is(err, sdk.ErrReferenceTaken) || e.Outcome != want {
					t.Errorf("it should be %v and taken: %v", want, err)
				}
				if err := call(t.Context()); err != nil {
					t.Errorf("the first is still what it was: %v", err)
				}
			})
		})
	}
}
