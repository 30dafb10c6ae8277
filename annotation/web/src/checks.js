// What is unusual about a person: told before it is sent, never a reason not to send it. Joint limits
// are tables that the server has; while it does not answer, nothing is said of them.
import { cameraOf, minus, projected, unusual, upright } from "./body.js";
import { JOINTS, LEAST_KNOWN, LIMBS, MIRROR, PARENTS } from "./schema.js";
import * as server from "./server.js";
import { targetsOf } from "./state.js";

/** @typedef {import("./state.js").Person} Person */
/** @typedef {import("./state.js").Frame} Frame */
/** @typedef {import("./body.js").Px} Px */

const OFF_SHARE = 0.03;
const LONG_SIGMA = 3;
const SIDES_SHARE = 0.08;
const ASK_AFTER_MS = 400;
const WAIT_MS = 1200;

/** @param {Person} person @param {Frame} frame @returns {string[]} */
export function oddities(person, frame) {
  const known = person.keypoints.filter((_, j) => person.visibility[j]);
  if (!known.length) return ["no keypoint is placed"];
  const odd = spread(known) < 2 ? ["all keypoints lie at one place"] : [];
  const out = known.filter(([x, y]) => x < 0 || y < 0 || x > frame.width || y > frame.height).length;
  if (out) odd.push(`${out} keypoint${out > 1 ? "s lie" : " lies"} outside the picture`);
  return person.joints ? [...odd, ...ofBody(person, frame)] : odd;
}

/** @param {Px[]} points */
function spread(points) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
}

/** @param {Person} person @param {Frame} frame @returns {string[]} */
function ofBody(person, frame) {
  const joints = person.joints ?? [];
  const odd = [];
  const targets = targetsOf(person, frame);
  const known = targets.filter(Boolean).length;
  if (known < LEAST_KNOWN) odd.push(`only ${known} joints of the body are seen`);
  const camera = cameraOf(frame.width, frame.height);
  const tall = (camera.focal * person.height) / Math.max(joints[0][2], 1);
  const off = named(joints, (joint, j) => targets[j] ? Math.hypot(...sub(projected(camera, joint), /** @type {Px} */ (targets[j]))) / tall : 0, OFF_SHARE);
  if (off.length) odd.push(`the body is off its keypoint at ${off.join(", ")}`);
  const sigma = unusual(joints, person.height);
  const long = named(joints, (_, j) => (j ? Math.abs(sigma[j - 1]) : 0), LONG_SIGMA);
  if (long.length) odd.push(`bones of unusual length: those that end in ${long.join(", ")}`);
  const uneven = named(joints, (_, j) => (MIRROR[j] > j ? Math.abs(Math.log(lengthAt(joints, j) / lengthAt(joints, MIRROR[j]))) : 0), SIDES_SHARE);
  if (uneven.length) odd.push(`left and right differ in length at ${uneven.map((name) => name.slice(1)).join(", ")}`);
  if (upright(minus(joints[JOINTS.indexOf("Head")], joints[0]), person.pitch)[2] < 0) odd.push("the head is below the hips");
  return odd;
}

/** @param {import("./body.js").Point[]} joints @param {number} j */
function lengthAt(joints, j) {
  return Math.max(Math.hypot(...minus(joints[j], joints[PARENTS[j]])), 1);
}

/** Names of the joints of which a number is beyond its limit. @param {import("./body.js").Point[]} joints
 * @param {(joint: import("./body.js").Point, j: number) => number} number @param {number} most
 */
function named(joints, number, most) {
  return JOINTS.filter((_, j) => number(joints[j], j) > most);
}

/** @param {Px} a @param {Px} b @returns {Px} */
function sub(a, b) {
  return [a[0] - b[0], a[1] - b[1]];
}

/** Asks the server which limbs of bodies are beyond their limits, once a body. */
export class Checks {
  /** @param {() => void} told */
  constructor(told) {
    this.told = told;
    /** @type {WeakMap<object, number[]>} margins, degrees, of joints as they are */
    this.margins = new WeakMap();
    /** @type {any} */
    this.timer = null;
  }

  /** In words, as far as it is known. @param {Person} person @returns {string[]} */
  beyond(person) {
    const margins = (person.joints && this.margins.get(person.joints)) ?? [];
    const limbs = LIMBS.map((limb, at) => (margins[at] < -0.5 ? `${limb} ${Math.round(-margins[at])}°` : "")).filter(Boolean);
    return limbs.length ? [`beyond the joint limits: ${limbs.join(", ")}`] : [];
  }

  /** A while after the last change. @param {Person[]} people */
  ask(people) {
    if (!this.unknown(people).length) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.find(people).then(this.told), ASK_AFTER_MS);
  }

  /** Of everybody, before they are sent; it is not waited for long. @param {Person[]} people */
  async all(people) {
    clearTimeout(this.timer);
    for (const { joints } of people) if (joints && !this.margins.get(joints)?.length) this.margins.delete(joints);
    await Promise.race([this.find(people), new Promise((resolve) => setTimeout(resolve, WAIT_MS))]);
  }

  /** @param {Person[]} people */
  unknown(people) {
    return people.filter((person) => person.joints && !this.margins.has(person.joints));
  }

  /** @param {Person[]} people */
  async find(people) {
    const asked = this.unknown(people);
    if (!asked.length) return;
    try {
      const found = await server.check(asked.map((person) => ({ joints: (person.joints ?? []).flat(), bodyHeightMm: person.height })));
      found.forEach(({ limitMarginDeg }, at) => this.margins.set(/** @type {object} */ (asked[at].joints), limitMarginDeg ?? []));
    } catch {
      for (const person of asked) this.margins.set(/** @type {object} */ (person.joints), []);
    }
  }
}
