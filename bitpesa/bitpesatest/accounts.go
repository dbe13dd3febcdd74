package bitpesatest

import (
	"net/http"
	"slices"
)

func (f *Fake) accountObject(a *account, code string) object {
	to := balanceOf(a, code)
	return object{
		"amount": number(f.state.Ledger.Balance(to)), "currency": code,
		"amount_after_pending": number(f.state.Ledger.Available(to)),
	}
}

func (f *Fake) listAccounts(c *call) answer {
	list := []any{}
	for _, code := range c.account.Currencies {
		list = append(list, f.accountObject(c.account, code))
	}
	return answer{http.StatusOK, object{"object": list, "meta": object{"negative_balance": false}}}
}

// getAccount answers an object; the BitPesa guide shows a list.
func (f *Fake) getAccount(c *call) answer {
	code := c.params[0]
	if !slices.Contains(c.account.Currencies, code) {
		return notFound()
	}
	if f.config.Era == BitPesa {
		return success([]any{f.accountObject(c.account, code)})
	}
	return answer{http.StatusOK, object{"object": f.accountObject(c.account, code), "meta": object{"negative_balance": false}}}
}

// dlocalBalance shows the same balances in another shape (assumed).
func (f *Fake) dlocalBalance(c *call) answer {
	list := []any{}
	for _, code := range c.account.Currencies {
		balance := number(f.state.Ledger.Balance(balanceOf(c.account, code)))
		list = append(list, object{
			"currency": code, "available_balance": balance,
			"previous_day_closing_balance": balance, "current_balance_date": f.now().Format("2006-01-02"),
		})
	}
	return success(list)
}
