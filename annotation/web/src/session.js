// Work on one image: what is on the screen, what is written down, what is to be sent.
import { annotator, patiently, picture } from "./api.js";
import * as journal from "./journal.js";
import { merged, yielded } from "./merge.js";
import * as outbox from "./outbox.js";
import * as server from "./server.js";
import { KEYPOINTS } from "./schema.js";
import { after, begun, fittable, freeId } from "./state.js";
import { bodiesOf, messageOf, personOf, suggestedOf } from "./words.js";

/** @typedef {import("./state.js").Action} Action */
/** @typedef {import("./state.js").Doc} Doc */
/** @typedef {import("./state.js").Person} Person */
/** @typedef {{doc: Doc, theirs: Doc, clashes: import("./merge.js").Clash[], who: string, when: number}} Conflict */

const DRAFT_AFTER_MS = 20000;
const RENEW_MS = 240000;
const IDLE_MS = 300000;

/** @param {any} project @param {any} image @param {string} who */
export function imageKey(project, image, who) {
  return [project.name, project.created, image.id, who].join("|");
}

export class Session {
  /** @param {any} project @param {any} image @param {{name: string, detector: boolean}} me @param {"write" | "read"} mode */
  constructor(project, image, me, mode) {
    this.project = project;
    this.image = image;
    this.me = me;
    this.frame = { schema: project.keypoints, width: image.width, height: image.height };
    this.key = imageKey(project, image, me.name);
    this.readOnly = mode === "read" ? "this image is only looked at" : "";
    this.history = begun({ people: [], note: "" });
    /** @type {ImageBitmap | null} */
    this.bitmap = null;
    /** @type {number | null} */
    this.person = null;
    this.point = 0;
    /** @type {Action | null} of an unfinished drag: shown, not yet done */
    this.dragging = null;
    /** @type {Doc | null} what it makes of the people, as soon as somebody looks */
    this.dragged = null;
    /** @type {import("./body.js").Point[] | null} another body, shown before it is taken */
    this.ghost = null;
    /** @type {Doc | null} another revision, laid over this one to compare them */
    this.under = null;
    /** @type {Conflict | null} */
    this.conflict = null;
    this.unkept = 0;
    this.problem = "";
    this.busy = "";
    this.listeners = new Set();
    /** That work is kept now: nothing else has changed. */
    this.told = () => this.changed();
    this.seconds = 0;
    this.lastInput = 0;
    this.sentActions = 0;
    this.written = 0;
    /** @type {any} */
    this.timer = null;
    /** @type {(() => void) | null} */
    this.unlock = null;
    this.closed = false;
    /** Whether the work is on its way as it is: more would be lost with the answer. */
    this.sealed = false;
    this.offs = [outbox.on("conflict", ({ entry }) => { if (entry.image === this.key) void this.meet(); }),
      outbox.on("refused", ({ entry }) => { if (entry.image === this.key) this.unseal(); })];
  }

  /** What is shown. */
  get doc() {
    return this.preview ?? this.history.now;
  }

  /** What an unfinished drag makes of the people; null without one. A pointer moves more often than a frame is drawn. */
  get preview() {
    if (this.dragging) this.dragged ??= after(this.history, this.dragging, this.frame).now;
    return this.dragged;
  }

  /** @returns {Person | undefined} */
  get chosen() {
    return this.doc.people.find((person) => person.id === this.person);
  }

  get names() {
    return KEYPOINTS[this.frame.schema].names;
  }

  /** @param {() => void} listener */
  listen(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  changed() {
    for (const listener of this.listeners) listener();
  }

  /** Gets everything: what this browser has, what the server has, a suggestion where there is nothing. */
  async open() {
    const waits = (/** @type {boolean} */ waiting) => this.wait(waiting);
    const seen = patiently(() => picture(this.image), waits).then((bitmap) => { this.bitmap = bitmap; this.changed(); });
    if (!this.readOnly) await this.alone();
    const newest = this.image.revision ? await patiently(() => server.revision(this.image.id), waits) : null;
    const theirs = this.docOf(newest);
    const known = this.readOnly ? null : await journal.recall(this.key);
    if (known && known.head.version === journal.VERSION) await this.resume(known, newest, theirs);
    else await this.start(theirs, newest?.number ?? 0);
    this.choose(this.doc.people[0]?.id ?? null);
    await seen;
    if (!this.readOnly && !this.doc.people.length && this.history.actions === 0) await this.suggest();
    if (!this.readOnly) this.renewing = setInterval(() => void this.renew(), RENEW_MS);
    this.changed();
  }

  /** Says that the server does not answer, or that it does again; whether to go on asking. @param {boolean} waiting */
  wait(waiting) {
    const words = waiting ? "The server does not answer; trying again ..." : "";
    if (this.busy !== words) {
      this.busy = words;
      this.changed();
    }
    return !this.closed;
  }

  /** One tab writes; a second one reads. A lock that this tab has just given back takes a moment. */
  async alone() {
    for (let attempt = 0; attempt < 6; attempt++) {
      if (await this.locked()) return;
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    this.readOnly = "this image is open in another tab";
  }

  /** @returns {Promise<boolean>} */
  locked() {
    return new Promise((resolve) => {
      void navigator.locks.request(`evoskeleton ${this.key}`, { ifAvailable: true }, (lock) => {
        resolve(Boolean(lock));
        return lock ? new Promise((release) => { this.unlock = () => release(undefined); }) : undefined;
      });
    });
  }

  /** @param {any} newest @returns {Doc} */
  docOf(newest) {
    return { people: (newest?.people ?? []).map((/** @type {any} */ person) => personOf(person, this.frame)), note: newest?.note ?? "" };
  }

  /** @param {Doc} doc @param {number} revision */
  async start(doc, revision) {
    this.history = begun(doc);
    if (this.readOnly) return;
    await journal.startHead({ image: this.key, annotator: this.me.name, words: this.image, project: this.project, base: doc, revision, sent: 0, version: journal.VERSION });
  }

  /** Does again what the journal has. @param {{head: import("./journal.js").Head, actions: Action[]}} known @param {any} newest @param {Doc} theirs */
  async resume({ head, actions }, newest, theirs) {
    const revision = newest?.number ?? 0;
    if (!actions.length && head.revision !== revision) return this.start(theirs, revision);
    this.history = begun(head.base);
    let base = head.base;
    actions.forEach((action, at) => {
      if (at === head.sent) base = this.history.now;
      this.history = after(this.history, action, this.frame);
    });
    this.written = actions.length;
    if (head.sent >= actions.length) base = this.history.now;
    this.sentActions = head.sent;
    const waiting = (await journal.posted()).filter((entry) => entry.image === this.key && !entry.problem);
    if (waiting.some((entry) => !entry.request.draft)) this.readOnly = "what you submitted is on its way; open it again when it is sent";
    else if (head.revision !== revision && !waiting.length) await this.join(base, theirs, newest);
  }

  /** Somebody else was faster: their work and this work become one. */
  async meet() {
    const newest = await patiently(() => server.revision(this.image.id), () => !this.closed);
    const known = await journal.recall(this.key);
    if (!known || this.closed) return;
    let base = begun(known.head.base);
    for (const action of known.actions.slice(0, known.head.sent)) base = after(base, action, this.frame);
    await this.join(base.now, this.docOf(newest), newest);
    this.changed();
  }

  /** @param {Doc} base @param {Doc} theirs @param {any} newest */
  async join(base, theirs, newest) {
    this.unseal();
    const { doc, clashes } = merged(base, this.history.now, theirs);
    this.act({ t: "replace", doc });
    await journal.changeHead(this.key, { revision: newest.number });
    this.conflict = { doc, theirs, clashes, who: newest.annotator ?? "", when: newest.created ?? 0 };
  }

  /** The work is not on its way any more: it goes on. */
  unseal() {
    this.sealed = false;
    this.busy = "";
    this.changed();
  }

  /** Takes the other side's answer where both had changed something. @param {import("./merge.js").Clash} clash */
  yield(clash) {
    if (this.conflict) this.act({ t: "replace", doc: yielded(this.history.now, this.conflict.theirs, clash) });
  }

  /** Does something: shown at once, kept soon after. @param {Action} action */
  act(action) {
    if (this.readOnly || this.closed || this.sealed) return;
    const next = after(this.history, action, this.frame);
    this.unshow();
    this.ghost = null;
    if (next !== this.history) {
      this.history = next;
      this.keep(action);
      this.keepChoice();
    }
    this.touch();
    this.changed();
  }

  /** @param {Action} action */
  keep(action) {
    this.unkept += 1;
    const kept = () => { this.unkept -= 1; this.told(); };
    journal.add(this.key, ++this.written, action).then(kept, (error) => {
      this.problem = `this browser cannot keep your work: ${error?.message ?? error}; save it as a file`;
      this.changed();
    });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.draft(), DRAFT_AFTER_MS);
  }

  keepChoice() {
    if (!this.chosen) this.person = this.history.now.people[0]?.id ?? null;
  }

  /** There was input: seconds count, the lease is worth renewing. */
  touch() {
    const now = Date.now();
    if (now - this.lastInput < 30000) this.seconds += (now - this.lastInput) / 1000;
    this.lastInput = now;
  }

  /** @param {Action} action shown while a drag goes on */
  show(action) {
    this.dragged = null;
    this.dragging = this.readOnly || this.sealed ? null : action;
    this.changed();
  }

  /** The drag has ended. */
  unshow() {
    this.dragged = this.dragging = null;
  }

  /** @param {number | null} id @param {number} [point] */
  choose(id, point) {
    this.person = id;
    this.ghost = null;
    this.point = point ?? this.unsurest();
    this.changed();
  }

  /** Points in the order in which they are worth a look: the least sure first. */
  order() {
    const person = this.chosen;
    const all = this.names.map((/** @type {string} */ _, /** @type {number} */ j) => j);
    if (!person?.confidence || person.origin.every((origin) => origin > 0)) return all;
    const sure = person.confidence;
    return [...all].sort((a, b) => sure[a] - sure[b] || a - b);
  }

  unsurest() {
    return this.order()[0] ?? 0;
  }

  /** @param {number} by */
  step(by) {
    const order = this.order();
    this.point = order[(order.indexOf(this.point) + by + order.length) % order.length];
    this.changed();
  }

  /** People as the detector sees them, all at once or in a drawn box. @param {number[]} [box] @param {boolean} [again] */
  async suggest(box, again) {
    if (!this.me.detector) return this.changed();
    this.busy = "Looking for people ...";
    this.changed();
    try {
      const boxes = box && [{ x0: box[0], y0: box[1], x1: box[2], y1: box[3] }];
      const answer = await server.suggest(this.image.id, boxes, again);
      this.busy = "";
      if (!this.closed) this.take(answer.people ?? [], box);
    } catch (error) {
      this.busy = "";
      this.problem = /** @type {Error} */ (error).message;
    }
    this.changed();
  }

  /** @param {any[]} found @param {number[] | undefined} box */
  take(found, box) {
    const first = box ? freeId(this.history.now) : 0;
    const people = found.map((person, at) => suggestedOf(person, this.frame, first + at));
    if (box && people.length) this.act({ t: "add", person: { ...people[0], box } });
    else if (!box) this.act({ t: "people", people, suggested: true });
    if (people.length) this.choose(people[0].id);
  }

  /** Bodies for the keypoints as they are now: to look at first.
   * @param {boolean} [quiet] nobody has asked for them @returns {Promise<import("./state.js").Body[]>}
   */
  async refit(quiet = false) {
    const person = this.chosen;
    if (!person || !fittable(person, this.frame)) return [];
    if (!quiet) this.say("Fitting a body ...");
    try {
      const message = messageOf(person);
      return bodiesOf((await server.refit({
        imageId: this.image.id, keypoints: message.keypoints, visibility: message.visibility, bodyHeightMm: person.height,
        ...(message.joints && { start: message.joints }), depthOrder: person.orders,
      })).bodies);
    } catch (error) {
      if (!quiet) this.problem = /** @type {Error} */ (error).message;
      return [];
    } finally {
      if (!quiet) this.say("");
    }
  }

  /** What the page is busy with. @param {string} words */
  say(words) {
    this.busy = words;
    this.changed();
  }

  async renew() {
    if (Date.now() - this.lastInput > IDLE_MS) return;
    try {
      await server.renew(this.image.id);
    } catch (error) {
      if (!server.missing(error)) return;
      this.readOnly = /** @type {Error} */ (error).message;
      this.changed();
    }
  }

  get unsent() {
    return this.written > this.sentActions;
  }

  /** Unfinished work to the server. */
  async draft() {
    clearTimeout(this.timer);
    if (this.readOnly || this.closed || this.sealed || !this.unsent || !this.history.actions) return;
    if (this.history.actions === 1 && this.history.now.people.every((person) => person.origin.every((origin) => !origin))) return;
    this.sentActions = this.written;
    await this.post(true);
  }

  /** Finished work to the server. */
  async submit() {
    if (this.readOnly || this.sealed) return;
    clearTimeout(this.timer);
    this.sealed = true;
    this.busy = "Sending ...";
    this.changed();
    await this.post(false);
  }

  /** @param {boolean} draft */
  async post(draft) {
    const { people, note } = this.history.now;
    const request = {
      imageId: this.image.id, key: crypto.randomUUID(), draft, note, people: people.map(messageOf),
      actions: this.history.actions, seconds: Math.round(10 * this.seconds) / 10, ...annotator(),
    };
    await outbox.post({ image: this.key, title: this.image.name, method: "Submit", request, upTo: this.written });
  }

  /** @param {string} reason */
  async skip(reason) {
    await outbox.post({ image: this.key, title: this.image.name, method: "SkipImage", request: { imageId: this.image.id, reason, ...annotator() }, upTo: 0 });
  }

  /** Everything as a file: what cannot be sent is not lost. */
  asFile() {
    return JSON.stringify({ image: this.image, project: this.project.name, note: this.history.now.note, people: this.history.now.people.map(messageOf) }, null, 1);
  }

  close() {
    clearTimeout(this.timer);
    clearInterval(this.renewing);
    this.closed = true;
    this.unlock?.();
    for (const off of this.offs) off();
  }
}
