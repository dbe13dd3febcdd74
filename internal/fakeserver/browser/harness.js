// Test support: the built server, a receiver of callbacks and headless Chromium.
import assert from "node:assert/strict"
import {execFileSync, spawn} from "node:child_process"
import {createHash, createHmac, randomUUID} from "node:crypto"
import {once} from "node:events"
import {existsSync, mkdirSync, readFileSync, readdirSync} from "node:fs"
import {createServer, request as send} from "node:http"
import {basename, join} from "node:path"
import {createInterface} from "node:readline"
import {after, afterEach, before, beforeEach} from "node:test"
import {setTimeout} from "node:timers/promises"
import {fileURLToPath} from "node:url"

const here = fileURLToPath(new URL(".", import.meta.url))
export const shots = join(here, "screenshots")
mkdirSync(shots, {recursive: true})

// build makes a binary and returns its file. The file stays, so that Go links it anew only when something
// has changed. It is everybody's: one test file runs at a time, as package.json says.
export function build(module, folder) {
  const file = join(here, "build", basename(folder))
  execFileSync("go", ["build", "-o", file, folder], {cwd: join(here, "../../..", module), stdio: "inherit"})
  return file
}

let binary
const fakeserver = () => binary ??= build(".", "./examples/fakeserver")

// serve starts the server and resolves to its greeting.
export async function serve(...args) {
  const child = spawn(fakeserver(), ["-addr", "127.0.0.1:0", "-clock", "manual", ...args], {stdio: ["ignore", "pipe", "ignore"]})
  const [line] = await once(createInterface({input: child.stdout}), "line")
  const greeting = JSON.parse(line)
  greeting.stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill("SIGKILL")
    await once(child, "exit")
  }
  greeting.freeze = async () => { // its connections stay open, and nothing comes
    child.kill("SIGSTOP")
    while (!stopped(child.pid)) await setTimeout(5)
  }
  greeting.thaw = () => child.kill("SIGCONT")
  return greeting
}

// stopped reports whether each thread of a process has stopped: a signal to stop takes a while to reach them all.
function stopped(pid) {
  if (!existsSync("/proc/self/task")) return execFileSync("ps", ["-o", "state=", "-p", String(pid)], {encoding: "utf8"}).trim().startsWith("T")
  const state = id => readFileSync(`/proc/${pid}/task/${id}/stat`, "utf8").replace(/^.*\) /s, "")[0]
  return readdirSync(`/proc/${pid}/task`).every(id => state(id) === "T")
}

// receiver takes callbacks and answers what answer says.
export async function receiver(answer = () => [200, "ok"], headers = {}) {
  const got = []
  const server = createServer((request, response) => {
    let body = ""
    request.on("data", part => { body += part }).on("end", () => {
      got.push({url: request.url, body})
      const [status, text] = answer(request, body)
      response.writeHead(status, {"Content-Type": "text/plain", ...headers}).end(text)
    })
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return {url: `http://127.0.0.1:${server.address().port}`, got, server, stop: () => { server.closeAllConnections(); server.close() }}
}

// launch starts Chromium as this machine needs it. Chromium sometimes crashes while it starts for the
// first time on a machine: then launch tries again.
export async function launch(tries = 4) {
  try {
    return await start()
  } catch (err) {
    if (tries <= 1) throw err
    process.stderr.write(`Chromium did not start, ${tries - 1} tries are left: ${String(err).split("\n")[0]}\n`)
    return launch(tries - 1)
  }
}

async function start() {
  const {chromium} = await import("playwright-core") // what needs no browser needs no packages
  return chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium", headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
      "--host-resolver-rules=MAP evil.example 127.0.0.1"],
  })
}

// call sends JSON and returns the decoded response.
export async function call(url, method = "GET", body, headers = {}) {
  const response = await fetch(url, {method, headers: {"Content-Type": "application/json", ...headers}, body: body === undefined ? undefined : JSON.stringify(body)})
  const text = await response.text()
  let value = text
  try { value = JSON.parse(text) } catch { /* some providers respond with plain text */ }
  return {status: response.status, value}
}

// must is the value of a response that is a success.
export function must(response) {
  if (response.status >= 300) throw new Error(JSON.stringify(response))
  return response.value
}

// merchant signs a company up, gives it money and returns a caller of its API.
export async function merchant(server, webhook = "", topUp = 5_000_000) {
  const {id} = must(await call(server.kapiten + "/api/companies/", "POST", {
    name: "Best Pilau Ltd", registration_number: "RDB2026-XP", address: "KN 78 St, Kigali", contact_person: "Victor",
    phone_number: "+250788123456", email: "hello@bestpilau.com",
  }))
  const user = must(await call(`${server.kapiten}/api/companies/${id}/users/`, "POST", {
    phone_number: "+250788000111", first_name: "Aline", last_name: "U", email: "aline@bestpilau.com",
  }))
  const {token} = must(await call(`${server.kapiten}/api/companies/${id}/users/${user.id}/api-key/`))
  if (webhook) must(await call(`${server.admin}/kapiten/companies/${id}`, "PATCH", {webhook_url: webhook}))
  const api = (path, method, body) => call(server.kapiten + path, method, body, {Authorization: "Token " + token})
  if (topUp) {
    must(await api(`/api/companies/${id}/topup/`, "POST", {amount: topUp, phone_number: "0788000999"}))
    must(await call(server.admin + "/clock/advance", "POST", {seconds: 10}))
  }
  return {id, token, api}
}

export const ride = (company, reference, changes = {}) => ({
  pickup_address: "KN 78 St, Kigali", pickup_latitude: -1.9441, pickup_longitude: 30.0619,
  dropoff_address: "KK 12 Ave, Kigali", dropoff_latitude: -1.9706, dropoff_longitude: 30.1044,
  sender: {name: "Best Pilau", phone: "0788123456"}, receiver: {name: "Jane Doe", phone: "0788000222"},
  company_id: company, external_id: reference, ...changes,
})

export const payment = (reference, returl, changes = {}) => ({
  action: "pay", msisdn: "250783300000", email: "jane@example.com", details: "Order " + reference, refid: reference, amount: 12500, currency: "RWF",
  cname: "Jane Doe", cnumber: "1", pmethod: "momo", retailerid: "02", returl, redirecturl: "http://127.0.0.1:1/thanks", bankid: "63510", ...changes,
})

export const kpay = (server, body) => call(server.kpay + "/", "POST", body, {Authorization: "Basic " + btoa("test-user:test-pass")})

// kasapay and kotani log in and return callers of the API.
export async function kasapay(server) {
  const {consumer_key, consumer_secret} = server.credentials.kasapay
  const {access_token} = must(await call(server.kasapay + "/v1/auth", "POST", {consumer_key, consumer_secret}))
  return (path, method, body) => call(server.kasapay + path, method, body, {"X-Access-Token": access_token})
}

export async function kotani(server) {
  const {accessToken} = must(await call(server.kotani + "/api/login", "POST", server.credentials.kotani))
  return (path, method, body) => call(server.kotani + path, method, body, {Authorization: "Bearer " + accessToken})
}

// fiatconnect signs a wallet in (EIP-4361) and returns a caller of the API with its session.
export async function fiatconnect(server, name = "alice") {
  const {secp256k1} = await import("@noble/curves/secp256k1.js")
  const {keccak_256} = await import("@noble/hashes/sha3.js")
  const key = createHash("sha256").update(name).digest()
  const hash = bytes => Buffer.from(keccak_256(bytes))
  const plain = hash(secp256k1.getPublicKey(key, false).slice(1)).toString("hex").slice(24)
  const sum = hash(Buffer.from(plain)).toString("hex")
  const address = "0x" + [...plain].map((c, i) => sum[i] >= "8" ? c.toUpperCase() : c).join("") // EIP-55
  const {time} = must(await call(server.fiatconnect + "/clock"))
  const message = `${new URL(server.fiatconnect).host} wants you to sign in with your Ethereum account:\n${address}\n\nSign in\n
URI: ${server.fiatconnect}/auth/login\nVersion: 1\nChain ID: ${server.credentials.fiatconnect.chainId}\nNonce: ${randomUUID().replaceAll("-", "")}
Issued At: ${time}\nExpiration Time: ${new Date(Date.parse(time) + 4 * 3600_000).toISOString()}`
  const digest = hash(Buffer.from(`\x19Ethereum Signed Message:\n${Buffer.byteLength(message)}${message}`))
  const [recovery, ...rs] = secp256k1.sign(digest, key, {prehash: false, format: "recovered"})
  const signature = "0x" + Buffer.from([...rs, 27 + recovery]).toString("hex")
  const response = await fetch(server.fiatconnect + "/auth/login", {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({message, signature})})
  if (response.status !== 200) throw new Error(await response.text())
  const [cookie] = response.headers.getSetCookie()[0].split(";")
  const api = (path, method, body, headers) => call(server.fiatconnect + path, method, body, {Cookie: cookie, ...headers})
  api.address = address
  return api
}

const sha512 = text => createHash("sha512").update(text).digest("hex")
export const sign = (secret, ...parts) => createHmac("sha512", secret).update(parts.join("&")).digest("hex")

// escape is how Node's querystring writes a value, sent how superagent sends it.
const escape = text => encodeURIComponent(text)
const sent = text => escape(text).replace(/[!'()*]/g, c => "%" + c.charCodeAt(0).toString(16).toUpperCase())

// bitpesa makes a caller of the API that signs as the vendor's JavaScript SDK does. It
// resolves to the status and the decoded response.
export function bitpesa(base, key, secret) {
  return (method, path, body, query = {}) => {
    const pairs = Object.entries(query).flatMap(([name, values]) => [values].flat().map(value => [name, String(value)]))
    const write = how => pairs.length ? "?" + pairs.map(([name, value]) => how(name) + "=" + how(value)).join("&") : ""
    const nonce = randomUUID(), text = body ? JSON.stringify(body) : ""
    const headers = {
      "Accept-Encoding": "gzip, deflate", "User-Agent": "TransferZero-SDK/JavaScript/1.37.10",
      "Authorization-Key": key, "Authorization-Nonce": nonce,
      "Authorization-Signature": sign(secret, nonce, method, base + path + write(escape), sha512(text)),
      "Content-Type": "application/json", Accept: "application/json",
    }
    if (text || method === "POST") headers["Content-Length"] = Buffer.byteLength(text)
    return new Promise((resolve, reject) => {
      const r = send(base + path + write(sent), {method, headers, agent: false}, response => {
        let answer = ""
        response.on("data", part => { answer += part }).on("end", () => resolve({status: response.statusCode, ...JSON.parse(answer)}))
      })
      r.on("error", reject).end(text)
    })
  }
}

export const document = {
  firstName: "Jane", lastName: "Doe", phoneNumber: "+254712345678", dateOfBirth: {day: "1", month: "2", year: "1990"},
  address: {address1: "1 Road", isoCountryCode: "KE", isoRegionCode: "KE-30", city: "Nairobi"}, selfieDocument: "aGk=", identificationDocument: "aGk=",
}
export const kyc = "/kyc/PersonalDataAndDocuments"
export const fiatAccount = {
  fiatAccountSchema: "MobileMoney",
  data: {accountName: "Jane", institutionName: "M-Pesa", fiatAccountType: "MobileMoney", mobile: "+254712345678", country: "KE", operator: "SAFARICOM"},
}
export const payout = (reference, callback_url, changes = {}) => ({
  payout_reference: reference, service_code: "12346", payment_account_reference: "0101", recipient_name: "Unga Mills", recipient_type: "PAYBILL", recipient_account_number: "5656",
  amount: "1500", payment_description: "Flour", payment_method: "MPESA_B2B", currency_code: "KES", country_code: "KEN", callback_url, ...changes,
})
export const person = (reference, changes = {}) => ({
  country: "UG", street: "Unknown 17-3", postal_code: "798983", city: "Kampala", email: "example@home.org", ip: "127.0.0.1", documents: [],
  phone_country: "UG", phone_number: "+256752403639", first_name: "Johnny", last_name: "English", birth_date: "1974-12-24", external_id: reference, ...changes,
})
export const transaction = (sender, reference, details = {}, changes = {}) => ({
  input_currency: "USD", sender: {id: sender}, external_id: reference,
  recipients: [{requested_amount: 1250, requested_currency: "USD", payout_method: {type: "NGN::Bank", details: {
    first_name: "First", last_name: "Last", bank_account: "123456700", bank_account_type: "20", bank_code: "082", ...details,
  }}}],
  ...changes,
})

// writes are an operation of each provider that moves money. start resolves to a function
// that sends it with a reference, and resolves to its response.
export const writes = (server, hook) => ({
  kapiten: {operation: "rides.create", start: async () => {
    const m = await merchant(server, hook)
    return reference => m.api("/api/rides/", "POST", ride(m.id, reference))
  }},
  kpay: {operation: "pay", start: async () => reference => kpay(server, payment(reference, hook))},
  kasapay: {operation: "payouts.initiate", start: async () => {
    const api = await kasapay(server)
    return reference => api("/v1/payouts/b2b/initiate", "POST", payout(reference, hook))
  }},
  kotani: {operation: "fiat.withdraw", start: async () => {
    const api = await kotani(server)
    return reference => api("/transactions/withdraw/momo", "POST", {amount: 1500, phoneNumber: "254712345678", externalId: reference, callback: hook})
  }},
  fiatconnect: {operation: "fiatconnect.transfer_in", start: async () => {
    const api = await fiatconnect(server)
    must(await api(kyc, "POST", document))
    const {fiatAccountId} = must(await api("/accounts", "POST", fiatAccount))
    return async reference => {
      const {quote} = must(await api("/quote/in", "POST", {fiatType: "KES", cryptoType: "cUSD", country: "KE", address: api.address, fiatAmount: "1300"}))
      return api("/transfer/in", "POST", {fiatAccountId, quoteId: quote.quoteId}, {"Idempotency-Key": reference})
    }
  }},
  bitpesa: {operation: "transactions.create_and_fund", start: async () => {
    const {key, secret} = server.credentials.bitpesa
    const api = bitpesa(server.bitpesa, key, secret)
    const {object} = await api("POST", "/senders", {sender: person("SENDER-1")})
    return async reference => {
      const {status, ...value} = await api("POST", "/transactions/create_and_fund", {transaction: transaction(object.id, reference)})
      return {status, value}
    }
  }},
})

// What a test of eachTest has: a server and a receiver of its own, and a page.
export let browser, server, hook, context, page

// eachTest makes them for each test of a file. A script that fails, or that the content
// security policy keeps out, fails the test.
export function eachTest() {
  let errors
  before(async () => {
    fakeserver() // a build that fails does so once
    browser = await launch()
  })
  after(() => browser?.close())
  beforeEach(async () => {
    hook = await receiver()
    await restart()
    context = await browser.newContext({viewport: {width: 1280, height: 800}})
    page = await context.newPage()
    errors = []
    page.on("pageerror", e => {
      errors.push(String(e))
      console.error(`the page threw ${e}`) // at once: a test that waits in vain ends before errors are looked at
    })
    page.on("console", m => {
      if (/Content Security Policy/.test(m.text()) && page.url().startsWith(server.console)) errors.push(m.text())
    })
  })
  afterEach(async () => {
    await context.close()
    await server.stop()
    hook.stop()
    assert.deepEqual(errors, [])
  })
}

// restart starts the server, after a test has stopped it.
export async function restart(...args) { server = await serve(...args) }

export const console_ = (path = "/") => server.console.slice(0, -1) + path
export const live = () => page.waitForSelector("#live:not(.lost) >> text=live")
export const advance = seconds => call(server.admin + "/clock/advance", "POST", {seconds})

// held waits until a rule holds a request.
export async function held(by = server) {
  for (let tries = 0; (await call(by.admin + "/clock")).value.waiting !== 1; tries++) assert.ok(tries < 1000, "no request is held")
}

// tabTo presses a key until what has the focus begins with a text, as a person does.
export const focused = () => page.evaluate(() => document.activeElement.getAttribute("aria-label") || document.activeElement.textContent)
export async function tabTo(text, key = "Tab") {
  for (let i = 0; i < 120; i++) {
    if ((await focused()).startsWith(text)) return
    await page.keyboard.press(key)
  }
  assert.fail(`no ${key} leads to ${text}`)
}
