// The console with 10,000 rides and 30,000 callbacks. Times are printed: they depend on what
// else the machine does.
import assert from "node:assert/strict"
import {after, before, test} from "node:test"
import {call, launch, merchant, receiver, ride, serve} from "./harness.js"

let browser, server, hook, m

before(async () => {
  browser = await launch()
  server = await serve()
  hook = await receiver()
  m = await merchant(server, hook.url)
  for (let i = 0; i < 3; i++) await m.api(`/api/companies/${m.id}/topup/`, "POST", {amount: 5_000_000, phone_number: "0788000999"})
  await call(server.admin + "/clock/advance", "POST", {seconds: 10})
  let next = 0
  await Promise.all(Array.from({length: 16}, async () => {
    while (next < 10_000) {
      const made = await m.api("/api/rides/", "POST", ride(m.id, "ORDER-" + next++))
      assert.equal(made.status, 201)
    }
  }))
})

after(async () => {
  await browser?.close()
  await server?.stop()
  hook?.stop()
})

const timed = async work => {
  const begin = performance.now()
  await work()
  return Math.round(performance.now() - begin)
}

test("first paint, a filter, an object and an update are measured with 10,000 rides and 30,000 callbacks", async t => {
  const callbacks = await timed(() => call(server.admin + "/clock/advance", "POST", {seconds: 160}))
  assert.equal(hook.got.length, 30_000)
  await call(`${server.admin}/kapiten/companies/${m.id}`, "PATCH", {webhook_url: ""})

  const context = await browser.newContext({viewport: {width: 1280, height: 800}})
  const page = await context.newPage()
  await page.addInitScript(() => { // the frame that first shows a row: not that of the empty page
    new MutationObserver((_, observer) => {
      if (!document.querySelector(".timeline > li .main")?.textContent) return
      observer.disconnect()
      requestAnimationFrame(() => requestAnimationFrame(at => { globalThis.rowsPainted = at }))
    }).observe(document, {childList: true, subtree: true})
  })
  await page.goto(server.console + "?view=timeline")
  const painted = async () => Math.round(await (await page.waitForFunction(() => globalThis.rowsPainted)).jsonValue())
  const paint = await painted()
  const rows = Math.round(await page.evaluate(() => performance.now()))
  const drawn = await page.evaluate(() => ({rows: document.querySelectorAll(".timeline > li").length, requests: performance.getEntriesByType("resource").length}))
  await page.waitForSelector("#live:not(.lost) >> text=live")
  const filter = await timed(async () => {
    await page.fill("input[name=q]", "ORDER-9999")
    await page.waitForFunction(() => [...document.querySelectorAll(".timeline a.mono")].every(a => a.textContent === "ORDER-9999"))
  })
  const [r] = (await call(server.admin + "/kapiten/rides?q=ORDER-5000")).value.rides
  const open = await timed(async () => {
    await page.goto(server.console + "?view=objects&provider=kapiten&kind=rides&open=kapiten/rides/" + r.id)
    await page.waitForSelector("#detail h2:has-text('ORDER-5000')")
  })

  const stream = await fetch(server.admin + "/events")
  const reader = stream.body.getReader()
  await reader.read()
  await call(`${server.admin}/kapiten/rides/${r.id}/status`, "POST", {status: "PICKED_UP"})
  const update = (await reader.read()).value.length
  await reader.cancel()

  t.diagnostic(`30,000 callbacks ${callbacks} ms, first paint ${paint} ms, rows ${rows} ms, filter ${filter} ms, object ${open} ms, an update ${update} bytes`)
  // What keeps the times short is asserted: few rows, few requests, small updates.
  assert.ok(drawn.rows <= 100, `${drawn.rows} rows drawn`)
  assert.ok(drawn.requests <= 25, `${drawn.requests} requests until the rows stood`)
  assert.ok(update < 5000, `${update} bytes`)
  await context.close()
})

test("an hour passes with 10,000 rides under way, a receiver of their callbacks and an open page: each has arrived, each callback was sent once", async t => {
  await call(`${server.admin}/kapiten/companies/${m.id}`, "PATCH", {webhook_url: hook.url})
  const context = await browser.newContext({viewport: {width: 1280, height: 800}})
  const page = await context.newPage()
  await page.goto(server.console + "?view=timeline")
  await page.waitForSelector("#live:not(.lost) >> text=live")
  hook.got.length = 0
  const hour = await timed(() => call(server.admin + "/clock/advance", "POST", {seconds: 3600}))
  t.diagnostic(`an hour with ${hook.got.length} callbacks ${hour} ms`)
  await page.waitForSelector(".timeline > li:has-text('the clock was advanced')")
  await page.waitForSelector("#live:not(.lost) >> text=live")
  await context.close()

  const completed = (await call(server.admin + "/kapiten/rides?state=COMPLETED&limit=1")).value
  assert.equal(completed.total, 10_000, "not the time alone: each ride has arrived")
  assert.equal(hook.got.length, 30_000)
  const told = new Set(hook.got.filter(c => JSON.parse(c.body).status === "COMPLETED").map(c => JSON.parse(c.body).ride_id))
  assert.equal(told.size, 10_000)
  const listed = new Set()
  let next = "", of
  do {
    ({deliveries: of, next} = (await call(server.admin + "/deliveries?limit=1000&cursor=" + (next || ""))).value)
    for (const d of of) if (d.state === "delivered" && d.body.includes("COMPLETED")) listed.add(d.reference)
  } while (next && listed.size < 10_000)
  assert.equal(listed.size, 10_000, "the last callback of each ride is listed, with its response")
})
