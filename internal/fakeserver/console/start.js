// What a developer needs first: addresses, credentials, a call that works.
import {api, copier, el, fact} from "./dom.js"

const bases = {}
let page

// load asks for the page once. After a failure the next call asks again.
export function load() {
  return page ||= api("/console/start.json").then(p => {
    for (const e of p.endpoints) bases[e.name] = e.base
    return p
  }, e => {
    page = undefined
    throw new Error("The addresses of the providers are not known. " + e.message)
  })
}

// providers are the names of all APIs, in the server's order.
export const providers = async () => (await load()).endpoints.map(e => e.name)

// base is the base URL of a provider, once load is done.
export const base = provider => bases[provider]

export async function show(list) {
  const {endpoints, admin} = await load()
  list.replaceChildren(
    el("p", {class: "panel"}, "Point your client at a base URL below. What it does shows up here at once. The admin API is at ", el("a", {href: "/_fake/", class: "mono"}, admin), "."),
    el("div", {class: "start"}, ...endpoints.map(e => el("div", {class: "panel"},
      el("div", {class: "half"}, el("h2", {}, e.title), copier("Copy the base URL", e.base)),
      el("p", {class: "mono"}, e.base),
      el("dl", {class: "facts"}, ...Object.entries(e.credentials).flatMap(([name, value]) => fact(name, el("span", {class: "mono"}, value)))),
      el("div", {class: "half"}, el("h3", {}, "A first call"), copier("Copy", e.curl)),
      el("pre", {tabindex: "0", "aria-label": "A first call to " + e.title}, e.curl),
      el("h3", {}, "Magic numbers"),
      ...e.magic.map(m => magic(m, e.magic.length <= 2))))))
}

// magic is a table of endings and what they do.
function magic(m, open) {
  const head = text => el("th", {scope: "col"}, text)
  const ending = text => text && text !== "any other" ? el("code", {}, text) : text
  return el("details", {class: "magic", open},
    el("summary", {}, m.about),
    el("table", {},
      el("thead", {}, el("tr", {}, head(m.number), m.reference ? head("or " + m.reference) : "", head("What happens"))),
      el("tbody", {}, ...m.rows.map(r => el("tr", {},
        el("td", {}, ending(r.number)), m.reference ? el("td", {}, ending(r.reference)) : "", el("td", {}, r.does))))))
}
