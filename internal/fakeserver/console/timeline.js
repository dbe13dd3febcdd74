// The timeline: what happened, newest first. Its filter is in the address.
import {address, api, at, chip, count, el, money, none, one, query, rows, time} from "./dom.js"

let root, filter, records, next, total, dropped

const kinds = {request: "requests", state: "states", entry: "money", callback: "callbacks", act: "by hand"}
const size = 100

export const providers = ["kapiten", "kpay", "kasapay", "kotani", "fiatconnect", "bitpesa"]

export async function show(list, a) {
  filter = {provider: a.provider || "", kind: a.kind || "", result: a.result || "", subject: a.subject || "", q: a.q || ""}
  const old = list.querySelector("form.filters.timeline-filters")
  if (!old || root?.parent !== list) draw(list)
  for (const field of root.form.querySelectorAll("[name]")) if (field !== document.activeElement) field.value = filter[field.name]
  root.subject.replaceChildren(...filter.subject ? [el("span", {class: "tag"}, "Thread of ", el("strong", {}, filter.subject), el("a", {href: at({subject: ""}), "aria-label": "Leave the thread"}, "✕"))] : [])
  await load()
}

function draw(list) {
  const changed = () => {
    const values = Object.fromEntries(new FormData(root.form))
    dispatchEvent(new CustomEvent("go", {detail: {to: at({view: "timeline", ...values}), replace: true}}))
  }
  const select = (name, label, options) => el("label", {}, label, el("select", {name, onchange: changed},
    el("option", {value: ""}, "all"), ...options.map(([value, text]) => el("option", {value}, text))))
  let wait
  const form = el("form", {class: "filters timeline-filters", role: "search", "aria-label": "Filter the timeline", onsubmit: e => e.preventDefault()},
    select("provider", "Provider", providers.map(p => [p, p])),
    select("kind", "What", Object.entries(kinds)),
    select("result", "Result", ["ok", "pending", "refused", "failed"].map(r => [r, r])),
    el("label", {class: "grow"}, "Id or text", el("input", {
      type: "search", name: "q", placeholder: "press / to search",
      oninput: () => { clearTimeout(wait); wait = setTimeout(changed, 200) },
    })))
  root = {parent: list, form, subject: el("p", {class: "buttons"}), lines: el("ol", {class: "lines timeline", "aria-label": "Timeline"}), foot: el("div", {class: "foot"})}
  list.replaceChildren(form, root.subject, root.lines, root.foot)
}

async function load(cursor) {
  const page = await api("/_fake/timeline" + query({...filter, limit: size, cursor}))
  records = cursor ? records.concat(page.records) : page.records
  next = page.next
  total = page.total
  dropped = page.dropped || 0
  fill()
}

function fill() {
  rows(root.lines, records, r => r.id, line)
  root.lines.hidden = records.length === 0
  root.foot.replaceChildren(
    records.length === 0 ? none(total ? "Nothing matches this filter." : "Nothing has happened yet.") : "",
    el("span", {}, records.length ? count(records.length) + " shown of " + count(total + dropped) + (dropped ? ", the oldest " + count(dropped) + " are forgotten" : "") : ""),
    next ? el("button", {type: "button", onclick: () => load(next)}, "Show older") : "")
}

const fits = r => (!filter.provider || filter.provider === r.provider) && (!filter.kind || filter.kind === r.kind) &&
  (!filter.result || filter.result === r.result) && (!filter.subject || [r.subject, r.reference, r.delivery, r.request].includes(filter.subject)) &&
  (!filter.q || [r.text, r.cause, r.subject, r.reference, r.request, r.delivery].join("\n").toLowerCase().includes(filter.q.toLowerCase()))

export function update(m) {
  if (!records) return
  const known = new Map(records.map(r => [r.id, r]))
  for (const r of m.records) if (known.has(r.id) || fits(r)) known.set(r.id, r)
  records = [...known.values()].filter(fits).sort((a, b) => b.id - a.id)
  if (records.length > 10 * size) { // the page stays small; the older ones can be loaded again
    records.length = 10 * size
    next = String(records.at(-1).id - 1)
  }
  total = Math.max(total, m.total - dropped)
  fill()
}

// opens is what a line opens: the request, the callback, the object or the account.
export function opens(r) {
  if (r.kind === "request") return "requests/" + r.request
  if (r.kind === "callback") return "deliveries/" + r.delivery
  if (r.object) return [r.provider, r.object, encodeURIComponent(r.subject)].join("/")
  if (r.kind === "entry") return "account/" + [r.provider, r.entry.account.owner, r.entry.account.currency].map(encodeURIComponent).join("/")
  return ""
}

export function line(r) {
  const open = opens(r)
  const text = r.kind === "entry" ? moneyText(r.entry) : r.kind === "state" ? one(r.object || "") + " " + r.text : r.text
  const subject = r.reference || r.subject
  return el("li", {"data-open": open || null, class: open && address().open === open ? "open" : null},
    el("span", {class: "time", title: r.time}, time(r.time)),
    el("span", {class: "provider"}, r.provider || "world"),
    chip(r.result),
    open ? el("a", {class: "main clip", href: at({open}), title: text}, text) : el("span", {class: "main clip", title: text}, text),
    el("span", {class: "subject clip"}, subject ? el("a", {href: "/" + query({view: "timeline", subject}), class: "mono", title: "The whole thread of " + subject}, subject) : ""),
    el("span", {class: "cause clip", title: r.cause || ""}, r.cause || (r.kind !== "request" && r.request ? "by " + r.request : "")))
}

function moneyText(e) {
  return (e.amount.startsWith("-") ? "" : "+") + money(e.amount, e.account.currency) + " " + e.kind.toLowerCase().replaceAll("_", " ") +
    (e.status === "posted" ? "" : " (" + e.status + ")")
}
