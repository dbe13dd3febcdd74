// The objects of each provider, its accounts and their entries.
import {acts, address, api, at, chip, count, day, el, money, none, query, rows, svg, time} from "./dom.js"

let root, where, items, next, total, waiting

export async function show(list, a) {
  const {kinds} = await api("/_fake/kinds")
  const first = kinds.find(k => k.total > 0 && k.name !== "accounts") || kinds[0]
  where = {provider: a.provider || first.provider, kind: a.kind || first.name, q: a.q || "", owner: a.owner || "", currency: a.currency || ""}
  if (!root || root.parent !== list || !list.contains(root.lines)) {
    root = {parent: list, kinds: el("nav", {class: "kinds", "aria-label": "Kinds of objects"}), above: el("div"), lines: el("ol", {class: "lines"}), foot: el("div", {class: "foot"})}
    let wait
    root.search = el("input", {type: "search", "aria-label": "Search the objects", placeholder: "id, reference, state or any text; press /", oninput: () => {
      clearTimeout(wait)
      wait = setTimeout(() => dispatchEvent(new CustomEvent("go", {detail: {to: at({view: "objects", q: root.search.value}), replace: true}})), 200)
    }})
    list.replaceChildren(root.kinds, el("div", {class: "filters"}, el("div", {class: "grow"}, root.search)), root.above, root.lines, root.foot)
  }
  if (root.search !== document.activeElement) root.search.value = where.q
  drawKinds(kinds)
  await load()
}

function drawKinds(kinds) {
  root.kinds.replaceChildren(...kinds.map(k => el("a", {
    href: "/" + query({view: "objects", provider: k.provider, kind: k.name}),
    class: k.total ? null : "zero",
    "aria-current": k.provider === where.provider && k.name === where.kind ? "page" : null,
  }, k.provider + " " + k.name.replaceAll("_", " ") + " ", el("span", {class: "num"}, count(k.total)))))
}

async function load(cursor) {
  const entries = where.kind === "accounts" && where.owner
  const path = `/_fake/${where.provider}/${entries ? "entries" : where.kind}` +
    query({q: where.q, cursor, limit: entries ? 200 : 50, ...entries ? {owner: where.owner, currency: where.currency} : {}})
  const page = await api(path)
  const found = page[entries ? "entries" : where.kind]
  items = cursor ? items.concat(found) : found
  next = page.next
  total = page.total
  if (entries) {
    const all = (await api(`/_fake/${where.provider}/accounts` + query({q: where.owner}))).accounts
    where.name = all.find(a => a.owner === where.owner)?.name || ""
    fillEntries()
  }
  else if (where.kind === "accounts") fill("accounts", a => a.owner + a.currency, account)
  else fill("objects", o => o.id, object)
}

function fill(kind, key, make) {
  if (root.lines.className !== "lines " + kind) {
    root.lines.className = "lines " + kind
    root.lines.setAttribute("aria-label", kind)
    root.lines.replaceChildren()
  }
  rows(root.lines, items, key, make)
  root.lines.hidden = items.length === 0
  if (kind !== "entries") root.above.replaceChildren()
  root.foot.replaceChildren(items.length ? el("span", {}, count(items.length) + " shown of " + count(total)) : none(total ? "Nothing matches." : "There are none yet."),
    next ? el("button", {type: "button", onclick: () => load(next)}, "Show older") : "")
}

function object(o) {
  const open = [where.provider, where.kind, encodeURIComponent(o.id)].join("/")
  return el("li", {"data-open": open, class: address().open === open ? "open" : null},
    el("a", {class: "main clip mono", href: at({view: "objects", provider: where.provider, kind: where.kind, open}), title: o.id}, o.reference || o.id),
    el("span", {class: "title clip quiet"}, o.title || ""),
    chip(o.result, o.state),
    el("span", {class: "num"}, o.currency ? money(o.amount, o.currency) : ""),
    el("span", {class: "time", title: day(o.created)}, time(o.created)),
    acts(o.acts.slice(0, 1), () => load()))
}

function account(a) {
  return el("li", {},
    el("a", {class: "main clip", href: at({owner: a.owner, currency: a.currency, open: ""})}, (a.name || a.owner) + " " + a.currency),
    el("span", {class: "num", title: "balance"}, money(a.balance, a.currency)),
    el("span", {class: "num quiet", title: "available"}, a.available === a.balance ? "" : money(a.available) + " available"),
    el("span", {class: "num quiet"}, count(a.entries) + (a.entries === 1 ? " entry" : " entries")))
}

function fillEntries() {
  fill("entries", e => e.id, e => el("li", {},
    el("span", {class: "time", title: day(e.created)}, time(e.created)),
    el("span", {class: "what clip"}, e.kind.toLowerCase().replaceAll("_", " ") + (e.description ? " · " + e.description : "")),
    chip({posted: "ok", pending: "pending", failed: "failed"}[e.status], e.status),
    el("span", {class: "num"}, money(e.amount)),
    el("span", {class: "num quiet", title: "balance after it"}, money(e.balance)),
    e.acts ? acts(e.acts, () => load()) : el("span", {}, e.reference ? el("a", {href: "/" + query({view: "timeline", subject: e.reference})}, "thread") : "")))
  const points = items.slice().reverse().map(e => Number(e.balance))
  const low = Math.min(...points), high = Math.max(low + 1, ...points)
  const line = points.map((p, i) => `${points.length > 1 ? i * 100 / (points.length - 1) : 0},${30 - (p - low) * 28 / (high - low) - 1}`)
  const drawing = svg("svg", {class: "chart", viewBox: "0 0 100 30", preserveAspectRatio: "none", role: "img", "aria-label": "Balance after each of the last entries"}, svg("polyline", {points: line.join(" ")}))
  root.above.replaceChildren(
    el("div", {class: "half"}, el("h2", {}, (where.name || where.owner) + " " + where.currency), el("a", {href: at({owner: "", currency: ""})}, "All accounts")),
    el("p", {class: "num quiet"}, items.length ? "balance " + money(items[0].balance, where.currency) : ""), points.length > 1 ? drawing : "")
}

// A burst of events costs one look a second.
export function update() {
  if (waiting) return
  waiting = setTimeout(async () => {
    waiting = null
    if (address().view !== "objects" || items.length > 200) return
    drawKinds((await api("/_fake/kinds")).kinds)
    await load()
  }, 600)
}
