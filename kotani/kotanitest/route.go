package kotanitest

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/kapiteni/kapiten-go/kotani"
)

// route is one operation outside FiatConnect. Its handler is called with the
// World's lock held and answers inside an HTTP 200.
type route struct {
	op, method, path string
	open             bool // needs no token
	handle           func(*Fake, *call) object
}

// routes are all of them, in the document's order; how sure each path is stands
// in the operation table of package kotani.
func routes() []route {
	return []route{
		{op: kotani.OpCreateOrder, method: "POST", path: "/binance/order/create", handle: (*Fake).createOrder},
		{op: kotani.OpCloseOrder, method: "POST", path: "/binance/order/close", handle: (*Fake).closeOrder},
		{op: kotani.OpQueryOrder, method: "POST", path: "/binance/order/query", handle: (*Fake).queryOrder},
		{op: kotani.OpBuyCelo, method: "POST", path: "/dex/buyCelo", handle: (*Fake).buyCelo},
		{op: kotani.OpSendToMpesa, method: "POST", path: "/transactions/withdraw/sendToMpesa", handle: (*Fake).sendToMpesa},
		{op: kotani.OpDeposit, method: "POST", path: "/transactions/deposit/stkpush", handle: (*Fake).deposit},
		{op: kotani.OpDepositQuoted, method: "POST", path: "/transactions/deposit/quote", handle: (*Fake).depositQuoted},
		{op: kotani.OpStatusByRequestID, method: "GET", path: "/transactions/status/request/{requestId}", handle: (*Fake).statusByRequestID},
		{op: kotani.OpStatusByExternalID, method: "GET", path: "/transactions/status/external/{externalId}", handle: (*Fake).statusByExternalID},
		{op: kotani.OpWithdraw, method: "POST", path: "/transactions/withdraw/momo", handle: (*Fake).withdraw},
		{op: kotani.OpTransactions, method: "GET", path: "/transactions", handle: (*Fake).list},
		{op: kotani.OpPayBill, method: "POST", path: "/transactions/paybill", handle: (*Fake).payBill},
		{op: kotani.OpPayTill, method: "POST", path: "/transactions/till", handle: (*Fake).payTill},
		{op: kotani.OpWithdrawToBank, method: "POST", path: "/transactions/withdraw/bank", handle: (*Fake).withdrawToBank},
		{op: kotani.OpHealth, method: "GET", path: "/health", open: true, handle: (*Fake).health},
		{op: kotani.OpCreateUser, method: "POST", path: "/kyc/user/create", handle: (*Fake).createUser},
		{op: kotani.OpVerifyUser, method: "POST", path: "/kyc/user/isverifiedcheck", handle: (*Fake).verifyUser},
		{op: kotani.OpUpdateUser, method: "POST", path: "/kyc/user/update", handle: (*Fake).updateUser},
		{op: kotani.OpUserByPhone, method: "POST", path: "/kyc/user/getDetailsByPhone", handle: (*Fake).userByPhone},
		{op: kotani.OpUsers, method: "GET", path: "/kyc/users", handle: (*Fake).users},
		{op: kotani.OpPhoneByAddress, method: "POST", path: "/kyc/user/getPhoneByAddress", handle: (*Fake).phoneByAddress},
		{op: kotani.OpBalance, method: "POST", path: "/user/account/getBalance", handle: (*Fake).chainBalance},
		{op: kotani.OpEscrowRates, method: "POST", path: "/transactions/getEscrow", handle: (*Fake).escrow},
		{op: kotani.OpStellarCashOut, method: "POST", path: "/stellar/cashout/{countryCode}", handle: (*Fake).stellarCashOut},
		{op: kotani.OpQuoteIn, method: "POST", path: "/quotes/in", handle: (*Fake).quoteIn},
		{op: kotani.OpQuoteOut, method: "POST", path: "/quotes/out", handle: (*Fake).quoteOut},
		{op: kotani.OpAcceptQuoteIn, method: "POST", path: "/quotes/in/accept", handle: (*Fake).acceptQuoteIn},
		{op: kotani.OpAcceptQuoteOut, method: "POST", path: "/quotes/out/accept", handle: (*Fake).acceptQuoteOut},
		{op: kotani.OpTronCashOut, method: "POST", path: "/tron/cashout/{countryCode}", handle: (*Fake).tronCashOut},
		{op: kotani.OpTronCashIn, method: "POST", path: "/tron/cashin/{countryCode}", handle: (*Fake).tronCashIn},
		{op: kotani.OpUBIClaim, method: "POST", path: "/transactions/ubi/claimfunds", handle: (*Fake).ubiClaim},
		{op: kotani.OpIsBeneficiary, method: "POST", path: "/transactions/ubi/checkIfBeneficiary", handle: (*Fake).isBeneficiary},
		{op: kotani.OpSetBeneficiary, method: "POST", path: "/transactions/ubi/setBeneficiary", handle: (*Fake).setBeneficiary},
	}
}

func (f *Fake) newRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	pattern := func(op, method, path string) string {
		r := f.config.Routes[op]
		return cmp.Or(r.Method, method) + " " + cmp.Or(r.Path, path)
	}
	for _, row := range routes() {
		mux.HandleFunc(pattern(row.op, row.method, row.path), f.serve(row))
	}
	mux.HandleFunc(pattern(kotani.OpLogin, "POST", "/api/login"), f.login)
	mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) {
		writeText(rw, http.StatusNotFound, "Cannot "+r.Method+" "+r.URL.EscapedPath())
	})
	return mux
}

// serve checks the token, then the body, then lets the handler answer.
func (f *Fake) serve(row route) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		f.world.Lock()
		defer f.world.Unlock() // what is written goes into memory
		if !row.open {
			if status := f.authorise(r); status != http.StatusOK {
				writeText(rw, status, http.StatusText(status))
				return
			}
		}
		c, ok := newCall(r, f.config.StrictTypes)
		if !ok {
			writeText(rw, http.StatusBadRequest, "Bad Request")
			return
		}
		writeJSON(rw, http.StatusOK, row.handle(f, c))
	}
}

// authorise tells a missing token (401) from one that is bad or expired (403).
func (f *Fake) authorise(r *http.Request) int {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "bearer") || token == "" {
		return http.StatusUnauthorized
	}
	if expiry, known := f.state.Tokens[token]; !known || !f.world.Now().Before(expiry) {
		return http.StatusForbidden
	}
	return http.StatusOK
}

func (f *Fake) health(*call) object { return object{"status": "ok"} }
