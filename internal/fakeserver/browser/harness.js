// Test support: the built server, a receiver of callbacks and headless Chromium.
import {execFileSync, spawn} from "node:child_process"
import {once} from "node:events"
import {mkdirSync, mkdtempSync, rmSync} from "node:fs"
import {createServer} from "node:http"
import {tmpdir} from "node:os"
import {join} from "node:path"
import {createInterface} from "node:readline"
import {fileURLToPath} from "node:url"

const here = fileURLToPath(new URL(".", import.meta.url))
export const shots = join(here, "screenshots")
mkdirSync(shots, {recursive: true})

// build makes the server's binary in a folder of its own.
export function build() {
  const folder = mkdtempSync(join(tmpdir(), "fakeserver-"))
  const binary = join(folder, "fakeserver")
  execFileSync("go", ["build", "-o", binary, "./examples/fakeserver"], {cwd: join(here, "../../.."), stdio: "inherit"})
  return {binary, remove: () => rmSync(folder, {recursive: true, force: true})}
}

// serve starts the server and resolves to its greeting.
export async function serve(binary, ...args) {
  const child = spawn(binary, ["-addr", "127.0.0.1:0", "-clock", "manual", ...args], {stdio: ["ignore", "pipe", "ignore"]})
  const [line] = await once(createInterface({input: child.stdout}), "line")
  const greeting = JSON.parse(line)
  greeting.stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill("SIGKILL")
    await once(child, "exit")
  }
  greeting.freeze = () => child.kill("SIGSTOP") // its connections stay open, and nothing comes
  greeting.thaw = () => child.kill("SIGCONT")
  return greeting
}

// receiver takes callbacks and answers what answer says.
export async function receiver(answer = () => [200, "ok"]) {
  const got = []
  const server = createServer((request, response) => {
    let body = ""
    request.on("data", part => { body += part }).on("end", () => {
      got.push({url: request.url, body})
      const [status, text] = answer(request, body)
      response.writeHead(status, {"Content-Type": "text/plain"}).end(text)
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

// merchant signs a company up, gives it money and returns a caller of its API.
export async function merchant(server, webhook = "", topUp = 5_000_000) {
  const must = (response, what) => {
    if (response.status >= 300) throw new Error(what + ": " + JSON.stringify(response))
    return response.value
  }
  const {id} = must(await call(server.kapiten + "/api/companies/", "POST", {
    name: "Best Pilau Ltd", registration_number: "RDB2026-XP", address: "KN 78 St, Kigali", contact_person: "Victor",
    phone_number: "+250788123456", email: "hello@bestpilau.com",
  }), "company")
  const user = must(await call(`${server.kapiten}/api/companies/${id}/users/`, "POST", {
    phone_number: "+250788000111", first_name: "Aline", last_name: "U", email: "aline@bestpilau.com",
  }), "user")
  const {token} = must(await call(`${server.kapiten}/api/companies/${id}/users/${user.id}/api-key/`), "token")
  if (webhook) must(await call(`${server.admin}/kapiten/companies/${id}`, "PATCH", {webhook_url: webhook}), "webhook")
  const api = (path, method, body) => call(server.kapiten + path, method, body, {Authorization: "Token " + token})
  if (topUp) {
    must(await api(`/api/companies/${id}/topup/`, "POST", {amount: topUp, phone_number: "0788000999"}), "top-up")
    must(await call(server.admin + "/clock/advance", "POST", {seconds: 10}), "clock")
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
