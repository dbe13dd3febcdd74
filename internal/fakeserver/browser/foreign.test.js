// What a page of another origin can do to the server of a person who visits it: nothing.
import assert from "node:assert/strict"
import {once} from "node:events"
import {createServer} from "node:http"
import {test} from "node:test"
import {
  call, context, eachTest, merchant, must, page, ride, server,
} from "./harness.js"

eachTest()

test("a page of another origin can change nothing: form, fetch, frame, rebinding", async () => {
  const m = await merchant(server)
  await m.api("/api/rides/", "POST", ride(m.id, "ORDER-1"))
  const state = async () => JSON.stringify([(await call(server.admin + "/clock")).value, (await call(server.admin + "/faults")).value, (await call(server.admin + "/kapiten/rides")).value, (await call(server.admin + "/kapiten/companies")).value,
    (await call(server.admin + "/requests")).value])
  must(await call(server.admin + "/faults", "POST", {kind: "expire_token", times: 1})) // not even a GET may meet it
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

  // The page leads the person to a provider: by its address, and by a form.
  for (const leave of ["location = to", "form.action = to; form.submit()"]) {
    await page.goto(`http://localhost:${evil.address().port}/`)
    const [response] = await Promise.all([
      page.waitForResponse(r => r.url().startsWith(server.kapiten) && r.request().isNavigationRequest() && !r.frame().parentFrame()),
      page.evaluate(([leave, to]) => {
        const script = document.createElement("script")
        script.textContent = `const to = ${JSON.stringify(to)}, form = document.body.appendChild(document.createElement("form")); ${leave}`
        document.body.append(script)
      }, [leave, server.kapiten + "/api/rides/"]),
    ])
    assert.equal(response.status(), 403, leave)
    await page.waitForURL(server.kapiten + "/**")
  }
  assert.equal(await state(), before)

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
