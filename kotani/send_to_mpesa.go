package kotani

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// SendToMpesaParams describe a payout of cUSD that was sent to Kotani's escrow
// address before. See OnChain.EscrowRates.
type SendToMpesaParams struct {
	PhoneNumber string // the recipient's
	TxHash      string // of the transfer to the escrow: 0x and 64 hex digits
}

// MpesaPayout is the answer to SendToMpesa. Only Description and the existence
// of the details are documented; their fields are those of the 2022 source.
type MpesaPayout struct {
	// AlreadyProcessed says that an attempt of this call got no answer, and that
	// Kotani then refused the hash as processed already: by this call, unless an
	// earlier one has presented the same hash. The details are lost, and all
	// other fields are empty.
	AlreadyProcessed bool

	Description  string
	BlockNumber  string
	Value        string // "1.5 CUSD"
	From, To     string // addresses
	Date         string // "2022-02-01, 10:30:00", zone unknown
	MpesaDetails json.RawMessage
	Raw          sdk.Raw
}

// hashGrace is how long an unanswered request is given to end before its hash is
// presented again.
const hashGrace = 3 * time.Second

// SendToMpesa pays the worth of a transfer to the escrow out by M-Pesa. Kotani
// processes a hash once ("Transaction Hash is already processed"), which settles
// an unknown outcome: after three seconds the same request is sent once more,
// and either it is the first to arrive, or the refusal shows that the first one
// did (AlreadyProcessed). A fresh call with a used hash gives ErrDuplicate; but
// when its first answer gets lost, too, it cannot be told from one that paid, so
// never present a hash for a second recipient.
//
// The guard is that of the 2022 source, which does not say that it holds for two
// requests at the same moment. Stellar and Tron cash-outs document no such
// guard, and are not repeated.
func (s *CeloService) SendToMpesa(ctx context.Context, p SendToMpesaParams) (*MpesaPayout, error) {
	payout, err := s.sendToMpesa(ctx, p)
	if !errors.Is(err, sdk.ErrOutcomeUnknown) || !pause(ctx, hashGrace) {
		return payout, err
	}
	payout, again := s.sendToMpesa(ctx, p)
	switch {
	case again == nil:
		return payout, nil
	case errors.Is(again, sdk.ErrDuplicate):
		return &MpesaPayout{AlreadyProcessed: true}, nil
	}
	return nil, err // whatever befell the second, the first stays unknown
}

func (s *CeloService) sendToMpesa(ctx context.Context, p SendToMpesaParams) (*MpesaPayout, error) {
	var f faults
	f.phone("phoneNumber", p.PhoneNumber)
	if !isHex(p.TxHash, 64) {
		f.Add("txhash", "must be 0x and 64 hex digits")
	}
	return call(ctx, s.c, f, transport.Call{
		Op: OpSendToMpesa, Reference: p.TxHash, Body: mpesaRequest{digits(p.PhoneNumber), p.TxHash},
	}, decodeMpesaPayout)
}

// pause waits, and reports false when the context ends first or would.
func pause(ctx context.Context, wait time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

type mpesaRequest struct {
	PhoneNumber string `json:"phoneNumber"`
	TxHash      string `json:"txhash"`
}

func decodeMpesaPayout(body []byte) (MpesaPayout, error) {
	var w struct {
		Desc    string `json:"desc"`
		Details *struct {
			BlockNumber string `json:"blockNumber"`
			Value       string `json:"value"`
			From        string `json:"from"`
			To          string `json:"to"`
			Date        string `json:"date"`
		} `json:"cusdDetails"`
		MpesaDetails json.RawMessage `json:"MpesaDetails"`
	}
	if err := wire.Unmarshal(body, &w); err != nil {
		return MpesaPayout{}, err
	}
	if w.Details == nil {
		return MpesaPayout{}, missing("cusdDetails")
	}
	return MpesaPayout{
		Description: w.Desc, BlockNumber: w.Details.BlockNumber, Value: w.Details.Value,
		From: w.Details.From, To: w.Details.To, Date: w.Details.Date, MpesaDetails: w.MpesaDetails, Raw: body,
	}, nil
}
