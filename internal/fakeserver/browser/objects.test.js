// Each kind of objects of each provider, operated on the page: an object is made over the
// wire as a client makes it, found among the Objects, opened, and each act that the page
// offers in each state is clicked. The page and the provider's own API must then agree.
import assert from "node:assert/strict"
import {after, afterEach, before, beforeEach, test} from "node:test"
import {
  bitpesa, call, document, fiatAccount, fiatconnect, held, kasapay, kotani, kpay, kyc, launch, merchant, must, payment, payout, person, receiver, ride, serve, transaction, writes,
} from "./harness.js"

let server, hook, browser, context, page, errors

before(async () => {
  server = await serve()
  hook = await receiver()
  browser = await launch()
})

after(async () => {
  await browser?.close()
  await server?.stop()
  hook?.stop()
})

beforeEach(async () => {
  must(await call(server.admin + "/reset", "POST"))
  context = await browser.newContext({viewport: {width: 1280, height: 800}})
  page = await context.newPage()
  page.setDefaultTimeout(10_000)
  errors = []
  page.on("pageerror", e => errors.push(String(e)))
  page.on("console", m => { if (/Content Security Policy/.test(m.text())) errors.push(m.text()) })
})

afterEach(async () => {
  await context.close()
  assert.deepEqual(errors, [])
})

const origin = () => server.console.slice(0, -1)
const hash = digit => digit.repeat(64)
const phone = "254712345678"

// ok is the result of a response of Kotani, which says in the body what went wrong.
function ok(response) {
  const value = must(response)
  assert.ok(!(value.status >= 300), JSON.stringify(value))
  return value
}

// kotaniOperations are the operations of Kotani that make a transaction, with a body. Each
// resolves to the id of its transaction.
const kotaniOperations = {
  "fiat.withdraw": ["/transactions/withdraw/momo", {amount: 1500, phoneNumber: phone, externalId: "out-1"}, "1,500 KES"],
  "fiat.deposit": ["/transactions/deposit/stkpush", {amount: 1500, phoneNumber: phone, externalId: "in-1"}, "1,500 KES"],
  "fiat.deposit_quoted": ["/transactions/deposit/quote", {phoneNumber: phone, externalId: "in-2"}, "13,000 KES"],
  "fiat.pay_bill": ["/transactions/paybill", {merchantNumber: "888880", accountNumber: "017", amount: "20000.5"}, "20,000.5 KES"],
  "fiat.pay_till": ["/transactions/till", {merchantTill: "012345", amount: "1500"}, "1,500 KES"],
  "fiat.withdraw_to_bank": ["/transactions/withdraw/bank", {amount: 1500, accountNumber: "0123456789", accountName: "Jane Doe", serviceProviderId: "01", externalId: "bank-1"}, "1,500 KES"],
  "celo.send_to_mpesa": ["/transactions/withdraw/sendToMpesa", {phoneNumber: phone, txhash: "0x" + hash("1")}, "1,274 KES"],
  "celo.buy": ["/dex/buyCelo", {phoneNumber: phone, celoAmount: "10"}, "1,300 KES"],
  "stellar.cash_out": ["/stellar/cashout/KE", {phoneNumber: phone, txHash: hash("2")}, "1,300 KES"],
  "tron.cash_out": ["/tron/cashout/KE", {phoneNumber: phone, txHash: hash("3")}, "1,300 KES"],
  "tron.cash_in": ["/tron/cashin/KE", {phoneNumber: phone, amount: "1300", externalId: "tron-1"}, "1,300 KES"],
}

const kotaniTransaction = operation => async () => {
  const api = await kotani(server)
  ok(await api("/kyc/user/create", "POST", {phoneNumber: phone}))
  const [path, body] = kotaniOperations[operation]
  const more = operation === "celo.buy" || operation === "celo.send_to_mpesa" ? {} : {callback: hook.url + "/kotani"}
  if (operation === "fiat.deposit_quoted") {
    const {quoteId} = ok(await api("/quotes/in", "POST", {fiatAmount: "13000", currency: "KES", cryptoType: "cUSD"}))
    ok(await api("/quotes/in/accept", "POST", {quoteId}))
    more.acceptedQuoteId = quoteId
  }
  const response = ok(await api(path, "POST", {...body, ...more}))
  const search = async () => ok(await api("/transactions/status/external/" + response.externalId + "?transactionalType=Payouts")) // a withdrawal's response names no request
  const id = (response.result || response.details || response.MpesaDetails || (await search()).result).requestId
  const status = async () => ok(await api("/transactions/status/" + id)).result
  return {id, shown: (await status()).externalId, own: async () => (await status()).status}
}

const transfer = way => async () => {
  const api = await fiatconnect(server)
  must(await api(kyc, "POST", document))
  const {fiatAccountId} = must(await api("/accounts", "POST", fiatAccount))
  const amount = way === "in" ? {fiatAmount: "1300"} : {cryptoAmount: "10"}
  const {quote} = must(await api("/quote/" + way, "POST", {fiatType: "KES", cryptoType: "cUSD", country: "KE", address: api.address, ...amount}))
  const {transferId} = must(await api("/transfer/" + way, "POST", {fiatAccountId, quoteId: quote.quoteId}, {"Idempotency-Key": "k-1"}))
  return {id: transferId, own: async () => must(await api(`/transfer/${transferId}/status`)).status}
}

const papers = [{upload: "data:image/png;base64,AAAA", upload_file_name: "a.png"}]

async function bitpesaObject(response, status = 201) {
  const r = await response
  assert.equal(r.status, status, JSON.stringify(r))
  return r.object
}

// sent makes a transaction: with a sender whose papers are not seen yet, or one who needs none.
async function sent(kycWaived, fund, changes = {}, account = "123456700") {
  const {key, secret, kyc_key, kyc_secret} = server.credentials.bitpesa
  const api = kycWaived ? bitpesa(server.bitpesa, key, secret) : bitpesa(server.bitpesa, kyc_key, kyc_secret)
  const sender = await bitpesaObject(api("POST", "/senders", {sender: person("SENDER-1", {documents: kycWaived ? [] : papers})}))
  const made = await bitpesaObject(api("POST", fund === "at once" ? "/transactions/create_and_fund" : "/transactions",
    {transaction: transaction(sender.id, "ORDER-7", {bank_account: account}, changes)}))
  if (fund === "by debit") await bitpesaObject(api("POST", "/accounts/debits", {debit: {to_type: "Transaction", to_id: made.id, currency: "USD"}}))
  return {api, sender, made}
}

const advance = async seconds => must(await call(server.admin + "/clock/advance", "POST", {seconds}))

const final = states => Object.fromEntries(states.map(state => [state, []]))

// table has a row for each way in which an object comes to be. states are the acts that
// the page offers in each state; becomes are the states of acts that are not named after
// theirs. A row without states is operated along its usual story alone, by the states of the
// row above. wire are calls of a client after which the object is in another state, for
// objects that the console cannot move.
const table = [
  {
    provider: "kapiten", kind: "rides", operations: ["rides.create"], amount: "1,200 RWF",
    make: async () => {
      const m = await merchant(server, hook.url, 0)
      must(await m.api("/api/rides/", "POST", ride(m.id, "ORDER-1")))
      const list = async () => must(await m.api(`/api/companies/${m.id}/rides/`)).results
      const [{id}] = await list()
      return {id, shown: "ORDER-1", own: async () => (await list()).find(r => r.id === id).status}
    },
    states: {
      WAITING_PAYMENT: ["pay", "payment fails", "CANCELLED", "sender cancels"],
      PENDING: ["ACCEPTED", "CANCELLED", "REJECTED", "sender cancels"],
      ACCEPTED: ["WAITING_PICKUP", "CANCELLED", "sender cancels"],
      WAITING_PICKUP: ["PICKED_UP", "CANCELLED", "sender cancels"],
      PICKED_UP: ["IN_TRANSIT", "CANCELLED"],
      IN_TRANSIT: ["WAITING_DELIVERY", "CANCELLED"],
      WAITING_DELIVERY: ["COMPLETED", "CANCELLED"],
      ...final(["COMPLETED", "CANCELLED", "REJECTED"]),
    },
    becomes: {pay: "PENDING", "payment fails": "WAITING_PAYMENT", "sender cancels": "CANCELLED"},
  },
  {
    provider: "kapiten", kind: "companies",
    make: async () => {
      const m = await merchant(server, "", 0)
      const own = async () => ({201: "active", 403: "inactive"})[(await m.api("/api/rides/", "POST", ride(m.id, "PROBE-" + Math.random()))).status]
      return {id: m.id, shown: "RDB2026-XP", own}
    },
    states: {active: ["deactivate"], inactive: ["activate"]},
    becomes: {deactivate: "inactive", activate: "active"},
  },
  {
    provider: "kpay", kind: "payments", operations: ["pay"], amount: "12,500 RWF",
    make: async () => {
      must(await kpay(server, payment("ORDER-2", hook.url)))
      const words = {"01": "01 paid", "02": "02 failed", "03": "03 pending"}
      return {id: "ORDER-2", own: async () => words[must(await kpay(server, {action: "checkstatus", refid: "ORDER-2"})).statusid]}
    },
    states: {"03 pending": ["paid", "failed"], ...final(["01 paid", "02 failed"])},
    becomes: {paid: "01 paid", failed: "02 failed"},
  },
  {
    provider: "kasapay", kind: "payouts", operations: ["payouts.initiate"], amount: "1,500 KES",
    make: async () => {
      const api = await kasapay(server)
      must(await api("/v1/payouts/b2b/initiate", "POST", payout("flour-7", hook.url)))
      const words = {700: "700 processed", 701: "701 failed", 702: "702 reversed", 703: "703 pending", 704: "704 jammed", 705: "705 refunded"}
      return {id: "flour-7", own: async () => words[must(await api("/v1/payouts/b2b/flour-7/status")).payment_status]}
    },
    states: {
      "703 pending": ["700 processed", "701 failed", "704 jammed"], "704 jammed": ["700 processed", "701 failed", "702 reversed"],
      "700 processed": ["702 reversed", "705 refunded"], ...final(["701 failed", "702 reversed", "705 refunded"]),
    },
  },
  ...Object.keys(kotaniOperations).map((operation, i) => ({
    provider: "kotani", kind: "transactions", operations: [operation], amount: kotaniOperations[operation][2], make: kotaniTransaction(operation),
    ...i === 0 && {states: {
      PENDING: ["SUCCESSFUL", "FAILED", "CANCELLED", "EXPIRED", "DECLINED", "PERMANENTLY_FAILED"], SUCCESSFUL: ["REVERSED"],
      ...final(["FAILED", "CANCELLED", "EXPIRED", "DECLINED", "PERMANENTLY_FAILED", "REVERSED"]),
    }},
  })),
  {
    provider: "kotani", kind: "orders", amount: "1,250 USDT",
    make: async () => {
      const api = await kotani(server)
      const {prepayId} = ok(await api("/binance/order/create", "POST", {
        amount: 1250, goodsName: "Rice", goodsDetail: "5 kg", currency: "USDT", returnUrl: hook.url + "/ok", cancelUrl: hook.url + "/no",
      })).result
      return {id: prepayId, own: async () => ok(await api("/binance/order/query", "POST", {prepayId})).result.status}
    },
    states: {INITIAL: ["PAID", "FAILED", "CLOSED"], ...final(["PAID", "FAILED", "CLOSED"])},
  },
  {
    provider: "kotani", kind: "quotes", operations: ["fiat.deposit_quoted"], amount: "13,000 KES",
    make: async () => {
      const api = await kotani(server)
      const {quoteId} = ok(await api("/quotes/in", "POST", {fiatAmount: "13000", currency: "KES", cryptoType: "cUSD"}))
      return {id: quoteId, api}
    },
    states: final(["open", "accepted", "spent"]),
    wire: [
      ["accepted", async o => ok(await o.api("/quotes/in/accept", "POST", {quoteId: o.id}))],
      ["spent", async o => ok(await o.api("/transactions/deposit/quote", "POST", {acceptedQuoteId: o.id, phoneNumber: phone, externalId: "q-1"}))],
    ],
  },
  {
    provider: "kotani", kind: "quotes", amount: "13,000 KES",
    make: async () => ({id: ok(await (await kotani(server))("/quotes/in", "POST", {fiatAmount: "13000", currency: "KES", cryptoType: "cUSD"})).quoteId}),
    states: final(["open", "expired"]),
    wire: [["expired", () => advance(300)]],
  },
  {
    provider: "kotani", kind: "users",
    make: async () => {
      const api = await kotani(server)
      ok(await api("/kyc/user/create", "POST", {phoneNumber: phone}))
      return {id: phone, own: async () => ok(await api("/kyc/user/getDetailsByPhone", "POST", {phoneNumber: phone})) && "registered"}
    },
    states: final(["registered"]),
  },
  {
    provider: "fiatconnect", kind: "transfers", operations: ["fiatconnect.transfer_in"], amount: "1,300 KES", make: transfer("in"),
    states: {
      TransferStarted: ["TransferWaitingForUserAction", "TransferFailed"], TransferWaitingForUserAction: ["TransferReceivedFiatFunds", "TransferFailed"],
      TransferReceivedFiatFunds: ["TransferSendingCryptoFunds", "TransferFailed"], TransferSendingCryptoFunds: ["TransferComplete", "TransferFailed"],
      ...final(["TransferComplete", "TransferFailed"]),
    },
  },
  {
    provider: "fiatconnect", kind: "transfers", operations: ["fiatconnect.transfer_out"], amount: "1,287 KES", make: transfer("out"),
    states: {
      TransferStarted: ["TransferReadyForUserToSendCryptoFunds", "TransferAmlFailed", "TransferFailed"],
      TransferReadyForUserToSendCryptoFunds: ["TransferReceivedCryptoFunds", "TransferFailed"], TransferReceivedCryptoFunds: ["TransferComplete", "TransferFailed"],
      ...final(["TransferComplete", "TransferFailed", "TransferAmlFailed"]),
    },
    refuses: {"TransferReadyForUserToSendCryptoFunds: TransferFailed": "the quote has not expired yet"},
  },
  {
    provider: "fiatconnect", kind: "kyc",
    make: async () => {
      const api = await fiatconnect(server)
      must(await api(kyc, "POST", document))
      const [{id}] = must(await call(server.admin + "/fiatconnect/kyc")).kyc
      return {id, own: async () => must(await api(kyc + "/status")).kycStatus}
    },
    states: {
      KycApproved: ["KycDenied", "KycExpired", "KycPending"], KycDenied: ["KycApproved", "KycExpired", "KycPending"],
      KycExpired: ["KycApproved", "KycDenied", "KycPending"], KycPending: ["KycApproved", "KycDenied", "KycExpired"],
    },
  },
  {
    provider: "fiatconnect", kind: "fiat_accounts",
    make: async () => {
      const api = await fiatconnect(server)
      const {fiatAccountId} = must(await api("/accounts", "POST", fiatAccount))
      return {id: fiatAccountId, own: async () => must(await api("/accounts")).MobileMoney.some(a => a.fiatAccountId === fiatAccountId) && "registered"}
    },
    states: final(["registered"]),
  },
  {
    provider: "bitpesa", kind: "transactions", operations: ["transactions.create"], amount: "1,250 USD",
    make: async () => {
      const {api, made} = await sent(false, "")
      return {id: made.id, shown: "ORDER-7", own: async () => (await bitpesaObject(api("GET", "/transactions/" + made.id), 200)).state}
    },
    states: {
      initial: ["approved", "canceled", "exception"], approved: ["pending", "received", "canceled", "exception"], pending: ["received", "canceled", "exception"],
      received: ["paid", "processing", "manual", "canceled", "refunded", "exception"], manual: ["paid", "processing", "canceled", "refunded", "exception"],
      processing: ["received", "exception"], ...final(["paid", "canceled", "exception"]),
    },
    refuses: Object.fromEntries(["received: canceled", "received: refunded", "manual: canceled", "manual: refunded"].map(act => [act, " is pending"])), // its recipient is
  },
  {
    provider: "bitpesa", kind: "recipients", operations: ["debits.create"], amount: /^[\d,]+(\.\d+)? NGN$/,
    make: async () => {
      const {api, made} = await sent(true, "by debit")
      const {id} = made.recipients[0]
      return {id, own: async () => (await bitpesaObject(api("GET", "/transactions/" + made.id), 200)).recipients[0].state}
    },
    states: {
      pending: ["success", "error", "manual", "stuck", "overpaid", "canceled", "refunded", "exception"],
      error: ["pending", "manual", "success", "overpaid", "canceled", "refunded", "exception"],
      manual: ["success", "pending", "overpaid", "canceled", "refunded", "exception"],
      stuck: ["success", "pending", "error", "overpaid", "canceled", "refunded", "exception"],
      ...final(["success", "overpaid", "refunded", "exception"]),
    },
    becomes: {canceled: "refunded"}, // at once: to the balance that it came from
  },
  {
    provider: "bitpesa", kind: "recipients", operations: ["transactions.create_and_fund", "recipients.cancel"], amount: /^[\d,]+(\.\d+)? NGN$/,
    make: async () => {
      const {api, made} = await sent(true, "at once", {}, "123456719")
      const {id} = made.recipients[0]
      return {id, api, own: async () => (await bitpesaObject(api("GET", "/transactions/" + made.id), 200)).recipients[0].state}
    },
    states: {pending: ["success", "error", "manual", "stuck", "overpaid", "canceled", "refunded", "exception"], error: ["pending", "manual", "success", "overpaid", "canceled", "refunded", "exception"], refunded: []},
    wire: [["error", () => advance(31)], ["refunded", o => bitpesaObject(o.api("DELETE", "/recipients/" + o.id), 200)]],
  },
  {
    provider: "bitpesa", kind: "transactions", operations: ["transactions.sandbox_pay_in", "transactions.sandbox_pay_out"], amount: /^[\d,]+(\.\d+)? GHS$/,
    make: async () => {
      const {api, made} = await sent(true, "", {input_currency: "GHS", payin_methods: [{type: "GHS::Mobile", in_details: {phone_number: "+233302123450", mobile_provider: "vodafone"}}]})
      return {id: made.id, shown: "ORDER-7", api, own: async () => (await bitpesaObject(api("GET", "/transactions/" + made.id), 200)).state}
    },
    states: {
      approved: ["pending", "received", "canceled", "exception"], pending: ["received", "canceled", "exception"], paid: [],
      received: ["paid", "processing", "manual", "canceled", "refunded", "exception"],
    },
    wire: [
      ["received", o => bitpesaObject(o.api("POST", `/transactions/${o.id}/payin`, {payin_method: {type: "GHS::Mobile"}}), 200)],
      ["paid", o => bitpesaObject(o.api("POST", `/transactions/${o.id}/payout`), 200)],
    ],
  },
  {
    provider: "bitpesa", kind: "senders",
    make: async () => {
      const {api, sender} = await sent(false, "")
      return {id: sender.id, shown: "SENDER-1", own: async () => (await bitpesaObject(api("GET", "/senders/" + sender.id), 200)).state}
    },
    states: {
      initial: ["verified", "approved", "rejected", "banned", "disabled"], verified: ["approved", "rejected", "banned", "disabled"],
      approved: ["banned", "disabled"], rejected: ["banned", "disabled"], disabled: ["banned"], banned: [],
    },
  },
]

const acts = () => page.locator("#detail .act button").allTextContents()
const state = () => page.locator("#detail .facts dd .chip").first().evaluate(chip => chip.lastChild.textContent)
const becomes = (row, act) => row.becomes?.[act] || act
const path = (row, id) => [row.provider, row.kind, encodeURIComponent(id)].join("/")

// inState waits until the page shows an object in a state, with the acts of that state.
async function inState(row, states, want) {
  await page.waitForFunction(([want, acts]) => document.querySelector("#detail .facts dd .chip")?.lastChild.textContent === want &&
    JSON.stringify([...document.querySelectorAll("#detail .act button")].map(b => b.textContent)) === acts, [want, JSON.stringify(states[want])])
    .catch(async () => assert.deepEqual([await state(), await acts(), await page.textContent("#detail .act .refusal")], [want, states[want], ""]))
}

// click clicks an act and wants its state on the page, in the thread and in the provider's
// API. An act that is refused changes none of them and says why in its place.
async function click(row, states, o, from, act) {
  const refusal = row.refuses?.[from + ": " + act], to = refusal ? from : becomes(row, act)
  await page.click(`#detail .act button:text-is("${act}")`)
  if (refusal) await page.waitForSelector(`#detail .act .refusal:has-text("${refusal}")`)
  await inState(row, states, to)
  if (refusal) assert.equal(await page.locator("#detail .timeline li", {hasText: " → " + act}).count(), 0)
  else if (from !== to) await page.waitForSelector(`#detail .timeline li:has-text("${from} → ${to}")`)
  if (!refusal) assert.equal(await page.textContent("#detail .act .refusal"), "")
  if (o.own) assert.equal(await o.own(), to, `${row.provider} ${row.kind}: ${act} in ${from}`)
  return to
}

let above
for (const row of table) {
  const usual = !row.states
  const states = row.states || above
  above = states
  test(`${row.provider} ${row.kind}${row.operations ? " by " + row.operations : ""}: made over the wire, found, opened and operated`, async () => {
    const o = await row.make()
    await page.goto(origin() + "/?view=start")
    await page.click("nav.parts >> text=Objects")
    await page.click(`.kind:has(.provider:text-is("${row.provider}")) a:has-text("${row.kind.replaceAll("_", " ")}")`)
    await page.click(`.objects li[data-open="${path(row, o.id)}"] a.main:text-is("${o.shown || o.id}")`)
    await page.waitForSelector("#detail .facts")
    if (row.amount) {
      const amount = (await page.textContent("#detail .facts dt:text-is('Amount') + dd")).replace("\u00a0", " ")
      assert.match(amount, row.amount instanceof RegExp ? row.amount : new RegExp(`^${row.amount.replaceAll(".", "\\.")}$`))
    }

    // The usual story: the first act of each state, until there is none or it was seen.
    let now = await state()
    const told = [now], saved = new Map(), done = new Set()
    const save = async () => saved.set(now, must(await call(server.admin + "/snapshot?secrets=1")))
    await inState(row, states, now)
    if (o.own) assert.equal(await o.own(), now)
    await save()
    for (const [to, send] of row.wire || []) {
      await send(o)
      await inState(row, states, to)
      told.push(now = to)
    }
    while (states[now].length && !done.has(now + states[now][0])) {
      const [act] = states[now]
      done.add(now + act)
      told.push(now = await click(row, states, o, now, act))
      if (!saved.has(now)) await save()
    }
    const changes = told.slice(1).map((to, i) => told[i] + " → " + to).filter(c => new Set(c.split(" → ")).size > 1)
    if (changes.length) {
      await page.click("#detail .facts dt:text-is('Thread') + dd a") // the thread tells the story, newest first
      await page.waitForSelector("text=Thread of")
      await page.waitForSelector("#list .foot span:has-text('that match')") // its lines are drawn
      const lines = (await page.locator("#list .timeline a.main, #list .timeline span.main").allTextContents()).filter(text => text.includes(" → ") && !text.startsWith("POST") && !text.startsWith("GET"))
      const own = lines.map(text => changes.find(c => text.endsWith(" " + c))).filter(Boolean)
      assert.deepEqual(own.reverse(), changes)
    }
    if (usual || row.wire) return

    // Each other act, in each state that an act leads to.
    for (const [from, world] of saved) {
      for (const act of states[from]) {
        if (done.has(from + act)) continue
        done.add(from + act)
        must(await call(server.admin + "/snapshot", "PUT", world))
        await page.goto(`${origin()}/?view=objects&provider=${row.provider}&kind=${row.kind}&open=${path(row, o.id)}`)
        await inState(row, states, from)
        now = await click(row, states, o, from, act)
        if (!saved.has(now)) await save()
      }
    }
    assert.deepEqual([...new Set([...saved.keys(), ...told])].sort(), Object.keys(states).sort(), "each state was seen")
  })
}

// accounts has a row for each provider with money: what moves it, the account, the newest
// entry, and the balance in the provider's own API where that shows balances.
const accounts = [
  {
    provider: "kapiten", name: "Best Pilau Ltd RWF", entry: "ride payment", amount: "−1,200", balance: "4,998,800",
    move: async () => {
      const m = await merchant(server, hook.url)
      must(await m.api("/api/rides/", "POST", ride(m.id, "ORDER-1")))
      return async () => must(await m.api(`/api/companies/${m.id}/transactions/`)).results.filter(t => t.status === "SUCCESS").reduce((sum, t) => sum + Number(t.amount), 0)
    },
  },
  {
    provider: "kpay", name: "Test Shop RWF", entry: "payment", amount: "12,500", balance: "12,500",
    move: async () => {
      must(await kpay(server, payment("ORDER-2", hook.url)))
      await advance(10)
    },
  },
  {
    provider: "kasapay", name: "float KES", entry: "payout", amount: "−1,500", balance: "998,500",
    move: () => table.find(row => row.provider === "kasapay").make().then(() => advance(10)),
  },
  {
    provider: "kotani", name: "partner KES", entry: "fiat.withdraw", amount: "−1,500", balance: "998,500",
    move: () => kotaniTransaction("fiat.withdraw")().then(() => advance(10)),
  },
  {
    provider: "bitpesa", name: "test-key USD", entry: "debit", amount: "−1,250", balance: "998,750",
    move: async () => {
      const {api} = await sent(true, "by debit")
      return async () => Number((await bitpesaObject(api("GET", "/accounts/USD"), 200)).amount)
    },
  },
]

for (const row of accounts) {
  test(`${row.provider} accounts: what moved is in the ledger with its running sum`, async () => {
    const own = await row.move()
    await page.goto(origin() + "/?view=objects")
    await page.click(`.kind:has(.provider:text-is("${row.provider}")) a:has-text("accounts")`)
    await page.click(`.accounts a.main:text-is("${row.name}")`)
    await page.waitForSelector(`.entries > li:first-child:has(.chip:has-text("posted")):has(.what:has-text("${row.entry}")):has(.num:text-is("${row.amount}")):has(.num:text-is("${row.balance}"))`)
    assert.match((await page.textContent(".balance")).replace("\u00a0", " "), new RegExp(`^${row.balance} [A-Z]{3}$`))
    if (typeof own === "function") assert.equal(await own(), Number(row.balance.replaceAll(",", "")))
  })
}

for (const [act, chip, balance] of [["SUCCESS", "posted", "1,234,567"], ["FAILED", "failed", "0"]]) {
  test(`a top-up that waits is ended in its ledger: ${act}`, async () => {
    const m = await merchant(server, "", 0)
    must(await m.api(`/api/companies/${m.id}/topup/`, "POST", {amount: 1_234_567, phone_number: "0788000003"}))
    const status = async () => must(await m.api(`/api/companies/${m.id}/transactions/`)).results[0].status
    await page.goto(origin() + "/?view=objects")
    await page.click(".kind:has(.provider:text-is('kapiten')) a:has-text('accounts')")
    await page.click(".accounts a.main:text-is('Best Pilau Ltd RWF')")
    const row = page.locator(".entries > li", {hasText: "1,234,567"})
    await row.locator(".chip", {hasText: "pending"}).waitFor()
    assert.equal(await status(), "PENDING")
    assert.deepEqual(await row.locator("button").allTextContents(), ["SUCCESS", "FAILED"])
    await row.getByRole("button", {name: act}).click()
    await row.locator(".chip", {hasText: chip}).waitFor()
    await page.waitForSelector(`.balance .num:text-is("${balance}\u00a0RWF")`)
    assert.equal(await row.locator("button").count(), 0)
    assert.equal(await status(), act)
  })
}

// elsewhere are the operations that move money and need no row, because they change what
// the operation of a row made.
const elsewhere = {
  "kapiten wallet.top_up": "the accounts", "kpay checkout.pay": "the checkout page", "kotani ubi.claim": "done at once: nothing is left to operate",
  "bitpesa payin_methods.update": "part of a transaction", "bitpesa payin_methods.cancel": "part of a transaction", "bitpesa payin_methods.retry": "part of a transaction",
  "bitpesa recipients.update": "a new try of a recipient",
}

test("each kind of each provider that the server registers has a row, and each operation that moves money", async () => {
  const {kinds} = must(await call(server.admin + "/kinds"))
  const named = k => k.provider + " " + (k.name || k.kind)
  const rows = [...table.map(named), ...accounts.map(a => a.provider + " accounts")]
  assert.deepEqual(kinds.map(named).sort(), [...new Set(rows)].sort())
  const {routes} = must(await call(server.admin + "/routes"))
  const made = [...table.flatMap(row => (row.operations || []).map(operation => row.provider + " " + operation)), ...Object.keys(elsewhere)]
  assert.deepEqual([...new Set(routes.filter(r => r.moves_money).map(named))].filter(operation => !made.includes(operation)), [])
})

const dropped = promise => assert.rejects(promise, "the connection drops")

for (const provider of ["kapiten", "kpay", "kasapay", "kotani", "fiatconnect", "bitpesa"]) {
  test(`${provider}: the next write is broken from the place where its last one is looked at, and by a preset`, async () => {
    const {operation, start} = writes(server, hook.url)[provider]
    const send = await start()
    must(await send("ORDER-1"))
    const requests = async () => must(await call(`${server.admin}/requests?provider=${provider}`)).requests.filter(r => r.operation === operation)
    const [first] = await requests()
    await page.goto(`${origin()}/?view=timeline&provider=${provider}&kind=request`)
    await page.locator(`.timeline a.main[href*="${first.id}"]`).click()
    await page.click("#detail button:text('Break the next call like this')")
    await page.waitForSelector("#detail .said:text-is('The next one is done, then its connection drops.')")
    await dropped(send("ORDER-2"))
    assert.equal((await requests()).length, 2)
    await page.locator(".timeline a.main", {hasText: "no response"}).first().click()
    await page.waitForSelector("#detail .why.failed:has-text('A fault met it: drop after')")
    must(await send("ORDER-3"))

    await page.click("nav.parts >> text=Faults")
    for (const [way, check] of [
      ["is done, then the connection drops", dropped],
      ["is lost before it is done", dropped],
      ["gets a 503", async promise => assert.equal((await promise).status, 503)],
      ["waits 30 s on the clock", async promise => {
        await held(server)
        await page.click("button:text-is('+1 min')")
        must(await promise)
      }],
    ]) {
      await page.click(`.ways label:text-is("${way}")`)
      await page.click(`.presets dt:text-is("${provider}") + dd button:text-is("${operation}")`)
      await page.waitForSelector(`.faults li:has(.provider:text-is("${provider}")):has(.mono:text-is("${operation}")):has-text("0 hits, 1 to go")`)
      await check(send("WAY-" + way.length))
      await page.waitForFunction(() => !document.querySelector(".faults li:not(.spent)"))
      must(await send("AFTER-" + way.length))
    }
  })
}

// strangers write markup into each text of each provider. A call may be refused: then the
// page shows the text as well.
const evil = `"><img src=x onerror=document.title='pwned'><script>document.title='pwned'</script>`
const strangers = {
  kapiten: async url => {
    const m = await merchant(server, hook.url)
    await call(`${server.admin}/kapiten/companies/${m.id}`, "PATCH", {webhook_url: url})
    const {id} = must(await call(server.kapiten + "/api/companies/", "POST", {
      name: evil, registration_number: evil, address: evil, contact_person: evil, phone_number: "+250788123456", email: "b@example.com",
    }))
    await call(`${server.kapiten}/api/companies/${id}/users/`, "POST", {phone_number: "+250788000112", first_name: evil, last_name: evil, email: "c@example.com"})
    must(await m.api("/api/rides/", "POST", ride(m.id, evil, {
      pickup_address: evil, dropoff_address: evil, description: evil, sender: {name: evil, phone: "0788123456"}, receiver: {name: evil, phone: "0788000222"},
    })))
    await m.api("/api/rides/", "POST", ride(m.id, evil, {pickup_latitude: evil}))
    return 2
  },
  kpay: async url => {
    must(await kpay(server, payment(evil, url, {cname: evil, details: evil, cnumber: evil, redirecturl: url})))
    await kpay(server, payment("R-2", evil, {email: evil, pmethod: evil}))
    await kpay(server, {action: evil, refid: evil})
    return 1
  },
  kasapay: async url => {
    const api = await kasapay(server)
    await api("/v1/payouts/b2b/initiate", "POST", payout(evil, url, {recipient_name: evil, payment_description: evil, payment_account_reference: evil}))
    must(await api("/v1/payouts/b2b/initiate", "POST", payout("R-1", url, {recipient_name: evil, payment_description: evil, payment_account_reference: evil})))
    await api("/v1/payouts/b2b/initiate", "POST", payout("R-2", evil, {service_code: evil}))
    return 1
  },
  kotani: async url => {
    const api = await kotani(server)
    must(await api("/kyc/user/create", "POST", {phoneNumber: phone}))
    await api("/kyc/user/update", "POST", {phoneNumber: phone, firstname: evil, lastname: evil, email: evil})
    must(await api("/transactions/withdraw/bank", "POST", {amount: 20, accountNumber: "0123456789", accountName: evil, serviceProviderId: "01", callback: url, externalId: evil}))
    await api("/transactions/deposit/stkpush", "POST", {amount: 20, phoneNumber: evil, callback: evil, externalId: evil + "2"})
    must(await api("/binance/order/create", "POST", {amount: 10, goodsName: evil, goodsDetail: evil, currency: "USDT", returnUrl: url, cancelUrl: url}))
    must(await api("/transactions/paybill", "POST", {merchantNumber: "888880", accountNumber: evil, amount: "20", callback: url}))
    return 2
  },
  fiatconnect: async () => {
    const api = await fiatconnect(server)
    must(await api(kyc, "POST", {...document, firstName: evil, lastName: evil, address: {...document.address, address1: evil, city: evil}}))
    const {fiatAccountId} = must(await api("/accounts", "POST", {...fiatAccount, data: {...fiatAccount.data, accountName: evil, institutionName: evil}}))
    const {quote} = must(await api("/quote/in", "POST", {fiatType: "KES", cryptoType: "cUSD", country: "KE", address: api.address, fiatAmount: "1300"}))
    must(await api("/transfer/in", "POST", {fiatAccountId, quoteId: quote.quoteId}, {"Idempotency-Key": evil}))
    await api("/quote/in", "POST", {fiatType: evil, cryptoType: evil})
    await api("/credentials", "POST", {webhook: evil})
    return 2
  },
  bitpesa: async url => {
    const {key, secret} = server.credentials.bitpesa
    const api = bitpesa(server.bitpesa, key, secret)
    await bitpesaObject(api("POST", "/webhooks", {webhook: {url, events: await bitpesaObject(api("GET", "/webhooks/events"), 200), metadata: {a: evil}}}))
    const sender = await bitpesaObject(api("POST", "/senders", {sender: person(evil, {first_name: evil, last_name: evil, street: evil, city: evil, documents: [{...papers[0], upload_file_name: evil}]})}))
    await bitpesaObject(api("POST", "/transactions/create_and_fund", {transaction: transaction(sender.id, evil, {first_name: evil, last_name: evil}, {metadata: {order: evil}})}))
    await api("POST", "/transactions", {transaction: transaction(sender.id, "R-2", {bank_code: evil}, {input_currency: evil})})
    return 2
  },
}

for (const [provider, write] of Object.entries(strangers)) {
  test(`${provider}: markup in any field that a stranger can write stays text and runs nothing`, async () => {
    const quiet = await receiver((request, body) => [500, evil + body], {"X-Evil": evil})
    try {
      const objects = await write(quiet.url + "/hook?q=" + encodeURIComponent(evil))
      for (const method of ["GET", "POST"]) // to no route of the provider, in each part of a request
        await fetch(`${server[provider]}/${encodeURIComponent(evil)}?q=${encodeURIComponent(evil)}`, {method, headers: {"X-Evil": evil, "User-Agent": evil, "Content-Type": evil}, body: method === "GET" ? undefined : evil})
      await advance(31)
      const {kinds} = must(await call(server.admin + "/kinds"))
      const of = async (path, name) => must(await call(`${server.admin}/${path}`))[name]
      const open = [
        ...(await of("requests?provider=" + provider, "requests")).map(r => ["timeline", "requests/" + r.id]),
        ...(await of("deliveries?provider=" + provider, "deliveries")).slice(0, 6).map(d => ["callbacks", "deliveries/" + d.id]),
      ]
      let marked = 0
      for (const {name} of kinds.filter(k => k.provider === provider && k.name !== "accounts")) {
        for (const o of await of(`${provider}/${name}`, name)) open.push([`objects&provider=${provider}&kind=${name}`, [provider, name, encodeURIComponent(o.id)].join("/")])
      }
      const looks = open.map(([view, what]) => [`/?view=${view}&open=${encodeURIComponent(what)}`, what])
      for (const view of [`timeline&provider=${provider}`, "timeline&subject=" + encodeURIComponent(evil), "timeline&q=" + encodeURIComponent(evil), `callbacks&provider=${provider}`, `callbacks&q=${encodeURIComponent(evil)}`,
        ...kinds.filter(k => k.provider === provider).map(k => `objects&provider=${provider}&kind=${k.name}`), `objects&provider=${provider}&kind=${encodeURIComponent(evil)}`, encodeURIComponent(evil),
        "timeline&open=" + encodeURIComponent(evil)]) looks.push(["/?view=" + view, ""])
      for (const [path, what] of looks) {
        await page.goto(origin() + path)
        await page.waitForSelector("#live:not(.lost) >> text=live")
        await page.waitForFunction(open => document.querySelector("#list").children.length > 0 && (!open || document.querySelector("#detail h2")), path.includes("open="))
        assert.equal(await page.locator("body script, body img, body iframe, [onerror]").count(), 0, path)
        assert.notEqual(await page.title(), "pwned", path)
        if (!what) continue
        const known = JSON.stringify(must(await call(server.admin + "/" + what)))
        if (!known.includes("onerror=")) continue
        const shown = await page.textContent("#detail")
        assert.ok(shown.includes(evil) || shown.includes(JSON.stringify(evil).slice(1, -1)) || shown.includes(JSON.stringify(JSON.stringify(evil)).slice(1, -1)), what + " shows the text as it is: " + shown.slice(0, 400))
        if (what.startsWith(provider)) marked++
      }
      assert.ok(marked >= objects, `${marked} objects hold the markup`)
    } finally {
      quiet.stop()
    }
  })
}

test("the checkout page shows markup as text", async () => {
  must(await kpay(server, payment(evil, hook.url, {cname: evil, details: evil, redirecturl: hook.url + "/thanks"})))
  const [p] = must(await call(server.admin + "/kpay/payments")).payments
  await page.goto(server.kpay + p.link)
  assert.ok((await page.textContent("main")).includes(evil))
  assert.equal(await page.locator("img, main script, iframe").count(), 0)
  await page.click("text=Cancel")
  await page.waitForURL(hook.url + "/thanks")
  await page.goto(server.kpay + p.link)
  await page.waitForSelector("text=Not paid")
  assert.equal(await page.locator("img, main script, iframe").count(), 0)
  assert.notEqual(await page.title(), "pwned")
})
