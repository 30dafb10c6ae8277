// Bodies before a camera: rays, flips, pushes. Millimetres, x right, y down, z away from the camera.
//
// A keypoint fixes the ray of its joint; depth is edited along the ray. A bone of known length whose
// end lies on a known ray has two places (Lee and Chen 1985): `flipped` takes the other one. `settled`
// is damped Gauss-Newton over all 51 coordinates: keypoints to a pixel, lengths to 3 %, what was
// asked for to 2 mm, everything else near where it was.
import { FOCAL_SHARE, JOINTS, PARENTS, TEMPLATE } from "./schema.js";

/** @typedef {[number, number, number]} Point a joint, mm */
/** @typedef {[number, number]} Px */
/** @typedef {{focal: number, cx: number, cy: number}} Camera */
/** @typedef {{joint: number, mm: number, spread: number}} Goal distance from the camera along the joint's ray */

const NEAREST = 100;
const STEPS = 6;

/** The camera that the server assumes too. @param {number} width @param {number} height @returns {Camera} */
export function cameraOf(width, height) {
  return { focal: FOCAL_SHARE * Math.max(width, height), cx: width / 2, cy: height / 2 };
}

/** @param {Camera} camera @param {Point} point @returns {Px} */
export function projected(camera, [x, y, z]) {
  const depth = Math.max(z, NEAREST);
  return [camera.cx + (camera.focal * x) / depth, camera.cy + (camera.focal * y) / depth];
}

/** Unit vector towards a pixel. @param {Camera} camera @param {Px} pixel @returns {Point} */
export function ray(camera, [u, v]) {
  return unit([(u - camera.cx) / camera.focal, (v - camera.cy) / camera.focal, 1]);
}

/** @param {Point} a @param {Point} b @returns {Point} */
export const plus = (a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
/** @param {Point} a @param {Point} b @returns {Point} */
export const minus = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
/** @param {number} k @param {Point} a @returns {Point} */
export const times = (k, a) => [k * a[0], k * a[1], k * a[2]];
/** @param {Point} a @param {Point} b */
export const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
/** @param {Point} a */
export const size = (a) => Math.sqrt(dot(a, a));
/** @param {Point} a @returns {Point} */
export const unit = (a) => times(1 / Math.max(size(a), 1e-12), a);
/** @param {Point} a @param {Point} b @returns {Point} */
export const across = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];

/** (16) mm of the bones that end in joints 1 to 16. @param {Point[]} joints */
export function lengths(joints) {
  return joints.slice(1).map((joint, bone) => size(minus(joint, joints[PARENTS[bone + 1]])));
}

/** A joint and all below it. @param {number} joint */
export function branch(joint) {
  const below = [joint];
  for (let child = joint + 1; child < PARENTS.length; child++) {
    if (below.includes(PARENTS[child])) below.push(child);
  }
  return below;
}

/** The hip of a body given from its hip, so that it meets the targets; null with too few of them.
 * @param {Camera} camera @param {Point[]} body hip at 0 @param {(Px | null)[]} targets (17) px
 * @returns {Point | null}
 */
export function placed(camera, body, targets) {
  const known = [...body.keys()].filter((joint) => targets[joint]);
  if (known.length < 2) return null;
  let root = firstRoot(camera, body, targets, known);
  for (let step = 0; step < STEPS; step++) {
    const system = new Normal(3);
    for (const joint of known) reproject(system, camera, plus(body[joint], root), /** @type {Px} */ (targets[joint]), [0, 1, 2]);
    root = plus(root, /** @type {Point} */ (system.solved()));
    root[2] = Math.max(root[2], 500);
  }
  return root.every(Number.isFinite) ? root : null;
}

/** Linear least squares: a start for the iteration.
 * @param {Camera} camera @param {Point[]} body @param {(Px | null)[]} targets @param {number[]} known @returns {Point}
 */
function firstRoot(camera, body, targets, known) {
  const system = new Normal(3);
  for (const joint of known) {
    const [u, v] = /** @type {Px} */ (targets[joint]);
    const [a, b] = [(u - camera.cx) / camera.focal, (v - camera.cy) / camera.focal];
    const [x, y, z] = body[joint];
    system.add([0, 2], [1, -a], x - a * z);
    system.add([1, 2], [1, -b], y - b * z);
  }
  const root = /** @type {Point} */ (system.solved());
  return root[2] > 500 ? root : [root[0], root[1], 4000];
}

/** A body with some bones flipped in depth, every joint on its ray; those below keep their order.
 * Where a bone is too short to reach the ray, it points at the nearest place on it.
 * @param {Point[]} joints @param {number[]} bones by the joint that each ends in
 * @returns {{joints: Point[], short: number[]}} and which bones do not reach
 */
export function flipped(joints, bones) {
  const long = lengths(joints);
  const moved = [joints[0]];
  const short = [];
  for (let child = 1; child < joints.length; child++) {
    const [start, towards, length] = [moved[PARENTS[child]], unit(joints[child]), long[child - 1]];
    const ahead = dot(minus(joints[child], joints[PARENTS[child]]), towards) > 0;
    const sign = ahead !== bones.includes(child) ? 1 : -1;
    const middle = minus(times(dot(start, towards), towards), start);
    const left = length * length - dot(middle, middle);
    if (left < -1e-6 * length * length) short.push(child);
    const direction = unit(plus(middle, times(sign * Math.sqrt(Math.max(left, 0)), towards)));
    moved.push(plus(start, times(length, direction)));
  }
  return { joints: moved, short };
}

/** A body that meets its keypoints, keeps its lengths, and does what is asked for.
 * @param {Camera} camera @param {Point[]} joints @param {number[]} long (16) mm, what bones should measure
 * @param {(Px | null)[]} targets (17) px @param {Goal[]} goals @param {number} [stay] mm that joints may stray
 * @returns {Point[]}
 */
export function settled(camera, joints, long, targets, goals, stay = 100) {
  let body = joints;
  for (let step = 0; step < STEPS; step++) {
    const system = new Normal(51);
    for (let joint = 0; joint < 17; joint++) {
      const place = [3 * joint, 3 * joint + 1, 3 * joint + 2];
      const target = targets[joint];
      if (target) reproject(system, camera, body[joint], target, place);
      for (let axis = 0; axis < 3; axis++) {
        system.add([place[axis]], [1 / stay], (body[joint][axis] - joints[joint][axis]) / stay);
      }
    }
    for (let child = 1; child < 17; child++) keepLength(system, body, child, long[child - 1]);
    for (const goal of goals) {
      const towards = unit(joints[goal.joint]);
      const place = [3 * goal.joint, 3 * goal.joint + 1, 3 * goal.joint + 2];
      system.add(place, times(1 / goal.spread, towards), (dot(body[goal.joint], towards) - goal.mm) / goal.spread);
    }
    const change = system.solved();
    body = body.map((point, joint) => plus(point, /** @type {Point} */ ([...change.slice(3 * joint, 3 * joint + 3)])));
  }
  return body.every((point) => point.every(Number.isFinite) && point[2] > NEAREST) ? body : joints;
}

/** @param {Normal} system @param {Camera} camera @param {Point} point @param {Px} target @param {number[]} place */
function reproject(system, { focal, cx, cy }, [x, y, z], [u, v], place) {
  const depth = Math.max(z, NEAREST);
  const scale = focal / depth;
  system.add([place[0], place[2]], [scale, (-scale * x) / depth], cx + scale * x - u);
  system.add([place[1], place[2]], [scale, (-scale * y) / depth], cy + scale * y - v);
}

/** @param {Normal} system @param {Point[]} body @param {number} child @param {number} long */
function keepLength(system, body, child, long) {
  const parent = PARENTS[child];
  const bone = minus(body[child], body[parent]);
  const length = size(bone);
  const slope = times(1 / (0.03 * long * Math.max(length, 1)), bone);
  const place = [3 * child, 3 * child + 1, 3 * child + 2, 3 * parent, 3 * parent + 1, 3 * parent + 2];
  system.add(place, [...slope, ...times(-1, slope)], (length - long) / (0.03 * long));
}

/** Normal equations of least squares. */
class Normal {
  /** @param {number} unknowns */
  constructor(unknowns) {
    this.unknowns = unknowns;
    this.matrix = new Float64Array(unknowns * unknowns);
    this.side = new Float64Array(unknowns);
  }

  /** One residual and its slopes at some unknowns. @param {number[]} at @param {number[]} slopes @param {number} residual */
  add(at, slopes, residual) {
    for (let i = 0; i < at.length; i++) {
      this.side[at[i]] -= slopes[i] * residual;
      for (let j = 0; j < at.length; j++) this.matrix[at[i] * this.unknowns + at[j]] += slopes[i] * slopes[j];
    }
  }

  /** The step that makes the residuals smallest (Cholesky). @returns {number[]} */
  solved() {
    const [n, a] = [this.unknowns, this.matrix];
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = a[i * n + j] + (i === j ? 1e-9 : 0);
        for (let k = 0; k < j; k++) sum -= a[i * n + k] * a[j * n + k];
        a[i * n + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / a[j * n + j];
      }
    }
    const x = [...this.side];
    for (let i = 0; i < n; i++) {
      for (let k = 0; k < i; k++) x[i] -= a[i * n + k] * x[k];
      x[i] /= a[i * n + i];
    }
    for (let i = n - 1; i >= 0; i--) {
      for (let k = i + 1; k < n; k++) x[i] -= a[k * n + i] * x[k];
      x[i] /= a[i * n + i];
    }
    return x;
  }
}

/** A joint pushed along its ray, the rest adapting to it.
 * @param {Camera} camera @param {Point[]} joints @param {number[]} long @param {(Px | null)[]} targets
 * @param {number} joint @param {number} mm farther
 */
export function pushed(camera, joints, long, targets, joint, mm) {
  return settled(camera, joints, long, targets, [{ joint, mm: size(joints[joint]) + mm, spread: 2 }]);
}

/** The branch of a joint turned about its parent. @param {Point[]} joints @param {number} joint @param {Point} axis @param {number} deg */
export function turned(joints, joint, axis, deg) {
  const [centre, below] = [joints[Math.max(PARENTS[joint], 0)], branch(joint)];
  return joints.map((point, each) => (below.includes(each) ? plus(centre, rotated(minus(point, centre), axis, deg)) : point));
}

/** Rodrigues. @param {Point} v @param {Point} axis @param {number} deg @returns {Point} */
function rotated(v, axis, deg) {
  const [k, angle] = [unit(axis), (deg * Math.PI) / 180];
  const along = times(dot(k, v) * (1 - Math.cos(angle)), k);
  return plus(plus(times(Math.cos(angle), v), times(Math.sin(angle), across(k, v))), along);
}

/** A direction in the world (x right of the camera, y away from it, z up). @param {Point} v @param {number} pitchDeg @returns {Point} */
export function upright([x, y, z], pitchDeg) {
  const [sine, cosine] = [Math.sin((pitchDeg * Math.PI) / 180), Math.cos((pitchDeg * Math.PI) / 180)];
  return [x, cosine * z - sine * y, -cosine * y - sine * z];
}

/** (16) deviations of bone lengths from the usual ones, standard deviations. @param {Point[]} joints @param {number} height */
export function unusual(joints, height) {
  return lengths(joints).map((length, bone) => Math.log(length / (TEMPLATE[bone][0] * height)) / (2 * TEMPLATE[bone][1]));
}
