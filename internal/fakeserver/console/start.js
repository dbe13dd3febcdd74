// What a developer needs first: addresses, credentials, a call that works.
import {api, copier, el, fact} from "./dom.js"

const page = api("/console/start.json")
const bases = {}
page.then(p => p.endpoints.forEach(e => { bases[e.name] = e.base }), () => {})

// base is the base URL of a provider.
export const base = provider => bases[provider] || ""

export async function show(list) {
  const {endpoints, admin} = await page
  list.replaceChildren(
    el("p", {class: "panel"}, "Point your client at a base URL below. What it does shows up here at once. The admin API is at ", el("a", {href: "/_fake/", class: "mono"}, admin), "."),
    el("div", {class: "start"}, ...endpoints.map(e => el("div", {class: "panel"},
      el("div", {class: "half"}, el("h2", {}, e.title), copier("Copy the base URL", e.base)),
      el("p", {class: "mono"}, e.base),
      el("dl", {class: "facts"}, ...Object.entries(e.credentials).flatMap(([name, value]) => fact(name, el("span", {class: "mono"}, value)))),
      el("div", {class: "half"}, el("h3", {}, "A first call"), copier("Copy", e.curl)),
      el("pre", {tabindex: "0", "aria-label": "A first call to " + e.title}, e.curl),
      e.magic.length ? el("h3", {}, "Magic numbers") : "",
      el("ul", {}, ...e.magic.map(m => el("li", {}, m)))))))
}
