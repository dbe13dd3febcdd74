// The console: the header, the address and the stream of events. Each part of the
// page is a module with show(list, address) and, where it has one, update(message).
import {address, api, at, count, day, el, query} from "./dom.js"
import * as start from "./start.js"
import * as timeline from "./timeline.js"
import * as objects from "./objects.js"
import * as callbacks from "./callbacks.js"
import * as faults from "./faults.js"
import * as detail from "./detail.js"

const parts = {start, timeline, objects, callbacks, faults}
const by = id => document.getElementById(id)
const list = by("list"), detailPane = by("detail")
let shown = "", clock = null, clockAt = 0, total = 0

function message(text) {
  by("message").textContent = text
  by("message").hidden = !text
}

// show draws what the address says. Only what changed in it is drawn anew.
async function show() {
  const a = address()
  const view = parts[a.view] ? a.view : total === 0 && !a.open && !a.subject ? "start" : "timeline"
  for (const link of document.querySelectorAll(".parts a")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page")
    else link.removeAttribute("aria-current")
  }
  const {open, ...rest} = a
  const wanted = view + query(rest)
  try {
    if (wanted !== shown) {
      shown = wanted
      document.title = view[0].toUpperCase() + view.slice(1) + " · fakeserver"
      await parts[view].show(list, {...rest, view})
    }
    document.querySelector("main").classList.toggle("split", Boolean(open))
    detailPane.hidden = !open
    if (open) await detail.show(detailPane, open)
    for (const row of list.querySelectorAll("[data-open]")) row.classList.toggle("open", row.dataset.open === open)
  } catch (e) {
    message(e.message)
  }
}

// go changes the address without loading the page.
function go(to, replace) {
  history[replace ? "replaceState" : "pushState"](null, "", to)
  message("")
  return show()
}

addEventListener("popstate", show)
addEventListener("go", e => go(e.detail.to, e.detail.replace))
addEventListener("failed", e => message(e.detail))

document.addEventListener("click", async event => {
  const link = event.target.closest("a")
  if (!link || link.origin !== location.origin || link.pathname !== "/" || link.hash || event.ctrlKey || event.metaKey || event.shiftKey) return
  event.preventDefault()
  const before = address().open
  await go(link.href)
  const after = address().open
  if (after && after !== before) detailPane.querySelector("h2")?.focus({preventScroll: innerWidth > 1120})
  if (innerWidth <= 1120 && after !== before) scrollTo(0, 0)
  if (!after && before) list.querySelector(`[data-open="${CSS.escape(before)}"] a.main`)?.focus()
})

document.addEventListener("keydown", event => {
  if (event.target.closest("input, select, textarea, dialog")) return
  const row = event.target.closest(".lines > li")
  if (event.key === "/") {
    event.preventDefault()
    list.querySelector("input[type=search]")?.focus()
  } else if (event.key === "Escape" && address().open) {
    detailPane.querySelector("a.close")?.click()
  } else if (row && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault()
    const next = event.key === "ArrowDown" ? row.nextElementSibling : row.previousElementSibling
    next?.querySelector("a.main")?.focus()
  }
})

function showClock() {
  if (!clock) return
  let now = Date.parse(clock.now)
  if (clock.mode === "real") now += (performance.now() - clockAt) * clock.speed
  const text = day(new Date(now).toISOString())
  if (by("now").textContent !== text) by("now").textContent = text
  const due = clock.due === 1 ? "1 event due" : count(clock.due) + " events due"
  const mode = (clock.mode === "real" ? "follows real time" + (clock.speed === 1 ? "" : ", ×" + clock.speed) : "stands still") + " · " + due
  if (by("mode").textContent !== mode) by("mode").textContent = mode
  by("next").disabled = clock.due === 0
}

function setClock(c) {
  clock = c
  clockAt = performance.now()
  showClock()
}

setInterval(showClock, 500)

async function act(button, path, method, body) {
  message("")
  button.disabled = true
  try {
    const c = await api(path, method, body)
    button.disabled = false
    if (c.now) setClock(c)
    return true
  } catch (e) {
    button.disabled = false
    message(e.message)
    return false
  }
}

for (const button of document.querySelectorAll("[data-seconds]"))
  button.addEventListener("click", () => act(button, "/_fake/clock/advance", "POST", {seconds: Number(button.dataset.seconds)}))
by("next").addEventListener("click", () => act(by("next"), "/_fake/clock/advance", "POST", {to_next_event: true}))
by("reset").addEventListener("click", () => {
  document.querySelector(".world").open = false
  by("confirm").showModal()
})
by("confirm").addEventListener("close", async () => {
  if (by("confirm").returnValue === "yes" && await act(by("reset"), "/_fake/reset", "POST")) {
    total = 0
    go("/")
  }
  by("confirm").returnValue = ""
})
by("save").addEventListener("click", async () => {
  const text = JSON.stringify(await api("/_fake/snapshot"))
  const link = el("a", {href: URL.createObjectURL(new Blob([text], {type: "application/json"})), download: "fakeserver-snapshot.json"})
  link.click()
  URL.revokeObjectURL(link.href)
})
by("load").addEventListener("change", async event => {
  const [file] = event.target.files
  event.target.value = ""
  if (file) await act(by("save"), "/_fake/snapshot", "PUT", await file.text())
})

// The stream of events. When it breaks it is opened again and goes on where it was.
let last = ""

function live(text, lost) {
  by("live").classList.toggle("lost", lost)
  if (by("live-text").textContent !== text) by("live-text").textContent = text
}

function listen() {
  const stream = new EventSource("/_fake/events" + query({last}))
  const take = kind => event => {
    last = event.lastEventId
    const m = JSON.parse(event.data)
    const first = total === 0 && m.total > 0
    total = m.total
    setClock(m.clock)
    live("live", false)
    if (kind === "reset" || first && !address().view) {
      shown = ""
      show()
    } else if (m.records.length) {
      parts[shown.split("?")[0]]?.update?.(m)
      detail.update(m)
    }
  }
  stream.addEventListener("records", take("records"))
  stream.addEventListener("reset", take("reset"))
  stream.addEventListener("error", () => {
    stream.close()
    live("connection lost at " + new Date().toTimeString().slice(0, 8), true)
    setTimeout(listen, 1000)
  })
}

try {
  total = (await api("/_fake/timeline?limit=1")).total
} catch (e) {
  message(e.message)
}
await show()
listen()
export {at}
