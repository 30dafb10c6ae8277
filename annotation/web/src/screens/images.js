// All images of a project: a list of any length of which only what is seen is there.
import { annotator, thumbnail } from "../api.js";
import { button, dialog, h, inNextFrame, say } from "../dom.js";
import * as outbox from "../outbox.js";
import * as server from "../server.js";
import { assignAll, manageImage } from "./manage.js";

const ROW = 40;
const PAGE = 100;
const STATES = ["new", "draft", "submitted", "accepted", "rejected"];
const SKIPPED = "SKIPPED";
const MOST_REVIEWS = 1000;

/** @param {import("../server.js").Me} me @param {any} project */
export function imagesScreen(me, project) {
  /** @type {Map<number, any[]>} pages that were asked for */
  const pages = new Map();
  /** @type {Map<number, {image: any, item: HTMLElement}>} rows that are there, by their place */
  let there = new Map();
  let total = 0;
  let asked = 0;
  const count = h("span", { class: "quiet", role: "status" });
  const rows = h("ul", {});
  const list = h("div", { class: "list", tabindex: 0, role: "region", "aria-label": "Images", onscroll: inNextFrame(() => draw()) }, rows);
  const state = h("select", { "aria-label": "State", onchange: () => void again() }, h("option", { value: "" }, "all states"), STATES.map((name) => h("option", { value: `STATE_${name.toUpperCase()}` }, name)), h("option", { value: SKIPPED }, "skipped by me"));
  const search = h("input", { type: "search", "aria-label": "Name", placeholder: "name", oninput: () => void again() });

  function wanted() {
    const filter = state.value === SKIPPED ? { skippedBy: me.name } : state.value ? { state: state.value } : {};
    return { projectId: project.id, search: search.value, ...filter };
  }

  async function acceptAll() {
    const { images } = await server.images({ ...wanted(), state: "STATE_SUBMITTED", most: MOST_REVIEWS });
    const sure = await dialog("Accept without a look?", (close) => [h("p", {}, `${images.length} images that are submitted${search.value ? ` and called "${search.value}"` : ""} become accepted.`),
      h("div", { class: "row" }, button("Accept all", "", () => close(true), { class: "main" }), button("Cancel", "Esc", () => close(false)))]);
    if (!sure || !images.length) return;
    const request = { key: crypto.randomUUID(), accept: true, images: images.map((image) => ({ imageId: image.id, basedOn: image.revision })), ...annotator() };
    const answered = new Promise((resolve) => { const off = outbox.on("answered", () => { off(); resolve(undefined); }); });
    await outbox.post({ image: "", title: `${images.length} images`, method: "ReviewMany", request, upTo: 0 });
    await answered;
    await again();
  }

  async function assignShown() {
    /** @type {any[]} */
    const found = [];
    while (found.length < total) {
      const { images } = await server.images({ ...wanted(), most: MOST_REVIEWS, offset: found.length });
      if (!images.length) break;
      found.push(...images);
    }
    await assignAll(found).catch((error) => say(error.message));
    await again();
  }

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
    const found = await server.images({ ...wanted(), most: PAGE, offset: at * PAGE });
    if (mine !== asked) return;
    pages.set(at, found.images);
    total = found.total;
    count.textContent = counted(total, "image");
    rows.style.height = `${total * ROW}px`;
    draw();
  }

  function draw() {
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 5);
    const last = Math.min(total, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + 5);
    const shown = new Map();
    for (let at = first; at < last; at++) {
      const image = pages.get(Math.floor(at / PAGE))?.[at % PAGE];
      const known = there.get(at);
      if (!image) void page(Math.floor(at / PAGE), asked);
      else shown.set(at, known?.image === image ? known : { image, item: row(me, project, image, at, state.value === SKIPPED, () => void again()) });
    }
    show(shown);
  }

  /** Rows that stay are left alone: one of them may have the focus. @param {Map<number, {image: any, item: HTMLElement}>} shown */
  function show(shown) {
    for (const [at, { item }] of there) if (shown.get(at)?.item !== item) item.remove();
    [...shown.values()].forEach(({ item }, at) => rows.children[at] === item || rows.insertBefore(item, rows.children[at] ?? null));
    there = shown;
  }

  const element = h("main", { class: "sheet" }, h("div", { class: "row" }, button("Projects", "", () => { location.hash = "#/"; }), h("h1", {}, project.name), h("span", { class: "gap" }), count),
    h("div", { class: "row" }, state, search, h("span", { class: "gap" }), me.admin && button("Assign these", "", () => void assignShown()), me.admin && button("Accept all submitted", "", () => void acceptAll()), button("Annotate", "", () => { location.hash = `#/annotate/${project.id}`; }, { class: "main" })), list);
  void again();
  return { element };
}

/** @param {import("../server.js").Me} me @param {any} project @param {any} image @param {number} at @param {boolean} skipped @param {() => void} changed */
function row(me, project, image, at, skipped, changed) {
  const state = String(image.state ?? "").replace("STATE_", "").toLowerCase();
  const place = me.admin && state === "submitted" ? "review" : "annotate";
  const picture = h("img", { alt: "" });
  thumbnail(image).then((url) => { picture.src = url; }, () => {});
  const open = async () => {
    if (skipped) await server.unskip(image.id);
    location.hash = `#/${place}/${project.id}/${image.id}`;
  };
  const item = h("li", {}, h("button", { type: "button", onclick: () => void open() }, picture,
    h("span", { class: "cut" }, image.name), h("span", {}, state), h("span", { class: "wide cut" }, whose(image)), h("span", { class: "wide" }, image.openComments ? counted(image.openComments, "comment") : image.revision ? `revision ${image.revision}` : "")),
    me.admin && button("⋯", "", () => void manageImage(image, changed), { class: "more", title: "Rename, assign or delete", "aria-label": `Rename, assign or delete ${image.name}` }));
  item.style.top = `${at * ROW}px`;
  return item;
}

/** @param {any} image */
function whose(image) {
  if (image.holder) return `with ${image.holder}`;
  return image.assignee ? `for ${image.assignee}` : image.annotator ?? "";
}

/** @param {number} count @param {string} name */
function counted(count, name) {
  return `${count} ${name}${count === 1 ? "" : "s"}`;
}
