// Requests that change something: written down before they are sent, sent again with the same key
// until the server has answered, and shown where it does not take them.
import { CallError, call } from "./api.js";
import * as journal from "./journal.js";

/** @typedef {import("./journal.js").Entry} Entry */
/** @typedef {{waiting: number, offline: boolean, refused: Entry[]}} Standing */

const events = new EventTarget();
let [pause, running, again] = [500, false, false];
/** @type {Standing} */
let standing = { waiting: 0, offline: false, refused: [] };

/** @param {"answered" | "refused" | "conflict" | "standing"} kind @param {(detail: any) => void} listener @returns {() => void} takes the listener off */
export function on(kind, listener) {
  const heard = (/** @type {Event} */ event) => listener(/** @type {CustomEvent} */ (event).detail);
  events.addEventListener(kind, heard);
  return () => events.removeEventListener(kind, heard);
}

/** @param {string} kind @param {any} detail */
function tell(kind, detail) {
  events.dispatchEvent(new CustomEvent(kind, { detail }));
}

export function now() {
  return standing;
}

/** @param {boolean} offline */
async function look(offline) {
  const all = await journal.posted();
  standing = { waiting: all.filter((entry) => !entry.problem).length, offline, refused: all.filter((entry) => entry.problem) };
  tell("standing", standing);
}

/** Keeps a request and sends it when its turn comes. @param {Omit<Entry, "sent" | "problem">} entry */
export async function post(entry) {
  await journal.post({ ...entry, sent: false, problem: "" });
  void send();
}

/** Sends everything that waits, the first first. */
export async function send() {
  if (running) {
    again = true;
    return;
  }
  running = true;
  await look(standing.offline);
  try {
    await navigator.locks.request("evoskeleton-outbox", drain);
    pause = 500;
    await look(false);
  } catch (error) {
    await look(true);
    const asked = error instanceof CallError ? error.retryMs ?? 0 : 0;
    setTimeout(send, Math.max(asked, pause));
    pause = Math.min(2 * pause, 30000);
  } finally {
    running = false;
  }
  if (again) {
    again = false;
    void send();
  }
}

async function drain() {
  for (;;) {
    const entry = (await journal.posted()).find((each) => !each.problem);
    if (!entry) return;
    await sendOne(entry);
  }
}

/** @param {Entry} entry */
async function sendOne(entry) {
  if (entry.method === "Submit" && entry.request.basedOn === undefined) {
    const known = await journal.recall(entry.image);
    entry.request = { ...entry.request, basedOn: known?.head.revision ?? 0 };
  }
  entry.sent = true;
  await journal.correct(entry);
  try {
    const answered = await call(entry.method, entry.request);
    const finished = ["SkipImage", "Submit"].includes(entry.method) && !entry.request.draft;
    await journal.settle(entry, { revision: answered.number, finished });
    tell("answered", { entry, answered });
  } catch (error) {
    await refused(entry, /** @type {CallError} */ (error));
  }
  await look(false);
}

/** @param {Entry} entry @param {CallError} error */
async function refused(entry, error) {
  if (!(error instanceof CallError) || error.passing) throw error;
  if (error.code === "aborted" && entry.method === "Submit") {
    await journal.settle(entry, {});
    tell("conflict", { entry, error });
  } else {
    await journal.correct({ ...entry, problem: error.message });
    tell("refused", { entry, error });
  }
}

/** Takes a request that the server refuses out of the box. @param {Entry} entry */
export async function drop(entry) {
  await journal.settle(entry, {});
  await look(standing.offline);
}

/** Tries a refused request once more, with the same key. @param {Entry} entry */
export async function retry(entry) {
  await journal.correct({ ...entry, problem: "" });
  await send();
}

addEventListener("online", () => void send());
