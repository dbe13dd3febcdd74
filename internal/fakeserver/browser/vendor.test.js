// The story of the vendor's JavaScript SDK 1.37.10 (MIT) on the standalone server. No
// registry has that SDK, so these requests are written here, byte for byte as it sends
// them. Where a copy of the SDK is, vendor-bitpesa.js has it tell the story itself. Its
// habits: dates are date-times, a GET has a Content-Type, arrays repeat their name, five
// characters of a query are signed unescaped, a POST without a body says Content-Length 0,
// and webhook headers are looked up in the spelling of the guides.
import assert from "node:assert/strict"
import {createHash} from "node:crypto"
import {once} from "node:events"
import {createServer} from "node:http"
import {after, before, test} from "node:test"
import {bitpesa, call, serve, sign} from "./harness.js"

let server, api, hook
const got = [] // what the webhook's endpoint received

const sha512 = text => createHash("sha512").update(text).digest("hex")

// validateRequest is the SDK's check of a webhook.
function validateRequest(secret, key, url, body, headers) {
  const nonce = headers["Authorization-Nonce"], signature = headers["Authorization-Signature"]
  if (nonce == null || signature == null || headers["Authorization-Key"] !== key) return false
  return sign(secret, nonce, "POST", url, sha512(body)) === signature
}

// date is a Date of the SDK's models: not a date of JSON, and not invalid.
function date(text) {
  const at = new Date(text)
  assert.match(text, /^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z)?$/)
  assert(!Number.isNaN(at.getTime()), text)
  return at.toISOString().slice(0, 10)
}

async function ok(status, promise) {
  const response = await promise
  assert.equal(response.status, status, JSON.stringify(response))
  return response.object
}

const birth = "1974-12-24T00:00:00.000Z"
const johnny = changes => ({sender: {
  country: "UG", street: "Unknown 17-3", postal_code: "798983", city: "Kampala", email: "example@home.org", ip: "127.0.0.1", documents: [],
  phone_country: "UG", phone_number: "+256752403639", first_name: "Johnny", last_name: "English", birth_date: birth, ...changes,
}})
const ngn = account => ({first_name: "First", last_name: "Last", bank_account: account, bank_account_type: "20", bank_code: "082", birth_date: birth})
const transaction = (sender, external_id, details, type = "NGN::Bank", changes = {}) => ({transaction: {
  input_currency: "USD", sender: {id: sender}, recipients: [{requested_amount: 10, requested_currency: "USD", payout_method: {type, details}}],
  metadata: {order: 7}, external_id, ...changes,
}})
const advance = seconds => call(server.admin + "/clock/advance", "POST", {seconds})

before(async () => {
  server = await serve()
  const {key, secret} = server.credentials.bitpesa
  api = bitpesa(server.bitpesa, key, secret)
  hook = createServer((r, response) => {
    let body = ""
    r.on("data", part => { body += part }).on("end", () => {
      const headers = {}
      for (let i = 0; i < r.rawHeaders.length; i += 2) headers[r.rawHeaders[i]] = r.rawHeaders[i + 1]
      got.push({headers, body, url: `http://127.0.0.1:${hook.address().port}${r.url}`})
      response.writeHead(200).end()
    })
  })
  hook.listen(0, "127.0.0.1")
  await once(hook, "listening")
})

after(async () => {
  await server?.stop()
  hook?.closeAllConnections()
  hook?.close()
})

test("a sender, a duplicate, a transaction, its funding, webhooks and a cancellation", async () => {
  const events = await ok(200, api("GET", "/webhooks/events"))
  const url = `http://127.0.0.1:${hook.address().port}/hooks/bitpesa?tenant=a`
  await ok(201, api("POST", "/webhooks", {webhook: {url, events, metadata: {k: 1}}}))

  const sender = await ok(201, api("POST", "/senders", johnny({external_id: "EXTSEN-1"})))
  assert.equal(sender.birth_date, "1974-12-24")
  date(sender.created_at)
  const again = await api("POST", "/senders", johnny({external_id: "EXTSEN-1"}))
  assert.equal(again.status, 422)
  assert.equal(again.object.first_name, "Johnny", "what was sent is echoed")
  assert.equal(again.object.errors.external_id.length, 1)
  assert.equal(again.meta.existing.sender.id, sender.id)
  assert.equal((await ok(200, api("GET", "/senders", null, {external_id: "EXTSEN-1", page: 1}))).length, 1)
  assert.equal((await ok(200, api("GET", "/senders", null, {external_id: "a!b'c(d)e*f é"}))).length, 0)

  const paid = await ok(201, api("POST", "/transactions", transaction(sender.id, "EXTRAN-1", ngn("123456700"))))
  for (const at of [paid.created_at, paid.expires_at, paid.recipients[0].created_at, paid.sender.created_at]) date(at)
  assert.equal(date(paid.recipients[0].payout_method.details.birth_date), "1974-12-24")
  const twice = await api("POST", "/transactions", transaction(sender.id, "EXTRAN-1", ngn("123456700")))
  assert.equal(twice.status, 422)
  assert.equal(twice.meta.existing.transaction.id, paid.id)

  const debit = {debit: {to_type: "Transaction", to_id: paid.id, currency: "USD"}}
  const [funded] = await ok(201, api("POST", "/accounts/debits", debit))
  date(funded.created_at)
  assert.equal(funded.amount, 10)
  const [refused] = await ok(422, api("POST", "/accounts/debits", debit))
  assert.equal(Object.keys(refused.errors).length, 1)
  await advance(31)
  assert.equal((await ok(200, api("GET", "/transactions/" + paid.id))).state, "paid")

  const failed = await ok(201, api("POST", "/transactions/create_and_fund", transaction(sender.id, "EXTRAN-2", ngn("123456719"))))
  await advance(31)
  const [recipient] = (await ok(200, api("GET", "/transactions/" + failed.id))).recipients
  assert.deepEqual([recipient.state, recipient.may_cancel], ["error", true])
  await ok(200, api("DELETE", "/recipients/" + recipient.id))
  assert.equal((await ok(200, api("GET", "/transactions/" + failed.id))).state, "refunded")
  assert.equal((await ok(200, api("GET", "/recipients", null, {created_at_from: "2018-01-01", state: ["success", "refunded"]}))).length, 2)

  const wanted = [
    "transaction.created", "transaction.paid_in", "recipient.pending", "recipient.paid_out", "transaction.paid_out",
    "transaction.created", "transaction.paid_in", "recipient.pending", "recipient.error", "transaction.error",
    "recipient.canceled", "transaction.canceled", "recipient.refunded", "transaction.refunded",
  ]
  for (let i = 0; got.length < wanted.length && i < 500; i++) await new Promise(resolve => { setTimeout(resolve, 10) })
  const {key, secret} = server.credentials.bitpesa
  const about = id => got.map(g => JSON.parse(g.body)).filter(w => [w.object.id, w.object.transaction_id].includes(id)).map(w => w.event)
  assert.deepEqual([...about(paid.id), ...about(failed.id)], wanted)
  for (const {headers, body} of got) {
    assert(validateRequest(secret, key, url, body, headers), JSON.stringify(headers))
    assert(!validateRequest(secret, key, url, body + " ", headers))
    assert(!validateRequest(secret, "another", url, body, headers))
  }
  const [log] = await ok(200, api("GET", "/logs/webhooks"))
  assert.equal(log.metadata.params.url, url, "the params are the webhook")
  assert.equal(typeof log.metadata.request.body, "string")
})

test("what the SDK sends elsewhere", async () => {
  const sender = await ok(201, api("POST", "/senders", johnny({
    type: "business", name: "Shop", registration_date: birth, external_id: "EXTSEN-2",
    politically_exposed_people: [{name: "P", position: "MP", started_date: birth, ended_date: birth}],
    documents: [{upload: "data:image/png;base64,AAAA", upload_file_name: "a.png", expiry_date: "2030-01-01T00:00:00.000Z"}],
  })))
  assert.deepEqual([sender.registration_date, sender.politically_exposed_people[0].ended_date, sender.documents[0].expiry_date], ["1974-12-24", "1974-12-24", "2030-01-01"])
  for (const [type, details, missing] of [
    ["PEN::Bank", {identity_card_type: "DNI", identity_card_id: "1", bank_code: "2", bank_account: "3", bank_account_type: "10"}, 5],
    ["GTQ::Bank", {identity_card_id: "1", bank_code: "2", bank_account: "3", bank_account_type: "10"}, 4],
    ["CRC::Bank", {identity_card_type: "CI", identity_card_id: "1", iban: "CR05015202001026284066", street: "S"}, 4],
    ["MAD::Bank", {iban: "MA64011519000001205000534921", street: "S"}, 2],
    ["VND::Bank", {bank_account: "1", bank_code: "2"}, 2],
    ["VND::Mobile", {phone_number: "+84912345678", mobile_provider: "viettel", street: "S"}, 3],
    ["MAD::Cash", {phone_number: "+212537718685", sender_identity_card_type: "CJ", sender_identity_card_id: "1"}, 3],
  ]) {
    const names = {first_name: "A", last_name: "B"}
    await ok(201, api("POST", "/transactions", transaction(sender.id, type, {...names, ...details}, type)))
    const bare = await ok(422, api("POST", "/transactions/validate", transaction(sender.id, type + " bare", names, type)))
    assert.equal(Object.keys(bare.recipients[0].payout_method.errors).length, missing, type)
  }
  const usd = (await ok(200, api("GET", "/info/currencies"))).find(c => c.code === "USD")
  assert.equal(usd.subunit_to_unit, "100")
  const collected = await ok(201, api("POST", "/transactions", transaction(sender.id, "PAYIN-1", ngn("123456700"), "NGN::Bank", {
    input_currency: "GHS", payin_methods: [{type: "GHS::Mobile", in_details: {phone_number: "+233302123450", mobile_provider: "vodafone"}}],
  })))
  await ok(200, api("PATCH", "/payin_methods/" + collected.payin_methods[0].id, {payin_method: {type: "GHS::Mobile"}}))
  await ok(200, api("POST", `/transactions/${collected.id}/payin`, {payin_method: {type: "GHS::Mobile"}}))
  assert.equal((await ok(200, api("POST", `/transactions/${collected.id}/payout`))).state, "paid", "a POST without a body")
  const wrong = await api("POST", "/account_validations", {bank_account: "9040009999999", bank_code: "190100", country: "GH", currency: "GHS", method: "bank"})
  assert.deepEqual([wrong.status, wrong.meta.error], [422, "Account Invalid"])
  await ok(200, api("DELETE", "/senders/" + sender.id))
})

test("the second account's senders need papers and an approval", async () => {
  const {kyc_key, kyc_secret} = server.credentials.bitpesa
  const other = bitpesa(server.bitpesa, kyc_key, kyc_secret)
  const bare = await ok(422, other("POST", "/senders", johnny({external_id: "EXTSEN-1"})))
  assert.deepEqual(bare.errors.documents, [{error: "blank"}])
  const sender = await ok(201, other("POST", "/senders", johnny({documents: [{upload: "data:image/png;base64,AAAA", upload_file_name: "a.png"}]})))
  const waiting = await ok(201, other("POST", "/transactions", transaction(sender.id, "EXTRAN-1", ngn("123456700"))))
  assert.deepEqual([sender.state, waiting.state], ["initial", "initial"])
  await call(`${server.admin}/bitpesa/senders/${sender.id}/state`, "POST", {state: "approved"})
  assert.equal((await ok(200, other("GET", "/transactions/" + waiting.id))).state, "approved")
})
