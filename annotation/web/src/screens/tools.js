// The frame of the page on which an image is annotated: its bars, canvases and panel.
import { button, h } from "../dom.js";
import { commandOf, keyOf } from "../keys.js";
import { clamp } from "../state.js";

const PICTURE = [["fitPerson", "Person"], ["fitPicture", "Picture"], ["guided", "Guided"], ["newPerson", "New person"], ["horizon", "Horizon"], ["hide", "Hide"], ["darker", "Darker"], ["brighter", "Brighter"], ["plainLight", "Light"]];
const DEPTH = [["flip", "Flip"], ["flipLimb", "Limb"], ["flipTorso", "Torso"], ["nearer", "Nearer"], ["farther", "Farther"], ["refit", "Refit"]];
const VIEW = [["side", "Side"], ["camera", "Camera"], ["top", "Top"]];

/** @param {{run: (id: string) => void, leave: () => void, name: string, position: string, picture: HTMLElement, space: HTMLElement}} page */
export function frame(page) {
  const tool = (/** @type {string[]} */ [id, label], props = {}) => button(label, keyOf(id), () => page.run(id), { "data-command": id, title: `${commandOf(id).label} (${keyOf(id)})`, ...props });
  const parts = {
    kept: h("span", { class: "kept", role: "status" }),
    banner: h("div", { class: "banner", role: "alert" }),
    others: h("div", { class: "others", role: "group", "aria-label": "Other bodies" }),
    people: h("div", { class: "people", role: "group", "aria-label": "People" }),
    joints: h("ul", { class: "joints", "aria-label": "Joints" }),
    odd: h("ul", { class: "odd", "aria-label": "What is unusual" }),
    measures: h("div", { class: "measures" }),
    label: h("p", { id: "point-label", class: "visually-hidden", "aria-live": "polite" }),
    busy: h("p", { class: "busy", role: "status" }),
    empty: h("p", { class: "empty quiet" }),
  };
  page.picture.append(parts.busy);
  page.space.append(parts.empty);
  const gap = () => h("span", { class: "gap" });
  const header = h("header", { class: "bar" }, button("Projects", "", page.leave), h("h1", { class: "name" }, page.name), h("span", { class: "quiet" }, page.position), parts.kept,
    gap(), tool(["undo", "Undo"]), tool(["redo", "Redo"]), tool(["skip", "Skip"]), tool(["help", "Help"]), tool(["submit", "Submit"], { class: "main" }));
  const bar = (/** @type {string} */ label, /** @type {any[]} */ children) => h("div", { class: "tools", role: "toolbar", "aria-label": label }, children);
  const element = h("main", { class: "annotate" }, header, parts.banner,
    h("section", { class: "half", "aria-label": "Picture" }, bar("Picture", PICTURE.map((each) => tool(each))), page.picture),
    h("section", { class: "half", "aria-label": "Space" }, bar("Depth", [...VIEW.map((each) => tool(each)), gap(), ...DEPTH.map((each) => tool(each))]), page.space, parts.others),
    h("aside", { class: "panel", "aria-label": "People and joints" }, parts.people, parts.joints, parts.odd, parts.measures), parts.label);
  return { ...parts, element };
}

/** Writes the keys on the buttons of commands as they are now. @param {HTMLElement} element */
export function relabel(element) {
  for (const tool of /** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll("[data-command]"))) {
    const id = String(tool.dataset.command);
    const key = keyOf(id);
    tool.querySelector("kbd")?.remove();
    if (key) tool.append(h("kbd", { "aria-hidden": "true" }, key));
    tool.title = key ? `${commandOf(id).label} (${key})` : commandOf(id).label;
  }
}

const LIGHT = "evoskeleton.light";

/** Brightness and contrast, as they were left. */
export function lightOf() {
  return JSON.parse(localStorage.getItem(LIGHT) ?? "null") ?? { brightness: 1, contrast: 1 };
}

/** Changes brightness or contrast, here and on the pictures to come. @param {import("../picture.js").Picture} picture
 * @param {"brightness" | "contrast"} what @param {number} factor 0: both as they were
 */
export function lighten(picture, what, factor) {
  const { light } = picture;
  picture.light = factor ? { ...light, [what]: clamp(light[what] * factor, 0.3, 6) } : { brightness: 1, contrast: 1 };
  localStorage.setItem(LIGHT, JSON.stringify(picture.light));
  picture.drawBack();
}
