// The panel of an image: people, joints with how they are seen, height and camera. Every action of
// the canvas can be done here by keyboard and by a screen reader.
import { minus, size, unusual } from "../body.js";
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
  const words = JSON.stringify([doc.people.map((each) => each.id), person, session.readOnly !== ""]);
  if (element.dataset.shown === words) return;
  element.dataset.shown = words;
  fill(element, doc.people.map((each, at) => button(`Person ${at + 1}`, "", () => session.choose(each.id), { "aria-pressed": String(each.id === person) })),
    !session.readOnly && button("+", "", () => run("newPerson"), { "aria-label": "New person" }));
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
  const joint = jointOf(j, session.frame.schema);
  const sigma = odd && joint > 0 ? odd[joint - 1] : 0;
  const mark = movedBy(session, person, j) || (Math.abs(sigma) > 1.5 ? `${sigma > 0 ? "long" : "short"} ${Math.abs(sigma).toFixed(1)}σ` : "");
  const shown = [chosen, person.origin[j] > 0, person.visibility[j], mark].join();
  if (element.dataset.shown === shown) return;
  const wasChosen = element.classList.contains("chosen");
  element.dataset.shown = shown;
  element.className = `${chosen ? "chosen" : ""} ${person.origin[j] ? "touched" : "suggested"}`;
  const [choose, said] = element.children;
  choose.setAttribute("aria-current", String(chosen));
  if (chosen && !wasChosen) scrollTo(element);
  const place = choose.querySelector(".sigma");
  place.textContent = mark;
  place.classList.toggle("warn", Math.abs(sigma) > 3);
  said.textContent = `${MARK[person.visibility[j]]} ${SAID[person.visibility[j]]}`;
  said.setAttribute("aria-label", `${session.names[j]} is ${SAID[person.visibility[j]]}: change`);
}

/** Scrolls the list, and the list alone, to a row. @param {HTMLElement} row */
function scrollTo(row) {
  const list = /** @type {HTMLElement} */ (row.parentElement);
  const [there, whole] = [row.getBoundingClientRect(), list.getBoundingClientRect()];
  if (there.top < whole.top) list.scrollTop -= whole.top - there.top;
  else if (there.bottom > whole.bottom) list.scrollTop += there.bottom - whole.bottom;
}

/** How far a keypoint is from that of the revision that is laid over it. @param {Session} session @param {Person} person @param {number} j */
function movedBy(session, person, j) {
  const other = session.under?.people.find((each) => each.id === person.id);
  if (!other) return "";
  if (other.visibility[j] !== person.visibility[j]) return `was ${SAID[other.visibility[j]]}`;
  const px = Math.hypot(person.keypoints[j][0] - other.keypoints[j][0], person.keypoints[j][1] - other.keypoints[j][1]);
  if (person.visibility[j] && px >= 0.5) return `${px.toFixed(px < 10 ? 1 : 0)} px`;
  const joint = jointOf(j, session.frame.schema);
  const [mine, theirs] = [person.joints, other.joints];
  if (joint < 0 || !mine || !theirs) return "";
  const mm = size(minus(minus(mine[joint], mine[0]), minus(theirs[joint], theirs[0])));
  return mm >= 10 ? `${Math.round(mm)} mm` : "";
}

/** What is unusual about the chosen person. @param {HTMLElement} element @param {string[]} words */
export function drawOdd(element, words) {
  const shown = words.join("|");
  if ((element.dataset.shown ?? "") === shown) return;
  element.dataset.shown = shown;
  fill(element, words.map((line) => h("li", {}, line)));
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
