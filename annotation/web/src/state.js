// What is said of one image: people, actions on them, undo. Pure: the same actions give the same
// state, which is how a journal brings everything back.
import { branch, cameraOf, dot, flipped, lengths, minus, placed, plus, pushed, settled, size, times, turned } from "./body.js";
import { HEIGHT_MM, KEYPOINTS, LEAST_KNOWN, MIRROR, PARENTS } from "./schema.js";

/** @typedef {import("./body.js").Point} Point */
/** @typedef {import("./body.js").Px} Px */
/** @typedef {{joints: Point[], cost: number, reprojection: number, flips?: string[]}} Body hip at 0; ends of bones that point the other way than those of the first */
/**
 * @typedef {object} Person
 * @property {number} id
 * @property {Px[]} keypoints px, in the project's schema
 * @property {number[]} visibility 0 absent, 1 hidden, 2 visible
 * @property {number[]} origin of each keypoint: 0 suggested, 1 touched, 2 confirmed
 * @property {number[] | null} confidence of the detector, where it says so
 * @property {number[] | null} box x0 y0 x1 y1
 * @property {Point[] | null} joints camera mm, with the hip where it is
 * @property {number[] | null} long (16) mm, what its bones should measure
 * @property {number[]} orders (16) said of each bone: 1 its end is farther, -1 nearer, 0 nothing
 * @property {number} pitch degrees
 * @property {number} height mm
 * @property {Body[]} others bodies to choose from, the cheapest first
 * @property {Record<string, any>} kept what the server keeps and the page only passes on
 */
/** @typedef {{people: Person[], note: string}} Doc */
/** @typedef {{schema: string, width: number, height: number}} Frame of the image */
/** @typedef {{t: string, [name: string]: any}} Action */
/** @typedef {{past: Doc[], now: Doc, future: Doc[], actions: number}} History */

/** @param {Doc} doc @returns {History} */
export function begun(doc) {
  return { past: [], now: doc, future: [], actions: 0 };
}

/** History after an action. @param {History} history @param {Action} action @param {Frame} frame @returns {History} */
export function after(history, action, frame) {
  const { past, now, future, actions } = history;
  if (action.t === "undo") {
    if (!past.length) return history;
    return { past: past.slice(0, -1), now: past[past.length - 1], future: [now, ...future], actions: actions + 1 };
  }
  if (action.t === "redo") {
    if (!future.length) return history;
    return { past: [...past, now], now: future[0], future: future.slice(1), actions: actions + 1 };
  }
  const next = reduce(now, action, frame);
  return next === now ? history : { past: [...past, now], now: next, future: [], actions: actions + 1 };
}

/** The doc after an action; the same doc where it changes nothing. @param {Doc} doc @param {Action} action @param {Frame} frame @returns {Doc} */
export function reduce(doc, action, frame) {
  const whole = WHOLE[action.t];
  if (whole) return whole(doc, action, frame);
  const change = CHANGES[action.t];
  const old = doc.people.find((person) => person.id === action.id);
  if (!change || !old) return doc;
  const person = change(old, action, frame);
  return person === old ? doc : withPerson(doc, person);
}

/** @param {Doc} doc @param {Person} person @returns {Doc} */
function withPerson(doc, person) {
  return { ...doc, people: doc.people.map((other) => (other.id === person.id ? person : other)) };
}

/** @type {Record<string, (doc: Doc, action: Action, frame: Frame) => Doc>} */
const WHOLE = {
  note: (doc, { text }) => ({ ...doc, note: text }),
  people: (doc, { people }) => ({ ...doc, people }),
  replace: (doc, { doc: other }) => other,
  add: (doc, { person }) => ({ ...doc, people: [...doc.people, person] }),
  remove: (doc, { id }) => ({ ...doc, people: doc.people.filter((person) => person.id !== id) }),
  pitch: (doc, { deg }) => ({ ...doc, people: doc.people.map((person) => ({ ...person, pitch: clamp(deg, -90, 90) })) }),
};

/** @type {Record<string, (person: Person, action: Action, frame: Frame) => Person>} */
const CHANGES = {
  point: (person, { j, x, y, v }, frame) => followed(touched(person, j, [x, y], v ?? Math.max(person.visibility[j], 1)), j, frame),
  visibility: (person, { j, v }) => touched(person, j, person.keypoints[j], v),
  confirm: (person, { j }) => ({ ...person, origin: put(person.origin, j, Math.max(person.origin[j], 2)) }),
  move: moved,
  swap: swapped,
  flip: turnedOver,
  push: (person, { j, mm }, frame) => withJoints(person, (joints, long) =>
    pushed(cameraOf(frame.width, frame.height), joints, long, targetsOf(person, frame), j, mm)),
  turn: (person, { j, axis, deg }) => withJoints(person, (joints) => turned(joints, j, axis, deg)),
  height: resized,
  body: (person, { joints }, frame) => withBody(person, joints, frame),
  box: (person, { box }) => ({ ...person, box }),
};

/** @template T @param {T[]} list @param {number} at @param {T} value @returns {T[]} */
function put(list, at, value) {
  return list.map((old, each) => (each === at ? value : old));
}

/** @param {number} value @param {number} least @param {number} most */
export function clamp(value, least, most) {
  return Math.min(Math.max(value, least), most);
}

/** @param {Person} person @param {number} j @param {Px} point @param {number} v @returns {Person} */
function touched(person, j, point, v) {
  return { ...person, keypoints: put(person.keypoints, j, point), visibility: put(person.visibility, j, v), origin: put(person.origin, j, 1) };
}

/** Joints moved sideways at their depth with a keypoint that has moved, then the lengths again.
 * @param {Person} person @param {number} j @param {Frame} frame @returns {Person}
 */
function followed(person, j, frame) {
  if (!person.joints || !person.long) return person;
  const camera = cameraOf(frame.width, frame.height);
  const targets = targetsOf(person, frame);
  /** @type {import("./body.js").Goal[]} */
  const goals = [];
  const start = person.joints.map((joint, each) => {
    const target = targets[each];
    if (!target || !KEYPOINTS[frame.schema].weights[each].some(([point]) => point === j)) return joint;
    const depth = joint[2];
    const there = /** @type {Point} */ ([((target[0] - camera.cx) * depth) / camera.focal, ((target[1] - camera.cy) * depth) / camera.focal, depth]);
    goals.push({ joint: each, mm: size(there), spread: 30 });
    return there;
  });
  return { ...person, joints: settled(camera, start, person.long, targets, goals) };
}

/** @param {Person} person @param {(joints: Point[], long: number[]) => Point[]} change @returns {Person} */
function withJoints(person, change) {
  return person.joints && person.long ? { ...person, joints: change(person.joints, person.long) } : person;
}

/** @param {Person} person @param {Action} action @param {Frame} frame @returns {Person} */
function moved(person, { dx, dy }, frame) {
  const keypoints = person.keypoints.map(([x, y], j) => /** @type {Px} */ (person.visibility[j] ? [x + dx, y + dy] : [x, y]));
  const box = person.box && [person.box[0] + dx, person.box[1] + dy, person.box[2] + dx, person.box[3] + dy];
  const there = { ...person, keypoints, box, origin: person.origin.map(() => 1) };
  const body = person.joints?.map((joint) => minus(joint, /** @type {Point[]} */ (person.joints)[0]));
  return body ? withBody(there, body, frame) : there;
}

/** Left and right exchanged at some points: of a limb, or everywhere.
 * @param {Person} person @param {Action} action @param {Frame} frame @returns {Person}
 */
function swapped(person, { points }, frame) {
  const other = KEYPOINTS[frame.schema].mirror;
  const from = person.keypoints.map((_, j) => (points.includes(j) || points.includes(other[j]) ? other[j] : j));
  const taken = { ...person };
  taken.keypoints = from.map((j) => person.keypoints[j]);
  taken.visibility = from.map((j) => person.visibility[j]);
  taken.origin = from.map((j, at) => (j === at ? person.origin[at] : 1));
  if (person.confidence) taken.confidence = from.map((j) => /** @type {number[]} */ (person.confidence)[j]);
  return exchanged(taken, from, frame);
}

/** Joints after keypoints were exchanged. @param {Person} person @param {number[]} from @param {Frame} frame @returns {Person} */
function exchanged(person, from, frame) {
  const old = person.joints;
  if (!old) return person;
  const joint = KEYPOINTS[frame.schema].weights.map((row, each) => {
    const only = row.length === 1 ? row[0][0] : -1;
    return only >= 0 && from[only] !== only ? MIRROR[each] : each;
  });
  const joints = joint.map((each) => old[each]);
  return { ...person, joints: settled(cameraOf(frame.width, frame.height), joints, person.long ?? lengths(joints), targetsOf(person, frame), []) };
}

/** @param {Person} person @param {Action} action @returns {Person} */
function turnedOver(person, { bones }) {
  if (!person.joints) return person;
  const { joints } = flipped(person.joints, bones);
  const orders = person.orders.map((said, bone) =>
    bones.includes(bone + 1) ? orderOf(joints, bone + 1) : said);
  return { ...person, joints, orders };
}

/** 1 where a joint lies beyond its parent along its own ray, -1 before it. @param {Point[]} joints @param {number} joint */
export function orderOf(joints, joint) {
  return dot(minus(joints[joint], joints[PARENTS[joint]]), joints[joint]) > 0 ? 1 : -1;
}

/** All lengths in proportion: the projection stays. @param {Person} person @param {Action} action @returns {Person} */
function resized(person, { mm }) {
  const height = clamp(mm, 500, 3000);
  const factor = height / person.height;
  return { ...person, height, joints: person.joints && person.joints.map((joint) => times(factor, joint)), long: person.long && person.long.map((length) => factor * length) };
}

/** A person with a body given from its hip, put where the keypoints are.
 * @param {Person} person @param {Point[]} body @param {Frame} frame @returns {Person}
 */
export function withBody(person, body, frame) {
  const root = placed(cameraOf(frame.width, frame.height), body, targetsOf(person, frame));
  if (!root) return { ...person, joints: null, long: null };
  return { ...person, joints: body.map((joint) => plus(joint, root)), long: lengths(body) };
}

/** (17) px of our joints, null where the keypoints do not say them. @param {Person} person @param {Frame} frame @returns {(Px | null)[]} */
export function targetsOf(person, frame) {
  return KEYPOINTS[frame.schema].weights.map((row) => {
    if (!row.length || row.some(([point]) => !person.visibility[point])) return null;
    const sum = /** @type {Px} */ ([0, 0]);
    for (const [point, weight] of row) {
      sum[0] += weight * person.keypoints[point][0];
      sum[1] += weight * person.keypoints[point][1];
    }
    return sum;
  });
}

/** Whether a person has enough keypoints for a body. @param {Person} person @param {Frame} frame */
export function fittable(person, frame) {
  return targetsOf(person, frame).filter(Boolean).length >= LEAST_KNOWN;
}

/** The keypoints that move a joint's ray most: where the joint is, in the schema. @param {number} point @param {string} schema */
export function jointOf(point, schema) {
  return KEYPOINTS[schema].weights.findIndex((row) => row.length === 1 && row[0][0] === point);
}

/** A person without anything. @param {number} id @param {Frame} frame @param {number[] | null} box @param {number} pitch @returns {Person} */
export function nobody(id, frame, box, pitch) {
  const count = KEYPOINTS[frame.schema].names.length;
  return {
    id, keypoints: Array.from({ length: count }, () => [0, 0]), visibility: Array(count).fill(0), origin: Array(count).fill(1),
    confidence: null, box, joints: null, long: null, orders: Array(16).fill(0), pitch, height: HEIGHT_MM, others: [], kept: {},
  };
}

/** @param {Doc} doc */
export function freeId(doc) {
  return doc.people.reduce((most, person) => Math.max(most, person.id + 1), 0);
}

/** Points of the limb that a point belongs to. @param {number} point @param {string} schema */
export function limbOf(point, schema) {
  const joint = jointOf(point, schema);
  if (joint < 0 || MIRROR[joint] === joint) return [point];
  let top = joint;
  while (PARENTS[top] > 0 && MIRROR[PARENTS[top]] !== PARENTS[top]) top = PARENTS[top];
  const below = branch(top);
  return KEYPOINTS[schema].names.map((_, each) => each).filter((each) => below.includes(jointOf(each, schema)));
}
