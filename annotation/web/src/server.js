// What the page asks the server for, method by method.
import { annotator, call, CallError } from "./api.js";

/** @typedef {{name: string, admin: boolean, detector: boolean, tokens: boolean}} Me */

const LEASE_S = 600;

/** Who asks, and what this server has. @returns {Promise<Me>} */
export async function whoAmI() {
  const said = await call("WhoAmI", {});
  return { name: said.name ?? "", admin: (said.scopes ?? []).includes("admin"), detector: Boolean(said.detector), tokens: Boolean(said.tokens) };
}

export async function projects() {
  const answer = await call("ListProjects", { counts: true });
  const counts = new Map((answer.counts ?? []).map((/** @type {any} */ one) => [one.projectId, one]));
  return (answer.projects ?? []).map((/** @type {any} */ project) => ({ ...project, counts: counts.get(project.id) }));
}

/** Images to annotate, the first to begin with, the others to load meanwhile. @param {string} projectId @param {number} count */
export async function lease(projectId, count) {
  const answer = await call("LeaseImage", { projectId, count, seconds: LEASE_S, ...annotator() });
  return /** @type {any[]} */ (answer.images ?? (answer.image ? [answer.image] : []));
}

/** @param {string} projectId @param {number} count */
export async function leaseForReview(projectId, count) {
  const answer = await call("LeaseForReview", { projectId, count, seconds: LEASE_S, ...annotator() });
  return /** @type {any[]} */ (answer.images ?? []);
}

/** @param {string} imageId */
export const renew = (imageId) => call("RenewLease", { imageId, seconds: LEASE_S, ...annotator() });
/** @param {string} imageId */
export const release = (imageId) => call("ReleaseImage", { imageId, ...annotator() });
/** @param {string} imageId */
export const unskip = (imageId) => call("UnskipImage", { imageId, ...annotator() });
/** @param {string} imageId @param {number} [number] */
export const revision = (imageId, number) => call("GetAnnotation", { imageId, number: number ?? 0 });
/** @param {string} imageId */
export const history = (imageId) => call("GetHistory", { imageId, most: 200 });

/** What was said about an image, the first first. @param {string} imageId */
export async function comments(imageId) {
  return /** @type {any[]} */ ((await call("ListComments", { imageId, most: 1000 })).comments ?? []);
}

/** @param {string} commentId @param {boolean} open again, instead of settled */
export const settleComment = (commentId, open) => call("ResolveComment", { commentId, open, ...annotator() });
/** @param {string} imageId @param {string} name */
export const renameImage = (imageId, name) => call("RenameImage", { imageId, name });
/** @param {string} imageId */
export const deleteImage = (imageId) => call("DeleteImage", { imageId, ...annotator() });
/** @param {string[]} imageIds @param {string} assignee empty: nobody */
export const assign = (imageIds, assignee) => call("AssignImages", { imageIds, assignee });
/** @param {string} projectId @param {string} name */
export const renameProject = (projectId, name) => call("RenameProject", { projectId, name });
/** @param {string} projectId @param {string} name the project's, once more */
export const deleteProject = (projectId, name) => call("DeleteProject", { projectId, name });

/** @param {Record<string, any>} request */
export async function images(request) {
  const answer = await call("ListImages", request);
  return { images: /** @type {any[]} */ (answer.images ?? []), total: Number(answer.total ?? 0) };
}

/** @type {Map<string, Promise<any>>} */
const suggested = new Map();

/** People whom detector, champion and fit see; asked for once an image where no boxes are drawn.
 * @param {string} imageId @param {any[]} [boxes] @param {boolean} [again]
 */
export function suggest(imageId, boxes, again) {
  if (boxes?.length) return call("Suggest", { imageId, boxes }, { timeoutMs: 120000 });
  let found = again ? undefined : suggested.get(imageId);
  if (!found) {
    found = call("Suggest", again ? { imageId, again } : { imageId }, { timeoutMs: 120000 });
    suggested.set(imageId, found);
    found.catch(() => suggested.delete(imageId));
    if (suggested.size > 20) suggested.delete([...suggested.keys()][0]);
  }
  return found;
}

/** Bodies that explain corrected keypoints. @param {Record<string, any>} request */
export const refit = (request) => call("RefitBody", request);

/** What is unusual about bodies. @param {{joints: number[], bodyHeightMm: number}[]} bodies @returns {Promise<{limitMarginDeg: number[]}[]>} */
export async function check(bodies) {
  return (await call("CheckBodies", { bodies }, { timeoutMs: 3000 })).bodies ?? [];
}

/** @param {string} projectId @param {string} format @param {string[]} states */
export async function exported(projectId, format, states) {
  const answer = await call("Export", { projectId, format, states }, { timeoutMs: 300000 });
  const bytes = Uint8Array.from(atob(answer.file ?? ""), (letter) => letter.charCodeAt(0));
  return { bytes, people: answer.people ?? 0, images: answer.images ?? 0 };
}

/** @param {any} error */
export function missing(error) {
  return error instanceof CallError && ["unimplemented", "failed_precondition"].includes(error.code);
}
