// All projects: how far they are, what to do with them, and their files.
import { button, dialog, download, fill, h, say } from "../dom.js";
import * as journal from "../journal.js";
import * as server from "../server.js";
import { themeChoice } from "../theme.js";
import { manageProject } from "./manage.js";

/** @typedef {import("../server.js").Me} Me */

const STATES = ["new", "draft", "submitted", "accepted", "rejected"];
const FILES = [["FORMAT_COCO", "COCO keypoints", "coco.json"], ["FORMAT_HUMAN36M", "Human3.6M's dictionary", "human36m.npy"], ["FORMAT_U3DPW", "U3DPW's dictionary", "u3dpw.npy"]];

/** @param {Me} me @param {any[]} projects */
export function projectsScreen(me, projects) {
  const none = h("p", {}, "There is no project yet: evoskeleton annotations add NAME PICTURES makes one.");
  const element = h("main", { class: "sheet" }, h("div", { class: "row" }, h("h1", {}, "evoskeleton annotator"), h("span", { class: "gap" }), themeChoice(), h("span", { class: "quiet" }, me.name)),
    projects.length ? projects.map((project) => card(me, project)) : none);
  void leftHere(me, projects, element);
  return { element };
}

/** Work of this browser that the server has not seen, to go on with. @param {Me} me @param {any[]} projects @param {HTMLElement} element */
async function leftHere(me, projects, element) {
  const heads = (await journal.unsent()).filter((head) => head.annotator === me.name && projects.some((project) => project.id === head.project.id && project.created === head.project.created));
  if (!heads.length) return;
  const box = h("section", { class: "card", "aria-label": "Unfinished" }, h("h2", {}, "Unfinished on this computer"), h("div", { class: "row" }));
  fill(/** @type {HTMLElement} */ (box.lastChild), heads.map((head) => button(head.words.name, "", () => { location.hash = `#/annotate/${head.project.id}/${head.words.id}`; })));
  element.append(box);
}

/** @param {Me} me @param {any} project */
function card(me, project) {
  const counts = countsOf(project);
  const go = (/** @type {string} */ place) => () => { location.hash = `#/${place}/${project.id}`; };
  const done = counts.submitted + counts.accepted;
  return h("section", { class: "card", "aria-label": project.name }, h("h2", {}, project.name),
    h("div", { class: "counts" }, h("span", {}, project.keypoints), STATES.map((state) => h("span", {}, h("b", {}, counts[state]), ` ${state}`))),
    h("progress", { max: Math.max(counts.all, 1), value: done, "aria-label": `${done} of ${counts.all} are done` }),
    h("div", { class: "row" }, button("Annotate", "", go("annotate"), { class: "main" }), me.admin && button(`Review ${counts.submitted || ""}`, "", go("review")), button("Images", "", go("images")), me.admin && button("Export", "", () => void exporting(project)), me.admin && button("Rename or delete", "", () => void manageProject(project, () => dispatchEvent(new Event("hashchange"))))));
}

/** @param {any} project @returns {Record<string, number>} */
function countsOf(project) {
  const counts = Object.fromEntries([...STATES, "all"].map((state) => [state, 0]));
  for (const { state, images } of project.counts?.states ?? []) counts[String(state).replace("STATE_", "").toLowerCase()] = images;
  counts.all = project.counts?.images ?? 0;
  return counts;
}

/** @param {any} project */
function exporting(project) {
  return dialog(`Export ${project.name}`, (close) => {
    const too = h("input", { type: "checkbox", id: "too" });
    const save = async (/** @type {string[]} */ [format, , ending]) => {
      const states = too.checked ? ["STATE_ACCEPTED", "STATE_SUBMITTED"] : ["STATE_ACCEPTED"];
      try {
        const file = await server.exported(project.id, format, states);
        download(`${project.name}-${ending}`, file.bytes);
        say(`${file.people} people in ${file.images} images`);
        close();
      } catch (error) {
        problem.textContent = /** @type {Error} */ (error).message;
      }
    };
    const problem = h("p", { class: "warn", role: "alert" });
    return [h("p", {}, "What reviewers have accepted, as a file."), h("label", { class: "check" }, too, " and what waits for a review"),
      h("div", { class: "row" }, FILES.map((file) => button(file[1], "", () => void save(file)))), problem, h("div", { class: "row" }, button("Close", "Esc", () => close()))];
  });
}
