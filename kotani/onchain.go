package kotani

import (
	"context"
	"encoding/json"

	"github.com/shopspring/decimal"

	"github.com/kapiteni/kapiten-go/internal/transport"
	"github.com/kapiteni/kapiten-go/internal/wire"
	"github.com/kapiteni/kapiten-go/sdk"
)

// OnChainService shows balances on chain and the escrow.
type OnChainService struct{ c *Client }

// Chain is a network. One that is not listed passes through.
type Chain string

// The documented networks.
const (
	ChainTron      Chain = "tron"
	ChainArbitrum  Chain = "arbitrum"
	ChainCelo      Chain = "celo"
	ChainAvalanche Chain = "avalanche"
	ChainStellar   Chain = "stellar"
)

// Balance is what a user holds on a chain.
type Balance struct {
	Address string
	// Currency and Amount are those of the 2022 source: local currency, four
	// decimals. Amount is invalid when the answer shows none that is a number.
	Currency string
	Amount   decimal.NullDecimal
	Raw      sdk.Raw
}

// Balance returns what the user with a phone number holds on a chain.
func (s *OnChainService) Balance(ctx context.Context, phoneNumber string, chain Chain) (*Balance, error) {
	var f faults
	f.phone("phoneNumber", phoneNumber)
	f.Require("chain", string(chain))
	return call(ctx, s.c, f, transport.Call{
		Op: OpBalance, Body: balanceRequest{digits(phoneNumber), chain},
	}, func(body []byte) (Balance, error) {
		var w struct {
			Address string `json:"address"`
			Balance *money `json:"balance"`
		}
		if err := wire.Unmarshal(body, &w); err != nil {
			return Balance{}, err
		}
		if w.Balance == nil {
			return Balance{}, missing("balance")
		}
		return Balance{Address: w.Address, Currency: w.Balance.Currency, Amount: shownAmount(w.Balance.Amount), Raw: body}, nil
	})
}

// EscrowRates are the terms of a cash-out by SendToMpesa.
type EscrowRates struct {
	EscrowAddress string // where the stablecoins go
	// Currency and Rate are those of the 2022 source: units of local currency
	// for one cUSD, the market's rate less 2 %.
	Currency string
	Rate     decimal.NullDecimal
	Raw      sdk.Raw
}

// EscrowRates returns the escrow address and what a cUSD brings there.
func (s *OnChainService) EscrowRates(ctx context.Context) (*EscrowRates, error) {
	return call(ctx, s.c, faults{}, transport.Call{Op: OpEscrowRates}, func(body []byte) (EscrowRates, error) {
		var w struct {
			EscrowAddress string `json:"escrowAddress"`
			Rate          struct {
				Currency string          `json:"localCurrency"`
				Rate     json.RawMessage `json:"cusdToLocalCurrencyRate"`
			} `json:"conversionRate"`
		}
		err := wire.Unmarshal(body, &w)
		if err == nil && w.EscrowAddress == "" {
			err = missing("escrowAddress")
		}
		return EscrowRates{EscrowAddress: w.EscrowAddress, Currency: w.Rate.Currency, Rate: shownAmount(w.Rate.Rate), Raw: body}, err
	})
}

type balanceRequest struct {
	PhoneNumber string `json:"phoneNumber"`
	Chain       Chain  `json:"chain"`
}
