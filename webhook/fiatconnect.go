package webhook

import (
	"crypto/sha256"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/kapiteni/kapiten-go/kotani"
)

// NewFiatConnect builds a handler for the signed webhooks of a FiatConnect provider,
// such as Kotani Pay. Config.Auth is FiatConnectSignature.
func NewFiatConnect(cfg Config[kotani.FiatConnectEvent]) (*Handler[kotani.FiatConnectEvent], error) {
	return New(FiatConnect(), cfg)
}

// FiatConnect describes the signed webhooks of a FiatConnect provider (specification
// 1.2.5).
//
// A delivery that comes again is known by its eventId. A transfer's reference is its id, its
// amount is what the user provides, and it changes in the order of
// FiatConnectStates. A KYC record's reference is wallet and schema. KYC events
// have no order, because a deleted record can begin again: compare their times.
// The reference of any other event is its eventId. The sender retries until it
// gets exactly 200 (specification).
func FiatConnect() Source[kotani.FiatConnectEvent] {
	states := map[kotani.TransferType]*States{
		kotani.TransferTypeIn:  FiatConnectStates(kotani.TransferTypeIn),
		kotani.TransferTypeOut: FiatConnectStates(kotani.TransferTypeOut),
	}
	return Source[kotani.FiatConnectEvent]{
		Provider: "fiatconnect",
		Decode:   uniquely(kotani.ParseFiatConnectEvent),
		Identify: func(e kotani.FiatConnectEvent) Identity {
			s := Identity{Reference: e.ID, ID: e.ID}
			switch {
			case e.Transfer != nil:
				t := e.Transfer
				s.Reference, s.Status, s.States = t.ID, string(t.Status), states[t.Type]
				if s.Amount = t.AmountProvided; t.Type == kotani.TransferTypeIn {
					s.Currency = string(t.FiatType)
				} else {
					s.Currency = string(t.CryptoType)
				}
			case e.KYC != nil:
				s.Reference, s.Status = e.Address+" "+string(e.KYC.Schema), string(e.KYC.Status)
			}
			return s
		},
	}
}

// FiatConnectStates is the order of a transfer's states, as specified for its
// direction; nil for an unknown direction.
func FiatConnectStates(direction kotani.TransferType) *States {
	forward := map[kotani.TransferStatus][]kotani.TransferStatus{}
	for open := []kotani.TransferStatus{kotani.TransferStarted}; len(open) > 0; open = open[1:] {
		from := open[0]
		if next := from.Next(direction); len(next) > 0 && forward[from] == nil {
			forward[from] = next
			open = append(open, next...)
		}
	}
	if len(forward) == 0 {
		return nil
	}
	return statesOf(forward, []kotani.TransferStatus{kotani.TransferComplete}, nil)
}

// FiatConnectSignature checks "FiatConnect-Signature: t=<seconds>,v1=<hex>", an
// HMAC over "<t>.<raw body>" (specification); there may be several v1 during a
// rotation. That the hash is SHA-256 in hex is observed with providers, not
// specified. It sets c.Scheme; the rest of c is as for Signature.
func FiatConnectSignature(c SignatureConfig, secrets ...string) Authenticator {
	c.Scheme = Timestamped(fiatConnectHeader)
	return Signature(c, secrets...)
}

const fiatConnectHeader = "FiatConnect-Signature"

// NewFiatConnectTestDelivery is a webhook as a provider signs it at a time, for tests
// of your own: pass it to the handler's ServeHTTP, or send it.
func NewFiatConnectTestDelivery(url, secret string, at time.Time, body []byte) (*http.Request, error) {
	r, err := newTestDelivery(url, body)
	if err == nil {
		stamp := strconv.FormatInt(at.Unix(), 10)
		r.Header.Set(fiatConnectHeader, "t="+stamp+",v1="+hexHMAC(sha256.New, secret, slices.Concat([]byte(stamp+"."), body)))
	}
	return r, err
}
