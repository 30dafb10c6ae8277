// What was submitted, to be accepted or sent back; every revision before it can be looked at.
import { patiently } from "../api.js";
import { ask, button, fill, h, inNextFrame } from "../dom.js";
import { keyOf, onKeys, pressed, writing } from "../keys.js";
import { Picture } from "../picture.js";
import { Space, VIEWS } from "../space.js";
import { jointOf } from "../state.js";
import * as server from "../server.js";
import { commentsOf } from "./comments.js";
import { help } from "./help.js";
import { drawJoints, drawPeople } from "./panel.js";
import { lighten, lightOf, relabel } from "./tools.js";

/** @typedef {{leave: () => void, edit: () => void, verdict: (accept: boolean, note: string, basedOn: number) => void}} Way */

export class Review {
  /** @param {import("../session.js").Session} session @param {Way} way */
  constructor(session, way) {
    this.session = session;
    this.way = way;
    this.picture = new Picture(session, { placed: () => {}, boxed: () => {}, hide: () => {} });
    this.space = new Space(session, () => {});
    this.space.joint = () => jointOf(session.point, session.frame.schema);
    /** @type {any[]} */
    this.revisions = [];
    this.at = 0;
    /** @type {{code: string, back: () => void} | null} */
    this.held = null;
    this.picture.light = lightOf();
    this.commands = this.table();
    this.element = this.build();
    this.draw = inNextFrame(() => !session.closed && this.drawNow());
    this.stop = [session.listen(this.draw), onKeys(() => relabel(this.element))];
    this.onKey = this.key.bind(this);
    addEventListener("keydown", this.onKey);
    addEventListener("keyup", this.onKey);
    /** @type {ImageBitmap | null} */
    this.bitmap = null;
  }

  close() {
    removeEventListener("keydown", this.onKey);
    removeEventListener("keyup", this.onKey);
    for (const stop of this.stop) stop();
    this.picture.close();
    this.space.close();
    this.session.close();
  }

  build() {
    this.people = h("div", { class: "people", role: "group", "aria-label": "People" });
    this.joints = h("ul", { class: "joints", "aria-label": "Joints" });
    this.words = h("div", { class: "measures" });
    this.slider = h("input", { type: "range", min: 0, max: 0, value: 0, "aria-label": "Revision", oninput: () => this.go(Number(this.slider.value)) });
    this.over = h("select", { "aria-label": "Laid over", onchange: () => this.lay(Number(this.over.value)) });
    const tool = (/** @type {string} */ id, /** @type {string} */ label, props = {}) => button(label, keyOf(id), () => this.run(id), { "data-command": id, ...props });
    this.comments = tool("comments", "Comments");
    const header = h("header", { class: "bar" }, button("Projects", "", () => this.way.leave()), h("h1", { class: "name" }, this.session.image.name), h("span", { class: "gap" }),
      h("label", {}, "Revision", this.slider), tool("before", "Before"), tool("over", "Over"), this.over, this.comments, tool("help", "Help"), tool("correct", "Correct"),
      tool("sendBack", "Send back"), tool("accept", "Accept", { class: "main" }));
    return h("main", { class: "annotate review" }, header, h("section", { class: "half", "aria-label": "Picture" }, h("div", { class: "tools" }, [["fitPerson", "Person"], ["fitPicture", "Picture"], ["hide", "Hide"], ["darker", "Darker"], ["brighter", "Brighter"], ["plainLight", "Light"]].map(([id, label]) => tool(id, label))), this.picture.element),
      h("section", { class: "half", "aria-label": "Space" }, h("div", { class: "tools" }, [["camera", "Camera"], ["reviewSide", "Side"], ["top", "Top"]].map(([id, label]) => tool(id, label))), this.space.element), h("aside", { class: "panel", "aria-label": "People and joints" }, this.people, this.joints, this.words));
  }

  /** Gets the revisions, and shows the newest. */
  async load() {
    const found = await patiently(() => server.history(this.session.image.id), (waiting) => this.session.wait(waiting));
    this.revisions = found.revisions ?? [];
    this.slider.max = Math.max(this.revisions.length - 1, 0);
    fill(this.over, h("option", { value: -1 }, "nothing"), this.revisions.map((revision, at) => h("option", { value: at }, `${revision.number} by ${revision.annotator}`)));
    this.go(this.newestAt);
    this.picture.front.focus({ preventScroll: true });
  }

  /** @param {number} at */
  go(at) {
    const revision = this.revisions[at];
    if (!revision) return;
    this.at = at;
    this.slider.value = at;
    const { person, point } = this.session;
    this.session.history = { past: [], now: this.session.docOf(revision), future: [], actions: 0 };
    const there = this.session.doc.people.some((each) => each.id === person);
    this.session.choose(there ? person : this.session.doc.people[0]?.id ?? null, point);
  }

  /** Lays a revision over the one that is looked at; -1: none. @param {number} at */
  lay(at) {
    this.session.under = at < 0 ? null : this.session.docOf(this.revisions[at]);
    this.over.value = at;
    this.draw();
  }

  drawNow() {
    if (this.bitmap !== this.session.bitmap) {
      this.bitmap = this.session.bitmap;
      this.picture.drawBack();
    }
    this.picture.paint();
    this.space.paint();
    drawPeople(this.people, this.session, () => {});
    drawJoints(this.joints, this.session, () => {});
    this.comments.firstChild.textContent = this.session.image.openComments ? `Comments ${this.session.image.openComments}` : "Comments";
    const revision = this.revisions[this.at];
    if (revision) fill(this.words, h("p", {}, h("strong", {}, `Revision ${revision.number}`), ` by ${revision.annotator}`), h("p", { class: "quiet" }, new Date(1000 * revision.created).toLocaleString()), revision.note && h("q", {}, revision.note));
  }

  // Keys

  /** @returns {Record<string, () => void>} */
  table() {
    const { session, picture, space } = this;
    const { names } = session;
    const look = (/** @type {string} */ name) => () => space.look(name);
    const zoom = (/** @type {number} */ factor) => () => picture.zoom(factor, [picture.front.clientWidth / 2, picture.front.clientHeight / 2]);
    return {
      accept: () => this.accept(),
      sendBack: () => void this.reject(),
      correct: () => this.way.edit(),
      before: () => this.go(this.at === this.newestAt ? Math.max(this.at - 1, 0) : this.newestAt),
      over: () => this.lay(session.under ? -1 : Math.max(this.at - 1, 0)),
      comments: () => void commentsOf(session),
      help: () => void help((id) => this.run(id), "review"),
      below: () => session.choose(session.person, (session.point + 1) % names.length),
      above: () => session.choose(session.person, (session.point + names.length - 1) % names.length),
      camera: look("camera"), reviewSide: look("side"), top: look("top"),
      fitPerson: () => picture.fitPerson(), fitPicture: () => picture.fitPicture(), zoomIn: zoom(1.25), zoomOut: zoom(0.8),
      hide: () => this.show(picture.hidden),
      horizon: () => { picture.horizon = !picture.horizon; picture.draw(); },
      darker: () => lighten(picture, "brightness", 0.9), brighter: () => lighten(picture, "brightness", 1 / 0.9),
      lessContrast: () => lighten(picture, "contrast", 0.9), moreContrast: () => lighten(picture, "contrast", 1 / 0.9), plainLight: () => lighten(picture, "brightness", 0),
    };
  }

  /** @param {string} id */
  run(id) {
    this.commands[id]?.();
  }

  /** @param {boolean} on */
  show(on) {
    this.picture.hidden = !on;
    this.picture.draw();
  }

  /** @param {any} event */
  key(event) {
    if (event.key === " " && document.activeElement === this.picture.front) {
      this.picture.panning = event.type === "keydown";
      return event.preventDefault();
    }
    if (event.type === "keyup") return this.letGo(event.code);
    if (writing(event.target)) return;
    const id = pressed(event, "review")?.command.id;
    if (!id || !this.commands[id]) return;
    event.preventDefault();
    if (event.repeat && (id === "before" || id === "hide")) return;
    if (id === "before") this.held = { code: event.code, back: () => this.go(this.newestAt) };
    if (id === "hide") this.held = { code: event.code, back: () => this.show(true) };
    if (id === "before") this.go(Math.max(this.at - 1, 0));
    else this.run(id);
  }

  /** @param {string} code of a key that does something while it is held */
  letGo(code) {
    if (this.held?.code !== code) return;
    this.held.back();
    this.held = null;
  }

  get newestAt() {
    return this.revisions.length - 1;
  }

  newest() {
    return this.revisions[this.revisions.length - 1]?.number ?? 0;
  }

  accept() {
    if (this.revisions.length) this.way.verdict(true, "", this.newest());
  }

  async reject() {
    const note = await ask("Send back", "What should be better", "", "Send back", { most: 2000, needed: false });
    if (note !== undefined) this.way.verdict(false, note, this.newest());
  }
}
