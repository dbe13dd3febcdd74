package wire_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kapiteni/kapiten-go/internal/wire"
)

func TestALackOfMoneyIsToldInWholeWords(t *testing.T) {
	for _, text := range []string{
		"Insufficient wallet balance.", "Insufficient funds", "not enough money", "Not enough funds", "Not enough fiat balance to fulfill the request",
		"insufficient float", "insufficient liquidity", "INSUFFICIENT_FUNDS", "INSUFFICIENT_ACCOUNT_BALANCE", "insufficientBalance", "Insufficient-Funds",
		"Not enough money in the float account", "Insufficient wallet balance for this delivery", "Error 721: insufficient funds!",
		"You do not have enough money", "You don't have enough balance", "You don\u2019t have sufficient funds", "insufficient amount of funds",
		"Low balance", "LOW_BALANCE", "Low wallet balance", "Balance too low", "BALANCE_TOO_LOW", "The balance is low", "Balance is insufficient",
		"The balance of your wallet is insufficient", "The balance on your account is insufficient for this payout", "Your float is not enough.",
		"Balance insufficient, please top up", "Balance insufficient please top up", "Payment failed. Insufficient funds. Try again.",
	} {
		assert.True(t, wire.LacksMoney(text), "%q", text)
	}
	for _, text := range []string{
		"", "balance", "insufficient", "not enough", "low", "Not enough riders", "insufficient amount", "amount too low", "Balance: 5",
		"not enough healthy targets behind the load balancer", "insufficient capacity: load balancer queue full", "insufficient bandwidth for refund",
		"not enough refunds", "insufficient funding", "insufficient floats", "insufficient moneyball", "rebalance is insufficient", "lower balance",
		"Insufficient permissions", "Insufficient permissions to read the balance", "INSUFFICIENT_BALANCE_PERMISSIONS", "insufficient scope: balance",
		"insufficient rights on funds", "Insufficient data for the balance", "Insufficient time to move money", "not enough; balance 7",
		"Balance is known. Time is not enough", "Not enough riders, your balance is fine", "money service has insufficient stamina",
		"insufficient funds on the upstream", "not enough backend servers with a balance", "insufficient balance between the cluster's nodes",
		"insufficient one two three four balance", "balance one two three four five insufficient", "insufficient_resources balance", "load_balancer: low balance",
	} {
		assert.False(t, wire.LacksMoney(text), "%q", text)
	}
}
