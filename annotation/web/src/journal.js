// What was done and what is still to be sent, in this browser's database: nothing is lost with the
// page, the browser or the network. Every action is a record of its own, durable when `added` ends.

/** @typedef {import("./state.js").Action} Action */
/**
 * @typedef {object} Head where the work on an image began
 * @property {string} image key of the image
 * @property {string} annotator
 * @property {any} words image message
 * @property {any} project project message
 * @property {import("./state.js").Doc} base
 * @property {number} revision the newest that this work knows
 * @property {number} sent how many actions that revision has
 * @property {number} version of this format
 */
/**
 * @typedef {object} Entry a request that changes something, until it is answered
 * @property {number} [id]
 * @property {string} image
 * @property {string} title
 * @property {string} method
 * @property {Record<string, any>} request
 * @property {number} upTo actions that it has
 * @property {boolean} sent whether the server may have it already
 * @property {string} problem why the server does not take it; empty: it waits
 */

export const VERSION = 1;
const NAME = "evoskeleton-annotator";

/** @type {Promise<IDBDatabase> | null} */
let opening = null;

function database() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("actions", { keyPath: ["image", "n"] });
      request.result.createObjectStore("heads", { keyPath: "image" });
      request.result.createObjectStore("outbox", { keyPath: "id", autoIncrement: true });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opening;
}

/** Work in one transaction, durable when the promise is kept.
 * @template T @param {string[]} stores @param {(stores: Record<string, IDBObjectStore>) => T | Promise<T>} work
 * @param {IDBTransactionMode} [mode] @returns {Promise<T>}
 */
async function within(stores, work, mode = "readwrite") {
  const transaction = (await database()).transaction(stores, mode, { durability: "strict" });
  const done = new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(undefined);
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
  const [result] = await Promise.all([work(Object.fromEntries(stores.map((name) => [name, transaction.objectStore(name)]))), done]);
  return result;
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** @param {string} image */
const allOf = (image) => IDBKeyRange.bound([image, 0], [image, Infinity]);

/** @param {Head} head */
export function startHead(head) {
  return within(["heads", "actions"], ({ heads, actions }) => {
    actions.delete(allOf(head.image));
    heads.put(head);
  });
}

/** @param {string} image @param {Partial<Head>} change */
export function changeHead(image, change) {
  return within(["heads"], async ({ heads }) => {
    const head = await answer(heads.get(image));
    if (head) heads.put({ ...head, ...change });
  });
}

/** @param {string} image @param {number} n @param {Action} action */
export function add(image, n, action) {
  return within(["actions"], ({ actions }) => { actions.put({ image, n, action, time: Date.now(), version: VERSION }); });
}

/** What is known of an image: where the work began, and the actions since; null where nothing is.
 * @param {string} image @returns {Promise<{head: Head, actions: Action[]} | null>}
 */
export function recall(image) {
  return within(["heads", "actions"], async ({ heads, actions }) => {
    const [head, rows] = await Promise.all([answer(heads.get(image)), answer(actions.getAll(allOf(image)))]);
    return head ? { head, actions: rows.map((row) => row.action) } : null;
  }, "readonly");
}

/** @param {string} image */
export function forget(image) {
  return within(["heads", "actions"], ({ heads, actions }) => {
    actions.delete(allOf(image));
    heads.delete(image);
  });
}

/** Work that has begun here and that the server has not. @returns {Promise<Head[]>} */
export function unsent() {
  return within(["heads", "actions"], async ({ heads, actions }) => {
    const all = await answer(/** @type {IDBRequest<Head[]>} */ (heads.getAll()));
    const counts = await Promise.all(all.map((head) => answer(actions.count(allOf(head.image)))));
    return all.filter((head, at) => counts[at] > head.sent);
  }, "readonly");
}

/** Keeps a request, in the place of a draft of the same image that was never sent.
 * @param {Entry} entry
 */
export function post(entry) {
  return within(["outbox"], async ({ outbox }) => {
    for (const other of await answer(outbox.getAll())) {
      if (other.image === entry.image && other.request.draft && !other.sent) outbox.delete(other.id);
    }
    outbox.add(entry);
  });
}

/** @returns {Promise<(Entry & {id: number})[]>} */
export function posted() {
  return within(["outbox"], ({ outbox }) => answer(outbox.getAll()), "readonly");
}

/** @param {Entry} entry */
export function correct(entry) {
  return within(["outbox"], ({ outbox }) => { outbox.put(entry); });
}

/** The server has answered: the request goes, and what it says of the image is known from now on.
 * @param {Entry} entry @param {{revision?: number, finished?: boolean}} outcome
 */
export function settle(entry, { revision, finished }) {
  return within(["outbox", "heads", "actions"], async ({ outbox, heads: store, actions }) => {
    outbox.delete(/** @type {number} */ (entry.id));
    const head = await answer(store.get(entry.image));
    if (finished) {
      actions.delete(allOf(entry.image));
      store.delete(entry.image);
    } else if (head && revision) store.put({ ...head, revision, sent: entry.upTo });
  });
}
