// The picture with people drawn on it: what is seen, where a pointer is, what a drag does.
//
// Two canvases: the picture is drawn anew only when it is moved, the people above it with every
// change, so that a key press costs some lines and not twelve million pixels.
import { cameraOf, projected } from "./body.js";
import { KEYPOINTS } from "./schema.js";
import { clamp } from "./state.js";
import { h, inNextFrame } from "./dom.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {import("./body.js").Px} Px */

export const LEFT = "#56b4e9";
export const RIGHT = "#e69f00";
export const MIDDLE = "#ffffff";
/** Of another revision, laid over. */
export const OTHER = "#ff7de9";
const CHOSEN = "#ffd54a";
const OFF_PX = 6;
const REACH = { mouse: 14, pen: 18, touch: 28 };
const START_PX = 4;

/** @param {string} name of a keypoint */
export function colourOf(name) {
  if (/^L[A-Z]|^left/.test(name)) return LEFT;
  return /^R[A-Z]|^right/.test(name) ? RIGHT : MIDDLE;
}

export class Picture {
  /** @param {Session} session @param {{placed: () => void, boxed: (box: number[]) => void, hide: () => void}} told */
  constructor(session, told) {
    this.session = session;
    this.told = told;
    this.back = h("canvas", { "aria-hidden": "true" });
    this.front = h("canvas", { tabindex: 0, role: "application", "aria-label": "Picture", "aria-describedby": "point-label" });
    this.element = h("div", { class: "picture" }, this.back, this.front);
    this.view = { scale: 1, x: 0, y: 0 };
    this.hidden = false;
    this.horizon = false;
    this.guided = false;
    this.drawingBox = false;
    this.panning = false;
    this.light = { brightness: 1, contrast: 1 };
    /** @type {Map<number, Px>} */
    this.pointers = new Map();
    /** @type {any} */
    this.drag = null;
    /** Whether somebody has chosen what is seen; else it is the whole picture. */
    this.viewed = false;
    this.draw = inNextFrame(() => this.paint());
    this.watch = new ResizeObserver(() => this.resized());
    this.watch.observe(this.element);
    this.listen();
  }

  listen() {
    const on = (/** @type {string} */ name, /** @type {(event: any) => void} */ run) => this.front.addEventListener(name, run, { passive: false });
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.move(event));
    on("pointerup", (event) => this.up(event));
    on("pointercancel", (event) => this.up(event));
    on("wheel", (event) => this.wheel(event));
    on("contextmenu", (event) => event.preventDefault());
  }

  close() {
    this.watch.disconnect();
  }

  // What is where

  /** @param {Px} place in the picture @returns {Px} px of the window */
  shown([x, y]) {
    return [x * this.view.scale + this.view.x, y * this.view.scale + this.view.y];
  }

  /** @param {Px} place @returns {Px} */
  inPicture([x, y]) {
    return [(x - this.view.x) / this.view.scale, (y - this.view.y) / this.view.scale];
  }

  /** @param {PointerEvent | WheelEvent} event @returns {Px} */
  at(event) {
    const box = this.front.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  resized() {
    const box = this.element.getBoundingClientRect();
    if (!box.width) return;
    for (const canvas of [this.back, this.front]) {
      canvas.width = Math.round(box.width * devicePixelRatio);
      canvas.height = Math.round(box.height * devicePixelRatio);
    }
    if (!this.viewed) this.fitPicture();
    this.drawBack();
    this.draw();
  }

  /** @param {number[]} box x0 y0 x1 y1 px of the picture @param {number} margin */
  fit([x0, y0, x1, y1], margin) {
    const { clientWidth: width, clientHeight: height } = this.front;
    if (!width) return;
    const scale = Math.min(width / ((x1 - x0) * margin), height / ((y1 - y0) * margin), 40);
    this.view = { scale, x: width / 2 - (scale * (x0 + x1)) / 2, y: height / 2 - (scale * (y0 + y1)) / 2 };
    this.drawBack();
    this.draw();
  }

  fitPicture() {
    this.viewed = false;
    this.fit([0, 0, this.session.frame.width, this.session.frame.height], 1.02);
  }

  fitPerson() {
    const person = this.session.chosen;
    const known = person ? person.keypoints.filter((_, j) => person.visibility[j]) : [];
    const corners = person?.box ? [...known, [person.box[0], person.box[1]], [person.box[2], person.box[3]]] : known;
    if (corners.length < 2) return this.fitPicture();
    const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
    this.viewed = true;
    this.fit([Math.min(...xs), Math.min(...ys), Math.max(...xs) + 1, Math.max(...ys) + 1], 1.25);
  }

  /** @param {number} factor @param {Px} around */
  zoom(factor, [x, y]) {
    this.viewed = true;
    const scale = clamp(this.view.scale * factor, 0.02, 60);
    const ratio = scale / this.view.scale;
    this.view = { scale, x: x - (x - this.view.x) * ratio, y: y - (y - this.view.y) * ratio };
    this.drawBack();
    this.draw();
  }

  // Pointers

  /** The point of anybody under a pointer: that of the chosen person first. @param {Px} place @param {number} reach */
  hit(place, reach) {
    const { doc, person: chosen } = this.session;
    /** @type {{id: number, j: number, far: number} | null} */
    let best = null;
    for (const person of doc.people) {
      const near = person.id === chosen ? 0.6 : 1;
      for (const [j, point] of person.keypoints.entries()) {
        if (!person.visibility[j]) continue;
        const [x, y] = this.shown(point);
        const far = Math.hypot(x - place[0], y - place[1]);
        if (far <= reach && (!best || far * near < best.far)) best = { id: person.id, j, far: far * near };
      }
    }
    return best;
  }

  /** @param {PointerEvent} event */
  down(event) {
    event.preventDefault();
    this.front.focus({ preventScroll: true });
    this.front.setPointerCapture(event.pointerId);
    const place = this.at(event);
    this.pointers.set(event.pointerId, place);
    if (this.pointers.size === 2) return this.startPinch();
    if (event.button === 1 || this.panning) return this.start("pan", place, event);
    if (this.drawingBox) return this.start("box", place, event);
    const hit = this.hit(place, REACH[/** @type {"mouse"} */ (event.pointerType)] ?? REACH.mouse);
    if (hit && !(this.guided && event.button === 0)) this.session.choose(hit.id, hit.j);
    if (event.button === 2) return hit && this.told.hide();
    if (event.altKey && this.session.chosen) return this.start("body", place, event);
    if (hit) return this.start("point", place, event, hit);
    if (this.onHorizon(place)) return this.start("horizon", place, event);
    this.start(event.pointerType === "touch" && !this.guided ? "pan" : "click", place, event);
  }

  /** @param {string} kind @param {Px} place @param {PointerEvent} event @param {{id: number, j: number} | null} [hit] */
  start(kind, place, event, hit = null) {
    const [x, y] = this.inPicture(place);
    const { id, j } = hit ?? { id: this.session.person, j: this.session.point };
    const origin = this.session.doc.people.find((person) => person.id === id)?.keypoints[j];
    this.drag = { kind, from: place, place, moved: false, view: { ...this.view }, x, y, origin, id, j, touch: event.pointerType === "touch" };
  }

  startPinch() {
    this.session.unshow();
    const [a, b] = [...this.pointers.values()];
    this.drag = { kind: "pinch", apart: Math.hypot(a[0] - b[0], a[1] - b[1]), middle: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2] };
  }

  /** @param {PointerEvent} event */
  move(event) {
    const place = this.at(event);
    if (!this.pointers.has(event.pointerId)) return;
    this.pointers.set(event.pointerId, place);
    const drag = this.drag;
    if (!drag) return;
    if (drag.kind === "pinch") return this.pinch();
    drag.place = place;
    if (!drag.moved && Math.hypot(place[0] - drag.from[0], place[1] - drag.from[1]) < START_PX) return;
    if (!drag.moved && drag.kind === "point") this.session.choose(drag.id, drag.j);
    drag.moved = true;
    if (drag.kind === "pan" || drag.kind === "click") return this.pan(place);
    if (drag.kind === "box") return this.draw();
    this.session.show(this.dragged());
  }

  /** @param {Px} place */
  pan(place) {
    const { from, view } = this.drag;
    this.viewed = true;
    this.view = { scale: view.scale, x: view.x + place[0] - from[0], y: view.y + place[1] - from[1] };
    this.drawBack();
    this.draw();
  }

  pinch() {
    const [a, b] = [...this.pointers.values()];
    if (!b) return;
    const [apart, middle] = [Math.hypot(a[0] - b[0], a[1] - b[1]), /** @type {Px} */ ([(a[0] + b[0]) / 2, (a[1] + b[1]) / 2])];
    this.view.x += middle[0] - this.drag.middle[0];
    this.view.y += middle[1] - this.drag.middle[1];
    this.zoom(apart / Math.max(this.drag.apart, 1), middle);
    Object.assign(this.drag, { apart, middle });
  }

  /** What the drag has done so far, as an action. */
  dragged() {
    const { place, x, y, origin, id, j, kind } = this.drag;
    const [u, v] = this.inPicture(place);
    if (kind === "body") return { t: "move", id, dx: u - x, dy: v - y };
    if (kind === "horizon") return { t: "pitch", deg: this.pitchAt(v) };
    return { t: "point", id, j, x: origin[0] + u - x, y: origin[1] + v - y };
  }

  /** @param {PointerEvent} event */
  up(event) {
    const drag = this.drag;
    this.pointers.delete(event.pointerId);
    this.drag = null;
    if (!drag || drag.kind === "pinch") return;
    if (event.type === "pointercancel") {
      this.session.unshow();
      return this.session.changed();
    }
    if (["point", "body", "horizon"].includes(drag.kind) && drag.moved) {
      this.drag = drag;
      const action = this.dragged();
      this.drag = null;
      this.session.act(action);
    } else if (drag.kind === "box") this.boxed(drag);
    else if (!drag.moved && (drag.kind === "click" || (drag.kind === "point" && this.guided))) this.clicked(drag.from);
  }

  /** @param {any} drag */
  boxed({ from, place }) {
    this.drawingBox = false;
    const [a, b] = [this.inPicture(from), this.inPicture(place)];
    const box = [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];
    if (box[2] - box[0] > 4 && box[3] - box[1] > 4) this.told.boxed(box);
    this.draw();
  }

  /** @param {Px} place */
  clicked(place) {
    const person = this.session.chosen;
    const [x, y] = this.inPicture(place);
    if (person && (this.guided || !person.visibility[this.session.point])) {
      this.session.act({ t: "point", id: person.id, j: this.session.point, x, y, v: person.visibility[this.session.point] || 2 });
      this.told.placed();
    }
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    const turn = event.deltaMode === 1 ? 16 * event.deltaY : event.deltaY;
    this.zoom(Math.exp(-clamp(turn, -240, 240) / 400), this.at(event));
  }

  // Drawing

  drawBack() {
    const [context, bitmap] = [this.back.getContext("2d"), this.session.bitmap];
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.back.width, this.back.height);
    const { brightness, contrast } = this.light;
    this.back.style.filter = brightness === 1 && contrast === 1 ? "" : `brightness(${brightness}) contrast(${contrast})`;
    if (!bitmap) return;
    const { scale, x, y } = this.view;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.imageSmoothingEnabled = scale < 4;
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, x, y, scale * this.session.frame.width, scale * this.session.frame.height);
  }

  paint() {
    const context = this.front.getContext("2d");
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, this.front.clientWidth, this.front.clientHeight);
    if (this.drag?.kind === "box" && this.drag.moved) this.paintDragBox(context);
    if (this.hidden) return;
    const { doc, person: chosen } = this.session;
    this.paintPeople(context, doc.people.filter((person) => person.id !== chosen), 0.45);
    for (const person of this.session.under?.people ?? []) this.paintOther(context, person);
    if (this.horizon) this.paintHorizon(context);
    const own = this.session.chosen;
    if (own) this.paintPeople(context, [own], 1);
  }

  /** @param {CanvasRenderingContext2D} context */
  paintDragBox(context) {
    const { from, place } = this.drag;
    context.strokeStyle = CHOSEN;
    context.lineWidth = 1.5;
    context.strokeRect(from[0], from[1], place[0] - from[0], place[1] - from[1]);
  }

  /** People with what belongs to them; all that looks alike is drawn at once.
   * @param {CanvasRenderingContext2D} context @param {import("./state.js").Person[]} people @param {number} alpha
   */
  paintPeople(context, people, alpha) {
    context.globalAlpha = alpha;
    const places = new Map(people.map((person) => [person, person.keypoints.map((point) => this.shown(point))]));
    this.paintBoxes(context, people, alpha);
    const lines = new Lines();
    for (const [person, points] of places) this.addBones(lines, person, points);
    lines.paint(context, 2.5);
    const { point } = this.session;
    for (const [person, points] of places) {
      if (alpha === 1) this.paintBody(context, person, points);
      if (alpha === 1) points.forEach((place, j) => j !== point && this.paintPoint(context, person, j, place, false));
    }
    if (alpha === 1) for (const [person, points] of places) this.paintPoint(context, person, point, points[point], true);
    else this.paintDots(context, places);
    context.globalAlpha = 1;
  }

  /** @param {Lines} lines @param {import("./state.js").Person} person @param {Px[]} points */
  addBones(lines, { visibility }, points) {
    const { names, bones } = KEYPOINTS[this.session.frame.schema];
    for (const [a, b] of bones) {
      if (!visibility[a] || !visibility[b]) continue;
      const colour = colourOf(names[b]) === MIDDLE ? colourOf(names[a]) : colourOf(names[b]);
      lines.add(points[a], points[b], colour, visibility[a] === 1 || visibility[b] === 1);
    }
  }

  /** Keypoints of those who are not chosen. @param {CanvasRenderingContext2D} context @param {Map<import("./state.js").Person, Px[]>} places */
  paintDots(context, places) {
    /** @type {Map<string, Path2D>} */
    const paths = new Map();
    for (const [person, points] of places) {
      points.forEach(([x, y], j) => {
        if (!person.visibility[j]) return;
        const path = pathOf(paths, `${colourOf(this.session.names[j])}|${person.visibility[j]}`);
        path.moveTo(x + 4, y);
        path.arc(x, y, 4, 0, 2 * Math.PI);
      });
    }
    for (const [look, path] of paths) {
      const [colour, seen] = look.split("|");
      [context.lineWidth, context.strokeStyle] = [4, "#000000aa"];
      context.stroke(path);
      [context.lineWidth, context.strokeStyle, context.fillStyle] = [2.5, colour, colour];
      if (seen === "2") context.fill(path);
      else context.stroke(path);
    }
  }

  /** Somebody as another revision has them. @param {CanvasRenderingContext2D} context @param {import("./state.js").Person} person */
  paintOther(context, person) {
    const points = person.keypoints.map((point) => this.shown(point));
    for (const [a, b] of KEYPOINTS[this.session.frame.schema].bones) {
      if (person.visibility[a] && person.visibility[b]) line(context, points[a], points[b], OTHER, true, 1.5);
    }
    points.forEach((place, j) => person.visibility[j] && circle(context, place, 4, OTHER, 1.5));
  }

  /** @param {CanvasRenderingContext2D} context @param {import("./state.js").Person[]} people @param {number} alpha */
  paintBoxes(context, people, alpha) {
    context.strokeStyle = alpha === 1 ? "#ffffff88" : "#ffffff55";
    context.lineWidth = 1;
    context.setLineDash([2, 4]);
    context.beginPath();
    for (const { box } of people) {
      if (!box) continue;
      const [a, b] = [this.shown([box[0], box[1]]), this.shown([box[2], box[3]])];
      context.rect(a[0], a[1], b[0] - a[0], b[1] - a[1]);
    }
    context.stroke();
    context.setLineDash([]);
  }

  /** Where the joints in space are seen: a tail where that is off the keypoint.
   * @param {CanvasRenderingContext2D} context @param {import("./state.js").Person} person @param {Px[]} points
   */
  paintBody(context, person, points) {
    if (!person.joints) return;
    const camera = cameraOf(this.session.frame.width, this.session.frame.height);
    const { weights } = KEYPOINTS[this.session.frame.schema];
    person.joints.forEach((joint, each) => {
      const there = this.shown(projected(camera, joint));
      const only = weights[each].length === 1 ? weights[each][0][0] : -1;
      const known = only >= 0 && person.visibility[only];
      const off = known ? Math.hypot(there[0] - points[only][0], there[1] - points[only][1]) : 0;
      if (off > OFF_PX) line(context, points[only], there, "#ff5252", false, 2);
      cross(context, there, known ? "#7CFC9A" : "#7CFC9A99", known ? 4 : 6);
    });
  }

  /** @param {CanvasRenderingContext2D} context @param {import("./state.js").Person} person @param {number} j @param {Px} place @param {boolean} chosen */
  paintPoint(context, person, j, place, chosen) {
    const visible = person.visibility[j];
    if (!visible) return;
    const colour = colourOf(this.session.names[j]);
    const touched = person.origin[j] > 0;
    const radius = touched ? 5 : 4;
    circle(context, place, radius + 1.5, "#000000aa", 2);
    if (visible === 2) disc(context, place, radius, colour);
    else circle(context, place, radius, colour, 2.5);
    if (touched) circle(context, place, radius + 1, "#ffffff", 1);
    if (!touched && person.confidence && person.confidence[j] < 0.5) circle(context, place, radius + 5, colour, 1, [2, 3]);
    if (chosen) {
      circle(context, place, radius + 5, "#000", 4);
      circle(context, place, radius + 5, CHOSEN, 2);
      label(context, place, this.session.names[j]);
    }
  }

  /** Where the horizon lies in the picture, px from above. */
  horizonAt() {
    const camera = cameraOf(this.session.frame.width, this.session.frame.height);
    return camera.cy - camera.focal * Math.tan(((this.session.chosen?.pitch ?? 0) * Math.PI) / 180);
  }

  /** The pitch with which it lies there, degrees. @param {number} y px */
  pitchAt(y) {
    const camera = cameraOf(this.session.frame.width, this.session.frame.height);
    return Math.round((10 * 180 * Math.atan((camera.cy - y) / camera.focal)) / Math.PI) / 10;
  }

  /** Whether a pointer can take the horizon. @param {Px} place */
  onHorizon(place) {
    return this.horizon && Boolean(this.session.chosen) && Math.abs(this.shown([0, this.horizonAt()])[1] - place[1]) < REACH.mouse / 2;
  }

  /** @param {CanvasRenderingContext2D} context */
  paintHorizon(context) {
    const [{ width }, y] = [this.session.frame, this.horizonAt()];
    line(context, this.shown([-width, y]), this.shown([2 * width, y]), "#7CFC9A", true, 1.5);
  }
}

/** @param {Map<string, Path2D>} paths @param {string} look */
function pathOf(paths, look) {
  const path = paths.get(look) ?? new Path2D();
  paths.set(look, path);
  return path;
}

/** Lines on a dark edge; those that look alike are one stroke. */
class Lines {
  constructor() {
    /** @type {Map<string, Path2D>} */
    this.paths = new Map();
  }

  /** @param {Px} from @param {Px} to @param {string} colour @param {boolean} dashed */
  add(from, to, colour, dashed) {
    const path = pathOf(this.paths, `${colour}|${dashed ? "dashed" : ""}`);
    path.moveTo(...from);
    path.lineTo(...to);
  }

  /** @param {CanvasRenderingContext2D} context @param {number} width */
  paint(context, width) {
    for (const [look, path] of this.paths) {
      const [colour, dashed] = look.split("|");
      context.setLineDash(dashed ? [5, 5] : []);
      [context.lineWidth, context.strokeStyle] = [width + 2, "#00000088"];
      context.stroke(path);
      [context.lineWidth, context.strokeStyle] = [width, colour];
      context.stroke(path);
    }
    context.setLineDash([]);
  }
}

/** @param {CanvasRenderingContext2D} context @param {Px} from @param {Px} to @param {string} colour @param {boolean} dashed @param {number} [width] */
export function line(context, from, to, colour, dashed, width = 2.5) {
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.setLineDash(dashed ? [5, 5] : []);
  context.lineWidth = width + 2;
  context.strokeStyle = "#00000088";
  context.stroke();
  context.lineWidth = width;
  context.strokeStyle = colour;
  context.stroke();
  context.setLineDash([]);
}

/** @param {CanvasRenderingContext2D} context @param {Px} place @param {number} radius @param {string} colour */
export function disc(context, [x, y], radius, colour) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
}

/** @param {CanvasRenderingContext2D} context @param {Px} place @param {number} radius @param {string} colour @param {number} width @param {number[]} [dash] */
export function circle(context, [x, y], radius, colour, width, dash = []) {
  context.beginPath();
  context.setLineDash(dash);
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
  context.setLineDash([]);
}

/** @param {CanvasRenderingContext2D} context @param {Px} place @param {string} colour @param {number} reach */
function cross(context, [x, y], colour, reach) {
  context.beginPath();
  context.moveTo(x - reach, y);
  context.lineTo(x + reach, y);
  context.moveTo(x, y - reach);
  context.lineTo(x, y + reach);
  context.strokeStyle = colour;
  context.lineWidth = 1.2;
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {Px} place @param {string} text */
export function label(context, [x, y], text) {
  context.font = "600 12px system-ui, sans-serif";
  const width = context.measureText(text).width;
  context.fillStyle = "#000000cc";
  context.fillRect(x + 14, y - 9, width + 8, 18);
  context.fillStyle = "#fff";
  context.textBaseline = "middle";
  context.fillText(text, x + 18, y + 0.5);
}
