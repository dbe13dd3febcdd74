// Screenshots of each part, wide and narrow, light and dark, and what axe finds in
// them. The screenshots are build output: look at them as a designer would.
import assert from "node:assert/strict"
import {readFileSync} from "node:fs"
import {createRequire} from "node:module"
import {join} from "node:path"
import {after, before, test} from "node:test"
import {call, kpay, launch, merchant, payment, receiver, ride, serve, shots, writes} from "./harness.js"

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")
let server, hook, browser, first

before(async () => {
  server = await serve()
  hook = await receiver(request => request.url.includes("broken") ? [500, "database is down"] : [200, '{"ok":true}'])
  browser = await launch()
  const m = await merchant(server, hook.url + "/kapiten")
  for (let i = 1; i <= 12; i++) await m.api("/api/rides/", "POST", ride(m.id, "ORDER-10" + i))
  await call(server.admin + "/clock/advance", "POST", {seconds: 200})
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-200", {pickup_latitude: 200}))
  await call(server.admin + "/faults", "POST", {provider: "kpay", method: "POST", path: "/", times: 1, kind: "drop_after"})
  await kpay(server, payment("ORDER-301", hook.url + "/broken")).catch(() => {})
  for (let i = 302; i < 306; i++) await kpay(server, payment("ORDER-" + i, hook.url + "/broken"))
  await call(server.admin + "/clock/advance", "POST", {seconds: 30})
  await kpay(server, payment("ORDER-306", hook.url + "/broken"))
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-306"))
  for (const provider of ["kasapay", "kotani", "fiatconnect", "bitpesa"]) {
    const send = await writes(server, hook.url)[provider].start()
    for (let i = 1; i <= 3; i++) await send(`OUT-20260${i}`)
  }
  await call(server.admin + "/kotani/transactions").then(({value}) => call(`${server.admin}/kotani/transactions/${value.transactions[0].id}/settle`, "POST", {status: "FAILED"}))
  await call(server.admin + "/faults", "POST", {provider: "kapiten", method: "POST", path: "/api/rides/", times: 2, kind: "delay", seconds: 5})
  first = (await call(server.admin + "/timeline?kind=request&result=refused")).value.records[0].request
})

after(async () => {
  await browser?.close()
  await server?.stop()
  hook?.stop()
})

const views = {
  start: () => "/?view=start",
  timeline: () => "/?view=timeline",
  thread: () => "/?view=timeline&subject=ORDER-306",
  request: () => "/?view=timeline&open=requests/" + first,
  rides: () => "/?view=objects&provider=kapiten&kind=rides",
  ride: async () => "/?view=objects&provider=kapiten&kind=rides&open=kapiten/rides/" + (await call(server.admin + "/kapiten/rides")).value.rides[0].id,
  payments: () => "/?view=objects&provider=kpay&kind=payments",
  wallet: async () => {
    const [a] = (await call(server.admin + "/kapiten/accounts")).value.accounts
    return `/?view=objects&provider=kapiten&kind=accounts&owner=${a.owner}&currency=${a.currency}`
  },
  accounts: () => "/?view=objects&provider=bitpesa&kind=accounts",
  callbacks: () => "/?view=callbacks",
  callback: async () => "/?view=callbacks&open=deliveries/" + (await call(server.admin + "/deliveries?provider=kpay")).value.deliveries.at(-1).id,
  faults: () => "/?view=faults",
  companies: () => "/?view=objects&provider=kapiten&kind=companies",
  payouts: () => "/?view=objects&provider=kasapay&kind=payouts",
  transactions: () => "/?view=objects&provider=kotani&kind=transactions",
  quotes: () => "/?view=objects&provider=kotani&kind=quotes",
  transfers: () => "/?view=objects&provider=fiatconnect&kind=transfers",
  kyc: async () => "/?view=objects&provider=fiatconnect&kind=kyc&open=fiatconnect/kyc/" + encodeURIComponent((await call(server.admin + "/fiatconnect/kyc")).value.kyc[0].id),
  senders: () => "/?view=objects&provider=bitpesa&kind=senders",
  transaction: async () => "/?view=objects&provider=bitpesa&kind=transactions&open=bitpesa/transactions/" + (await call(server.admin + "/bitpesa/transactions")).value.transactions[0].id,
  nothing: () => "/?view=timeline&q=nobody",
  gone: () => "/?view=objects&provider=kapiten&kind=rides&open=kapiten/rides/nobody",
  question: () => "/?view=callbacks",
  refused: () => "/?view=faults",
  unreached: () => "/?view=timeline",
  undetailed: () => "/?view=timeline",
}

// acts are what a person does in a view before it is looked at.
const acts = {
  start: page => page.evaluate(() => { for (const d of document.querySelectorAll("details")) d.open = true }),
  question: page => page.click("#reset"),
  refused: async page => {
    await page.fill(".form [name=path]", "/no/such")
    await page.click("text=Add the rule")
    await page.waitForSelector(".refusal:has-text('no route')")
    await page.setInputFiles("#load", {name: "x.json", mimeType: "application/json", buffer: Buffer.from("{}")})
    await page.waitForSelector("#message:not([hidden])")
  },
  unreached: async page => {
    await page.route("**/_fake/routes", route => route.abort())
    await page.click("nav.parts >> text=Faults")
    await page.waitForSelector("#message button")
  },
  undetailed: async page => {
    await page.route("**/_fake/requests/*", route => route.abort())
    await page.locator(".timeline a.main[href*=requests]").first().click()
    await page.waitForSelector("#detail h2:text-is('Could not be loaded')")
  },
}

async function finds(page) {
  await page.evaluate(axe)
  return page.evaluate(async () => (await globalThis.axe.run(document, {resultTypes: ["violations"]})).violations
    .map(v => v.id + ": " + v.nodes.map(n => n.target.join(" ") + " " + n.failureSummary).slice(0, 3).join(" | ")))
}

for (const [name, where] of Object.entries(views)) {
  for (const width of [1280, 390]) {
    for (const colorScheme of ["light", "dark"]) {
      test(`${name} at ${width} px, ${colorScheme}: axe finds nothing and nothing is cut off`, async () => {
        const context = await browser.newContext({viewport: {width, height: width === 390 ? 844 : 800}, colorScheme, bypassCSP: true})
        const page = await context.newPage()
        const errors = []
        page.on("pageerror", e => errors.push(String(e)))
        page.on("console", m => { if (m.type() === "error") errors.push(m.text()) })
        await page.goto(server.console.slice(0, -1) + await where())
        await page.waitForSelector("#live:not(.lost) >> text=live")
        await page.waitForFunction(() => document.querySelector("#list .lines:not([hidden]) > li, #list .none, #list .start, #list .presets") && (!location.search.includes("open=") || document.querySelector("#detail h2")))
        await acts[name]?.(page)
        if (["refused", "gone", "unreached", "undetailed"].includes(name)) errors.length = 0 // Chromium reports each 400 and 404, and each failure
        await page.screenshot({path: join(shots, `${name}-${width}-${colorScheme}.png`), fullPage: width === 390})
        assert.deepEqual(await finds(page), [])
        const wide = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
        assert.ok(wide[0] <= wide[1], `scrolls sideways: ${wide}`)
        const cut = await page.evaluate(() => [...document.querySelectorAll("button, .chip, h2, .num")].filter(e => e.offsetParent && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline").map(e => e.textContent))
        assert.deepEqual(cut, [], "texts that do not fit")
        const outside = await page.evaluate(() => [...document.querySelectorAll(".lines > li > *, .panel *, .facts *")].filter(e => e.offsetParent && e.getBoundingClientRect().right > innerWidth).map(e => e.textContent))
        assert.deepEqual(outside, [], "what a person cannot see")
        assert.deepEqual(errors, [])
        await context.close()
      })
    }
  }
}

// declined is what a person does to see the page with its problem.
async function declined(page) {
  await page.fill("[name=card_number]", "4111 1111 1111 1112")
  await page.fill("[name=expiry_date]", "11/39")
  await page.fill("[name=cvv]", "987")
  await page.click(".pay")
  await page.waitForSelector("[role=alert]")
}

const states = {checkout: () => {}, "checkout-problem": declined, "checkout-paid": () => {}, "checkout-failed": () => {}}

for (const [name, act] of Object.entries(states)) {
  for (const width of [1280, 390]) {
    for (const colorScheme of ["light", "dark"]) {
      test(`${name} at ${width} px, ${colorScheme}: axe finds nothing and nothing is cut off`, async () => {
        const reference = {"checkout-paid": "SHOWN-immediate", "checkout-failed": "SHOWN-failed"}[name] || "ORDER-306"
        const of = async () => (await call(server.admin + "/kpay/payments?q=" + reference)).value.payments[0]
        if (!await of()) {
          await kpay(server, payment(reference, hook.url, {details: "Rice, 25 kg, and ".repeat(12)}))
          if (name === "checkout-failed") await call(`${server.admin}/kpay/payments/${reference}/settle`, "POST", {statusid: "02"})
        }
        const context = await browser.newContext({viewport: {width, height: 844}, colorScheme, bypassCSP: true})
        const page = await context.newPage()
        await page.goto(server.kpay + (await of()).link)
        await act(page)
        if (name.endsWith("paid") || name.endsWith("failed")) await page.waitForSelector(name.endsWith("paid") ? "[role=status]:has-text('Paid.')" : "[role=status]:has-text('Not paid')")
        else assert.equal(await page.locator("[data-card]").count(), 7)
        await page.screenshot({path: join(shots, `${name}-${width}-${colorScheme}.png`), fullPage: true})
        assert.deepEqual(await finds(page), [])
        const wide = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
        assert.ok(wide[0] <= wide[1], `scrolls sideways: ${wide}`)
        await context.close()
      })
    }
  }
}
