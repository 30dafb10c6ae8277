// People between the server's messages and the page's state.
import { minus } from "./body.js";
import { HEIGHT_MM, JOINTS, KEYPOINTS } from "./schema.js";
import { withBody } from "./state.js";

/** @typedef {import("./state.js").Person} Person */
/** @typedef {import("./state.js").Frame} Frame */
/** @typedef {import("./body.js").Point} Point */
/** @typedef {import("./body.js").Px} Px */

const PASSED_ON = ["cocoId", "cocoArea", "cocoIscrowd", "cocoSegmentation", "errorRadiiMm"];
const ORIGINS = ["ORIGIN_SUGGESTED", "ORIGIN_TOUCHED", "ORIGIN_CONFIRMED"];

/** @template T @param {number[] | undefined} numbers @param {number} width @returns {T[]} */
function rows(numbers, width) {
  const list = numbers ?? [];
  return /** @type {any} */ (Array.from({ length: list.length / width }, (_, row) => list.slice(row * width, (row + 1) * width)));
}

/** A person of a revision. @param {any} message @param {Frame} frame @param {number} origin of its keypoints @returns {Person} */
export function personOf(message, frame, origin = 1) {
  const count = KEYPOINTS[frame.schema].names.length;
  const box = message.box && ["x0", "y0", "x1", "y1"].map((name) => message.box[name] ?? 0);
  const kept = Object.fromEntries(PASSED_ON.filter((name) => message[name] !== undefined).map((name) => [name, message[name]]));
  /** @type {Person} */
  const person = {
    id: message.id ?? 0, keypoints: rows(message.keypoints, 2), visibility: message.visibility ?? [],
    origin: message.origin ? message.origin.map((/** @type {string} */ name) => Math.max(ORIGINS.indexOf(name), 0)) : Array(count).fill(origin),
    confidence: message.confidence ?? null, box: box ?? null, joints: null, long: null, orders: Array(JOINTS.length - 1).fill(0),
    pitch: message.cameraPitchDeg ?? 0, height: message.bodyHeightMm ?? HEIGHT_MM, others: [], kept,
  };
  const joints = /** @type {Point[]} */ (rows(message.joints, 3));
  return joints.length ? withBody(person, joints, frame) : person;
}

/** A suggested person, with the bodies to choose from. @param {any} message @param {Frame} frame @param {number} id @returns {Person} */
export function suggestedOf(message, frame, id) {
  return { ...personOf({ ...message.person, id }, frame, 0), others: bodiesOf(message.bodies) };
}

/** @param {any[] | undefined} bodies @returns {import("./state.js").Body[]} */
export function bodiesOf(bodies) {
  return (bodies ?? []).map((body) => ({ joints: rows(body.joints, 3), cost: body.cost ?? 0, reprojection: body.reprojectionPx ?? 0, flips: JOINTS.slice(1).filter((_, bone) => body.flips?.[bone]) }));
}

/** The message of a person. @param {Person} person */
export function messageOf(person) {
  const { joints } = person;
  const hip = joints && joints[0];
  return {
    id: person.id,
    keypoints: person.keypoints.flatMap(([x, y], j) => (person.visibility[j] ? [x, y] : [0, 0])),
    visibility: person.visibility,
    origin: person.origin.map((origin) => ORIGINS[origin]),
    ...(person.confidence && { confidence: person.confidence }),
    ...(person.box && { box: { x0: person.box[0], y0: person.box[1], x1: person.box[2], y1: person.box[3] } }),
    ...(joints && hip && { joints: joints.flatMap((joint) => minus(joint, hip)), cameraPitchDeg: person.pitch, bodyHeightMm: person.height }),
    ...person.kept,
  };
}
