package kotani

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/kapiteni/kapiten-go/internal/wire"
)

// ParseCallback reads what Kotani posts to the callback URL of a deposit, a
// withdrawal or a cash-out. No form of it is documented: a public client reads
// externalId, status and txhash, so that a body is taken which has a status and
// names the transaction, in the form of a status answer, with or without
// "result" around it. Callbacks are not signed: believe the API only.
func ParseCallback(body []byte) (Transaction, error) {
	if !wire.IsObject(body) {
		return Transaction{}, errors.New("kotani: callback is no object")
	}
	t, err := decodeStatus(bytes.Clone(body))
	if err != nil {
		return Transaction{}, fmt.Errorf("kotani: callback: %w", err)
	}
	if t.ExternalID == "" && t.RequestID == "" {
		return Transaction{}, errors.New("kotani: callback without externalId and requestId")
	}
	return t, nil
}
