package kotanitest

import (
	"encoding/json"
	"errors"
	"time"
)

// fiatConnectState is everything that changes, and what a snapshot holds. It
// belongs to the World's lock. Addresses are in lower case.
type fiatConnectState struct {
	Sessions  map[string]*session       `json:"sessions"` // by cookie
	Nonces    map[string]time.Time      `json:"nonces"`   // until when each is reserved
	Keys      map[string]*Credentials   `json:"keys"`
	Clients   map[string]string         `json:"clients"` // the key a user's calls came with, by address
	Quotes    map[string]*transferQuote `json:"quotes"`
	KYC       []*KYCRecord              `json:"kyc"`      // oldest first
	Accounts  []*FiatAccount            `json:"accounts"` // oldest first
	Transfers map[string]*Transfer      `json:"transfers"`
	Order     []string                  `json:"order"` // ids of transfers, oldest first
	Requests  map[string]*keyedRequest  `json:"requests"`
}

func emptyFiatConnectState() *fiatConnectState {
	return &fiatConnectState{
		Sessions: map[string]*session{}, Nonces: map[string]time.Time{}, Keys: map[string]*Credentials{},
		Clients: map[string]string{}, Quotes: map[string]*transferQuote{}, KYC: []*KYCRecord{},
		Accounts: []*FiatAccount{}, Transfers: map[string]*Transfer{}, Order: []string{},
		Requests: map[string]*keyedRequest{},
	}
}

var errEmpty = errors.New("a part is missing or empty")

func (f *FiatConnect) load(raw json.RawMessage) (func(), error) {
	st := emptyFiatConnectState()
	if err := json.Unmarshal(raw, st); err != nil {
		return nil, err
	}
	if st.Nonces == nil || st.Clients == nil || !whole(st.Sessions) || !whole(st.Keys) || !whole(st.Quotes) ||
		!whole(st.Transfers) || !whole(st.Requests) || len(st.Order) != len(st.Transfers) {
		return nil, errEmpty
	}
	for _, k := range st.KYC {
		if k == nil {
			return nil, errEmpty
		}
	}
	for _, a := range st.Accounts {
		if a == nil {
			return nil, errEmpty
		}
	}
	for _, id := range st.Order {
		if st.Transfers[id] == nil {
			return nil, errEmpty
		}
	}
	for _, r := range st.Requests { // nobody is at work on it any more
		r.Running = false
	}
	return func() { f.state = st }, nil
}

// whole reports whether a map is there and holds no nil.
func whole[T any](m map[string]*T) bool {
	for _, v := range m {
		if v == nil {
			return false
		}
	}
	return m != nil
}
