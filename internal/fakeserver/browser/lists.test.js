// The lists of the console: what they show, count and keep while things happen.
import assert from "node:assert/strict"
import {test} from "node:test"
import {
  advance, call, console_, eachTest, hook, kpay, live, merchant, must, page, payment, receiver, ride, server,
} from "./harness.js"

eachTest()

test("older rows that were asked for stay when something happens", async () => {
  const m = await merchant(server)
  for (let i = 0; i < 130; i++) await m.api("/api/rides/", "POST", ride(m.id, "ORDER-" + i))
  await page.goto(console_("/?view=objects&provider=kapiten&kind=rides"))
  await live()
  for (const n of [100, 130]) {
    await page.click("text=Show older")
    await page.waitForFunction(n => document.querySelectorAll(".objects > li").length === n, n)
  }
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-NEW"))
  await page.waitForSelector(".objects a:text-is('ORDER-NEW')")
  assert.equal(await page.locator(".objects > li").count(), 131)
  await page.waitForSelector(".objects a:text-is('ORDER-0')")
  await page.waitForSelector(".foot span:text-is('131 shown of 131')")
})

test("a row far down that was asked for tells its new state", async () => {
  const m = await merchant(server)
  for (let i = 0; i < 130; i++) await m.api("/api/rides/", "POST", ride(m.id, "ORDER-" + i))
  const {rides} = must(await call(server.admin + "/kapiten/rides?q=ORDER-0"))
  await page.goto(console_("/?view=objects&provider=kapiten&kind=rides"))
  await live()
  for (const n of [100, 130]) {
    await page.click("text=Show older")
    await page.waitForFunction(n => document.querySelectorAll(".objects > li").length === n, n)
  }
  must(await call(`${server.admin}/kapiten/rides/${rides[0].id}/status`, "POST", {status: "ACCEPTED"}))
  await page.waitForSelector(".objects > li:last-child:has(a:text-is('ORDER-0')) .chip:has-text('ACCEPTED')", {timeout: 5000})
  assert.equal(await page.locator(".objects > li").count(), 130)
})

// held keeps back the first response to a call, as it was when the server gave it, until
// the page has heard of what happens meanwhile.
async function held(url, choose, meanwhile) {
  let go, came, first = true
  const free = new Promise(resolve => { go = resolve }), asked = new Promise(resolve => { came = resolve })
  const done = new Promise(resolve => page.route(url, async route => {
    if (!first) return route.continue()
    first = false
    const response = await route.fetch()
    came()
    await free
    await route.fulfill({response})
    resolve()
  }))
  await choose()
  await asked
  await meanwhile()
  go()
  await done
  await page.unroute(url)
}

test("what happens while the page opens is shown", async () => {
  must(await kpay(server, payment("ORDER-1", hook.url)))
  let first = true
  await page.route("**/_fake/events*", async route => { // before the stream of events stands
    if (first) must(await kpay(server, payment("ORDER-2", hook.url)))
    first = false
    await route.continue()
  })
  await page.goto(console_("/?view=timeline&kind=request"))
  await live()
  await page.waitForSelector(".timeline a:text-is('ORDER-1')")
  await page.waitForSelector(".timeline a:text-is('ORDER-2')", {timeout: 5000})
})

test("what happens while a list or a detail is on its way is shown in it", async () => {
  must(await kpay(server, payment("ORDER-1", hook.url)))
  await page.goto(console_("/?view=timeline"))
  await live()
  await page.waitForSelector(".timeline > li")
  await held("**/_fake/timeline?*", () => page.selectOption("select[name=kind]", "request"), async () => {
    must(await kpay(server, payment("ORDER-2", hook.url)))
    await page.waitForSelector("#mode:has-text('2 events due')")
  })
  await page.waitForSelector(".timeline a:text-is('ORDER-1')")
  await page.waitForSelector(".timeline a:text-is('ORDER-2')", {timeout: 5000})

  await page.selectOption("select[name=kind]", "state")
  await held("**/_fake/kpay/payments/ORDER-2", () => page.click(".timeline li:has-text('ORDER-2') a.main"), async () => {
    must(await call(`${server.admin}/kpay/payments/ORDER-2/settle`, "POST", {statusid: "01"}))
    await page.waitForSelector(".timeline a.main:has-text('03 pending → 01 paid')")
  })
  await page.waitForSelector("#detail h2:text-is('ORDER-2')")
  await page.waitForSelector("#detail .facts .chip:has-text('01 paid')", {timeout: 5000})
})

test("the kinds that come late for an earlier choice do not bring it back", async () => {
  const m = await merchant(server)
  must(await m.api("/api/rides/", "POST", ride(m.id, "ORDER-1")))
  must(await kpay(server, payment("ORDER-2", hook.url)))
  await page.goto(console_("/?view=objects&provider=bitpesa&kind=senders"))
  await live()
  await page.waitForSelector(".foot:has-text('There are none yet.')")
  await held("**/_fake/kinds", () => page.click(".kind a:has-text('rides')"), async () => {
    await page.click(".kind a:has-text('payments')")
    await page.waitForSelector(".objects a.main:text-is('ORDER-2')")
  })
  await page.waitForFunction(() => new Promise(done => requestAnimationFrame(() => setTimeout(() => done(true))))) // the response is drawn by now
  await advance(1) // and an event has the list read anew
  await page.waitForSelector(".objects .chip:has-text('03 pending')")
  assert.equal(await page.locator(".objects a.main:text-is('ORDER-2')").count(), 1)
  assert.match(await page.textContent(".kind a[aria-current=page]"), /payments/)
})

test("a filtered list counts what fits its filter", async () => {
  const m = await merchant(server, hook.url)
  for (let i = 0; i < 12; i++) await m.api("/api/rides/", "POST", ride(m.id, "ORDER-" + i))
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-X", {pickup_latitude: 200}))
  const foot = text => page.waitForSelector(`.foot span:text-is('${text}')`)
  await page.goto(console_("/?view=timeline&result=refused"))
  await foot("1 shown of 1 that match")
  await live()
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-Y", {pickup_latitude: 200}))
  await foot("2 shown of 2 that match")
  await page.goto(console_("/?view=timeline"))
  const {total} = (await call(server.admin + "/timeline?limit=1")).value
  await foot(`${total} shown of ${total}`)
  await page.goto(console_("/?view=objects&provider=kapiten&kind=rides&q=order-1"))
  await foot("3 shown of 3 that match")
  await call(server.admin + "/clock/advance", "POST", {seconds: 60})
  await page.goto(console_("/?view=callbacks&state=delivered"))
  await foot("12 shown of 12 that match")
  await page.goto(console_("/?view=callbacks&state=dead"))
  await page.waitForSelector("text=Nothing matches this filter.")
})

test("all dead callbacks are sent again by a click", async () => {
  let up = false
  const slow = await receiver(() => up ? [200, "fine"] : [500, "database is down"])
  const m = await merchant(server, slow.url)
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-1"))
  await advance(3600 * 24)
  await page.goto(console_("/?view=callbacks&state=dead"))
  await page.waitForSelector(".callbacks li")
  const dead = await page.locator(".callbacks li").count()
  await page.click(".callbacks a.main")
  await page.waitForSelector("#detail pre:has-text('database is down')")
  up = true
  await page.click("text=Send all dead again")
  await page.waitForFunction(() => document.querySelectorAll(".callbacks li").length === 0)
  assert.equal(dead, 6)
  await page.selectOption("select[name=state]", "delivered")
  await page.waitForSelector(".callbacks li:has-text('HTTP 200')")
  slow.stop()
})

test("one callback is sent again, from its row and from its detail, and its next retry comes when the clock is there", async () => {
  let up = false
  const slow = await receiver((_, body) => {
    const {tid, refid} = JSON.parse(body)
    return up ? [200, JSON.stringify({tid, refid, reply: "OK"})] : [500, "database is down"]
  })
  for (const reference of ["ORDER-1", "ORDER-2"]) {
    must(await kpay(server, payment(reference, slow.url)))
    must(await call(`${server.admin}/kpay/payments/${reference}/settle`, "POST", {statusid: "01"}))
  }
  const one = async () => (await call(server.admin + "/deliveries?q=ORDER-1")).value.deliveries[0]
  const hours = text => text.slice(11, 19)
  await page.goto(console_("/?view=callbacks"))
  await live()
  const row = page.locator(".callbacks > li", {hasText: "ORDER-1"})
  await row.waitFor()
  let d = await one()
  assert.equal(await row.locator(".due").textContent(), "next " + hours(d.next))
  assert.match(await row.locator(".last").textContent(), /^HTTP 500, not acknowledged · \d+(\.\d+)? ms$/)

  await row.getByRole("button", {name: "Send again"}).click()
  await row.locator(".last", {hasText: /^2 attempts · HTTP 500/}).waitFor()
  await row.locator("a.main").click()
  await page.waitForSelector("#detail .attempts > li:nth-child(2):has-text('database is down')")
  d = await one()
  const latencies = d.attempts.map(a => (a.ms >= 100 ? String(Math.round(a.ms)) : a.ms >= 10 ? a.ms.toFixed(1) : a.ms.toFixed(2)) + " ms")
  assert.deepEqual(await page.locator("#detail .attempts .num").allTextContents(), latencies)
  assert.equal((await page.textContent("#detail dt:text-is('Next attempt') + dd")).slice(11), hours(d.next))

  up = true
  await page.click("#detail button:text-is('Send again')")
  await page.waitForSelector("#detail .facts .chip:has-text('delivered')")
  await page.waitForSelector("#detail .attempts > li:nth-child(3):has(.chip:has-text('HTTP 200')):has-text('OK')")
  assert.equal(await page.locator("#detail dt:text-is('Next attempt')").count(), 0)
  assert.equal(slow.got.length, 4, "the other callback was not sent again")

  await page.click("a.close")
  await page.click("#next") // the retry of the other one is the next event
  await page.locator(".callbacks > li", {hasText: "ORDER-2"}).locator(".chip.ok", {hasText: "delivered"}).waitFor()
  assert.equal(slow.got.length, 5)
  assert.equal(hours((await call(server.admin + "/clock")).value.now), hours((await call(server.admin + "/deliveries?q=ORDER-2")).value.deliveries[0].attempts[1].time))
  slow.stop()
})

test("the timeline is filtered by provider, by kind, by result, by text and by all of them", async () => {
  const m = await merchant(server, hook.url)
  must(await m.api("/api/rides/", "POST", ride(m.id, "ORDER-1")))
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-2", {pickup_latitude: 200}))
  must(await kpay(server, payment("ORDER-3", hook.url)))
  await advance(30)
  must(await call(server.admin + "/faults", "POST", {provider: "kapiten", kind: "status", status: 500, times: 1}))
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-4"))
  const all = (await call(server.admin + "/timeline?limit=100")).value.records
  await page.goto(console_("/?view=timeline"))
  await live()
  const wants = async filter => {
    const fit = all.filter(r => (!filter.provider || r.provider === filter.provider) && (!filter.kind || r.kind === filter.kind) && (!filter.result || r.result === filter.result) &&
      (!filter.q || [r.text, r.cause, r.subject, r.reference, r.request, r.delivery].some(t => t?.toLowerCase().includes(filter.q.toLowerCase()))))
    const texts = fit.map(r => r.kind === "entry" ? "" : r.text) // an entry's line is made on the page
    await page.waitForFunction(texts => {
      const shown = [...document.querySelectorAll(".timeline > li")].map(li => li.querySelector(".main").title)
      return shown.length === texts.length && shown.every((text, i) => text.endsWith(texts[i]))
    }, texts)
    const q = new URL(page.url()).searchParams
    for (const name of ["provider", "kind", "result", "q"]) assert.equal(q.get(name) || "", filter[name] || "", page.url())
    return fit.length
  }
  const seen = []
  for (const [name, values] of [["provider", ["kapiten", "kpay", "bitpesa"]], ["kind", ["request", "state", "entry", "callback", "act"]], ["result", ["ok", "pending", "refused", "failed"]]]) {
    for (const value of values) {
      await page.selectOption(`select[name=${name}]`, value)
      if (value === "bitpesa") await page.waitForSelector("text=Nothing matches this filter.")
      seen.push(value + " " + Math.min(await wants({[name]: value}), 1))
    }
    await page.selectOption(`select[name=${name}]`, "")
    await wants({})
  }
  assert.deepEqual(seen.filter(s => s.endsWith(" 0")), ["bitpesa 0"], "each other filter finds something")
  for (const q of ["order-3", "callback", "ORDER-1", "nobody"]) {
    await page.fill("input[name=q]", q)
    await page.waitForFunction(q => new URL(location.href).searchParams.get("q") === q, q)
    await wants({q})
  }
  await page.fill("input[name=q]", "")
  await page.waitForFunction(() => !new URL(location.href).searchParams.get("q"))
  for (const [name, value] of [["provider", "kapiten"], ["kind", "request"], ["result", "refused"]]) await page.selectOption(`select[name=${name}]`, value)
  assert.equal(await wants({provider: "kapiten", kind: "request", result: "refused"}), 1)
})

test("a slow response to an earlier choice does not replace what was chosen later", async () => {
  const m = await merchant(server, hook.url)
  must(await m.api("/api/rides/", "POST", ride(m.id, "ORDER-1")))
  must(await kpay(server, payment("ORDER-2", hook.url)))
  await advance(30)
  for (const [view, url, choose, first, second, rows] of [
    ["timeline", "**/_fake/timeline?*", name => page.selectOption("select[name=provider]", name), "kapiten", "kpay", ".timeline .provider"],
    ["callbacks", "**/_fake/deliveries?*", name => page.selectOption("select[name=provider]", name), "kapiten", "kpay", ".callbacks .provider"],
    ["objects&provider=bitpesa&kind=senders", "**/_fake/*/{rides,payments}?*", name => page.click(`.kind a:has-text("${name}")`), "rides", "payments", ".objects a.main"],
  ]) {
    await page.goto(console_("/?view=" + view))
    await live()
    await page.waitForFunction(() => document.querySelector(".foot").textContent)
    let go
    const held = new Promise(resolve => { go = resolve })
    const late = new Promise(resolve => page.route(url, async route => {
      if (!route.request().url().includes(first)) return route.continue()
      const response = await route.fetch()
      await held
      await route.fulfill({response})
      resolve()
    }))
    await choose(first)
    await choose(second)
    await page.waitForFunction(([rows, text]) => { // the rows of the second choice alone
      const all = [...document.querySelectorAll(rows)]
      return all.length > 0 && all.every(e => e.textContent === text)
    }, [rows, second === "kpay" ? "kpay" : "ORDER-2"])
    const before = await page.locator(rows).allTextContents()
    go()
    await late
    await page.waitForFunction(() => new Promise(done => requestAnimationFrame(() => setTimeout(() => done(true))))) // the response is drawn by now
    assert.deepEqual(await page.locator(rows).allTextContents(), before, view)
    await page.unroute(url)
  }
})

test("what is opened while its list still loads stays open", async () => {
  const m = await merchant(server)
  must(await m.api("/api/rides/", "POST", ride(m.id, "ORDER-1")))
  await page.goto(console_("/?view=objects&provider=kapiten&kind=companies"))
  await live()
  let go
  const held = new Promise(resolve => { go = resolve })
  let first = true
  const late = new Promise(resolve => page.route("**/_fake/kapiten/rides?*", async route => {
    if (!first) return route.continue()
    first = false
    const response = await route.fetch()
    await held
    await route.fulfill({response})
    resolve()
  }))
  await page.click(".kind a:has-text('rides')")
  must(await m.api("/api/rides/", "POST", ride(m.id, "ORDER-2"))) // an event draws the list before its own load has come
  await page.click(".objects a.main:text-is('ORDER-1')")
  await page.waitForSelector("#detail h2:text-is('ORDER-1')")
  go()
  await late
  await page.waitForFunction(() => new Promise(done => requestAnimationFrame(() => setTimeout(() => done(true)))))
  assert.ok(await page.isVisible("#detail h2:text-is('ORDER-1')"))
  assert.equal(await page.locator("main.split").count(), 1)
})

test("selecting text survives updates", async () => {
  const m = await merchant(server)
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-1"))
  await page.goto(console_("/?view=timeline"))
  await live()
  await page.click(".timeline a.main:has-text('POST /api/rides/')")
  await page.waitForSelector("#detail pre")
  const selected = await page.evaluate(() => {
    const pre = document.querySelector("#detail pre").firstChild
    getSelection().setBaseAndExtent(pre, 5, pre, 25)
    return String(getSelection())
  })
  await page.evaluate(() => { globalThis.row = document.querySelector(".timeline > li") })
  for (let i = 0; i < 5; i++) await m.api("/api/rides/", "POST", ride(m.id, "ORDER-2" + i))
  await page.waitForSelector(".timeline a:text-is('ORDER-24')")
  assert.equal(await page.evaluate(() => String(getSelection())), selected)
  assert.equal(await page.evaluate(() => globalThis.row.isConnected), true, "rows stay")
  await page.evaluate(() => {
    const text = document.querySelector(".timeline > li:last-child .time").firstChild
    getSelection().setBaseAndExtent(text, 0, text, 8)
  })
  const time = await page.evaluate(() => String(getSelection()))
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-30"))
  await page.waitForSelector(".timeline a:text-is('ORDER-30')")
  assert.equal(await page.evaluate(() => String(getSelection())), time)
})

test("opening a row and closing it keep the filter that was chosen meanwhile", async () => {
  const m = await merchant(server, hook.url + "/kapiten")
  for (let i = 1; i <= 12; i++) await m.api("/api/rides/", "POST", ride(m.id, "ORDER-" + i, {pickup_latitude: i === 12 ? 200 : -1.9441}))
  await advance(30)
  const {total} = must(await call(server.admin + "/timeline"))
  await page.goto(console_("/?view=timeline"))
  await live()
  const shows = async (list, n, wanted) => {
    await page.waitForFunction(([list, n]) => document.querySelectorAll(list + " > li").length === n, [list, n])
    assert.deepEqual(Object.fromEntries(new URL(page.url()).searchParams), wanted)
  }
  const count = (list, fits) => page.waitForFunction(([list, fits]) => { // all rows fit the filter
    const rows = [...document.querySelectorAll(list + " > li")]
    return rows.length > 0 && rows.every(r => r.textContent.includes(fits)) && rows.length
  }, [list, fits]).then(n => n.jsonValue())
  const opened = async (list, n, wanted) => { // open the oldest row, which was there before the filter
    await page.click(list + " > li:last-child a.main")
    await page.waitForSelector("#detail h2")
    const {open, ...rest} = Object.fromEntries(new URL(page.url()).searchParams)
    assert.ok(open)
    await shows(list, n, {open, ...wanted})
    assert.deepEqual(rest, wanted)
    await page.click("#detail a.close")
    await shows(list, n, wanted)
  }

  await page.selectOption("[name=result]", "refused")
  assert.equal(await count("#list .timeline", "refused"), 1)
  await opened("#list .timeline", 1, {view: "timeline", result: "refused"})
  await page.selectOption("[name=result]", "")
  await shows("#list .timeline", Math.min(total, 100), {view: "timeline"})
  await page.fill("[name=q]", "ORDER-7")
  const found = await count("#list .timeline", "ORDER-7")
  await opened("#list .timeline", found, {view: "timeline", q: "ORDER-7"})
  await page.fill("[name=q]", "")
  await shows("#list .timeline", Math.min(total, 100), {view: "timeline"})
  await page.click("#list .timeline a.mono:text-is('ORDER-7') >> nth=0")
  await page.waitForSelector("text=Thread of")
  assert.equal(await count("#list .timeline", "ORDER-7"), found)
  await opened("#list .timeline", found, {view: "timeline", subject: "ORDER-7"})

  // A filter that a deep link sets does not come back.
  await page.goto(console_("/?view=timeline&result=refused"))
  await live()
  await count("#list .timeline", "refused")
  await page.selectOption("[name=result]", "")
  await shows("#list .timeline", Math.min(total, 100), {view: "timeline"})
  const row = "#list .timeline > li:has(.chip.refused) a.main"
  await page.click(row)
  await page.waitForSelector("#detail h2")
  assert.equal(new URL(page.url()).searchParams.get("result"), null)
  await page.fill("[name=q]", "ORDER-7") // a search beside the detail, then Close
  await count("#list .timeline", "ORDER-7")
  await page.click("#detail a.close")
  await shows("#list .timeline", found, {view: "timeline", q: "ORDER-7"})

  for (const [view, list, field, all] of [["objects", ".objects", "input[type=search]", 11], ["callbacks", "#list .callbacks", "[name=q]", 11]]) {
    await page.click(`nav.parts a[data-view=${view}]`)
    if (view === "objects") await page.click(".kind:has-text('kapiten') a:has-text('rides')")
    await page.waitForFunction(([list, n]) => document.querySelectorAll(list + " > li").length === n, [list, all])
    await page.fill(field, "ORDER-7")
    assert.equal(await count(list, "ORDER-7"), 1)
    await opened(list, 1, {view, ...view === "objects" ? {provider: "kapiten", kind: "rides"} : {}, q: "ORDER-7"})
  }
})
