// What was submitted, to be accepted or sent back; every revision before it can be looked at.
import { patiently } from "../api.js";
import { ask, button, fill, h } from "../dom.js";
import { writing } from "../keys.js";
import { Picture } from "../picture.js";
import { Space, VIEWS } from "../space.js";
import { jointOf } from "../state.js";
import * as server from "../server.js";
import { commentsOf } from "./comments.js";
import { drawJoints, drawPeople } from "./panel.js";

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
    this.element = this.build();
    this.stop = session.listen(() => this.draw());
    this.onKey = this.key.bind(this);
    addEventListener("keydown", this.onKey);
    addEventListener("keyup", this.onKey);
    /** @type {ImageBitmap | null} */
    this.bitmap = null;
  }

  close() {
    removeEventListener("keydown", this.onKey);
    removeEventListener("keyup", this.onKey);
    this.stop();
    this.picture.close();
    this.space.close();
    this.session.close();
  }

  build() {
    this.people = h("div", { class: "people", role: "group", "aria-label": "People" });
    this.joints = h("ul", { class: "joints", "aria-label": "Joints" });
    this.words = h("div", { class: "measures" });
    this.slider = h("input", { type: "range", min: 0, max: 0, value: 0, "aria-label": "Revision", oninput: () => this.go(Number(this.slider.value)) });
    const views = Object.entries(VIEWS).map(([name, view]) => button(view.title, "", () => this.space.look(name)));
    this.comments = button("Comments", "M", () => void commentsOf(this.session));
    const header = h("header", { class: "bar" }, button("Projects", "", () => this.way.leave()), h("h1", { class: "name" }, this.session.image.name), h("span", { class: "gap" }),
      h("label", { class: "row" }, "Revision ", this.slider), button("Before", "B", () => this.go(this.at ? 0 : this.revisions.length - 1)), this.comments, button("Correct", "E", () => this.way.edit()),
      button("Send back", "R", () => void this.reject()), button("Accept", "A", () => this.accept(), { class: "main" }));
    return h("main", { class: "annotate" }, header, h("section", { class: "half", "aria-label": "Picture" }, h("div", { class: "tools" }, button("Person", "Z", () => this.picture.fitPerson()), button("Picture", "Shift Z", () => this.picture.fitPicture())), this.picture.element),
      h("section", { class: "half", "aria-label": "Space" }, h("div", { class: "tools" }, views), this.space.element), h("aside", { class: "panel", "aria-label": "People and joints" }, this.people, this.joints, this.words));
  }

  /** Gets the revisions, and shows the newest. */
  async load() {
    const found = await patiently(() => server.history(this.session.image.id), (waiting) => this.session.wait(waiting));
    this.revisions = found.revisions ?? [];
    this.slider.max = Math.max(this.revisions.length - 1, 0);
    this.go(this.revisions.length - 1);
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

  draw() {
    if (this.bitmap !== this.session.bitmap) {
      this.bitmap = this.session.bitmap;
      this.picture.drawBack();
    }
    this.picture.draw();
    this.space.draw();
    drawPeople(this.people, this.session, () => {});
    drawJoints(this.joints, this.session, () => {});
    this.comments.firstChild.textContent = this.session.image.openComments ? `Comments ${this.session.image.openComments}` : "Comments";
    const revision = this.revisions[this.at];
    if (revision) fill(this.words, h("p", {}, h("strong", {}, `Revision ${revision.number}`), ` by ${revision.annotator}`), h("p", { class: "quiet" }, new Date(1000 * revision.created).toLocaleString()), revision.note && h("q", {}, revision.note));
  }

  /** @param {any} event */
  key(event) {
    if (writing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key === "b" && !event.repeat) return this.go(event.type === "keydown" ? Math.max(this.at - 1, 0) : this.revisions.length - 1);
    if (event.type === "keyup") return;
    /** @type {Record<string, () => void>} */
    const keys = { a: () => this.accept(), r: () => void this.reject(), e: () => this.way.edit(), m: () => void commentsOf(this.session), z: () => (event.shiftKey ? this.picture.fitPicture() : this.picture.fitPerson()), w: () => this.session.step(-1), s: () => this.session.step(1) };
    const run = keys[key];
    if (run) {
      event.preventDefault();
      run();
    }
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
