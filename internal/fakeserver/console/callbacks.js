// The callbacks with their attempts.
import {acts, address, api, at, chip, count, deliveryResult, el, none, query, rows, time} from "./dom.js"
import {providers} from "./timeline.js"

let root, filter, items, next, total, waiting

export async function show(list, a) {
  filter = {state: a.state || "", provider: a.provider || "", q: a.q || ""}
  if (!root || root.parent !== list || !list.contains(root.lines)) draw(list)
  for (const field of root.form.querySelectorAll("[name]")) if (field !== document.activeElement) field.value = filter[field.name]
  await load()
}

function draw(list) {
  const changed = () => dispatchEvent(new CustomEvent("go", {detail: {to: at({view: "callbacks", ...Object.fromEntries(new FormData(root.form))}), replace: true}}))
  const select = (name, label, options) => el("label", {}, label, el("select", {name, onchange: changed}, el("option", {value: ""}, "all"), ...options.map(o => el("option", {value: o}, o))))
  let wait
  root = {parent: list, lines: el("ol", {class: "lines callbacks", "aria-label": "Callbacks"}), foot: el("div", {class: "foot"})}
  root.form = el("form", {class: "filters", role: "search", "aria-label": "Filter the callbacks", onsubmit: e => e.preventDefault()},
    select("provider", "Provider", providers), select("state", "State", ["pending", "delivered", "dead"]),
    el("label", {class: "grow"}, "Id or text", el("input", {type: "search", name: "q", oninput: () => { clearTimeout(wait); wait = setTimeout(changed, 200) }})))
  const all = acts([{name: "Send all dead again", method: "POST", path: "/_fake/deliveries/redeliver"}], () => load())
  all.querySelector("button").className = ""
  root.form.append(all)
  list.replaceChildren(root.form, root.lines, root.foot)
}

async function load(cursor) {
  const page = await api("/_fake/deliveries" + query({...filter, limit: 50, cursor}))
  items = cursor ? items.concat(page.deliveries) : page.deliveries
  next = page.next
  total = page.total
  rows(root.lines, items, d => d.id, line)
  root.lines.hidden = items.length === 0
  root.foot.replaceChildren(items.length ? el("span", {}, count(items.length) + " shown of " + count(total)) : none(total ? "Nothing matches this filter." : "No callback was sent yet."),
    next ? el("button", {type: "button", onclick: () => load(next)}, "Show older") : "")
}

function line(d) {
  const open = "deliveries/" + d.id
  const last = d.attempts.at(-1)
  const said = last ? (last.status ? "HTTP " + last.status : last.error || "no response") + " · " + last.ms + " ms" : "not sent yet"
  const subject = d.reference || d.subject
  return el("li", {"data-open": open, class: address().open === open ? "open" : null},
    el("span", {class: "time", title: d.time}, time(d.time)),
    el("span", {class: "provider"}, d.provider),
    el("a", {class: "main clip", href: at({view: "callbacks", open}), title: d.url}, d.event),
    el("span", {class: "subject clip"}, subject ? el("a", {class: "mono", href: "/" + query({view: "timeline", subject})}, subject) : ""),
    chip(deliveryResult[d.state], d.state),
    el("span", {class: "last clip quiet", title: said}, (d.attempts.length > 1 ? d.attempts.length + " attempts, " : "") + said + (d.next ? " · next " + time(d.next) : "")),
    acts([{name: "Send again", method: "POST", path: "/_fake/deliveries/" + d.id + "/redeliver"}], () => load()))
}

export function update() {
  if (waiting) return
  waiting = setTimeout(() => {
    waiting = null
    if (address().view === "callbacks" && items.length <= 200) load()
  }, 600)
}
