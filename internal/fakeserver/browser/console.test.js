// What a person does with the console, in a real browser and with its content
// security policy in force.
import assert from "node:assert/strict"
import {once} from "node:events"
import {readFileSync} from "node:fs"
import {createServer} from "node:http"
import {test} from "node:test"
import {
  advance, browser, built, call, console_, context, eachTest, hook, kasapay, kotani, kpay, live, merchant, must,
  page, payment, payout, receiver, restart, ride, serve, server,
} from "./harness.js"

eachTest()

// tabTo presses a key until what has the focus begins with a text, as a person does.
const focused = () => page.evaluate(() => document.activeElement.getAttribute("aria-label") || document.activeElement.textContent)
async function tabTo(text, key = "Tab") {
  for (let i = 0; i < 120; i++) {
    if ((await focused()).startsWith(text)) return
    await page.keyboard.press(key)
  }
  assert.fail(`no ${key} leads to ${text}`)
}

test("a whole story is followed from the request to the ledger and the callback by clicks", async () => {
  const m = await merchant(server, hook.url + "/kapiten")
  await page.goto(console_())
  await live()
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-1"))
  await page.click("button:text('Next event')") // the rider accepts: the callback goes out
  await page.click(".timeline a.mono:text-is('ORDER-1') >> nth=0")
  await page.waitForSelector("text=Thread of")
  assert.equal(new URL(page.url()).searchParams.get("subject"), "ORDER-1")

  await page.click(".timeline a.main:has-text('POST /api/rides/ → 201')")
  await page.waitForSelector("#detail h2:has-text('POST /api/rides/')")
  assert.match(await page.textContent("#detail"), /"external_id": "ORDER-1"/)
  assert.match(await page.textContent("#detail"), /Authorization: \[masked\]/)
  await page.waitForSelector("#detail ol a:has-text('1,200 RWF ride payment')")

  await page.click("#detail ol a:has-text('ride payment')") // the entry leads to its ride
  await page.waitForSelector("#detail h2:has-text('ORDER-1')")
  await page.click(".facts a:text-is('1 entry in RWF')") // the ride to its ledger
  await page.waitForSelector(".entries li:has-text('ORDER-1'):has-text('−1,200'):has-text('4,998,800')")
  await page.goBack()
  await page.waitForSelector("#detail h2:has-text('ORDER-1')")
  await page.click("#detail ol a:has-text('ride payment')") // and so does the entry in its thread
  await page.waitForSelector(".entries li:has-text('4,998,800')")
  await page.goBack()
  await page.click(".facts a:text-is('1 callback')") // and to its callbacks
  await page.waitForSelector(".callbacks li:has-text('ORDER-1'):has-text('HTTP 200')")
  assert.equal(await page.locator(".callbacks > li").count(), 1)
  await page.goBack()
  await page.waitForSelector("#detail h2:has-text('ORDER-1')")
  await page.click("#detail ol a:has-text('status_update → 200')")
  await page.waitForSelector("#detail h2:has-text('status_update')")
  assert.match(await page.textContent("#detail"), /HTTP 200/)
  assert.match(await page.textContent("#detail"), /\/kapiten/)
  await page.goBack()
  await page.waitForSelector("#detail h2:has-text('ORDER-1')")

  await page.click("nav.parts >> text=Objects")
  await page.click(".kind:has-text('kapiten') a:has-text('accounts')")
  await page.click(".accounts a:has-text('Best Pilau Ltd')")
  await page.waitForSelector(".entries li:has-text('4,998,800')")
  await page.waitForSelector("svg.chart polyline")
})

test("a deep link shows the same again", async () => {
  const m = await merchant(server)
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-1", {pickup_latitude: 200}))
  await page.goto(console_("/?view=timeline&result=refused"))
  await page.click(".timeline a.main")
  await page.waitForSelector("text=Why it was refused")
  const other = await context.newPage()
  await other.goto(page.url())
  await other.waitForSelector("text=Why it was refused")
  assert.match(await other.textContent(".why"), /pickup_latitude: Ensure this value is less than or equal to 90/)
  assert.equal(await other.locator(".timeline > li").count(), await page.locator(".timeline > li").count())
  assert.equal(await other.inputValue("select[name=result]"), "refused")
})

test("a request copies as a curl line, without its secrets", async () => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"])
  await kpay(server, payment("ORDER-1", hook.url))
  await page.goto(console_("/?view=timeline&kind=request"))
  await page.click(".timeline a.main")
  await page.click("button:text('Copy as curl')")
  await page.waitForSelector("button:text('Copied')")
  const line = await page.evaluate(() => navigator.clipboard.readText())
  assert.match(line, /^curl -X POST 'http:\/\/127\.0\.0\.1:\d+\/kpay\/' .*-H 'Authorization: \[masked\]'.*"refid":"ORDER-1"/)
  assert.match(await page.textContent("#detail .note"), /holds no secret: put yours in place of \[masked\]/)
})

test("copying works where a browser has no clipboard for scripts, and says when it does not", async () => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"])
  await kpay(server, payment("ORDER-1", hook.url))
  await page.addInitScript(() => Object.defineProperty(navigator, "clipboard", {value: undefined})) // as on plain http from another machine
  await page.goto(console_("/?view=timeline&kind=request"))
  await page.click(".timeline a.main")
  await page.click("button:text('Copy as curl')")
  await page.waitForSelector("button:text('Copied')")
  await page.evaluate(() => { document.execCommand = () => false })
  await page.waitForSelector("button:text('Copy as curl')")
  await page.click("button:text('Copy as curl')")
  await page.waitForSelector("button:text('Could not copy')")
})

test("only legal arrows are buttons, and a refused act says why in its place", async () => {
  const m = await merchant(server)
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-1"))
  const [r] = (await call(server.admin + "/kapiten/rides")).value.rides
  await page.goto(console_("/?view=objects&provider=kapiten&kind=rides&open=kapiten/rides/" + r.id))
  const acts = () => page.locator("#detail .act button").allTextContents()
  await page.waitForSelector("#detail .act button")
  assert.deepEqual(await acts(), ["ACCEPTED", "CANCELLED", "REJECTED", "sender cancels"])
  await page.click("#detail .act >> text=ACCEPTED")
  await page.waitForSelector("#detail .act >> text=WAITING_PICKUP")
  assert.deepEqual(await acts(), ["WAITING_PICKUP", "CANCELLED", "sender cancels"])
  await page.waitForSelector("#detail .timeline >> text=PENDING → ACCEPTED")
  await page.route("**/_fake/kapiten/rides/*/status", async route => {
    await call(`${server.admin}/kapiten/rides/${r.id}/status`, "POST", {status: "CANCELLED"}) // somebody else was faster
    await route.continue()
  })
  await page.click("#detail .act >> text=WAITING_PICKUP")
  const refused = "cannot go from CANCELLED to WAITING_PICKUP"
  await page.waitForSelector(`#detail .refusal:has-text('${refused}')`)

  // What happens meanwhile redraws the detail and the list, but takes no message away.
  await page.waitForSelector("#detail .facts .chip:has-text('CANCELLED')")
  await call(server.admin + "/kapiten/companies/" + m.id, "PATCH", {is_active: true})
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-2"))
  await page.waitForSelector(".objects li:has-text('ORDER-2')")
  await page.waitForSelector("#detail .timeline >> text=WAITING_PICKUP")
  assert.match(await page.textContent("#detail .refusal"), new RegExp(refused))
  await page.click(".objects a:text-is('ORDER-2')") // the message was about the other ride
  await page.waitForSelector("#detail h2:text-is('ORDER-2')")
  assert.equal(await page.textContent("#detail .refusal"), "")
})

test("a refused act of a row keeps its reason when the row changes", async () => {
  const m = await merchant(server)
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-1"))
  const [r] = (await call(server.admin + "/kapiten/rides")).value.rides
  await page.goto(console_("/?view=objects&provider=kapiten&kind=rides"))
  await live()
  await page.route("**/_fake/kapiten/rides/*/status", async route => {
    await call(`${server.admin}/kapiten/rides/${r.id}/status`, "POST", {status: "CANCELLED"})
    await route.continue()
  })
  await page.click(".objects button:text-is('ACCEPTED')")
  await page.waitForSelector(".objects li:has(.chip:has-text('CANCELLED')) .refusal:has-text('cannot go from CANCELLED to ACCEPTED')")
})

test("a redraw keeps the focus, the place of scrolling and the selection in the detail", async () => {
  const m = await merchant(server)
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-1"))
  const [r] = (await call(server.admin + "/kapiten/rides")).value.rides
  await page.goto(console_("/?view=objects&provider=kapiten&kind=rides&open=kapiten/rides/" + r.id))
  await live()
  await page.waitForSelector("#detail pre")
  await page.evaluate(() => {
    document.querySelector("#detail .body pre").scrollTop = 120
    const heading = document.querySelector("#detail h2").firstChild
    getSelection().setBaseAndExtent(heading, 0, heading, 5)
  })
  await page.focus("#detail .act button:text-is('CANCELLED')")
  const state = () => page.evaluate(() => [document.activeElement.textContent, document.querySelector("#detail .body pre").scrollTop, String(getSelection())])
  const before = await state()
  assert.deepEqual(before, ["CANCELLED", 120, "ORDER"])
  await call(`${server.admin}/kapiten/rides/${r.id}/status`, "POST", {status: "ACCEPTED"})
  await page.waitForSelector("#detail .facts .chip:has-text('ACCEPTED')")
  assert.deepEqual(await state(), before)
  await call(`${server.admin}/kapiten/rides/${r.id}/status`, "POST", {status: "CANCELLED"}) // the button with the focus goes
  await page.waitForSelector("#detail .facts .chip:has-text('CANCELLED')")
  assert.equal(await page.evaluate(() => document.activeElement.className), "buttons act", "the next Tab goes on from here")
})

test("money is moved by hand in the rows: a top-up, a payment, a payout and a transaction are settled; a ride is paid in its detail", async () => {
  const objects = (provider, kind, more = "") => page.goto(console_(`/?view=objects&provider=${provider}&kind=${kind}${more}`)).then(live)
  const row = text => page.locator(".lines > li", {hasText: text})

  const m = await merchant(server, "", 0)
  must(await m.api("/api/rides/", "POST", ride(m.id, "ORDER-1")))
  await objects("kapiten", "rides")
  await row("WAITING_PAYMENT").locator("a.main").click()
  await page.click("#detail .act button:text-is('pay')")
  await page.waitForSelector("#detail .facts .chip:has-text('PENDING')")

  must(await m.api(`/api/companies/${m.id}/topup/`, "POST", {amount: 1_234_567, phone_number: "0788000003"}))
  await objects("kapiten", "accounts", `&owner=${m.id}&currency=RWF`)
  await row("1,234,567").getByRole("button", {name: "SUCCESS"}).click()
  await row("1,234,567").locator(".chip", {hasText: "posted"}).waitFor()
  const {balance} = must(await call(server.admin + "/kapiten/accounts")).accounts[0]
  await page.waitForSelector(`.balance :text('${Number(balance).toLocaleString("en-US")}')`)

  must(await kpay(server, payment("ORDER-2", hook.url + "/kpay")))
  await objects("kpay", "payments")
  await row("ORDER-2").getByRole("button", {name: "paid"}).click()
  await row("ORDER-2").locator(".chip", {hasText: "01 paid"}).waitFor()
  await row("ORDER-2").locator("a.main").click()
  const popup = page.waitForEvent("popup")
  await page.click("text=Open the checkout")
  assert.match((await popup).url(), /\/kpay\/checkout\//)

  must(await (await kasapay(server))("/v1/payouts/b2b/initiate", "POST", payout("flour-7", hook.url + "/kasapay")))
  await objects("kasapay", "payouts")
  await row("flour-7").getByRole("button", {name: "700 processed"}).click()
  await row("flour-7").locator(".chip.ok", {hasText: "700 processed"}).waitFor()
  await objects("kasapay", "accounts")
  await row("float KES").locator(".num", {hasText: /^998,500/}).waitFor()

  must(await (await kotani(server))("/transactions/withdraw/momo", "POST", {amount: 500, phoneNumber: "254712345678", externalId: "out-1", callback: hook.url + "/kotani"}))
  await objects("kotani", "transactions")
  await row("out-1").getByRole("button", {name: "SUCCESSFUL"}).click()
  await row("out-1").locator(".chip.ok", {hasText: "SUCCESSFUL"}).waitFor()
})

test("breaking the next call takes one click from where one is", async () => {
  await kpay(server, payment("ORDER-1", hook.url))
  await page.goto(console_("/?view=timeline&kind=request"))
  await page.click(".timeline a.main")
  await page.click("button:text('Break the next call like this')")
  await page.waitForSelector("text=The next one is done, then its connection drops.")
  await assert.rejects(kpay(server, payment("ORDER-2", hook.url)))
  await page.waitForSelector(".timeline a.main:has-text('no response')")
  await page.click("nav.parts >> text=Faults")
  await page.waitForSelector(".faults li:has-text('1 hit, used up')")
  await page.click("text=Every provider responds with 503")
  await page.waitForSelector(".faults li:has-text('0 hits, always')")
  assert.equal((await kpay(server, payment("ORDER-3", hook.url))).status, 503)
  await page.waitForSelector(".faults li:has-text('1 hit, always')")
  await page.click(".faults >> text=Remove")
  await page.waitForFunction(() => !document.querySelector(".faults button"))
  assert.equal((await kpay(server, payment("ORDER-3", hook.url))).status, 200)
  await page.fill("input[name=path]", "/no/such/route")
  await page.click("text=Add the rule")
  await page.waitForSelector(".refusal:has-text('no route of any provider can match')")
})

test("each operation that moves money has a preset, which meets that operation alone", async () => {
  const {routes} = (await call(server.admin + "/routes")).value
  const money = [...new Set(routes.filter(r => r.moves_money).map(r => r.provider + " " + r.name))]
  assert.deepEqual([...new Set(money.map(name => name.split(" ")[0]))].sort(), ["bitpesa", "fiatconnect", "kapiten", "kasapay", "kotani", "kpay"])
  await page.goto(console_("/?view=faults"))
  await page.waitForSelector(".presets")
  for (const name of money) {
    const [provider, operation] = name.split(" ")
    await page.click(`.presets dt:text-is('${provider}') + dd button:text-is('${operation}')`)
    await page.waitForSelector(`.faults li:has(.provider:text-is('${provider}')):has(.mono:text-is('${operation}')):has-text('0 hits, 1 to go')`)
  }
  assert.equal((await call(server.admin + "/faults")).value.total, money.length)
  await call(server.admin + "/faults", "DELETE")

  // KPay's two operations have one path.
  await page.click(".ways >> text=gets a 503")
  await page.click(".presets button:text-is('pay')")
  await page.waitForSelector(".faults li:has-text('respond with 503')")
  assert.equal((await kpay(server, {action: "checkstatus", refid: "ORDER-1"})).status, 200)
  assert.equal((await kpay(server, payment("ORDER-1", hook.url))).status, 503)
  assert.equal((await kpay(server, payment("ORDER-1", hook.url))).status, 200)
  await page.waitForSelector(".faults li:has-text('1 hit, used up')")

  await page.selectOption(".form [name=provider]", "kpay")
  await page.selectOption(".form [name=operation]", "checkstatus")
  await page.selectOption(".form [name=kind]", "rate_limit")
  await page.click("text=Add the rule")
  await page.waitForSelector(".faults li:has-text('checkstatus'):has-text('respond with 429, Retry-After 5 s')")
  assert.equal((await kpay(server, {action: "checkstatus", refid: "ORDER-1"})).status, 429)
})

test("a body is shown with its own numbers, pretty and raw", async () => {
  const text = '{"amount":12.50, "big":12345678901234567890, "empty":[ ], "text":"a, {b}: \\"c\\""}'
  await fetch(server.kapiten + "/api/companies/", {method: "POST", headers: {"Content-Type": "application/json"}, body: text})
  await page.goto(console_("/?view=timeline&kind=request"))
  await page.click(".timeline a.main")
  const shown = () => page.textContent("#detail pre[aria-label='Request body']")
  await page.waitForSelector("#detail pre")
  assert.equal(await shown(), '{\n  "amount": 12.50,\n  "big": 12345678901234567890,\n  "empty": [],\n  "text": "a, {b}: \\"c\\""\n}')
  await page.click("#detail .body >> nth=0 >> text=Raw")
  assert.equal(await shown(), text)
  await page.click("#detail .body >> nth=0 >> text=Raw")
  assert.match(await shown(), /^\{\n/)
})

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

test("a refusal without a text still says what is known", async () => {
  await page.goto(console_())
  await call(server.bitpesa + "/no/such/route")
  await call(server.kapiten + "/no/such/route")
  const refused = (await call(server.admin + "/timeline?kind=request&result=refused")).value.records
  assert.equal(refused.length, 2)
  for (const r of refused) {
    await page.goto(console_("/?view=timeline&open=requests/" + r.request))
    await page.waitForSelector("#detail .why")
    assert.match(await page.textContent("#detail .why"), /Why it was refused: \S/)
  }
})

test("all of the header stays visible, and what fails is said", async () => {
  const m = await merchant(server)
  for (let i = 0; i < 30; i++) await m.api("/api/rides/", "POST", ride(m.id, "ORDER-" + i))
  for (const width of [390, 1280]) {
    await page.setViewportSize({width, height: 800})
    await page.goto(console_("/?view=timeline"))
    await live()
    await page.waitForSelector(".timeline > li")
    await page.evaluate(() => scrollTo(0, 1e6))
    for (const id of ["now", "mode", "next", "live", "save", "reset"]) {
      const box = await page.locator("#" + id).boundingBox()
      assert.ok(box && box.y >= 0 && box.y + box.height < 140 && box.x >= 0 && box.x + box.width <= width, `${id} at ${width}: ${JSON.stringify(box)}`)
    }
    for (const text of ["+10 s", "+1 min", "+1 h", "Load"]) assert.ok((await page.locator(`.top >> text="${text}"`).boundingBox()).y < 140, text)
  }
  await page.route("**/_fake/snapshot", route => route.fulfill({status: 500, contentType: "application/json", body: '{"error":"the state cannot be written"}'}))
  await page.click("#save")
  await page.waitForSelector("#message:has-text('the state cannot be written')")
  await page.unroute("**/_fake/snapshot")
  await page.route("**/_fake/snapshot", route => route.abort())
  await page.click("#save")
  await page.waitForSelector("#message:has-text('The server does not respond.')")
  await page.unroute("**/_fake/snapshot")
  await page.setInputFiles("#load", {name: "other.json", mimeType: "application/json", buffer: Buffer.from('{"version":99}')})
  await page.waitForFunction(() => /version|snapshot/.test(document.querySelector("#message").textContent))
  await page.click("nav.parts >> text=Faults")
  await page.waitForFunction(() => document.querySelector("#message").hidden)
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
  assert.match(await row.locator(".last").textContent(), /^HTTP 500 · \d+(\.\d+)? ms$/)

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

test("a request shows its duration and the fault that met it", async () => {
  const faults = {
    drop_after: "drop after", drop_before: "drop before", status: "status", delay: "delay", rate_limit: "rate limit", html: "html", truncate: "truncate", malformed: "malformed", expire_token: "expire token",
  }
  await page.goto(console_("/?view=timeline&kind=request"))
  await live()
  for (const [kind, text] of Object.entries(faults)) {
    must(await call(server.admin + "/faults", "POST", {provider: "kpay", operation: "pay", times: 1, kind, status: kind === "status" ? 500 : 0, seconds: kind === "delay" ? 5 : 0}))
    const sent = kpay(server, payment("ORDER-" + kind, hook.url)).catch(e => e)
    if (kind === "delay") {
      await page.waitForFunction(async () => (await (await fetch("/_fake/clock")).json()).waiting === 1)
      await page.click("button:text-is('+10 s')")
    }
    await sent
    const [r] = (await call(server.admin + "/requests?provider=kpay&limit=1")).value.requests
    assert.equal(r.fault, kind)
    await page.click(`.timeline a.main[href*="${r.id}"]`)
    await page.waitForSelector(`#detail .why.failed:text-matches("^A fault met it: ${text}$")`)
    const took = (r.ms >= 100 ? String(Math.round(r.ms)) : r.ms >= 10 ? r.ms.toFixed(1) : r.ms.toFixed(2)) + " ms"
    assert.match(await page.textContent("#detail dt:text-is('When') + dd"), new RegExp(` · took ${took.replace(".", "\\.")}$`))
  }
  must(await kpay(server, payment("ORDER-NONE", hook.url)))
  const [whole] = (await call(server.admin + "/requests?limit=1")).value.requests
  await page.click(`.timeline a.main[href*="${whole.id}"]`)
  await page.waitForSelector("#detail h2:has-text('POST /')")
  await page.waitForSelector(`#detail dd:text-is("${whole.id}")`)
  assert.equal(await page.locator("#detail .why").count(), 0)
})

test("each step of the clock moves it by what its button says, and the next event is the nearest", async () => {
  const now = async () => Date.parse((await call(server.admin + "/clock")).value.now)
  await page.goto(console_("/?view=timeline"))
  await live()
  for (const [label, seconds] of [["+10 s", 10], ["+1 min", 60], ["+1 h", 3600], ["+10 s", 10]]) {
    const before = await now()
    await page.click(`button:text-is("${label}")`)
    const text = new Date(before + seconds * 1000).toISOString().slice(0, 19).replace("T", " ")
    await page.waitForSelector(`#now:text-is("${text}")`)
    assert.equal(await now(), before + seconds * 1000)
  }
  await page.waitForSelector("#mode:text-is('stands still · 0 events due')")
  assert.equal(await page.getAttribute("#next", "aria-disabled"), "true")
  const before = await now()
  must(await kpay(server, payment("ORDER-1", hook.url))) // it is paid after 10 s
  await page.waitForSelector("#mode:text-is('stands still · 1 event due')")
  await page.click("#next")
  await page.waitForSelector(".timeline a.main:has-text('03 pending → 01 paid')")
  assert.equal(await now(), before + 10_000)
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

test("<script> in any field stays text", async () => {
  const evil = "<script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">"
  const m = await merchant(server, hook.url)
  await call(server.kapiten + "/api/companies/", "POST", {name: evil, registration_number: evil, address: evil, contact_person: evil, phone_number: "+250788123456", email: "b@example.com"})
  await m.api("/api/rides/", "POST", ride(m.id, evil, {pickup_address: evil, receiver: {name: evil, phone: "0788000222"}}))
  await kpay(server, payment(evil, hook.url, {cname: evil, details: evil}))
  await call(server.kpay + "/" + encodeURIComponent(evil) + "?q=" + encodeURIComponent(evil), "GET")
  await advance(60)
  const [r] = (await call(server.admin + "/kapiten/rides")).value.rides
  const [d] = (await call(server.admin + "/deliveries")).value.deliveries
  const requests = (await call(server.admin + "/requests")).value.requests
  for (const path of ["/", "/?view=timeline&subject=" + encodeURIComponent(evil), "/?view=timeline&q=" + encodeURIComponent(evil), "/?view=objects&provider=kpay&kind=payments",
    "/?view=objects&provider=kapiten&kind=companies", "/?view=objects&provider=kapiten&kind=rides&open=kapiten/rides/" + r.id, "/?view=callbacks&open=deliveries/" + d.id,
    "/?view=" + encodeURIComponent(evil), "/?view=timeline&open=" + encodeURIComponent(evil), ...requests.map(q => "/?view=timeline&open=requests/" + q.id)]) {
    await page.goto(console_(path))
    await live()
    await page.waitForFunction(() => document.querySelector("#list").children.length > 0)
    assert.equal(await page.locator("main script, main img").count(), 0, path)
    assert.notEqual(await page.title(), "pwned", path)
  }
  const [p] = (await call(server.admin + "/kpay/payments")).value.payments
  await page.goto(server.kpay + p.link)
  assert.notEqual(await page.title(), "pwned")
  assert.equal(await page.locator("img").count(), 0)
})

test("the server gone and back is shown and healed", async () => {
  const port = new URL(server.console).port
  await page.goto(console_("/?view=timeline"))
  await live()
  await server.stop()
  await page.waitForSelector("#live.lost >> text=/connection lost at \\d\\d:\\d\\d:\\d\\d/")
  const lost = await page.textContent("#live-text")
  for (let i = 0; i < 2; i++) await page.waitForEvent("requestfailed", r => r.url().includes("/_fake/events")) // it tries again
  assert.equal(await page.textContent("#live-text"), lost, "the time when it was lost")
  await page.click("button:text('+1 min')")
  await page.waitForSelector("#message:has-text('The server does not respond.')")
  await restart("-addr", "127.0.0.1:" + port)
  await live()
  await call(server.kapiten + "/api/companies/", "POST", {})
  await page.waitForSelector(".timeline a.main:has-text('POST /api/companies/ → 400')")
})

test("the clock runs on the page when it follows real time", async () => {
  const other = await serve(built.binary, "-clock", "real", "-speed", "600")
  await page.goto(other.console)
  await live()
  const first = await page.textContent("#now")
  await page.waitForFunction(text => document.querySelector("#now").textContent !== text, first)
  assert.match(await page.textContent("#mode"), /follows real time, ×600 · 0 events due/)
  await other.stop()
})

test("keyboard alone: from the timeline into a request, back, and the clock moved", async () => {
  const m = await merchant(server)
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-1"))
  await page.goto(console_("/?view=timeline"))
  await live()
  await page.keyboard.press("Tab")
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content")
  await page.keyboard.press("Enter")
  await page.keyboard.press("/")
  await page.keyboard.type("ORDER-1")
  await page.waitForFunction(() => new URL(location.href).searchParams.get("q") === "ORDER-1")
  await page.waitForFunction(() => document.querySelectorAll(".timeline > li").length === 3)
  await page.keyboard.press("Tab")
  assert.equal(await page.evaluate(() => document.activeElement.className), "main clip")
  await page.keyboard.press("ArrowDown")
  await page.keyboard.press("ArrowDown")
  await page.keyboard.press("Enter")
  await page.waitForSelector("#detail h2:has-text('POST /api/rides/')")
  await page.waitForFunction(() => document.activeElement.tagName === "H2")
  await page.keyboard.press("Escape")
  await page.waitForFunction(() => document.querySelector("#detail").hidden && document.activeElement.closest(".timeline > li"))
  const before = await page.textContent("#now")
  await tabTo("+1 h", "Shift+Tab")
  await page.keyboard.press("Enter")
  await page.waitForFunction(text => document.querySelector("#now").textContent !== text, before)
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "+1 h", "it can be pressed again")
})

test("keyboard alone: a ride is moved on, a call is broken, and the world is reset", async () => {
  const m = await merchant(server)
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-1"))
  await page.goto(console_("/?view=timeline"))
  await live()
  await tabTo("Objects")
  await page.keyboard.press("Enter")
  await page.waitForSelector(".objects li")
  await tabTo("ORDER-1")
  await page.keyboard.press("Enter")
  await page.waitForFunction(() => document.activeElement.tagName === "H2")
  await tabTo("ACCEPTED")
  await page.keyboard.press("Space")
  await page.waitForSelector("#detail .facts .chip:has-text('ACCEPTED')")
  await tabTo("WAITING_PICKUP")
  await page.keyboard.press("Escape")
  await page.waitForFunction(() => document.querySelector("#detail").hidden)
  await tabTo("Faults", "Shift+Tab")
  await page.keyboard.press("Enter")
  await page.waitForSelector(".presets")
  await tabTo("rides.create")
  await page.keyboard.press("Enter")
  await page.waitForSelector(".faults li:has-text('rides.create')")
  await assert.rejects(m.api("/api/rides/", "POST", ride(m.id, "ORDER-2")))
  await tabTo("Reset everything", "Shift+Tab")
  await page.keyboard.press("Enter")
  await page.waitForSelector("dialog[open]")
  await tabTo("Reset")
  await page.keyboard.press("Enter")
  await page.waitForFunction(() => !location.search)
  assert.equal((await call(server.admin + "/kapiten/rides")).value.total, 0)
})

test("the world is saved, reset after a question, and loaded", async () => {
  const m = await merchant(server)
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-1"))
  await page.goto(console_("/?view=objects&provider=kapiten&kind=rides"))
  const download = page.waitForEvent("download")
  await page.click("#save")
  const saved = await (await download).path()
  assert.ok(!readFileSync(saved, "utf8").includes(m.token), "a saved world holds no live token")
  await page.click("#reset")
  await page.click("dialog >> text=Keep it")
  assert.equal((await call(server.admin + "/kapiten/rides")).value.total, 1)
  await page.click("#reset")
  await page.click("dialog button.danger")
  await page.waitForFunction(() => !location.search)
  assert.equal((await call(server.admin + "/kapiten/rides")).value.total, 0)
  const put = page.waitForResponse(r => r.request().method() === "PUT")
  await page.setInputFiles("#load", saved)
  assert.equal((await put).status(), 200)
  await page.goto(console_("/?view=objects&provider=kapiten&kind=rides"))
  await page.waitForSelector(".objects >> text=ORDER-1")
})

test("the start page's first calls work as they are copied", async () => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"])
  const {execFileSync} = await import("node:child_process")
  await page.goto(console_())
  await page.waitForSelector("text=Point your client")
  await page.click("nav.parts >> text=Start") // it stays when something happens
  const calls = page.locator("pre[aria-label^='A first call to']")
  assert.equal(await calls.count(), 6)
  for (let i = 0; i < 6; i++) {
    const shown = await calls.nth(i).textContent()
    await page.locator("button:text-is('Copy')").nth(i).click()
    await page.locator("button:text-is('Copied')").waitFor()
    const copied = await page.evaluate(() => navigator.clipboard.readText())
    assert.equal(copied, shown)
    const out = execFileSync("bash", ["-c", copied.replaceAll("curl ", "curl -sS -w '\\n%{http_code}' ")], {encoding: "utf8"})
    assert.match(out, /\n20\d$/, `${shown}: ${out}`)
    await page.waitForFunction(() => ![...document.querySelectorAll("button")].some(b => b.textContent === "Copied"))
  }
  await page.goto(console_())
  await page.waitForFunction(() => document.querySelectorAll(".timeline > li").length >= 6)
})

test("the checkout page fills test cards in, keeps what was typed, and cancels", async () => {
  for (const reference of ["ORDER-1", "ORDER-2", "ORDER-3"])
    await kpay(server, payment(reference, hook.url, {pmethod: "cc", bankid: "000", amount: 1250000, redirecturl: hook.url + "/thanks"}))
  const links = Object.fromEntries((await call(server.admin + "/kpay/payments")).value.payments.map(p => [p.id, server.kpay + p.link]))
  await page.goto(links["ORDER-1"])
  assert.match(await page.textContent(".amount"), /^1,250,000 RWF$/)
  await page.fill("[name=card_number]", "4111 1111 1111 1112")
  await page.fill("[name=expiry_date]", "11/39")
  await page.fill("[name=cvv]", "987")
  await page.click(".pay")
  await page.waitForSelector("[role=alert]")
  assert.equal(await page.inputValue("[name=expiry_date]"), "11/39")
  assert.equal(await page.inputValue("[name=cvv]"), "987")
  await page.click("[data-card^='5555']")
  assert.equal(await page.inputValue("[name=card_number]"), "5555 4444 3333 1111")
  await page.keyboard.press("Enter")
  await page.waitForURL(hook.url + "/thanks")
  await page.goto(links["ORDER-2"])
  await page.click("text=Cancel")
  await page.waitForURL(hook.url + "/thanks")
  const states = Object.fromEntries((await call(server.admin + "/kpay/payments")).value.payments.map(p => [p.id, p.state]))
  assert.deepEqual(states, {"ORDER-1": "01 paid", "ORDER-2": "02 failed", "ORDER-3": "03 pending"})
})

test("the checkout page works by keyboard alone: a test card, a wrong digit, a cancellation", async () => {
  for (const reference of ["ORDER-1", "ORDER-2", "ORDER-3"])
    must(await kpay(server, payment(reference, hook.url, {pmethod: "cc", bankid: "000", redirecturl: hook.url + "/thanks"})))
  const links = Object.fromEntries((await call(server.admin + "/kpay/payments")).value.payments.map(p => [p.id, server.kpay + p.link]))
  await page.setViewportSize({width: 390, height: 844})
  await page.goto(links["ORDER-1"])
  await tabTo("5555 4444 3333 1111")
  await page.keyboard.press("Enter")
  assert.match(await focused(), /^Pay /, "the next key pays")
  await page.keyboard.press("Enter")
  await page.waitForURL(hook.url + "/thanks")

  await page.goto(links["ORDER-2"])
  assert.equal(await page.evaluate(() => document.activeElement.name), "card_number")
  for (const text of ["4111111111111112", "11/39", "987"]) {
    await page.keyboard.type(text)
    await page.keyboard.press("Tab")
  }
  await page.keyboard.press("Enter")
  await page.waitForSelector("[role=alert]")
  await page.waitForFunction(() => document.activeElement.name === "card_number") // the wrong field has the focus
  assert.deepEqual(await page.locator("input").evaluateAll(all => all.map(f => f.value)), ["4111111111111112", "11/39", "987"])
  await page.keyboard.press("End")
  await page.keyboard.press("Backspace")
  await page.keyboard.type("1")
  await page.keyboard.press("Enter")
  await page.waitForURL(hook.url + "/thanks")

  await page.goto(links["ORDER-3"])
  await tabTo("Cancel")
  await page.keyboard.press("Enter")
  await page.waitForURL(hook.url + "/thanks")
  const states = Object.fromEntries((await call(server.admin + "/kpay/payments")).value.payments.map(p => [p.id, p.state]))
  assert.deepEqual(states, {"ORDER-1": "01 paid", "ORDER-2": "01 paid", "ORDER-3": "02 failed"})
})

test("the checkout page works over plain http by another host's name", async () => {
  const other = await serve(built.binary, "-allow-host", "evil.example")
  try {
    await kpay(other, payment("ORDER-1", hook.url, {pmethod: "cc", bankid: "000", redirecturl: hook.url + "/thanks"}))
    const url = new URL(other.kpay + (await call(other.admin + "/kpay/payments")).value.payments[0].link)
    url.hostname = "evil.example"
    await page.goto(url.href)
    await page.click("text=Cancel")
    await page.waitForURL(hook.url + "/thanks")
    assert.equal((await call(other.admin + "/kpay/payments")).value.payments[0].state, "02 failed")
  } finally {
    await other.stop()
  }
})

test("a page of another origin can change nothing: form, fetch, frame, rebinding", async () => {
  const m = await merchant(server)
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-1"))
  const state = async () => JSON.stringify([(await call(server.admin + "/clock")).value, (await call(server.admin + "/faults")).value, (await call(server.admin + "/kapiten/rides")).value, (await call(server.admin + "/kapiten/companies")).value,
    (await call(server.admin + "/requests")).value])
  await call(server.admin + "/faults", "POST", {kind: "expire", times: 1}) // not even a GET may meet it
  const before = await state()
  const port = new URL(server.console).port
  const html = `<!doctype html><title>evil</title>
    <img src="${server.kapiten}/api/rides/"><iframe src="${server.kapiten}/api/rides/"></iframe>
    <iframe name="target"></iframe><iframe id="frame" src="${server.console}"></iframe><iframe id="reset" src="${server.admin}/reset"></iframe>
    <form id="form" method="post" enctype="text/plain" target="target" action="${server.admin}/clock/advance"><input name='{"seconds":60,"x":"' value='"}'></form>
    <form id="company-form" method="post" target="target" action="${server.kapiten}/api/companies/">
      <input name="name" value="Evil"><input name="registration_number" value="EVIL-1"><input name="address" value="x"><input name="contact_person" value="x">
      <input name="phone_number" value="+250788123456"><input name="email" value="evil@example.com"></form>
    <form id="reset-form" method="post" target="target" action="${server.admin}/reset"></form>`
  const evil = createServer((request, response) => response.writeHead(200, {"Content-Type": "text/html"}).end(html)).listen(0, "127.0.0.1")
  await once(evil, "listening")
  await page.goto(`http://localhost:${evil.address().port}/`)
  const tried = await page.evaluate(async admin => {
    document.getElementById("form").submit()
    await new Promise(done => setTimeout(done, 300))
    document.getElementById("company-form").submit()
    await new Promise(done => setTimeout(done, 300))
    document.getElementById("reset-form").submit()
    await new Promise(done => setTimeout(done, 300))
    const out = {}
    const attempts = {
      text: [admin + "/clock/advance", {method: "POST", body: '{"seconds":60}'}],
      blind: [admin + "/reset", {method: "POST", mode: "no-cors"}],
      blindText: [admin + "/clock/advance", {method: "POST", mode: "no-cors", headers: {"Content-Type": "text/plain"}, body: '{"seconds":60}'}],
      json: [admin + "/faults", {method: "POST", headers: {"Content-Type": "application/json"}, body: '{"kind":"html"}'}],
      put: [admin + "/snapshot", {method: "PUT", body: "{}"}],
      read: [admin + "/snapshot?secrets=1", {}],
    }
    for (const [name, [url, options]] of Object.entries(attempts)) {
      try {
        const response = await fetch(url, options)
        out[name] = response.type === "opaque" ? "opaque" : await response.text()
      } catch (e) {
        out[name] = "blocked"
      }
    }
    out.beacon = navigator.sendBeacon(admin + "/reset", "{}")
    await new Promise(done => setTimeout(done, 300))
    return out
  }, server.admin)
  assert.deepEqual({...tried, beacon: undefined}, {text: "blocked", blind: "opaque", blindText: "opaque", json: "blocked", put: "blocked", read: "blocked", beacon: undefined})
  assert.equal(await state(), before)

  // Each frame is refused: it holds Chromium's error page and nothing of the server.
  const framed = page.frames().filter(f => f !== page.mainFrame() && f.name() !== "target")
  assert.equal(framed.length, 3)
  for (const frame of framed) {
    assert.match(frame.url(), /^chrome-error:/)
    assert.equal(await frame.locator("button").count(), 0)
  }

  // Rebinding: the name of a foreign page suddenly points to this machine.
  const rebound = await context.newPage()
  const response = await rebound.goto(`http://evil.example:${port}/_fake/snapshot?secrets=1`)
  assert.equal(response.status(), 421)
  assert.ok(!(await response.text()).includes(m.token))
  const reset = await rebound.evaluate(async () => (await fetch("/_fake/reset", {method: "POST"})).status)
  assert.equal(reset, 421)
  assert.equal(await state(), before)
  evil.close()
})

test("the examples of the README work", async () => {
  const {execFileSync} = await import("node:child_process")
  const readme = readFileSync(new URL("../../../examples/fakeserver/README.md", import.meta.url), "utf8")
  const runs = {sh: ["bash", "-c"], python: ["python3", "-c"], js: ["node", "--input-type=module", "-e"]}
  for (const [language, command] of Object.entries(runs)) {
    const blocks = [...readme.matchAll(new RegExp("```" + language + "\\n(.*?)```", "gs"))].map(m => m[1])
    assert.equal(blocks.length, 1, language)
    const code = (language === "sh" ? "set -e\ncurl() { command curl -fsS \"$@\"; }\n" : "") + blocks[0].replaceAll("http://127.0.0.1:8099", server.console.slice(0, -1))
    const out = execFileSync(command[0], [...command.slice(1), code], {encoding: "utf8"})
    assert.ok(out.length > 1, language)
  }
  assert.equal((await call(server.admin + "/kapiten/companies")).value.total, 1)
})
