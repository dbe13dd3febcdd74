// The story of vendor.test.js, told by the vendor's JavaScript SDK itself. Set
// TRANSFERZERO_SDK to the folder of its built package, also for ".ci/full vendor". npm
// test leaves this file out, because no registry has that package.
//
// It was played with version 1.37.10, commit 771d433 of
// github.com/transferzero/transferzero-sdk-javascript, built
// with "npm install && npx babel src -d dist".
import assert from "node:assert/strict"
import {once} from "node:events"
import {createServer} from "node:http"
import {createRequire} from "node:module"
import {after, before, test} from "node:test"
import {call, serve} from "./harness.js"

const folder = process.env.TRANSFERZERO_SDK
const {version} = createRequire(import.meta.url)(folder + "/package.json")
const sdk = createRequire(folder + "/package.json")(folder)
const SDK = sdk.default ?? sdk

let server, client, hook
const got = [] // what the webhook's endpoint received

const fill = (kind, fields) => Object.assign(new SDK[kind](), fields)
const advance = seconds => call(server.admin + "/clock/advance", "POST", {seconds})

// refused resolves to the object with the errors of a call that the server refuses.
const refused = async promise => {
  try {
    await promise
  } catch (err) {
    if (!err.isValidationError) throw err.error ?? err
    assert.equal(err.getCode(), 422)
    return err.getResponseObject()
  }
  assert.fail("was accepted")
}

before(async () => {
  server = await serve()
  const {key: apiKey, secret: apiSecret} = server.credentials.bitpesa
  client = new SDK.ApiClient({apiKey, apiSecret, basePath: server.bitpesa})
  hook = createServer((request, response) => {
    let body = ""
    request.on("data", part => { body += part }).on("end", () => {
      const headers = {}
      for (let i = 0; i < request.rawHeaders.length; i += 2) headers[request.rawHeaders[i]] = request.rawHeaders[i + 1]
      got.push({headers, body})
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

test(`transferzero-sdk ${version}: a sender, a duplicate, a transaction, its funding, webhooks and a cancellation`, async () => {
  const webhooks = new SDK.WebhooksApi(client), senders = new SDK.SendersApi(client), transactions = new SDK.TransactionsApi(client)
  const debits = new SDK.AccountDebitsApi(client), recipients = new SDK.RecipientsApi(client)

  const url = `http://127.0.0.1:${hook.address().port}/hooks/bitpesa?tenant=a`
  const events = (await webhooks.getWebhookEvents()).object
  assert(events.length > 10)
  const registered = await webhooks.postWebhooks(fill("WebhookDefinitionRequest", {webhook: fill("WebhookDefinition", {url, events, metadata: {k: 1}})}))
  assert.equal(registered.object.url, url)

  const johnny = () => fill("SenderRequest", {sender: fill("Sender", {
    country: "UG", street: "Unknown 17-3", postal_code: "798983", city: "Kampala", email: "example@home.org", ip: "127.0.0.1", documents: [],
    phone_country: "UG", phone_number: "752403639", first_name: "Johnny", last_name: "English", birth_date: new Date("1974-12-24"), external_id: "EXTSEN-1",
  })})
  const sender = (await senders.postSenders(johnny())).object
  assert(sender instanceof SDK.Sender)
  assert.equal(sender.birth_date.toISOString().slice(0, 10), "1974-12-24")
  assert(!Number.isNaN(sender.created_at?.getTime?.() ?? 0))
  const again = await refused(senders.postSenders(johnny()))
  assert.equal(again.object.errors.external_id.length, 1)
  assert.equal(again.object.first_name, "Johnny", "what was sent is echoed")
  assert.deepEqual((await senders.getSenders({externalId: "EXTSEN-1"})).object.map(s => s.id), [sender.id])

  const transaction = (external_id, bank_account) => fill("TransactionRequest", {transaction: fill("Transaction", {
    input_currency: "USD", sender: fill("Sender", {id: sender.id}), metadata: {order: 7}, external_id,
    recipients: [fill("Recipient", {requested_amount: 10, requested_currency: "USD", payout_method: fill("PayoutMethod", {type: "NGN::Bank", details: fill("PayoutMethodDetails", {
      first_name: "First", last_name: "Last", bank_account, bank_account_type: "20", bank_code: "082",
    })})})],
  })})
  const paid = (await transactions.postTransactions(transaction("EXTRAN-1", "123456700"))).object
  assert(paid.recipients[0] instanceof SDK.Recipient)
  for (const at of [paid.created_at, paid.expires_at, paid.recipients[0].created_at]) assert(at instanceof Date && !Number.isNaN(at.getTime()))
  const twice = await refused(transactions.postTransactions(transaction("EXTRAN-1", "123456700")))
  assert(Object.keys(twice.object.errors).includes("external_id"))

  const debit = () => fill("DebitRequestWrapper", {debit: fill("Debit", {currency: "USD", to_id: paid.id, to_type: "Transaction"})})
  const [funded] = (await debits.postAccountsDebits(debit())).object
  assert.equal(Number(funded.amount), 10)
  const refusal = await refused(debits.postAccountsDebits(debit()))
  assert.equal(Object.keys(refusal.object[0].errors).length, 1)
  await advance(31)
  assert.equal((await transactions.getTransaction(paid.id)).object.state, "paid")

  const failed = (await transactions.createAndFundTransaction(transaction("EXTRAN-2", "123456719"))).object
  await advance(31)
  const [recipient] = (await transactions.getTransaction(failed.id)).object.recipients
  assert.deepEqual([recipient.state, recipient.may_cancel], ["error", true])
  await recipients.deleteRecipient(recipient.id)
  assert.equal((await transactions.getTransaction(failed.id)).object.state, "refunded")
  assert.equal((await recipients.getRecipients({createdAtFrom: "2018-01-01", state: ["success", "refunded"]})).object.length, 2)

  for (let i = 0; got.length < 14 && i < 500; i++) await new Promise(resolve => { setTimeout(resolve, 10) })
  const seen = new Set()
  for (const {headers, body} of got) {
    assert(client.validateRequest(url, body, headers), JSON.stringify(headers))
    assert(!client.validateRequest(url, body + " ", headers))
    const webhook = client.parseResponseString(body, SDK.Webhook)
    seen.add(webhook.event)
    if (webhook.event.startsWith("transaction")) assert(client.parseResponseString(body, SDK.TransactionWebhook).object instanceof SDK.Transaction)
    else if (webhook.event.startsWith("recipient")) assert(client.parseResponseString(body, SDK.RecipientWebhook).object instanceof SDK.Recipient)
  }
  for (const event of ["transaction.created", "transaction.paid_in", "transaction.paid_out", "recipient.paid_out", "recipient.error", "recipient.canceled", "transaction.refunded"]) {
    assert(seen.has(event), event)
  }
})

test("what the SDK reads elsewhere", async () => {
  const currencies = (await new SDK.CurrencyInfoApi(client).infoCurrencies()).object
  assert.equal(currencies.find(c => c.code === "USD").subunit_to_unit, "100")
  const [log] = (await new SDK.LogsApi(client).getWebhookLogs()).object
  assert.equal(typeof log.metadata.params, "object")
  assert((await new SDK.AccountsApi(client).getAccounts()).object.length > 0)
  assert((await new SDK.PaymentMethodsApi(client).paymentMethodsOut()).object.length > 0)
  const request = fill("AccountValidationRequest", {bank_account: "9040009999999", bank_code: "190100", country: "GH", currency: "GHS", method: "bank"})
  const wrong = await refused(new SDK.AccountValidationApi(client).postAccountValidations(request))
  assert.equal(wrong.meta.error, "Account Invalid")
})
