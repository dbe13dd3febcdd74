package kotani

import (
	"context"
	"encoding/json"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// CeloService buys cUSD and turns cUSD into mobile money.
type CeloService struct{ c *Client }

// BuyCeloParams describe a purchase of cUSD.
type BuyCeloParams struct {
	PhoneNumber string          // of a user with a wallet
	Amount      decimal.Decimal // cUSD, greater than zero
}

// CeloPurchase is the answer to a purchase.
type CeloPurchase struct {
	Details json.RawMessage // an object in the document, a text in the 2022 source
	Raw     sdk.Raw
}

// Buy purchases cUSD for a user. It takes no reference, so an unknown outcome
// stays unknown: look at OnChain.Balance before buying again.
func (s *CeloService) Buy(ctx context.Context, p BuyCeloParams) (*CeloPurchase, error) {
	var f faults
	f.phone("phoneNumber", p.PhoneNumber)
	f.amount("celoAmount", p.Amount, cryptoDecimals)
	return call(ctx, s.c, f, transport.Call{
		Op: OpBuyCelo, Body: buyCeloRequest{digits(p.PhoneNumber), plainText(p.Amount)},
	}, func(body []byte) (CeloPurchase, error) {
		var w struct {
			Details json.RawMessage `json:"details"`
		}
		err := wire.Unmarshal(body, &w)
		if err == nil && w.Details == nil {
			err = missing("details")
		}
		return CeloPurchase{Details: w.Details, Raw: body}, err
	})
}

type buyCeloRequest struct {
	PhoneNumber string    `json:"phoneNumber"`
	CeloAmount  plainText `json:"celoAmount"`
}
