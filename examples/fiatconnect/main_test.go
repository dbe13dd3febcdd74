package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestTheCoinsArriveAtTheBank(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"account:   Equity Bank AccountNumber\n", "webhook:   verified TransferStarted\n",
		"send now:  25 cUSD to the provider's address\n",
		"webhook:   verified TransferReceivedCryptoFunds\n", "webhook:   verified TransferComplete\n",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("%q is missing in\n%s", line, out.String())
		}
	}
}
