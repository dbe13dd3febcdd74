// What an operator does with the journal's page, in a real browser and with its
// content security policy in force.
import assert from "node:assert/strict"
import {spawn} from "node:child_process"
import {once} from "node:events"
import {readFileSync} from "node:fs"
import {createServer} from "node:http"
import {createRequire} from "node:module"
import {join} from "node:path"
import {createInterface} from "node:readline"
import {after, afterEach, before, beforeEach, test} from "node:test"
import {build, launch, shots} from "./harness.js"

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")
let binary, browser, server, address, context, page, errors

before(async () => {
  binary = build("internal/sqltest", "./operatorpage")
  browser = await launch()
})

after(() => browser?.close())

beforeEach(async () => {
  server = spawn(binary, {stdio: ["ignore", "pipe", "inherit"]})
  ;[address] = await once(createInterface({input: server.stdout}), "line")
  context = await browser.newContext({viewport: {width: 1280, height: 800}, extraHTTPHeaders: {Authorization: "Basic " + btoa("Ines:test")}})
  page = await context.newPage()
  errors = []
  page.on("pageerror", e => errors.push(String(e)))
  page.on("console", m => { if (m.type() === "error") errors.push(m.text()) })
  await page.goto(address)
  // The worker sends what was planned.
  for (let tries = 0; await page.locator("section").first().locator("tbody tr").count() < 3; tries++) {
    assert.ok(tries < 300, await page.content())
    await page.reload()
  }
})

afterEach(async () => {
  await context.close()
  server.kill("SIGKILL")
  await once(server, "exit")
  assert.deepEqual(errors, [])
})

test("a person settles a stuck entry, and the history says who and why", async () => {
  const stuck = page.locator("section").first()
  assert.match(await stuck.locator("h2").textContent(), /Waiting for a person/)
  await stuck.getByRole("link", {name: "order-2 lost"}).click()
  assert.match(await page.locator("main").textContent(), /unanswered/)
  await page.screenshot({path: join(shots, "journal-entry.png"), fullPage: true})
  await page.getByRole("link", {name: "It happened"}).click()
  await page.getByRole("button", {name: "It happened"}).click()
  assert.match(page.url(), /confirm/, "the browser asks for the reason")
  await page.getByLabel("Reason").fill("the bank's statement of 27 November shows it")
  await page.screenshot({path: join(shots, "journal-confirm.png"), fullPage: true})
  await page.getByRole("button", {name: "It happened"}).click()
  const last = page.locator("section").last().locator("tbody tr").last()
  assert.match(await last.textContent(), /happened.*final.*Ines.*27 November/)
  assert.equal(await page.getByRole("heading", {name: "Acts"}).count(), 0, "nothing changes a final entry")
  await page.getByRole("link", {name: "Journal"}).click()
  assert.equal(await page.locator("section").first().locator("tbody tr").count(), 2)
})

test("what was stored is text, and the page runs no script", async () => {
  await page.getByRole("link", {name: /onerror/}).first().click()
  assert.match(await page.locator("h1").textContent(), /<img src=x onerror/)
  assert.notEqual(await page.title(), "owned")
  assert.equal(await page.locator("img, script").count(), 0)
  await page.evaluate(() => {
    const script = document.createElement("script")
    script.textContent = "document.title = 'owned'"
    document.body.append(script)
  })
  assert.notEqual(await page.title(), "owned", "the policy forbids inline scripts")
  assert.ok(errors.some(e => /Content Security Policy/.test(e)))
  errors = []
})

test("another site can change nothing", async () => {
  const evil = createServer((_, response) => response.writeHead(200, {"Content-Type": "text/html"}).end(
    `<form method="post" action="${address}act"><input name="token" value="${"A".repeat(26)}"><input name="flow" value="payouts">
     <input name="do" value="pause"><input name="reason" value="x"><input name="seen" value="  -62135596800000000"><button>win</button></form>`))
  evil.listen(0, "127.0.0.1")
  await once(evil, "listening")
  await page.getByRole("link", {name: "Pause payouts"}).click() // the cookie is there
  const [response] = await Promise.all([
    page.waitForResponse(r => r.url().endsWith("/act")),
    page.goto(`http://evil.example:${evil.address().port}/`).then(() => page.getByRole("button").click()),
  ])
  assert.equal(response.status(), 403)
  evil.closeAllConnections()
  evil.close()
  await page.goto(address)
  assert.equal(await page.getByRole("link", {name: "Pause payouts"}).count(), 1)
  errors = errors.filter(e => !/403|404/.test(e))
})

test("a flow is paused and resumed, and each page is accessible", async () => {
  const check = async name => {
    await page.evaluate(axe)
    const found = await page.evaluate(async () => (await globalThis.axe.run(document, {resultTypes: ["violations"]})).violations.map(v => v.id))
    assert.deepEqual(found, [], name)
  }
  await page.screenshot({path: join(shots, "journal-list.png"), fullPage: true})
  await check("list")
  await page.getByRole("link", {name: "Pause payouts"}).click()
  await check("confirm")
  await page.getByLabel("Reason").fill("the bank is down")
  await page.getByRole("button", {name: "Pause"}).click()
  await page.getByRole("link", {name: "Resume payouts"}).click()
  await page.getByLabel("Reason").fill("it is up")
  await page.getByRole("button", {name: "Resume"}).click()
  assert.equal(await page.getByRole("link", {name: "Pause payouts"}).count(), 1)
  await page.getByLabel("State").selectOption("stuck")
  await page.getByRole("button", {name: "Show"}).click()
  assert.equal(await page.locator("section").last().locator("tbody tr").count(), 3)
  await page.getByLabel("Reference").fill("order-1 paid")
  await page.getByRole("button", {name: "Find"}).click()
  await check("entry")
  assert.match(await page.locator("main").textContent(), /succeeded/)
})
