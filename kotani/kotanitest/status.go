package kotanitest

import (
	"slices"
	"strconv"

	"github.com/kapiteni/kapiten-go/kotani"
)

const (
	descNoTransaction = "transaction not found"
	defaultLimit      = 50
)

// statusByRequestID is GET /transactions/status/request/{requestId}.
func (f *Fake) statusByRequestID(c *call) object {
	return shownOr(f.state.byID[c.request.PathValue("requestId")])
}

// statusByExternalID is GET /transactions/status/external/{externalId}.
func (f *Fake) statusByExternalID(c *call) object {
	kind := kotani.TransactionType(c.request.URL.Query().Get("transactionalType"))
	if refusal := checkType("transactionalType", kind); refusal != "" {
		return refused(refusal)
	}
	return shownOr(f.state.byExternal[externalKey{kind, c.request.PathValue("externalId")}])
}

// list is GET /transactions. Its query is what the document prints as an answer.
func (f *Fake) list(c *call) object {
	query := c.request.URL.Query()
	kind := kotani.TransactionType(query.Get("transactionType"))
	if kind != "" {
		if refusal := checkType("transactionType", kind); refusal != "" {
			return refused(refusal)
		}
	}
	limit := defaultLimit
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return refused("limit must be a whole number greater than zero")
		}
		limit = n
	}
	order := query.Get("orderBy")
	if order != "" && order != "asc" && order != "desc" {
		return refused("orderBy must be asc or desc")
	}
	all := f.state.Transactions
	rows := []object{}
	for i := range all {
		t := all[i]
		if order != "asc" {
			t = all[len(all)-1-i]
		}
		if kind != "" && t.Type != kind {
			continue
		}
		if len(rows) == limit {
			break
		}
		rows = append(rows, t.shown())
	}
	return result(rows)
}

func checkType(name string, kind kotani.TransactionType) (refusal string) {
	switch {
	case kind == "":
		return name + " is required"
	case !slices.Contains([]kotani.TransactionType{kotani.Collections, kotani.Payouts}, kind):
		return name + " must be Collections or Payouts"
	}
	return ""
}

func shownOr(t *Transaction) object {
	if t == nil {
		return refused(descNoTransaction)
	}
	return result(t.shown())
}
