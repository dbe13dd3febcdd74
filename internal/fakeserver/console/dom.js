// What the parts share: elements, the admin API, addresses and formats. Data only
// ever becomes text, never HTML.
import {stays} from "./patch.js"

// el makes an element: el("a", {class: "main", href: "/"}, "text", child). The attribute "to" makes a link: see lead.
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue
    if (key.startsWith("on")) node[key] = value // a property, so that a redraw can change it
    else if (key === "to") lead(Object.assign(node, {to: value}))
    else node.setAttribute(key, value === true ? "" : value)
  }
  node.append(...children.filter(c => c !== null && c !== undefined && c !== false))
  return node
}

// svg makes an element of a drawing.
export function svg(name, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
  node.append(...children)
  return node
}

let waiting = new AbortController()

// giveUp ends the calls under way: their connections may be as dead as the stream's.
export function giveUp() {
  waiting.abort()
  waiting = new AbortController()
}

// api calls the admin API. An error response throws its text.
export async function api(path, method = "GET", body) {
  const response = await fetch(path, {
    method,
    signal: waiting.signal,
    headers: body === undefined ? {} : {"Content-Type": "application/json"},
    body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
  }).catch(() => { throw new Error("The server does not respond.") })
  const value = await response.json().catch(() => {
    if (response.ok) throw new Error("The server does not respond.") // its body was cut
    return {error: "HTTP " + response.status}
  })
  if (!response.ok) throw Object.assign(new Error(value.error || "HTTP " + response.status), {status: response.status})
  return value
}

// attempt does what may fail. The page says what has failed, with a button for retry.
export async function attempt(work, retry) {
  try {
    return await work()
  } catch (e) {
    dispatchEvent(new CustomEvent("failed", {detail: {text: e.message, retry}}))
  }
}

// go changes the address without loading the page.
export const go = to => dispatchEvent(new CustomEvent("go", {detail: to}))

// later makes a function that waits for a pause, so that a burst costs one call.
export function later(work, milliseconds) {
  let wait
  return () => {
    clearTimeout(wait)
    wait = setTimeout(work, milliseconds)
  }
}

// soon makes a function that runs once, a moment after the first of a burst of calls. A
// call while it runs makes it run once more.
export function soon(work) {
  let waiting = false, more = false
  return function call() {
    more = waiting
    if (waiting) return
    waiting = true
    setTimeout(async () => {
      more = false
      await attempt(work)
      waiting = false
      if (more) call()
    }, 600)
  }
}

// query makes "?a=b" of what is not empty.
export function query(values) {
  const q = new URLSearchParams()
  for (const [key, value] of Object.entries(values)) if (value !== "" && value !== undefined && value !== null) q.set(key, value)
  return "?" + q
}

// address is the page's own state: its query.
export const address = () => Object.fromEntries(new URLSearchParams(location.search))

// at is the address with some values changed.
export const at = changes => "/" + query({...address(), ...changes})

// lead points a link made with to: {open: "requests/req-000001"} to the address with these
// values changed. What stays on the page while the address changes is led anew.
export const lead = link => link.setAttribute("href", at(link.to))

export const time = t => t && !t.startsWith("0001-") ? t.slice(11, 19) : ""
export const day = t => t && !t.startsWith("0001-") ? t.slice(0, 10) + " " + t.slice(11, 19) : ""

// dated marks each element of a list, newest first, that is of another day than the element
// above it. The first of a list is marked if the list has several days.
export function dated(list, of = "time") {
  const on = i => list[i][of].slice(0, 10)
  const several = list.some((_, i) => on(i) !== on(0))
  return list.map((e, i) => (i === 0 ? several : on(i) !== on(i - 1)) ? {...e, day: on(i)} : e)
}

// when is the time of an element, with its day if dated has marked it.
export const when = (e, of = "time") => el("span", {class: "time", title: day(e[of])}, e.day && e[of] && !e[of].startsWith("0001-") ? el("span", {class: "day"}, e.day + " ") : null, time(e[of]))

// money groups the digits before the point by three.
export function money(amount, currency = "") {
  const [whole, rest] = String(amount).split(".")
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",")
  return (grouped + (rest ? "." + rest : "")).replace("-", "\u2212") + (currency ? "\u00a0" + currency : "")
}

export const count = n => money(n)

// plural is "1 entry" or "2 entries".
export const plural = (n, singular, more = singular + "s") => count(n) + " " + (n === 1 ? singular : more)

// milliseconds has three digits that count.
export const milliseconds = ms => (ms >= 100 ? String(Math.round(ms)) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2)) + " ms"

const results = {ok: ["✓", "ok"], pending: ["…", "pending"], refused: ["⊘", "refused"], failed: ["✕", "failed"]}

// chip shows a result by an icon and a word.
export function chip(result, text) {
  const [icon, word] = results[result] || ["", result]
  return el("span", {class: "chip result " + result}, el("span", {class: "icon", "aria-hidden": "true"}, icon), text || word)
}

// one is the name of one object of a kind.
export const one = kind => kind.replace(/ies$/, "y").replace(/s$/, "").replaceAll("_", " ")

export const deliveryResult = {pending: "pending", delivered: "ok", dead: "failed"}

// acts are the buttons of an object. A refused act shows its reason in place, until the
// next act.
export function acts(all, done, first = "") {
  const buttons = all.map((a, i) => Object.assign(el("button", {
    type: "button", class: "small" + (i === 0 ? first : ""),
    onclick: async event => {
      const refusal = event.currentTarget.parentElement.querySelector(".refusal")
      refusal.textContent = ""
      try {
        await api(a.path, a.method, a.body)
        await done()
      } catch (e) {
        refusal.textContent = e.message
      }
    },
  }, a.name), {key: a.name}))
  return el("div", {class: "buttons act", tabindex: "-1"}, ...buttons, Object.assign(stays(el("span", {class: "refusal", role: "alert"})), {key: "refusal"}))
}

// again reads a list from its beginning: n rows, and those which are new since the list had
// the total of before, so that the last row stays. The server bounds each of its pages.
export async function again(read, name, n, before, goesOn) {
  let page = await read(n)
  const rows = page[name], wanted = n + Math.min(Math.max(page.total - before, 0), 1000)
  while (page.next && rows.length < wanted && goesOn()) {
    page = await read(wanted - rows.length, page.next)
    rows.push(...page[name])
  }
  return {...page, [name]: rows}
}

// shown says how much of a list is on the page.
export const shown = (n, total, filtered) => count(n) + " shown of " + count(total) + (filtered ? " that match" : "")

export function fact(name, ...value) {
  return value.every(v => v === "" || v === null || v === undefined) ? [] : [el("dt", {}, name), el("dd", {}, ...value)]
}

// pretty indents JSON and leaves other texts as they are. Each value keeps its own
// spelling: an amount of 12.50 stays 12.50.
function pretty(text) {
  try {
    JSON.parse(text)
  } catch {
    return text
  }
  let out = "", depth = 0
  const line = () => "\n" + "  ".repeat(depth)
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{[]\s*[}\]]|[{}[\]:,]|[^\s{}[\]:,"]+/g)) {
    if (token === "{" || token === "[") depth++
    if (token === "}" || token === "]") depth--
    if (token === "}" || token === "]") out += line() + token
    else if (token === "{" || token === "[" || token === ",") out += token + line()
    else out += token === ":" ? ": " : token.replace(/^([{[])\s+/, "$1")
  }
  return out
}

// body shows a body, pretty first, raw on demand.
export function body(title, text) {
  if (!text) return []
  const toggle = el("button", {
    type: "button", class: "small", "aria-pressed": "false",
    onclick: event => {
      const raw = event.currentTarget.getAttribute("aria-pressed") === "false"
      event.currentTarget.setAttribute("aria-pressed", String(raw))
      event.currentTarget.closest(".body").querySelector("pre").textContent = raw ? text : pretty(text)
    },
  }, "Raw")
  return [Object.assign(el("div", {class: "body"},
    el("div", {class: "half"}, el("h3", {}, title), pretty(text) === text ? "" : toggle),
    el("pre", {tabindex: "0", "aria-label": title}, pretty(text))), {key: title})]
}

export function headers(title, all) {
  const lines = Object.entries(all || {}).sort().map(([name, values]) => name + ": " + values.join(", "))
  return lines.length ? [el("h3", {}, title), el("pre", {tabindex: "0", "aria-label": title}, lines.join("\n"))] : []
}

// copier is a button that copies a text.
export function copier(label, text) {
  return el("button", {
    type: "button", class: "small",
    onclick: async event => {
      const button = event.currentTarget
      try {
        await copy(typeof text === "function" ? text() : text)
        button.textContent = "Copied"
      } catch {
        button.textContent = "Could not copy"
      }
      setTimeout(() => { button.textContent = label }, 1500)
    },
  }, label)
}

// copy puts a text on the clipboard. Browsers have navigator.clipboard on loopback and
// with https only; the old way works elsewhere.
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text)
  const area = el("textarea", {class: "aside"}, text)
  document.body.append(area)
  area.select()
  const done = document.execCommand("copy")
  area.remove()
  if (!done) throw new Error("copying is not allowed")
}

export const none = text => el("p", {class: "none"}, text)
