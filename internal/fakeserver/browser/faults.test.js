// What each rule and each preset of the Faults part does to a request, as its words say.
import assert from "node:assert/strict"
import {test} from "node:test"
import {advance, call, console_, eachTest, held, hook, kasapay, kpay, live, page, payment, payout, server} from "./harness.js"

eachTest()

// sent sends a payment and resolves to what came back: the status and what the body is, or "cut".
const sent = reference => kpay(server, payment(reference, hook.url)).then(r => r.status + (typeof r.value === "string" ? " text" : " JSON"), e => e instanceof TypeError ? "cut" : String(e))

const made = async reference => (await call(server.admin + "/kpay/payments?q=" + reference)).value.total

const rules = [
  {kind: "status", fields: {status: "418"}, does: "respond with 418", answer: "418", made: 0},
  {kind: "drop_before", does: "drop the connection, do nothing", answer: "cut", made: 0},
  {kind: "drop_after", does: "do the work, then drop the connection", answer: "cut", made: 1},
  {kind: "truncate", does: "do the work, send half the response", answer: "cut", made: 1},
  {kind: "malformed", does: "do the work, send broken JSON", answer: "200 text", made: 1},
  {kind: "html", fields: {status: "502"}, does: "respond with a proxy's HTML page, status 502", answer: "502 text", made: 0},
  {kind: "rate_limit", fields: {seconds: "7"}, does: "respond with 429, Retry-After 7 s", answer: "429", made: 0},
]

test("each kind of rule from the form does what its line says, once", async () => {
  await page.goto(console_("/?view=faults"))
  await live()
  assert.deepEqual((await page.locator(".form [name=kind] option").evaluateAll(all => all.map(o => o.value))).sort(), [...rules.map(r => r.kind), "delay", "expire_token"].sort())
  for (const {kind, fields, does, answer, made: n} of rules) {
    await page.selectOption(".form [name=provider]", "kpay")
    await page.selectOption(".form [name=operation]", "pay")
    await page.selectOption(".form [name=kind]", kind)
    for (const [name, value] of Object.entries(fields || {})) await page.fill(`.form [name=${name}]`, value)
    await page.click("text=Add the rule")
    await page.waitForSelector(`.faults li:not(.spent):has(.what:text-is("${does}")):has-text("0 hits, 1 to go")`)
    const got = await sent("ORDER-" + kind)
    assert.ok(got.startsWith(answer), `${kind}: ${got}`)
    assert.equal(await made("ORDER-" + kind), n, kind)
    await page.waitForSelector(`.faults li.spent:has(.what:text-is("${does}")):has-text("1 hit, used up")`)
    assert.equal(await sent("ORDER-next-" + kind), "200 JSON", "the next one goes as it should")
  }
})

test("a rule that waits lets the request go when the clock is there, and one that expires tokens ends each of them", async () => {
  await page.goto(console_("/?view=faults"))
  await live()
  await page.selectOption(".form [name=kind]", "delay")
  await page.fill(".form [name=seconds]", "30")
  await page.click("text=Add the rule")
  await page.waitForSelector(".faults li:has(.what:text-is('wait 30 s, then go on'))")
  const answer = sent("ORDER-1")
  await held()
  await advance(29)
  assert.equal((await call(server.admin + "/clock")).value.waiting, 1)
  await advance(1)
  assert.equal(await answer, "200 JSON")

  const api = await kasapay(server)
  await page.selectOption(".form [name=provider]", "kasapay")
  await page.selectOption(".form [name=kind]", "expire_token")
  await page.click("text=Add the rule")
  await page.waitForSelector(".faults li:has(.what:text-is('expire all tokens first')):has-text('0 hits, 1 to go')")
  const pay = () => api("/v1/payouts/b2b/initiate", "POST", payout("OUT-1", hook.url))
  assert.equal((await pay()).status, 401)
  assert.equal((await pay()).status, 401, "they stay expired")
  assert.equal((await call(server.admin + "/kasapay/payouts")).value.total, 0)
})

test("each preset does what its words say to the next call, and to no other", async () => {
  const ways = {
    "is done, then the connection drops": ["cut", 1], "is lost before it is done": ["cut", 0], "gets a 503": ["503", 0], "waits 30 s on the clock": ["200", 1],
  }
  await page.goto(console_("/?view=faults"))
  await live()
  assert.deepEqual(await page.locator(".ways label").allTextContents(), Object.keys(ways))
  for (const [i, [text, [want, n]]] of Object.entries(Object.entries(ways))) {
    await page.click(`.ways label:text-is("${text}")`)
    await page.click(".presets button:text-is('pay')")
    await page.waitForSelector(".faults li:not(.spent):has-text('0 hits, 1 to go')")
    const answer = sent("ORDER-" + i)
    if (text.startsWith("waits")) {
      await held()
      await advance(29)
      await held()
      await advance(1)
    }
    assert.ok((await answer).startsWith(want), `${text}: ${await answer}`)
    assert.equal(await made("ORDER-" + i), n, text)
    await page.waitForFunction(n => document.querySelectorAll(".faults li.spent").length === n, Number(i) + 1)
    assert.equal(await sent("ORDER-next-" + i), "200 JSON")
  }
  await page.click("text=The next request expires all tokens")
  await page.waitForSelector(".faults li:has(.provider:text-is('any')):has-text('expire all tokens first'):has-text('0 hits, 1 to go')")
  const api = await kasapay(server) // the login meets the rule, and its own token is new
  assert.equal((await api("/v1/payouts/b2b/initiate", "POST", payout("OUT-1", hook.url))).status, 200)
  await page.waitForSelector(".faults li.spent:has-text('expire all tokens first')")
})
