// The checkout page of the fake KPay: what a payer does there.
import assert from "node:assert/strict"
import {test} from "node:test"
import {
  call, eachTest, focused, hook, kpay, must, page, payment, serve, server, tabTo,
} from "./harness.js"

eachTest()

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
  await page.waitForFunction(() => document.activeElement.name === "card_number") // a moment after the page has loaded
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
  const other = await serve("-allow-host", "evil.example")
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
