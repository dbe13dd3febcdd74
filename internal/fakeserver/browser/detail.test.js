// How the parts of the console lead to each other, and what the page knows of time and
// of its connection.
import assert from "node:assert/strict"
import {readFileSync} from "node:fs"
import {createRequire} from "node:module"
import {join} from "node:path"
import {test} from "node:test"
import {
  advance, browser, call, console_, context, eachTest, hook, kotani, kpay, live, merchant, must, page, payment, restart, ride, serve, server, shots,
} from "./harness.js"

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")

eachTest()

test("a request leads to each callback that it caused, and each callback back to its request", async () => {
  const m = await merchant(server, hook.url + "/kapiten")
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-1"))
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-2"))
  await advance(600)
  await page.goto(console_("/?view=timeline&subject=ORDER-1&kind=request"))
  await live()
  await page.click(".timeline a.main:has-text('POST /api/rides/ → 201')")
  const sent = page.locator("#detail ol.callbacks > li")
  await sent.first().waitFor()
  const n = await sent.count()
  assert.ok(n >= 5, `${n} callbacks of one ride`)
  assert.equal(await page.textContent("#detail .facts a:has-text('callbacks')"), `${n} callbacks`)
  const requests = new Set()
  for (let i = 0; i < n; i++) {
    await sent.nth(i).locator("a.main").click()
    await page.waitForSelector("#detail h2:text-is('status_update')")
    assert.match(await page.textContent("#detail .facts"), /ORDER-1/)
    const back = page.locator("#detail .facts a:has-text('req-')")
    requests.add(await back.textContent())
    await back.click()
    await page.waitForSelector("#detail h2:has-text('POST /api/rides/')")
    assert.match(await page.textContent("#detail"), /"external_id": "ORDER-1"/)
    await sent.nth(n - 1).waitFor()
  }
  assert.equal(requests.size, 1, "all of them come from the one request")

  await page.click("#detail .facts a:has-text('callbacks')") // all of them, in their own part
  await page.waitForSelector(".thread:has-text('Caused by " + [...requests][0] + "')")
  await page.locator("#list .callbacks > li").nth(n - 1).waitFor()
  assert.equal(await page.locator("#list .callbacks > li").count(), n)
  assert.equal(await page.locator("#list .callbacks > li:has-text('ORDER-2')").count(), 0)
  await page.click("a[aria-label='Show all callbacks']")
  await page.waitForSelector("#list .callbacks > li:has-text('ORDER-2')")
})

test("a line leads to the request that caused it, and names no request in the detail of that request", async () => {
  await kpay(server, payment("ORDER-1", hook.url + "/kpay"))
  const [{id}] = (await call(server.admin + "/requests")).value.requests
  await page.goto(console_("/?view=timeline"))
  await page.click(`.timeline > li:has-text('payment 03 pending') .cause a:text-is("by ${id}")`)
  await page.waitForSelector(`#detail dd:text-is("${id}")`)
  await page.waitForSelector("#detail .timeline > li:has-text('payment 03 pending')")
  assert.equal(await page.locator("#detail .cause a").count(), 0)
  await page.click("#detail .facts a:text-is('payment ORDER-1')")
  await page.click(`#detail .timeline .cause a:text-is("by ${id}")`) // the object's thread names it
  await page.waitForSelector("#detail h2:has-text('POST /')")
})

test("a callback that comes while its request is open shows up there", async () => {
  await kpay(server, payment("ORDER-1", hook.url + "/kpay"))
  await page.goto(console_("/?view=timeline&kind=request"))
  await page.click(".timeline a.main")
  await page.waitForSelector("#detail h2:has-text('POST /')")
  assert.equal(await page.locator("#detail ol.callbacks").count(), 0)
  await live()
  await advance(10)
  await page.waitForSelector("#detail ol.callbacks > li:has-text('HTTP 200'), #detail ol.callbacks > li .chip.ok")
})

test("a connection that is silent, though open, is told as lost and made anew", async () => {
  await page.clock.install()
  await page.goto(console_("/?view=timeline"))
  await live()
  await server.freeze()
  await page.click("button:text('+10 s')")
  await page.clock.fastForward(10_000) // real time passes too: a busy machine has 5 s
  await live() // three heartbeats are not over
  await page.clock.fastForward(6_000)
  await page.waitForSelector("#live.lost >> text=/connection lost at \\d\\d:\\d\\d:\\d\\d/")
  const lost = await page.textContent("#live-text")
  for (let i = 0; i < 3; i++) await page.clock.fastForward(17_000) // new connections are silent too
  await page.waitForSelector("#message:has-text('The server does not respond.')") // the call that hung was given up
  assert.equal(await page.textContent("#live-text"), lost, "the time when it was lost first")
  server.thaw()
  await page.clock.fastForward(17_000)
  await page.clock.fastForward(1_000)
  await live()
  assert.equal(await page.isVisible("#message"), false, "what failed meanwhile is no news any more")
  await call(server.kapiten + "/api/companies/", "POST", {})
  await page.waitForSelector(".timeline a.main:has-text('POST /api/companies/ → 400')")
  const before = await page.textContent("#now")
  await page.click("button:text('+1 h')")
  await page.waitForFunction(text => document.querySelector("#now").textContent !== text, before)
})

for (const [name, path, choose, rows] of [
  ["timeline", "/?view=timeline", () => page.selectOption("[name=kind]", "entry"), () => page.locator(".timeline > li:visible")],
  ["callbacks", "/?view=timeline", () => page.click("nav.parts >> text=Callbacks"), () => page.locator(".callbacks > li:visible")],
]) test(`what is chosen while the connection is lost is shown once it is back: ${name}`, async () => {
  const m = await merchant(server, hook.url + "/kapiten")
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-1"))
  await advance(600)
  const kind = name === "timeline" ? "timeline?kind=entry" : "deliveries?"
  const want = (await call(server.admin + "/" + kind)).value.total
  assert.ok(want > 0)
  await page.clock.install()
  await page.goto(console_(path))
  await live()
  await page.locator(".timeline > li").first().waitFor()
  await server.freeze()
  await choose()
  await page.clock.fastForward(17_000)
  await page.waitForSelector("#live.lost")
  server.thaw()
  await page.clock.fastForward(1_000)
  await live()
  await page.waitForFunction(n => document.querySelectorAll("#list .lines > li").length === n, want, {timeout: 10_000})
  assert.equal(await rows().count(), want)
  assert.equal(await page.isVisible("#message"), false)
})

for (const [name, path] of [["timeline", "/?view=timeline&kind=request"], ["objects", "/?view=objects&provider=kapiten&kind=rides"], ["callbacks", "/?view=callbacks"]])
  test(`a healed connection keeps the rows that were asked for: ${name}`, async () => {
    const m = await merchant(server, hook.url + "/kapiten")
    for (let i = 0; i < 130; i++) await m.api("/api/rides/", "POST", ride(m.id, "ORDER-" + i))
    await advance(60)
    await page.clock.install()
    await page.goto(console_(path))
    await live()
    const rows = page.locator("#list .lines > li:visible")
    await rows.first().waitFor()
    const few = await rows.count()
    await page.click("text=Show older")
    await page.waitForFunction(few => document.querySelectorAll("#list .lines > li").length > few, few)
    const before = await rows.count(), oldest = await rows.last().getAttribute("data-open")
    await page.evaluate(() => scrollTo(0, 1e6))
    await server.freeze()
    await page.clock.fastForward(17_000)
    await page.waitForSelector("#live.lost")
    server.thaw()
    await m.api("/api/rides/", "POST", ride(m.id, "ORDER-NEW"))
    await advance(60)
    await page.clock.fastForward(1_000)
    await live()
    await page.waitForSelector("#list .lines > li:has-text('ORDER-NEW')", {timeout: 10_000})
    assert.ok(await rows.count() > before, `${await rows.count()} rows, and ${before} before`)
    assert.equal(await rows.last().getAttribute("data-open"), oldest)
    assert.ok(await rows.last().evaluate(row => row.getBoundingClientRect().top < innerHeight), "the page is still scrolled there")
  })

test("a response whose body is cut is told as a failure", async () => {
  await page.goto(console_("/?view=timeline"))
  await live()
  await page.route("**/_fake/clock/advance", route => route.fulfill({status: 200, contentType: "application/json", body: '{"now": "2026'}))
  await page.click("button:text('+10 s')")
  await page.waitForSelector("#message:has-text('The server does not respond.')", {timeout: 5000})
})

test("a start page that failed once is asked for again", async () => {
  let broken = true
  await page.route("**/console/start.json", route => broken ? route.abort() : route.continue())
  await page.goto(console_("/?view=start"))
  await page.waitForSelector("#message:has-text('The server does not respond.')")
  broken = false
  await page.click("nav.parts >> text=Timeline")
  await page.waitForSelector("form.filters [name=provider] option:text-is('kpay')", {state: "attached", timeout: 5000})
})

test("what could not be loaded is told, and a click tries again", async () => {
  await kpay(server, payment("ORDER-1", hook.url, {pmethod: "cc", bankid: "000"}))
  await page.route("**/console/start.json", route => route.abort()) // the addresses of the providers
  await page.goto(console_("/?view=timeline"))
  await page.waitForSelector("#message:has-text('The addresses of the providers are not known. The server does not respond.')")
  await page.unroute("**/console/start.json")
  await page.click("#message button:text-is('Try again')")
  await page.waitForSelector(".timeline > li:has-text('ORDER-1')", {timeout: 5000})
  assert.equal(await page.isVisible("#message"), false)

  await page.route("**/_fake/deliveries?*", route => route.abort())
  await page.click("nav.parts >> text=Callbacks")
  await page.waitForSelector("#message:has-text('The server does not respond.')")
  await page.unroute("**/_fake/deliveries?*")
  await page.click("#message button:text-is('Try again')")
  await page.waitForSelector("#list :text('No callback was sent yet.')", {timeout: 5000})

  await page.route("**/console/start.json", route => route.abort())
  await page.goto(console_("/?view=objects&provider=kpay&kind=payments&open=kpay/payments/ORDER-1"))
  await page.waitForSelector("#detail h2:text-is('Could not be loaded')", {timeout: 5000})
  assert.match(await page.textContent("#detail"), /The addresses of the providers are not known/)
  await page.unroute("**/console/start.json")
  await page.click("#detail button:text-is('Try again')")
  await page.waitForSelector("#detail h2:text-is('ORDER-1')", {timeout: 5000})
  assert.match(await page.getAttribute("#detail a:text-is('Open the checkout')", "href"), new RegExp("^" + server.kpay + "/checkout/"))
})

test("a click of the header while its last call is under way is not dropped in silence", async () => {
  await page.goto(console_("/?view=timeline"))
  await live()
  let held
  const came = new Promise(resolve => { held = resolve })
  await page.route("**/_fake/clock/advance", held)
  await page.click("button:text('+10 s')")
  const route = await came
  await page.click("button:text('+1 h')")
  await page.waitForSelector("#message:has-text('The last call is still under way.')", {timeout: 5000})
  await route.continue()
  await page.waitForSelector("#message", {state: "hidden", timeout: 5000})
})

test("a quote that expires by the clock alone changes in an open list and in an open detail", async () => {
  const other = await serve("-clock", "real", "-speed", "60") // its 5 minutes take 5 s, and nobody acts meanwhile
  try {
    const api = await kotani(other)
    const ask = async () => (await api("/quotes/in", "POST", {fiatAmount: "13000", currency: "KES", cryptoType: "cUSD"})).value.quoteId
    const id = await ask()
    await page.goto(other.console + "?view=objects&provider=kotani&kind=quotes")
    await page.waitForSelector(`.objects > li:has-text("${id}") .chip:has-text("open")`)
    const detail = await context.newPage()
    await detail.goto(other.console + "?view=timeline&open=kotani/quotes/" + id)
    await detail.waitForSelector("#detail .facts .chip:has-text('open')")
    for (const p of [page, detail]) await p.evaluate(() => { globalThis.loaded = true })
    await page.waitForSelector(`.objects > li:has-text("${id}") .chip.failed:has-text("expired")`, {timeout: 15_000})
    await detail.waitForSelector("#detail .facts .chip.failed:has-text('expired')", {timeout: 5000})
    await detail.waitForSelector("#detail .timeline li:has-text('open → expired')", {timeout: 5000})
    for (const p of [page, detail]) assert.ok(await p.evaluate(() => globalThis.loaded), "without a reload")
  } finally {
    await other.stop()
  }
})

test("pings of the server keep a quiet connection", async () => {
  await page.clock.install()
  await page.goto(console_("/?view=timeline"))
  await live()
  const pinged = page.evaluate(() => new Promise(done => {
    const stream = new EventSource("/_fake/events")
    stream.addEventListener("ping", () => { stream.close(); done(true) })
  }))
  await page.clock.fastForward(10_000)
  assert.ok(await pinged) // the page's own stream has had one too by then, or has it at once
  await page.clock.fastForward(10_000)
  await live()
})

test("a list shows the day where it is another than above, and none on one day", async () => {
  const m = await merchant(server, hook.url + "/kapiten")
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-1"))
  const days = async list => (await page.locator(list + " .time .day").allTextContents()).map(d => d.trim())
  const parts = ["/?view=timeline", "/?view=callbacks", "/?view=objects&provider=kapiten&kind=rides", `/?view=objects&provider=kapiten&kind=accounts&owner=${m.id}&currency=RWF`]
  await advance(60)
  for (const part of parts) {
    await page.goto(console_(part))
    await page.waitForSelector("#list .lines > li")
    assert.deepEqual(await days("#list .lines"), [], part)
  }
  const before = (await call(server.admin + "/clock")).value.now.slice(0, 10)
  await advance(86_400)
  const now = (await call(server.admin + "/clock")).value.now.slice(0, 10)
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-2"))
  await advance(60)
  assert.notEqual(before, now)
  for (const part of parts) {
    await page.goto(console_(part))
    await page.waitForSelector("#list .lines > li:has-text('" + before + "')")
    assert.deepEqual(await days("#list .lines"), [now, before], part)
  }
  const [made] = (await call(server.admin + "/timeline?kind=request&q=rides&limit=1")).value.records
  parts.push("/?view=timeline&open=requests/" + made.request, "/?view=callbacks&request=" + made.request)
  for (const width of [1280, 390]) {
    for (const colorScheme of ["light", "dark"]) {
      const other = await browser.newContext({viewport: {width, height: 844}, colorScheme, bypassCSP: true})
      const shown = await other.newPage()
      for (const [i, part] of parts.entries()) {
        await shown.goto(console_(part))
        await shown.waitForSelector(part.includes("open=") ? "#detail ol.callbacks > li" : "#list .lines > li")
        await shown.screenshot({path: join(shots, `days${i}-${width}-${colorScheme}.png`), fullPage: width === 390})
        assert.ok(await shown.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${part} at ${width}`)
        await shown.evaluate(axe)
        assert.deepEqual(await shown.evaluate(async () => (await globalThis.axe.run(document, {resultTypes: ["violations"]})).violations.map(v => v.id + " " + v.nodes[0].target)), [], part)
      }
      await other.close()
    }
  }
})

test("the providers of every filter and form are those the server names", async () => {
  await page.route("**/console/start.json", async route => {
    const response = await route.fetch(), value = await response.json()
    value.endpoints.push({...value.endpoints[0], name: "acme", title: "Acme"}) // a provider that is new in the server's table
    await route.fulfill({response, json: value})
  })
  const {kinds} = (await call(server.admin + "/kinds")).value
  const served = [...new Set(kinds.map(k => k.provider))]
  for (const view of ["timeline", "callbacks", "faults"]) {
    await page.goto(console_("/?view=" + view))
    await page.waitForSelector("select[name=provider]")
    const names = await page.locator("select[name=provider] option").evaluateAll(all => all.map(o => o.value).filter(Boolean))
    assert.deepEqual(names.sort(), [...served, "acme"].sort(), view)
  }
})

test("an element of 200 KB neither hides the others nor is lost", async () => {
  const long = "x".repeat(200_000)
  await kpay(server, payment("ORDER-1", hook.url + "/kpay"))
  await call(server.kpay + "/" + long, "POST", {})
  await kpay(server, payment("ORDER-2", hook.url + "/kpay"))
  const text = await (await fetch(server.admin + "/timeline")).text()
  assert.ok(text.length < 50_000, `${text.length} bytes`)
  await page.goto(console_("/?view=timeline&kind=request"))
  await page.waitForFunction(() => document.querySelectorAll(".timeline > li").length === 3)
  const row = page.locator(".timeline a.main", {hasText: "...[cut]"})
  assert.ok((await row.textContent()).length < 5000)
  await row.click()
  await page.waitForSelector("#detail h2:has-text('POST /xxx')")
  assert.ok((await page.textContent("#detail h2")).length > 200_000, "the detail has the whole")
})

test("seven tabs do not take all connections: a hidden tab gives its stream back, and goes on later", async () => {
  const m = await merchant(server)
  const tabs = []
  const look = (tab, hidden) => tab.evaluate(hidden => {
    Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden})
    document.dispatchEvent(new Event("visibilitychange"))
  }, hidden)
  for (let i = 0; i < 8; i++) {
    const tab = await context.newPage()
    await tab.goto(console_("/?view=timeline"), {timeout: 6000})
    await tab.waitForSelector(".timeline > li", {timeout: 6000})
    await look(tab, true)
    tabs.push(tab)
  }
  const held = () => tabs[0].evaluate(async () => (await navigator.locks.query()).held.length)
  for (let tries = 0; await held() > 0; tries++) assert.ok(tries < 500, "a hidden tab holds the lock of the stream")
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-1"))
  await look(tabs[0], false)
  await tabs[0].waitForSelector(".timeline a.mono:text-is('ORDER-1')", {timeout: 6000})
  assert.equal(await tabs[1].locator(".timeline a.mono:text-is('ORDER-1')").count(), 0)
})

for (const locks of [true, false]) test(`ten tabs in view stay live and work, ${locks ? "one with a stream" : "in a browser without locks"}`, async () => {
  const m = await merchant(server)
  if (!locks) await context.addInitScript(() => Object.defineProperty(Navigator.prototype, "locks", {value: undefined}))
  const tabs = []
  for (let i = 0; i < 10; i++) {
    const tab = await context.newPage()
    await tab.goto(console_("/?view=timeline"), {timeout: 6000})
    await tab.waitForSelector(".timeline > li", {timeout: 6000})
    tabs.push(tab)
  }
  const all = check => Promise.all(tabs.map(check))
  const told = async reference => {
    await m.api("/api/rides/", "POST", ride(m.id, reference))
    await all(tab => tab.waitForSelector(`.timeline a.mono:text-is('${reference}')`, {timeout: 6000}))
  }
  const streams = () => tabs[9].evaluate(async () => (await navigator.locks.query()).held.length)
  await told("ORDER-1")
  if (locks) assert.equal(await streams(), 1)
  await tabs[9].click("button:text('+1 h')")
  const now = (await call(server.admin + "/clock")).value.now.slice(0, 19).replace("T", " ")
  await all(tab => tab.waitForFunction(now => document.querySelector("#now").textContent === now, now, {timeout: 6000}))
  await tabs.shift().close()
  tabs.unshift(await context.newPage())
  await tabs[0].goto(console_("/?view=timeline"))
  await told("ORDER-2")
  if (locks) for (let tries = 0; await streams() !== 1; tries++) assert.ok(tries < 500, "another tab takes the stream over")
  const port = new URL(server.console).port
  await server.stop()
  await all(tab => tab.waitForSelector("#live.lost", {timeout: 6000}))
  await restart("-addr", "127.0.0.1:" + port)
  await all(tab => tab.waitForSelector("#live:not(.lost) >> text=live", {timeout: 6000}))
})

// A browser may refuse its locks where a site's data is blocked.
for (const answer of ["refuses", "throws", "never answers"]) test(`a browser that ${answer} when asked for a lock is live all the same`, async () => {
  const m = await merchant(server)
  await context.addInitScript(answer => {
    const request = {
      refuses: () => Promise.reject(new DOMException("denied", "SecurityError")),
      throws: () => { throw new DOMException("denied", "SecurityError") },
      "never answers": () => new Promise(() => {}),
    }[answer]
    Object.defineProperty(LockManager.prototype, "request", {value: request})
  }, answer)
  const tab = await context.newPage()
  await tab.goto(console_("/?view=timeline"))
  for (const reference of ["ORDER-1", "ORDER-2"]) {
    await m.api("/api/rides/", "POST", ride(m.id, reference))
    await tab.waitForSelector(`.timeline a.mono:text-is('${reference}')`, {timeout: 8000})
  }
})

test("a callback of what a person did is by hand, and not of the request that made the object", async () => {
  const m = await merchant(server, hook.url + "/kapiten")
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-1"))
  const {rides: [{acts: [act]}]} = must(await call(server.admin + "/kapiten/rides"))
  must(await call(new URL(act.path, server.console).href, act.method, act.body))
  const {deliveries} = must(await call(server.admin + "/deliveries"))
  const byHand = deliveries.find(d => d.cause === "by hand")
  assert.equal(byHand.request, undefined)
  await page.goto(console_("/?view=callbacks&open=deliveries/" + byHand.id))
  await page.waitForSelector("#detail .facts:has-text('by hand')")
  assert.equal(await page.locator("#detail .facts a:has-text('req-')").count(), 0)
})

test("a callback that the receiver answers wrongly tells what the provider wants", async () => {
  must(await kpay(server, payment("ORDER-1", hook.url))) // it answers 200 "ok"
  await advance(20)
  const {deliveries: [d]} = must(await call(server.admin + "/deliveries"))
  await page.goto(console_("/?view=callbacks&open=deliveries/" + d.id))
  await page.waitForSelector(".attempts .chip.failed:has-text('HTTP 200')")
  assert.match(await page.textContent(".attempts"), /Not acknowledged: KPay wants .*"reply":"OK"/)
  await page.click("#detail a.close")
  await page.waitForSelector("#list .callbacks .last:has-text('HTTP 200, not acknowledged')")
})

test("a request in work is pending in its detail too", async () => {
  must(await call(server.admin + "/faults", "POST", {provider: "kpay", kind: "delay", seconds: 60, times: 1}))
  const slow = kpay(server, payment("ORDER-1", hook.url))
  await page.goto(console_("/?view=timeline"))
  await page.click(".timeline a.main:has-text('POST / pay → in work')")
  await page.waitForSelector("#detail .chip.pending:has-text('in work')")
  assert.doesNotMatch(await page.textContent("#detail dl"), /took|no response/)
  await advance(60)
  await slow
  await page.waitForSelector("#detail .chip.ok:has-text('HTTP 200')")
})
