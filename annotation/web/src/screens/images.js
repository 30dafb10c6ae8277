// All images of a project: a list of any length of which only what is seen is there.
import { thumbnail } from "../api.js";
import { button, fill, h } from "../dom.js";
import * as server from "../server.js";

const ROW = 40;
const PAGE = 100;
const STATES = ["new", "draft", "submitted", "accepted", "rejected"];

/** @param {import("../server.js").Me} me @param {any} project */
export function imagesScreen(me, project) {
  /** @type {Map<number, any[]>} pages that were asked for */
  const pages = new Map();
  let total = 0;
  let asked = 0;
  const count = h("span", { class: "quiet", role: "status" });
  const rows = h("ul", {});
  const list = h("div", { class: "list", tabindex: 0, role: "region", "aria-label": "Images", onscroll: () => draw() }, rows);
  const state = h("select", { "aria-label": "State", onchange: () => void again() }, h("option", { value: "" }, "all states"), STATES.map((name) => h("option", { value: `STATE_${name.toUpperCase()}` }, name)));
  const search = h("input", { type: "search", "aria-label": "Name", placeholder: "name", oninput: () => void again() });

  async function again() {
    const mine = ++asked;
    pages.clear();
    await page(0, mine);
    list.scrollTop = 0;
    draw();
  }

  /** @param {number} at @param {number} mine */
  async function page(at, mine) {
    if (pages.has(at)) return;
    pages.set(at, []);
    const request = { projectId: project.id, most: PAGE, offset: at * PAGE, search: search.value, ...(state.value && { state: state.value }) };
    const found = await server.images(request);
    if (mine !== asked) return;
    pages.set(at, found.images);
    total = found.total;
    count.textContent = `${total} images`;
    rows.style.height = `${total * ROW}px`;
    draw();
  }

  function draw() {
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 5);
    const last = Math.min(total, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + 5);
    const shown = [];
    for (let at = first; at < last; at++) {
      const image = pages.get(Math.floor(at / PAGE))?.[at % PAGE];
      if (image) shown.push(row(me, project, image, at));
      else void page(Math.floor(at / PAGE), asked);
    }
    fill(rows, shown);
  }

  const element = h("main", { class: "sheet" }, h("div", { class: "row" }, button("Projects", "", () => { location.hash = "#/"; }), h("h1", {}, project.name), h("span", { class: "gap" }), count),
    h("div", { class: "row" }, state, search, button("Annotate", "", () => { location.hash = `#/annotate/${project.id}`; }, { class: "main" })), list);
  void again();
  return { element };
}

/** @param {import("../server.js").Me} me @param {any} project @param {any} image @param {number} at */
function row(me, project, image, at) {
  const state = String(image.state ?? "").replace("STATE_", "").toLowerCase();
  const place = me.admin && state === "submitted" ? "review" : "annotate";
  const picture = h("img", { alt: "" });
  thumbnail(image).then((url) => { picture.src = url; }, () => {});
  const item = h("li", {}, h("button", { type: "button", onclick: () => { location.hash = `#/${place}/${project.id}/${image.id}`; } }, picture,
    h("span", { class: "cut" }, image.name), h("span", {}, state), h("span", { class: "wide cut" }, image.holder ? `with ${image.holder}` : image.annotator ?? ""), h("span", { class: "wide" }, image.revision ? `revision ${image.revision}` : "")));
  item.style.top = `${at * ROW}px`;
  return item;
}
