// The body in space beside the picture: from the side, from above, or turned by hand. A plain 2D
// canvas: seventeen joints need no graphics library, and it is fast without a graphics card.
import { minus, plus, size, times, upright } from "./body.js";
import { h, inNextFrame } from "./dom.js";
import { LEFT, MIDDLE, OTHER, RIGHT, circle, disc, label, line } from "./picture.js";
import { JOINTS, PARENTS } from "./schema.js";
import { clamp } from "./state.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {import("./body.js").Point} Point */
/** @typedef {import("./body.js").Px} Px */
/** @typedef {{turn: number, tilt: number}} View degrees: around the body, and from above */

/** @type {Record<string, View & {title: string}>} */
export const VIEWS = {
  camera: { turn: 0, tilt: 0, title: "Camera" },
  side: { turn: -90, tilt: 8, title: "Side" },
  top: { turn: 0, tilt: 90, title: "Top" },
};
const REACH_PX = 16;
const GRID_MM = 500;

/** @param {number} joint */
function colourOf(joint) {
  if (JOINTS[joint].startsWith("L")) return LEFT;
  return /^R[A-Z]/.test(JOINTS[joint]) ? RIGHT : MIDDLE;
}

export class Space {
  /** @param {Session} session @param {(joint: number) => void} choose */
  constructor(session, choose) {
    this.session = session;
    this.choose = choose;
    this.canvas = h("canvas", { role: "img", "aria-label": "Body in space" });
    this.element = h("div", { class: "space" }, this.canvas);
    /** @type {View} */
    this.view = { ...VIEWS.side };
    this.name = "side";
    this.closer = 1;
    this.width = 0;
    this.height = 0;
    /** @type {any} */
    this.drag = null;
    this.draw = inNextFrame(() => this.paint());
    /** @type {(() => void)} */
    this.viewed = () => {};
    this.watch = new ResizeObserver(() => this.resized());
    this.watch.observe(this.element);
    for (const [name, run] of Object.entries({ pointerdown: this.down, pointermove: this.move, pointerup: this.up, pointercancel: this.up, wheel: this.wheel })) {
      this.canvas.addEventListener(name, run.bind(this), { passive: false });
    }
  }

  close() {
    this.watch.disconnect();
  }

  resized() {
    [this.width, this.height] = [this.element.clientWidth, this.element.clientHeight];
    this.canvas.width = Math.round(this.width * devicePixelRatio);
    this.canvas.height = Math.round(this.height * devicePixelRatio);
    this.draw();
  }

  /** @param {string} name */
  look(name) {
    this.view = { ...VIEWS[name] };
    this.name = name;
    this.viewed();
    this.draw();
  }

  // What is where

  /** Middle and height of what is shown, world mm. @param {Point[]} world */
  frameOf(world) {
    const low = Math.min(...world.map((point) => point[2]));
    return { low, scale: (this.closer * 0.8 * Math.min(this.width, this.height)) / Math.max(this.session.chosen?.height ?? 1700, 500) };
  }

  /** A joint's world place seen from its hip. @param {Point[]} joints */
  world(joints) {
    const pitch = this.session.chosen?.pitch ?? 0;
    return joints.map((joint) => upright(minus(joint, joints[0]), pitch));
  }

  /** World mm to px of the window. @param {Point} point @param {{low: number, scale: number}} frame @param {View} [view] @returns {Px} */
  shown([x, y, z], { low, scale }, view = this.view) {
    const [turn, tilt] = [(view.turn * Math.PI) / 180, (view.tilt * Math.PI) / 180];
    const right = x * Math.cos(turn) - y * Math.sin(turn);
    const away = x * Math.sin(turn) + y * Math.cos(turn);
    const up = z * Math.cos(tilt) + away * Math.sin(tilt);
    const middle = ((low + 0.5 * (this.session.chosen?.height ?? 1700)) * Math.cos(tilt)) || 0;
    return [this.width / 2 + scale * right, this.height / 2 - scale * (up - middle)];
  }

  // Pointers

  /** @param {PointerEvent | WheelEvent} event @returns {Px} */
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** @param {PointerEvent} event */
  down(event) {
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    const place = this.at(event);
    const joint = this.hit(place);
    this.drag = { from: place, view: { ...this.view }, joint, moved: false };
    if (joint >= 0) this.choose(joint);
  }

  /** @param {Px} place */
  hit(place) {
    const joints = this.session.chosen?.joints;
    if (!joints) return -1;
    const world = this.world(joints);
    const frame = this.frameOf(world);
    const far = world.map((point) => {
      const [x, y] = this.shown(point, frame);
      return Math.hypot(x - place[0], y - place[1]);
    });
    const nearest = far.indexOf(Math.min(...far));
    return far[nearest] < REACH_PX ? nearest : -1;
  }

  /** @param {PointerEvent} event */
  move(event) {
    const drag = this.drag;
    if (!drag) return;
    const [x, y] = this.at(event);
    const by = /** @type {Px} */ ([x - drag.from[0], y - drag.from[1]]);
    if (!drag.moved && Math.hypot(...by) < 4) return;
    drag.moved = true;
    if (drag.joint >= 0) {
      drag.mm = this.pushed(by);
      this.session.show({ t: "push", id: this.session.person, j: drag.joint, mm: drag.mm });
    } else {
      this.view = { turn: drag.view.turn - 0.5 * by[0], tilt: clamp(drag.view.tilt + 0.5 * by[1], -10, 90) };
      this.name = "";
      this.viewed();
      this.draw();
    }
  }

  /** How far along its ray a drag has pushed the joint, mm. @param {Px} by */
  pushed(by) {
    const joints = this.session.history.now.people.find((person) => person.id === this.session.person)?.joints;
    if (!joints) return 0;
    const world = this.world(joints);
    const frame = this.frameOf(world);
    const pitch = this.session.chosen?.pitch ?? 0;
    const away = upright(times(1 / size(joints[this.drag.joint]), joints[this.drag.joint]), pitch);
    const [a, b] = [this.shown(world[0], frame), this.shown(plus(world[0], times(100, away)), frame)];
    const along = [(b[0] - a[0]) / 100, (b[1] - a[1]) / 100];
    const long = along[0] ** 2 + along[1] ** 2;
    return long < 1e-6 ? 0 : (by[0] * along[0] + by[1] * along[1]) / long;
  }

  up() {
    const drag = this.drag;
    this.drag = null;
    if (drag?.joint >= 0 && drag.moved && drag.mm) this.session.act({ t: "push", id: this.session.person, j: drag.joint, mm: Math.round(10 * drag.mm) / 10 });
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    this.closer = clamp(this.closer * Math.exp(-event.deltaY / 500), 0.4, 6);
    this.draw();
  }

  // Drawing

  paint() {
    const context = this.canvas.getContext("2d");
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    const joints = this.session.chosen?.joints;
    if (!joints) return;
    const world = this.world(joints);
    const frame = this.frameOf(world);
    this.paintGround(context, frame);
    const ghost = this.session.ghost;
    const under = this.session.under?.people.find((person) => person.id === this.session.person)?.joints;
    if (under) this.paintBody(context, this.world(under), frame, true, OTHER);
    if (ghost) this.paintBody(context, this.world(ghost), frame, true);
    this.paintBody(context, world, frame, false);
    this.paintHandle(context, joints, world, frame);
  }

  /** @param {CanvasRenderingContext2D} context @param {{low: number, scale: number}} frame */
  paintGround(context, frame) {
    context.strokeStyle = "#ffffff22";
    context.lineWidth = 1;
    context.beginPath();
    for (let step = -3; step <= 3; step++) {
      for (const [from, to] of [[[step, -3], [step, 3]], [[-3, step], [3, step]]]) {
        context.moveTo(...this.shown([GRID_MM * from[0], GRID_MM * from[1], frame.low], frame));
        context.lineTo(...this.shown([GRID_MM * to[0], GRID_MM * to[1], frame.low], frame));
      }
    }
    context.stroke();
    const [from, to] = [this.shown([0, -900, frame.low], frame), this.shown([0, -600, frame.low], frame)];
    if (Math.hypot(to[0] - from[0], to[1] - from[1]) < 20) return;
    line(context, from, to, "#9aa4b2", false, 1.5);
    const along = Math.atan2(to[1] - from[1], to[0] - from[0]);
    for (const side of [-2.6, 2.6]) line(context, to, [to[0] + 9 * Math.cos(along + side), to[1] + 9 * Math.sin(along + side)], "#9aa4b2", false, 1.5);
    label(context, [from[0] - 14, from[1] + 14], "from the camera");
  }

  /** @param {CanvasRenderingContext2D} context @param {Point[]} world @param {{low: number, scale: number}} frame @param {boolean} ghost @param {string} [colour] */
  paintBody(context, world, frame, ghost, colour) {
    context.globalAlpha = ghost ? 0.8 : 1;
    const places = world.map((point) => this.shown(point, frame));
    const depth = world.map((point) => this.depth(point));
    const bones = PARENTS.map((_, joint) => joint).slice(1).sort((a, b) => depth[b] - depth[a]);
    for (const joint of bones) line(context, places[PARENTS[joint]], places[joint], colour ?? colourOf(joint), ghost, ghost ? 2 : 3.5);
    if (!ghost) places.forEach((place, joint) => disc(context, place, 4, colourOf(joint)));
    context.globalAlpha = 1;
  }

  /** @param {Point} point away from who looks */
  depth([x, y, z]) {
    const [turn, tilt] = [(this.view.turn * Math.PI) / 180, (this.view.tilt * Math.PI) / 180];
    return (x * Math.sin(turn) + y * Math.cos(turn)) * Math.cos(tilt) - z * Math.sin(tilt);
  }

  /** The chosen joint and the ray that it can be pushed along.
   * @param {CanvasRenderingContext2D} context @param {Point[]} joints @param {Point[]} world @param {{low: number, scale: number}} frame
   */
  paintHandle(context, joints, world, frame) {
    const joint = this.joint();
    if (joint < 0) return;
    const pitch = this.session.chosen?.pitch ?? 0;
    const away = upright(times(1 / size(joints[joint]), joints[joint]), pitch);
    const ends = [-250, 250].map((mm) => this.shown(plus(world[joint], times(mm, away)), frame));
    line(context, ends[0], ends[1], "#ffd54a", true, 1.5);
    const place = this.shown(world[joint], frame);
    circle(context, place, 9, "#000", 4);
    circle(context, place, 9, "#ffd54a", 2);
    label(context, place, JOINTS[joint]);
  }

  /** @type {() => number} */
  joint = () => -1;
}

/** A small picture of a body from the side. @param {HTMLCanvasElement} canvas @param {Point[]} joints @param {number} pitch @param {View} view */
export function thumbnail(canvas, joints, pitch, view) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const [width, height] = [canvas.width, canvas.height];
  context.clearRect(0, 0, width, height);
  const [turn, tilt] = [(view.turn * Math.PI) / 180, (view.tilt * Math.PI) / 180];
  const places = joints.map((joint) => {
    const [x, y, z] = upright(minus(joint, joints[0]), pitch);
    return /** @type {Px} */ ([x * Math.cos(turn) - y * Math.sin(turn), -(z * Math.cos(tilt) + (x * Math.sin(turn) + y * Math.cos(turn)) * Math.sin(tilt))]);
  });
  const [xs, ys] = [places.map(([x]) => x), places.map(([, y]) => y)];
  const scale = Math.min((0.85 * width) / Math.max(Math.max(...xs) - Math.min(...xs), 600), (0.88 * height) / Math.max(Math.max(...ys) - Math.min(...ys), 600));
  const [mx, my] = [(Math.max(...xs) + Math.min(...xs)) / 2, (Math.max(...ys) + Math.min(...ys)) / 2];
  const shown = places.map(([x, y]) => /** @type {Px} */ ([width / 2 + scale * (x - mx), height / 2 + scale * (y - my)]));
  for (let joint = 1; joint < 17; joint++) line(context, shown[PARENTS[joint]], shown[joint], colourOf(joint), false, 2);
}
