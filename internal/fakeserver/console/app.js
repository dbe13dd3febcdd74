// The console: the header, the address and the stream of events. Each part of the
// page is a module with show(list, address) and, where it has one, update(message).
import {address, api, attempt, count, day, el, giveUp, lead, none, plural, query} from "./dom.js"
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

function message(text, retry) {
  const button = () => el("button", {type: "button", class: "small", onclick: () => { message(""); retry() }}, "Try again")
  by("message").replaceChildren(text, ...retry ? [button()] : [])
  by("message").hidden = !text
}

// show draws what the address says. Only what changed in it is drawn anew.
let turn = 0, healed = false
async function show() {
  const mine = ++turn
  const a = address()
  const view = parts[a.view] ? a.view : total === 0 && !a.open && !a.subject ? "start" : "timeline"
  for (const link of document.querySelectorAll(".parts a")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page")
    else link.removeAttribute("aria-current")
  }
  for (const link of document.links) if (link.to) lead(link)
  const {open, ...rest} = a
  const wanted = view + query(rest)
  await attempt(async () => {
    if (wanted !== shown) {
      shown = wanted
      document.title = view[0].toUpperCase() + view.slice(1) + " · fakeserver"
      try {
        await parts[view].show(list, {...rest, view}, healed)
        list.dataset.view = view
      } catch (e) {
        if (shown === wanted) {
          shown = "" // the next click tries again
          if (list.dataset.view !== view) list.replaceChildren(none("This could not be loaded.")) // not the rows of another part
        }
        throw e
      }
    }
    if (mine !== turn) return // the address has changed meanwhile: what was opened stays open
    document.querySelector("main").classList.toggle("split", Boolean(open))
    detailPane.hidden = !open
    await detail.show(detailPane, open || "")
    for (const row of list.querySelectorAll("[data-open]")) row.classList.toggle("open", row.dataset.open === open)
  }, show)
}

function go(to, replace) {
  history[replace ? "replaceState" : "pushState"](null, "", to)
  message("")
  return show()
}

addEventListener("popstate", show)
addEventListener("go", e => go(e.detail, true))
addEventListener("failed", e => message(e.detail.text, e.detail.retry))

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
  const mode = (clock.mode === "real" ? "follows real time, ×" + count(clock.speed) : "stands still") + " · " + plural(clock.due, "event") + " due"
  if (by("mode").textContent !== mode) by("mode").textContent = mode
  by("next").setAttribute("aria-disabled", String(clock.due === 0)) // not disabled: it would lose the focus
}

function setClock(c) {
  clock = c
  clockAt = performance.now()
  showClock()
}

setInterval(showClock, 500)

// act makes one call at a time and reports whether it was done.
const still = "The last call is still under way."
let busy = false
async function act(path, method, body) {
  if (busy) {
    message(still)
    return false
  }
  busy = true
  message("")
  const c = await attempt(() => api(path, method, body))
  busy = false
  if (by("message").textContent === still) message("")
  if (c?.now) setClock(c)
  return Boolean(c)
}

for (const button of document.querySelectorAll("[data-seconds]"))
  button.onclick = () => act("/_fake/clock/advance", "POST", {seconds: Number(button.dataset.seconds)})
by("next").onclick = () => act("/_fake/clock/advance", "POST", {to_next_event: true})
by("reset").onclick = () => by("confirm").showModal()
by("confirm").onclose = async () => {
  if (by("confirm").returnValue === "yes" && await act("/_fake/reset", "POST")) {
    total = 0
    go("/")
  }
  by("confirm").returnValue = ""
}
by("save").onclick = () => attempt(async () => {
  message("")
  const text = JSON.stringify(await api("/_fake/snapshot"))
  const link = el("a", {href: URL.createObjectURL(new Blob([text], {type: "application/json"})), download: "fakeserver-snapshot.json"})
  link.click()
  URL.revokeObjectURL(link.href)
})
by("load").onchange = event => attempt(async () => {
  const [file] = event.target.files
  const text = await file?.text()
  event.target.value = "" // the same file can be chosen again
  if (text !== undefined) await act("/_fake/snapshot", "PUT", text)
})

// The stream of events. When it breaks it is opened again and goes on where it was.
// A stream that is silent for three heartbeats of the server is as good as broken.
// Its first message comes before the first list is read, so that no news falls in between.
let last = "", lostAt = "", patience = 15_000, watch, begun = false

function live() {
  by("live").classList.toggle("lost", Boolean(lostAt))
  const text = lostAt ? "connection lost at " + lostAt : "live"
  if (by("live-text").textContent !== text) by("live-text").textContent = text
}

let hush = null // ends the listening

// A browser allows a server six connections, and a stream takes one for as long as it is open.
// So one tab keeps its stream. The others, and all of a browser that has no locks for this
// address, open theirs each second for its first message: what has happened since the last one.
// A tab that nobody looks at has none, and goes on from the last message later.
function listen() {
  if (document.hidden || hush) return
  let over = false, stream, again, release
  const until = new Promise(resolve => { release = resolve })
  hush = () => {
    over = true
    clearTimeout(watch)
    clearTimeout(again)
    stream?.close()
    release()
    hush = null
  }
  const next = () => {
    hush?.()
    listen()
  }
  const hear = lock => {
    if (over || stream) return null
    stream = open(lock ? () => {} : () => {
      clearTimeout(watch)
      stream.close()
      again = setTimeout(next, 1000)
    })
    return lock && until
  }
  // Where a site's data is blocked, the browser refuses its locks, or may not answer.
  try {
    navigator.locks.request("stream", {ifAvailable: true}, hear).catch(() => hear(null))
    again = setTimeout(() => hear(null), 2000)
  } catch {
    hear(null)
  }
}

// open opens the stream, and calls heard after each message.
function open(heard) {
  const stream = new EventSource("/_fake/events" + query({last}))
  const alive = () => {
    clearTimeout(watch)
    watch = setTimeout(lose, patience)
  }
  const lose = () => {
    hush?.()
    giveUp()
    lostAt ||= new Date().toTimeString().slice(0, 8) // of the first failure
    live()
    begin()
    setTimeout(listen, 1000)
  }
  const take = kind => event => {
    last = event.lastEventId
    const m = JSON.parse(event.data)
    patience = 3000 * m.heartbeat
    alive()
    heard()
    const first = total === 0 && m.total > 0
    total = m.total
    setClock(m.clock)
    healed = Boolean(lostAt)
    if (healed) message("") // what failed meanwhile is done again below, or can be
    lostAt = ""
    live()
    if (begin()) return
    if (kind === "reset" || healed || first && !address().view) {
      shown = ""
      show().then(() => attempt(detail.reload))
    } else if (m.records.length) {
      parts[shown.split("?")[0]]?.update?.(m)
      attempt(() => detail.update(m))
    }
  }
  stream.addEventListener("records", take("records"))
  stream.addEventListener("reset", take("reset"))
  stream.addEventListener("ping", alive)
  stream.addEventListener("error", lose)
  alive()
  return stream
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) hush?.()
  else listen()
})

// begin draws the page for the first time, and reports whether it did.
function begin() {
  if (begun) return false
  begun = true
  shown = ""
  show()
  return true
}

listen()
