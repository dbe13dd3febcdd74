// What a person does with the console, in a real browser and with its
// content security policy in force.
import assert from "node:assert/strict"
import {readFileSync} from "node:fs"
import {test} from "node:test"
import {
  advance, call, console_, context, eachTest, held, hook, kasapay, kotani, kpay, live, merchant, must, page, payment, payout, restart,
  ride, serve, server, tabTo,
} from "./harness.js"

eachTest()

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

test("only transitions that the state allows are buttons, and a refused act says why in its place", async () => {
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

test("money is moved by hand in the rows: a top-up, a payment, a payout and a transaction are ended; a ride is paid in its detail", async () => {
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
      await held()
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
  const other = await serve("-clock", "real", "-speed", "600")
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
