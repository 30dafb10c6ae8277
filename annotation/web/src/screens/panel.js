// The panel of an image: people, joints with how they are seen, height and camera. Every action of
// the canvas can be done here by keyboard and by a screen reader.
import { unusual } from "../body.js";
import { button, fill, h } from "../dom.js";
import { commandOf, keyOf } from "../keys.js";
import { colourOf } from "../picture.js";
import { jointOf } from "../state.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../state.js").Person} Person */

export const SAID = ["absent", "hidden", "visible"];
const MARK = ["·", "○", "●"];

/** @param {HTMLElement} element @param {Session} session @param {(id: string) => void} run */
export function drawPeople(element, session, run) {
  const { doc, person } = session;
  const words = JSON.stringify([doc.people.map((each) => each.id), person]);
  if (element.dataset.shown === words) return;
  element.dataset.shown = words;
  fill(element, doc.people.map((each, at) => button(`Person ${at + 1}`, "", () => session.choose(each.id), { "aria-pressed": String(each.id === person) })),
    button("+", "", () => run("newPerson"), { "aria-label": "New person" }));
}

/** @param {HTMLElement} list @param {Session} session @param {(v: number) => void} say */
export function drawJoints(list, session, say) {
  const person = session.chosen;
  if (!person) {
    list.dataset.built = "";
    return fill(list, h("li", { class: "quiet" }, "Nobody yet: draw a box around a person (Shift E)."));
  }
  if (!list.dataset.built) {
    list.dataset.built = "yes";
    fill(list, session.names.map((name, j) => row(session, name, j, say)));
  }
  const odd = person.joints ? unusual(person.joints, person.height) : null;
  session.names.forEach((_, j) => drawRow(list.children[j], session, person, j, odd));
}

/** @param {Session} session @param {string} name @param {number} j @param {(v: number) => void} say */
function row(session, name, j, say) {
  const swatch = h("span", { class: "swatch", "aria-hidden": "true" });
  swatch.style.background = colourOf(name);
  const choose = () => session.choose(session.person, j);
  const change = () => {
    choose();
    say(((session.chosen?.visibility[j] ?? 0) + 2) % 3);
  };
  return h("li", {}, h("button", { type: "button", class: "joint", onclick: choose }, swatch, h("span", { class: "joint-name" }, name), h("span", { class: "sigma" })),
    h("button", { type: "button", class: "said", onclick: change }));
}

/** @param {any} element @param {Session} session @param {Person} person @param {number} j @param {number[] | null} odd */
function drawRow(element, session, person, j, odd) {
  const chosen = j === session.point;
  element.className = `${chosen ? "chosen" : ""} ${person.origin[j] ? "touched" : "suggested"}`;
  const [choose, said] = element.children;
  choose.setAttribute("aria-current", String(chosen));
  if (chosen && !element.dataset.seen) element.scrollIntoView({ block: "nearest" });
  element.dataset.seen = chosen ? "1" : "";
  const joint = jointOf(j, session.frame.schema);
  const sigma = odd && joint > 0 ? odd[joint - 1] : 0;
  const mark = choose.querySelector(".sigma");
  mark.textContent = Math.abs(sigma) > 1.5 ? `${sigma > 0 ? "long" : "short"} ${Math.abs(sigma).toFixed(1)}σ` : "";
  mark.classList.toggle("warn", Math.abs(sigma) > 3);
  said.textContent = `${MARK[person.visibility[j]]} ${SAID[person.visibility[j]]}`;
  said.setAttribute("aria-label", `${session.names[j]} is ${SAID[person.visibility[j]]}: change`);
}

/** @param {HTMLElement} element @param {Session} session @param {(id: string) => void} run */
export function drawMeasures(element, session, run) {
  const person = session.chosen;
  const { openComments } = session.image;
  const words = person ? JSON.stringify([person.height, person.pitch, session.doc.note !== "", openComments]) : "";
  if (element.dataset.shown === words) return;
  element.dataset.shown = words;
  if (!person) return fill(element);
  const small = (/** @type {string} */ id, /** @type {string} */ label) => button(label, keyOf(id), () => run(id), { "aria-label": commandOf(id).label });
  const tool = (/** @type {string} */ id, /** @type {string} */ label) => button(label, keyOf(id), () => run(id));
  fill(element, h("div", { class: "measure" }, h("span", {}, "Height"), small("shorter", "−"), h("output", {}, `${Math.round(person.height)} mm`), small("taller", "+")),
    h("div", { class: "measure" }, h("span", {}, "Camera down"), small("pitchDown", "−"), h("output", {}, `${Math.round(person.pitch)}°`), small("pitchUp", "+")),
    h("div", { class: "row" }, tool("swapLimb", "Swap limb"), tool("swapAll", "Swap person"), tool("removePerson", "Remove"), tool("note", session.doc.note ? "Note •" : "Note"), tool("comments", openComments ? `Comments ${openComments}` : "Comments"), tool("history", "History")));
}
