package webhook

import "github.com/kapiteni/kapiten-go/kotani"

// FiatConnect describes the signed webhooks of a FiatConnect provider, such as
// Kotani Pay (specification 1.2.5). Authenticate them with FiatConnectSignature;
// then they are Verified, and Confirm is not needed.
//
// An event is identified by its eventId. A transfer's reference is its id, its
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
	return statesOf(forward, nil)
}

// FiatConnectSignature checks "FiatConnect-Signature: t=<seconds>,v1=<hex>", an
// HMAC over "<t>.<raw body>" (specification); there may be several v1 during a
// rotation. That the hash is SHA-256 in hex is observed with providers, not
// specified. It sets c.Scheme; the rest of c is as for Signature.
func FiatConnectSignature(c SignatureConfig, secrets ...string) Authenticator {
	c.Scheme = Timestamped("FiatConnect-Signature")
	return Signature(c, secrets...)
}
