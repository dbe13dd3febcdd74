// The detail of a request, a callback or an object. Its address is a deep link.
import {acts, api, at, body, chip, copier, day, deliveryResult, el, fact, headers, money, one, query, rows, time} from "./dom.js"
import {line} from "./timeline.js"
import {breakNext} from "./faults.js"
import {base} from "./start.js"

let pane, open = "", drawn = "", thread = "", records = []

export async function show(to, what) {
  pane = to
  if (what === open) return
  open = what
  drawn = ""
  await load()
}

export async function update(m) {
  if (!pane || pane.hidden || !open) return
  if (m.records.some(r => [r.subject, r.reference, r.request, r.delivery].includes(thread) || open.includes(encodeURIComponent(r.subject || "\0")))) await load().catch(() => {})
}

async function load() {
  const what = open
  const [a, b, c] = what.split("/")
  let view, data
  if (a === "account") {
    dispatchEvent(new CustomEvent("go", {detail: {to: "/" + query({view: "objects", provider: b, kind: "accounts", owner: decodeURIComponent(c), currency: what.split("/")[3]}), replace: true}}))
    return
  }
  try {
    data = await api(a === "requests" || a === "deliveries" ? "/_fake/" + what : `/_fake/${a}/${b}/${c}`)
    thread = data.id
    records = (await api("/_fake/timeline" + query({subject: thread, limit: 60, provider: a === "requests" || a === "deliveries" ? data.provider : a}))).records
  } catch (e) {
    pane.replaceChildren(close(), el("h2", {tabindex: "-1"}, "Not there any more"), el("p", {}, e.message))
    return
  }
  if (what !== open) return // another one was opened meanwhile
  const text = JSON.stringify(data)
  if (text !== drawn) {
    drawn = text
    view = a === "requests" ? request(data) : a === "deliveries" ? delivery(data) : object(a, b, data)
    const old = pane.querySelector("ol.timeline")
    const lines = old && pane.dataset.open === what ? old : el("ol", {class: "lines timeline", "aria-label": "What belongs to it"})
    pane.dataset.open = what
    const [above, below] = view
    pane.replaceChildren(close(), ...above, el("h3", {}, a === "requests" ? "What it caused" : "Its thread"), lines, ...below)
  }
  rows(pane.querySelector("ol.timeline"), records.filter(r => a !== "requests" || r.kind !== "request"), r => r.id, line)
  const empty = pane.querySelector("ol.timeline")
  empty.hidden = empty.children.length === 0
  empty.previousElementSibling.hidden = empty.hidden
}

const close = () => el("a", {class: "close", href: at({open: ""})}, "Close")

const threadLink = d => d.reference || d.subject ? el("a", {href: "/" + query({view: "timeline", subject: d.reference || d.subject})}, d.reference || d.subject) : ""
const objectLink = d => d.object ? el("a", {href: at({open: [d.provider, d.object, encodeURIComponent(d.subject)].join("/")})}, one(d.object) + " " + d.subject) : ""

// request, delivery and object return what stands above the thread and below it.
function request(r) {
  const broken = el("span", {class: "quiet", role: "status"})
  return [[
    el("h2", {tabindex: "-1", class: "mono"}, r.method + " " + r.path + (r.query ? "?" + r.query : "")),
    el("dl", {class: "facts"},
      ...fact("Response", r.status ? chip(r.status >= 500 ? "failed" : r.reason || r.status >= 400 ? "refused" : "ok", "HTTP " + r.status) : chip("failed", "no response")),
      ...fact("When", day(r.time) + " · took " + r.ms + " ms"),
      ...fact("Provider", r.provider),
      ...fact("Fault", r.fault),
      ...fact("Object", objectLink(r)),
      ...fact("Thread", threadLink(r)),
      ...fact("Id", r.id)),
    r.reason ? el("p", {class: "why"}, el("strong", {}, "Why it was refused: "), r.reason) : "",
    r.fault ? el("p", {class: "why failed"}, el("strong", {}, "A fault met it: "), r.fault) : "",
    el("p", {class: "buttons"}, copier("Copy as curl", () => curl(r)),
      el("button", {type: "button", class: "small", onclick: async () => { broken.textContent = await breakNext(r.provider, r.method, r.path) }}, "Break the next call like this"), broken),
  ], [
    ...body("Request body", r.request_body), ...headers("Request headers", r.header),
    ...body("Response body", r.response_body), ...headers("Response headers", r.response_header),
  ]]
}

const quote = text => "'" + text.replaceAll("'", "'\\''") + "'"

function curl(r) {
  const skipped = ["Content-Length", "Accept-Encoding", "Connection", "Host", "User-Agent"]
  const parts = ["curl", "-X", r.method, quote(base(r.provider) + r.path + (r.query ? "?" + r.query : ""))]
  for (const [name, values] of Object.entries(r.header || {})) if (!skipped.includes(name)) parts.push("-H", quote(name + ": " + values[0]))
  if (r.request_body) parts.push("--data-raw", quote(r.request_body))
  return parts.join(" ")
}

function delivery(d) {
  return [[
    el("h2", {tabindex: "-1"}, d.event),
    el("dl", {class: "facts"},
      ...fact("State", chip(deliveryResult[d.state], d.state)),
      ...fact("To", el("span", {class: "mono"}, d.url)),
      ...fact("When", day(d.time)),
      ...fact("Next attempt", d.next ? day(d.next) : ""),
      ...fact("Provider", d.provider),
      ...fact("Object", objectLink(d)),
      ...fact("Thread", threadLink(d)),
      ...fact("Id", d.id)),
    acts([{name: "Send again", method: "POST", path: "/_fake/deliveries/" + d.id + "/redeliver"}], () => { drawn = ""; load() }),
    el("h3", {}, "Attempts"),
    el("ol", {class: "lines attempts"}, ...d.attempts.map(x => el("li", {},
      el("span", {}, el("span", {class: "time"}, time(x.time)), " ", chip(x.status >= 200 && x.status < 300 ? "ok" : "failed", x.status ? "HTTP " + x.status : x.error || "no response"),
        " ", el("span", {class: "num quiet"}, x.ms + " ms"), x.response ? el("pre", {tabindex: "0", "aria-label": "Response of the receiver"}, x.response) : "")))),
  ], [...body("Body", d.body), ...headers("Headers", d.header)]]
}

function object(provider, kind, o) {
  return [[
    el("h2", {tabindex: "-1"}, o.reference || o.title || o.id),
    el("dl", {class: "facts"},
      ...fact("State", chip(o.result, o.state)),
      ...fact("Amount", o.currency ? el("span", {class: "num"}, money(o.amount, o.currency)) : ""),
      ...fact("Title", o.title),
      ...fact("Created", day(o.created)),
      ...fact("Kind", provider + " · " + kind),
      ...fact("Thread", threadLink({reference: o.reference, subject: o.id})),
      ...fact("Id", el("span", {class: "mono"}, o.id)),
      ...fact("Page", o.link ? el("a", {href: base(provider) + o.link, target: "_blank", rel: "noopener"}, "Open the checkout") : "")),
    o.acts.length ? el("h3", {}, "What can happen next") : "",
    o.acts.length ? acts(o.acts, () => { drawn = ""; load() }, " primary") : "",
  ], body("All the fake knows", JSON.stringify(o.value))]
}
