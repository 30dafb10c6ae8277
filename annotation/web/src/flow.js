// From image to image: the next ones are held and loaded while one is worked on.
import { annotator, patiently, picture } from "./api.js";
import { button, dialog, h, say } from "./dom.js";
import * as journal from "./journal.js";
import * as outbox from "./outbox.js";
import * as server from "./server.js";
import { Annotate } from "./screens/annotate.js";
import { Review } from "./screens/review.js";
import { Session, imageKey } from "./session.js";

const AHEAD = 3;
const WELCOMED = "evoskeleton.welcomed";

/** @typedef {{show: (screen: any) => void, sheet: (words: string, more?: any[]) => any, current: () => boolean}} Stage */

export class Work {
  /** @param {server.Me} me @param {any} project @param {Stage} stage */
  constructor(me, project, stage) {
    this.me = me;
    this.project = project;
    this.stage = stage;
    /** @type {any[]} images that are held for what comes next */
    this.ahead = [];
    /** @type {any} */
    this.image = null;
    this.done = 0;
    this.key = "";
    outbox.on("conflict", ({ entry }) => void this.overtaken(entry));
    outbox.on("answered", ({ entry }) => { if (entry.method !== "Submit" || !entry.request.draft) void this.fill(); });
  }

  home() {
    location.hash = "#/";
  }

  /** Goes on with something; what goes wrong is told in place of the image. @param {Promise<void>} going */
  on(going) {
    going.catch((error) => this.stage.current() && this.stage.show(this.stage.sheet(error.message,
      [button("Try again", "", () => location.reload()), button("Projects", "", () => this.home())])));
  }

  /** The message of an image. @param {string} imageId */
  async message(imageId) {
    const { images } = await server.images({ projectId: this.project.id, after: String(BigInt(imageId) - 1n), most: 1 });
    if (images[0]?.id !== imageId) throw new Error("This image is not there any more.");
    return images[0];
  }

  // Annotating

  async annotate() {
    this.stage.show(this.stage.sheet("Getting an image ..."));
    await this.fill();
    await this.next();
  }

  /** Holds and loads the next images, as long as there are some. */
  async fill() {
    if (this.reviewing || !this.stage.current()) return;
    try {
      const held = await patiently(() => server.lease(this.project.id, AHEAD), () => !this.image && this.stage.current());
      const waiting = new Set((await journal.posted()).map((entry) => entry.image));
      this.ahead = held.filter((image) => image.id !== this.image?.id && !waiting.has(imageKey(this.project, image, this.me.name)));
      void this.load(this.ahead.slice(0, 2));
    } catch (error) {
      if (!this.image) throw error;
    }
  }

  /** One after the other: the first of them is waited for. @param {any[]} images */
  async load(images) {
    for (const image of images) {
      const suggested = !image.revision && this.me.detector ? server.suggest(image.id) : null;
      await Promise.allSettled([picture(image), suggested]);
    }
  }

  async next() {
    if (!this.ahead.length) {
      this.image = null;
      this.stage.show(this.stage.sheet("Sending what was done ..."));
      await sent();
      await this.fill();
    }
    if (!this.stage.current()) return;
    const image = this.ahead.shift();
    if (image) await this.work(image, "write");
    else this.stage.show(this.finished());
  }

  finished() {
    const review = button("Review", "", () => { location.hash = `#/review/${this.project.id}`; }, { class: "main" });
    return this.stage.sheet("Nothing is left to annotate for you in this project.", [this.me.admin && review, button("Images", "", () => { location.hash = `#/images/${this.project.id}`; }), button("Projects", "", () => this.home())]);
  }

  /** A certain image. @param {string} imageId */
  async open(imageId) {
    try {
      await this.work(await server.renew(imageId), "write");
    } catch (error) {
      if (!server.missing(error)) throw error;
      const image = await this.message(imageId);
      await this.work(image, image.state === "STATE_SUBMITTED" && !image.holder ? "write" : "read", /** @type {Error} */ (error).message);
    }
  }

  /** @param {any} image @param {"write" | "read"} mode @param {string} [why] it is only looked at */
  async work(image, mode, why = "") {
    this.image = image;
    const session = new Session(this.project, image, this.me, mode);
    this.key = session.key;
    if (why && mode === "read") session.readOnly = why;
    const screen = new Annotate(session, {
      submitted: (stay) => { this.done += 1; this.on(stay ? this.stay(image) : this.next()); },
      skipped: () => this.on(this.next()),
      leave: () => void this.leave(session),
      position: this.done ? `${this.done} done` : "",
    });
    this.stage.show(screen);
    document.title = `${image.name} - evoskeleton annotator`;
    this.leaving?.();
    const hide = () => { if (document.visibilityState === "hidden") void session.draft(); };
    const away = () => void session.draft();
    document.addEventListener("visibilitychange", hide);
    addEventListener("hashchange", away, { once: true });
    this.leaving = () => { document.removeEventListener("visibilitychange", hide); removeEventListener("hashchange", away); };
    await session.open();
    void screen.alternatives();
    if (mode === "write") welcome(this.me.detector);
    screen.picture.front.focus({ preventScroll: true });
  }

  /** After a submission the image is opened anew, unless somebody else was faster. @param {any} image */
  async stay(image) {
    await sent();
    if (!(await journal.recall(imageKey(this.project, image, this.me.name)))) await this.open(image.id);
  }

  /** Somebody else has changed an image that was already left. @param {import("./journal.js").Entry} entry */
  async overtaken(entry) {
    if (!this.stage.current() || entry.image === this.key) return;
    const go = await dialog("Somebody else was faster", (close) => [h("p", {}, `${entry.title} was changed by somebody else before your work arrived. Your work is here: open the image to put both together.`),
      h("div", { class: "row" }, button("Open it", "", () => close(true), { class: "main" }), button("Later", "Esc", () => close(false)))]);
    if (go) location.hash = `#/annotate/${this.project.id}/${entry.request.imageId}`;
  }

  /** @param {Session} session */
  async leave(session) {
    await session.draft();
    if (!session.written && !session.readOnly) await journal.forget(session.key);
    if (!session.readOnly) server.release(session.image.id).catch(() => {});
    for (const image of this.ahead) server.release(image.id).catch(() => {});
    this.home();
  }

  // Reviewing

  async review() {
    this.reviewing = true;
    this.stage.show(this.stage.sheet("Getting an image ..."));
    await sent();
    const [image, ...ahead] = await patiently(() => server.leaseForReview(this.project.id, AHEAD), () => this.stage.current());
    if (!this.stage.current()) return;
    this.ahead = ahead;
    for (const other of ahead) picture(other).catch(() => {});
    if (image) await this.judge(image);
    else this.stage.show(this.stage.sheet("Nothing waits for a review.", [button("Images", "", () => { location.hash = `#/images/${this.project.id}`; }), button("Projects", "", () => this.home())]));
  }

  /** @param {string} imageId */
  async look(imageId) {
    this.reviewing = true;
    await this.judge(await this.message(imageId));
  }

  /** @param {any} image */
  async judge(image) {
    const session = new Session(this.project, image, this.me, "read");
    const screen = new Review(session, { leave: () => this.giveBack(image), edit: () => { location.hash = `#/annotate/${this.project.id}/${image.id}`; }, verdict: (accept, note, basedOn) => this.on(this.verdict(image, accept, note, basedOn)) });
    this.stage.show(screen);
    await session.open();
    await screen.load();
  }

  /** Others may review what was held. @param {any} image */
  giveBack(image) {
    for (const held of [image, ...this.ahead]) server.release(held.id).catch(() => {});
    this.home();
  }

  /** @param {any} image @param {boolean} accept @param {string} note @param {number} basedOn */
  async verdict(image, accept, note, basedOn) {
    const request = { imageId: image.id, basedOn, key: crypto.randomUUID(), accept, note, ...annotator() };
    await outbox.post({ image: imageKey(this.project, image, this.me.name), title: image.name, method: "Review", request, upTo: 0 });
    await this.review();
  }
}

/** What to do, for those who are here for the first time. @param {boolean} suggested whether people are there already */
function welcome(suggested) {
  if (localStorage.getItem(WELCOMED)) return;
  localStorage.setItem(WELCOMED, "yes");
  const first = suggested ? "Drag what is off, 1 to 6 take another body" : "Shift E, then draw a box around a person";
  say(`${first}, Enter submits; ? shows all keys`, 15000);
}

/** Waits until the server has what was to be sent. */
async function sent() {
  for (;;) {
    if (!(await journal.posted()).some((entry) => !entry.problem)) return;
    await new Promise((resolve) => { const off = outbox.on("standing", () => { off(); resolve(undefined); }); });
  }
}
