// The page on which an image is annotated: what keys, buttons and pointers do to a session.
import { ask, button, dialog, download, fill, h, inNextFrame, say } from "../dom.js";
import { minus } from "../body.js";
import { MIRROR, MOST_PEOPLE, PARENTS } from "../schema.js";
import { onKeys, pressed, writing } from "../keys.js";
import { Checks, oddities } from "../checks.js";
import * as outbox from "../outbox.js";
import { Picture } from "../picture.js";
import { Space, VIEWS, thumbnail } from "../space.js";
import { fittable, freeId, jointOf, limbOf, nobody } from "../state.js";
import { conflictBox } from "./conflict.js";
import { help } from "./help.js";
import { commentsOf } from "./comments.js";
import { historyOf } from "./history.js";
import { SAID, drawJoints, drawMeasures, drawOdd, drawPeople } from "./panel.js";
import { frame, lighten, lightOf, relabel } from "./tools.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../state.js").Person} Person */
/** @typedef {{submitted: (stay: boolean) => void, skipped: () => void, leave: () => void, position: string}} Way */

const TORSO = [1, 4, 11, 14];
const MOST_OTHERS = 6;

/** What was submitted last, for "pose of the previous picture". @type {{people: Person[], schema: string} | null} */
let before = null;

const SAME_MM = 30;
const OTHERS_AFTER_MS = 700;

/** Which of the bodies somebody has now: -1 for none. @param {import("../body.js").Point[]} joints @param {import("../state.js").Body[]} bodies */
function nearest(joints, bodies) {
  const far = bodies.map((body) => Math.max(...joints.map((joint, each) => Math.hypot(...minus(minus(joint, joints[0]), body.joints[each])))));
  const least = Math.min(...far);
  return least < SAME_MM ? far.indexOf(least) : -1;
}

/** @param {Element} tool @param {boolean} on */
function press(tool, on) {
  if (tool.getAttribute("aria-pressed") !== String(on)) tool.setAttribute("aria-pressed", String(on));
}

export class Annotate {
  /** @param {Session} session @param {Way} way */
  constructor(session, way) {
    this.session = session;
    this.way = way;
    this.picture = new Picture(session, { placed: () => session.step(1), boxed: (box) => void this.boxed(box), hide: () => this.run("hidden") });
    this.space = new Space(session, (joint) => this.chooseJoint(joint));
    this.space.joint = () => this.joint();
    this.space.viewed = () => this.drawModes();
    this.picture.light = lightOf();
    /** @type {{person: number | null, bodies: import("../state.js").Body[]}} */
    this.fresh = { person: null, bodies: [] };
    /** @type {import("../body.js").Point[] | null} the body for which others were asked for */
    this.asked = null;
    /** @type {any} */
    this.timer = null;
    this.sending = false;
    this.commands = this.table();
    this.parts = frame({ run: (id) => this.run(id), leave: way.leave, name: session.image.name, position: way.position, picture: this.picture.element, space: this.space.element });
    this.element = this.parts.element;
    this.tools = new Map([...this.element.querySelectorAll("[data-command]")].map((tool) => [tool.dataset.command, tool]));
    this.checks = new Checks(() => this.drawOddities());
    this.draw = inNextFrame(() => !session.closed && this.drawNow());
    session.told = inNextFrame(() => this.drawHeader());
    this.stop = [session.listen(this.draw), outbox.on("standing", () => this.drawHeader()), onKeys(() => relabel(this.element))];
    this.onKey = this.key.bind(this);
    addEventListener("keydown", this.onKey);
    addEventListener("keyup", this.onKey);
    this.onLeave = (/** @type {Event} */ event) => session.unkept && event.preventDefault();
    addEventListener("beforeunload", this.onLeave);
    /** @type {ImageBitmap | null} */
    this.bitmap = null;
    /** @type {any[]} pitch and bodies whose small pictures are there */
    this.shownBodies = [];
    /** of the key that hides the drawings while it is held */
    this.heldToHide = "";
    this.drawNow();
  }

  close() {
    clearTimeout(this.timer);
    removeEventListener("keydown", this.onKey);
    removeEventListener("keyup", this.onKey);
    removeEventListener("beforeunload", this.onLeave);
    for (const stop of this.stop) stop();
    this.picture.close();
    this.space.close();
    this.session.close();
  }

  drawNewPerson() {
    if (this.session.doc.people.length >= MOST_PEOPLE) return say(`A picture holds at most ${MOST_PEOPLE} people`);
    this.picture.drawingBox = !this.picture.drawingBox;
    say("Draw a box around the person");
    this.draw();
  }

  // Drawing

  drawNow() {
    if (this.bitmap !== this.session.bitmap) {
      this.bitmap = this.session.bitmap;
      this.picture.drawBack();
    }
    this.picture.paint();
    this.space.paint();
    this.drawHeader();
    this.drawBanner();
    drawPeople(this.parts.people, this.session, (id) => this.run(id));
    drawJoints(this.parts.joints, this.session, (v) => this.see(v));
    drawMeasures(this.parts.measures, this.session, (id) => this.run(id));
    this.drawOthers();
    this.drawLabel();
    this.drawModes();
    this.drawOddities();
  }

  drawOddities() {
    const { chosen, frame: picture, preview } = this.session;
    if (preview) return;
    if (chosen) this.checks.ask([chosen]);
    drawOdd(this.parts.odd, chosen ? [...oddities(chosen, picture), ...this.checks.beyond(chosen)] : []);
  }

  drawHeader() {
    const { waiting, offline } = outbox.now();
    const { unkept, unsent, history, readOnly } = this.session;
    const away = offline ? `offline: ${waiting} to send, all kept here` : waiting ? `sending ${waiting}` : unsent ? "all kept here" : "kept by the server";
    const words = unkept ? "keeping ..." : away;
    if (this.parts.kept.textContent !== words) this.parts.kept.textContent = words;
    this.parts.kept.classList.toggle("warn", offline);
    this.enable("undo", history.past.length > 0);
    this.enable("redo", history.future.length > 0);
    for (const id of ["submit", "skip"]) this.enable(id, !readOnly);
  }

  /** @param {string} id @param {boolean} can */
  enable(id, can) {
    const tool = this.tools.get(id);
    if (tool.disabled === can) tool.disabled = !can;
  }

  drawBanner() {
    const { readOnly, problem, conflict, busy } = this.session;
    if (this.parts.busy.textContent !== busy) this.parts.busy.textContent = busy;
    const words = problem || (readOnly && `Read only: ${readOnly}`);
    if (!conflict && this.parts.banner.dataset.shown === words) return;
    this.parts.banner.dataset.shown = conflict ? "conflict" : words;
    this.parts.banner.hidden = !words && !conflict;
    const understood = () => { this.session.problem = ""; this.draw(); };
    fill(this.parts.banner, words && h("span", {}, words), words && button("Save as a file", "", () => this.run("save")),
      problem && button("Understood", "", understood), conflict && conflictBox(this.session, () => this.draw()));
  }

  drawLabel() {
    const { chosen, point, names } = this.session;
    if (!chosen) return;
    const [x, y] = chosen.keypoints[point];
    const where = chosen.visibility[point] ? `, ${Math.round(x)} by ${Math.round(y)}` : "";
    const words = `${names[point]}, ${SAID[chosen.visibility[point]]}${where}, ${point + 1} of ${names.length}`;
    if (this.parts.label.textContent !== words) this.parts.label.textContent = words;
  }

  drawModes() {
    const modes = { guided: this.picture.guided, horizon: this.picture.horizon, hide: this.picture.hidden, newPerson: this.picture.drawingBox };
    const views = Object.fromEntries(Object.keys(VIEWS).map((name) => [name, this.space.name === name]));
    for (const [id, on] of Object.entries({ ...modes, ...views })) press(this.tools.get(id), on);
  }

  others() {
    const { person, chosen } = this.session;
    return (this.fresh.person === person ? this.fresh.bodies : chosen?.others ?? []).slice(0, MOST_OTHERS);
  }

  /** A while after the last change others are asked for, unless the body is one of those that there are:
   * then somebody looks through them. @param {boolean} offered
   */
  renewOthers(offered) {
    const { chosen, preview } = this.session;
    if (preview || !chosen?.joints || chosen.joints === this.asked) return;
    this.asked = chosen.joints;
    clearTimeout(this.timer);
    if (!offered) this.timer = setTimeout(() => void this.alternatives(), OTHERS_AFTER_MS);
  }

  drawOthers() {
    const person = this.session.chosen;
    const bodies = this.others();
    const why = person && !person.joints ? (fittable(person, this.session.frame) ? "No body yet: R fits one" : "A body needs six joints or more") : "";
    this.parts.empty.textContent = person ? why : "Nobody is chosen";
    const shown = [person?.pitch ?? 0, ...bodies];
    if (shown.length !== this.shownBodies.length || shown.some((each, at) => each !== this.shownBodies[at])) {
      this.shownBodies = shown;
      fill(this.parts.others, bodies.map((body, at) => this.other(body, at, person?.pitch ?? 0)));
    }
    const taken = person?.joints ? nearest(person.joints, bodies) : -1;
    [...this.parts.others.children].forEach((each, at) => press(each, at === taken));
    this.renewOthers(taken >= 0 && this.fresh.person === this.session.person);
  }

  /** @param {import("../state.js").Body} body @param {number} at @param {number} pitch */
  other(body, at, pitch) {
    const canvas = h("canvas", { width: 96, height: 96, "aria-hidden": "true" });
    thumbnail(canvas, body.joints, pitch, VIEWS.side);
    const show = (/** @type {boolean} */ on) => () => { this.session.ghost = on ? body.joints : null; this.space.draw(); };
    const what = body.flips?.length ? body.flips.join(", ") : at ? "" : "as fitted";
    const words = `Body ${at + 1}${what && `: ${what}${body.flips?.length ? " the other way" : ""}`}`;
    return h("button", { type: "button", class: "other", "data-what": what, "aria-label": words, title: `${words} (${at + 1})`,
      onclick: () => this.take(at), onpointerenter: show(true), onpointerleave: show(false), onfocus: show(true), onblur: show(false) }, canvas, h("kbd", { "aria-hidden": "true" }, at + 1));
  }

  // Keys

  /** @param {any} event */
  key(event) {
    const onPicture = document.activeElement === this.picture.front;
    if (event.key === " " && onPicture) {
      this.picture.panning = event.type === "keydown";
      return event.preventDefault();
    }
    if (event.type === "keyup") return event.code === this.heldToHide && this.picture.hidden && this.show(true);
    if (writing(event.target)) return;
    const found = pressed(event);
    if (!found || this.belongsToFocus(found.command.id)) return;
    event.preventDefault();
    if (found.command.id === "hide") this.hideWhileHeld(event.code);
    else this.run(found.command.id, found.more);
  }

  /** @param {string} code of the key */
  hideWhileHeld(code) {
    this.heldToHide = code;
    this.show(false);
  }

  /** Keys with which a browser goes through a page are the page's own on the picture alone. @param {string} id */
  belongsToFocus(id) {
    const focus = document.activeElement;
    if (id === "next" || id === "previous") return focus !== this.picture.front;
    return id === "submit" && focus instanceof HTMLButtonElement;
  }

  /** Does what a key or a button says. @param {string} id @param {boolean} [more] */
  run(id, more = false) {
    this.session.touch();
    this.commands[id]?.(more);
  }

  /** @returns {Record<string, (more: boolean) => void>} */
  table() {
    const { session, picture, space } = this;
    return {
      hidden: () => this.see(session.chosen?.visibility[session.point] === 1 ? 2 : 1, true),
      absent: () => this.see(0, true),
      next: () => session.step(1),
      previous: () => session.step(-1),
      below: () => session.choose(session.person, (session.point + 1) % session.names.length),
      above: () => session.choose(session.person, (session.point + session.names.length - 1) % session.names.length),
      left: (more) => this.nudge(-1, 0, more),
      right: (more) => this.nudge(1, 0, more),
      up: (more) => this.nudge(0, -1, more),
      down: (more) => this.nudge(0, 1, more),
      guided: () => { picture.guided = !picture.guided; this.draw(); },
      swapLimb: () => this.act({ t: "swap", points: limbOf(session.point, session.frame.schema) }),
      swapAll: () => this.act({ t: "swap", points: [...session.names.keys()] }),
      nextPerson: () => this.nextPerson(),
      newPerson: () => this.drawNewPerson(),
      removePerson: () => { this.act({ t: "remove" }); session.choose(session.doc.people[0]?.id ?? null); },
      previousPose: () => this.previousPose(),
      suggest: () => void session.suggest(undefined, true),
      flip: () => this.flip([this.joint()]),
      flipLimb: () => this.flip(this.limb()),
      flipTorso: () => this.flip(TORSO),
      nearer: (more) => this.push(more ? -100 : -20),
      farther: (more) => this.push(more ? 100 : 20),
      refit: () => void this.refit(),
      shorter: (more) => this.grow(more ? -100 : -10),
      taller: (more) => this.grow(more ? 100 : 10),
      pitchUp: () => this.tilt(1),
      pitchDown: () => this.tilt(-1),
      ...Object.fromEntries([1, 2, 3, 4, 5, 6].map((number) => [`take${number}`, () => this.take(number - 1)])),
      camera: () => space.look("camera"),
      side: () => space.look("side"),
      top: () => space.look("top"),
      fitPerson: () => picture.fitPerson(),
      fitPicture: () => picture.fitPicture(),
      zoomIn: () => this.zoom(1.25),
      zoomOut: () => this.zoom(0.8),
      hide: () => this.show(picture.hidden),
      horizon: () => { picture.horizon = !picture.horizon; this.draw(); },
      darker: () => lighten(picture, "brightness", 0.9),
      brighter: () => lighten(picture, "brightness", 1 / 0.9),
      lessContrast: () => lighten(picture, "contrast", 0.9),
      moreContrast: () => lighten(picture, "contrast", 1 / 0.9),
      plainLight: () => lighten(picture, "brightness", 0),
      undo: () => session.act({ t: "undo" }),
      redo: () => session.act({ t: "redo" }),
      submit: () => void this.submit(false),
      submitStay: () => void this.submit(true),
      skip: () => void this.skip(),
      note: () => void this.note(),
      history: () => void historyOf(session),
      comments: () => void commentsOf(session),
      save: () => download(`${session.image.name}.json`, session.asFile(), "application/json"),
      leave: () => this.leaveMode(),
      help: () => void help((id) => this.run(id)),
    };
  }

  // Joints

  /** @param {import("../state.js").Action} action */
  act(action) {
    if (this.session.person !== null) this.session.act({ id: this.session.person, ...action });
  }

  /** Says how a joint is seen, and goes on. @param {number} v @param {boolean} [on] */
  see(v, on = false) {
    const { chosen, point } = this.session;
    if (!chosen) return;
    const placed = chosen.visibility[point] || chosen.keypoints[point].some(Boolean);
    if (placed || !v) this.act({ t: "visibility", j: point, v });
    else this.act({ t: "point", j: point, v, ...this.somewhere() });
    if (on) this.session.step(1);
  }

  /** Where a joint begins that was never placed: the middle of what is shown. */
  somewhere() {
    const [x, y] = this.picture.inPicture([this.picture.front.clientWidth / 2, this.picture.front.clientHeight / 2]);
    return { x, y };
  }

  /** @param {number} x @param {number} y @param {boolean} more */
  nudge(x, y, more) {
    const { chosen, point } = this.session;
    if (!chosen) return;
    if (!chosen.visibility[point]) return this.turn(x, y, more);
    const step = (more ? 10 : 1) * Math.min(1, 1 / this.picture.view.scale);
    this.act({ t: "point", j: point, x: chosen.keypoints[point][0] + step * x, y: chosen.keypoints[point][1] + step * y });
  }

  /** A joint without a keypoint turns about the near end of its bone. @param {number} x @param {number} y @param {boolean} more */
  turn(x, y, more) {
    const joint = this.joint();
    if (joint > 0) this.act({ t: "turn", j: joint, axis: x ? [0, 0, 1] : [1, 0, 0], deg: (more ? 15 : 3) * (x || y) });
  }

  /** The joint in space of the chosen keypoint; -1 where there is none. */
  joint() {
    return jointOf(this.session.point, this.session.frame.schema);
  }

  /** @param {number} joint */
  chooseJoint(joint) {
    const { names, frame: { schema }, person } = this.session;
    const point = [...names.keys()].find((j) => jointOf(j, schema) === joint);
    if (point !== undefined) this.session.choose(person, point);
  }

  // Depth

  /** Bones of the limb of the chosen joint, by their ends: those that can be flipped. */
  limb() {
    const { point, frame: { schema } } = this.session;
    const joints = limbOf(point, schema).map((each) => jointOf(each, schema)).filter((joint) => joint > 0);
    return joints.length === 1 ? joints : joints.filter((joint) => MIRROR[PARENTS[joint]] !== PARENTS[joint]);
  }

  /** @param {number[]} bones */
  flip(bones) {
    const real = bones.filter((joint) => joint > 0);
    if (real.length && this.session.chosen?.joints) this.act({ t: "flip", bones: real });
  }

  /** @param {number} mm */
  push(mm) {
    if (this.joint() >= 0 && this.session.chosen?.joints) this.act({ t: "push", j: this.joint(), mm });
  }

  /** @param {number} mm */
  grow(mm) {
    if (this.session.chosen) this.act({ t: "height", mm: this.session.chosen.height + mm });
  }

  /** @param {number} deg */
  tilt(deg) {
    if (this.session.chosen) this.session.act({ t: "pitch", deg: this.session.chosen.pitch + deg });
  }

  /** @param {number} at */
  take(at) {
    const body = this.others()[at];
    if (body) this.act({ t: "body", joints: body.joints });
  }

  /** Other bodies that explain the same keypoints, to choose from. */
  async alternatives() {
    const { chosen } = this.session;
    if (!chosen?.joints || this.session.readOnly || this.session.closed) return;
    clearTimeout(this.timer);
    this.asked = chosen.joints;
    const bodies = await this.session.refit(true);
    if (this.session.chosen?.joints === chosen.joints) this.offer(bodies);
  }

  async refit() {
    const bodies = await this.session.refit();
    if (!bodies.length) return;
    this.offer(bodies);
    if (!this.session.chosen?.joints) return this.take(0);
    this.session.ghost = bodies[0].joints;
    say("The new body is shown as a ghost: 1 takes it");
  }

  /** @param {import("../state.js").Body[]} bodies of the chosen person */
  offer(bodies) {
    if (!bodies.length) return;
    this.fresh = { person: this.session.person, bodies };
    this.draw();
  }

  // People

  nextPerson() {
    const { doc: { people }, person } = this.session;
    if (!people.length) return;
    this.session.choose(people[(people.findIndex((each) => each.id === person) + 1) % people.length].id);
    this.picture.fitPerson();
  }

  /** @param {number[]} box */
  async boxed(box) {
    const { session } = this;
    const count = session.history.now.people.length;
    if (session.me.detector) await session.suggest(box);
    if (session.history.now.people.length > count) return;
    const id = freeId(session.history.now);
    session.act({ t: "add", person: nobody(id, session.frame, box, session.doc.people[0]?.pitch ?? 0) });
    this.picture.guided = true;
    session.choose(id, 0);
    this.picture.fitPerson();
  }

  previousPose() {
    const { session } = this;
    const { people } = session.history.now;
    const old = before?.people[Math.max(people.findIndex((person) => person.id === session.person), 0)];
    if (!old || before?.schema !== session.frame.schema) return say("There is no previous picture yet");
    const id = session.person ?? freeId(session.history.now);
    const copied = { ...old, id, origin: old.origin.map(() => 0), confidence: null };
    session.act(session.chosen ? { t: "people", people: people.map((each) => (each.id === id ? copied : each)) } : { t: "add", person: copied });
    session.choose(id);
  }

  // Looking

  /** @param {number} factor */
  zoom(factor) {
    this.picture.zoom(factor, [this.picture.front.clientWidth / 2, this.picture.front.clientHeight / 2]);
  }

  /** @param {boolean} on */
  show(on) {
    this.picture.hidden = !on;
    this.picture.draw();
    this.drawModes();
  }

  leaveMode() {
    this.session.ghost = this.session.under = null;
    if (this.picture.drawingBox || this.picture.guided) this.picture.drawingBox = this.picture.guided = false;
    else if (document.activeElement === this.picture.front) this.element.querySelector('[data-command="submit"]').focus();
    this.draw();
  }

  // The image

  /** @param {boolean} stay */
  async submit(stay) {
    const { session } = this;
    if (session.readOnly || this.sending || session.busy) return;
    this.sending = true;
    const sure = await this.checked();
    this.sending = sure;
    if (!sure) return;
    before = { people: session.history.now.people, schema: session.frame.schema };
    await session.submit();
    this.sending = false;
    this.way.submitted(stay);
  }

  /** Whether what is unusual should be sent as it is. */
  async checked() {
    const { history: { now: { people } }, frame: picture } = this.session;
    await this.checks.all(people);
    const odd = people.flatMap((person, at) => [...oddities(person, picture), ...this.checks.beyond(person)].map((words) => `Person ${at + 1}: ${words}`));
    if (!people.length) odd.push("Nobody is annotated in this picture.");
    return !odd.length || Boolean(await this.sure(odd));
  }

  /** @param {string[]} words */
  sure(words) {
    return dialog("Submit as it is?", (close) => [h("ul", {}, words.map((line) => h("li", {}, line))),
      h("div", { class: "row" }, button("Submit", "", () => close(true), { class: "main", autofocus: true }), button("Back", "Esc", () => close(false)))]);
  }

  async skip() {
    if (this.session.readOnly) return;
    const reason = await ask("Skip this image", "Reason", "", "Skip");
    if (!reason) return;
    await this.session.skip(reason);
    this.way.skipped();
  }

  async note() {
    const text = await ask("Note for whoever reviews this", "Note", this.session.doc.note, "Keep", { most: 2000, needed: false });
    if (text !== undefined) this.session.act({ t: "note", text });
  }
}
