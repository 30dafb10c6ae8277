// Calls to the server over HTTP (https://connectrpc.com/docs/protocol), and who calls.
// The token travels in the header `authorization` and nowhere else.

const SERVICE = "/evoskeleton.v1.AnnotationService/";
const TOKEN = "evoskeleton.token";
const NAME = "evoskeleton.annotator";

/** What the server has refused, or no answer at all (code "unavailable"). */
export class CallError extends Error {
  /** @param {string} code @param {string} message @param {number} [retryMs] @param {number} [revision] */
  constructor(code, message, retryMs, revision) {
    super(message);
    this.code = code;
    this.retryMs = retryMs;
    this.revision = revision;
  }

  /** Whether the same request may be answered later. */
  get passing() {
    return ["unavailable", "deadline_exceeded", "resource_exhausted", "canceled", "unauthenticated"].includes(this.code);
  }
}

/** @type {(() => Promise<void>)} asked for a token; set by main.js */
let askForToken = async () => {};
/** @type {Promise<void> | null} */
let asking = null;

/** @param {() => Promise<void>} ask */
export function onNoToken(ask) {
  askForToken = ask;
}

export function token() {
  return sessionStorage.getItem(TOKEN) ?? localStorage.getItem(TOKEN) ?? "";
}

/** @param {string} text @param {boolean} stays on this computer after the tab is closed */
export function keepToken(text, stays) {
  sessionStorage.setItem(TOKEN, text);
  if (stays) localStorage.setItem(TOKEN, text);
  else localStorage.removeItem(TOKEN);
}

/** Takes the token out of the address, where it is never sent or kept. */
export function tokenFromAddress() {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  if (found) {
    keepToken(found, false);
    history.replaceState(null, "", location.pathname);
  }
}

/** Who annotates, where no token says it. */
export function ownName() {
  return localStorage.getItem(NAME) ?? "";
}

/** @param {string} name */
export function keepName(name) {
  localStorage.setItem(NAME, name);
}

/** What a request says of who asks: a token says it better. */
export function annotator() {
  return token() ? {} : { annotator: ownName() };
}

/** One call; a missing token is asked for and the call made again.
 * @param {string} method @param {Record<string, any>} request
 * @param {{keepalive?: boolean, timeoutMs?: number, quiet?: boolean}} [options] quiet: do not ask for a token
 * @returns {Promise<any>} the answer in protobuf's JSON
 */
export async function call(method, request, options = {}) {
  for (;;) {
    try {
      return await once(method, request, options);
    } catch (error) {
      const refused = /** @type {CallError} */ (error);
      if (refused.code !== "unauthenticated" || options.quiet) throw error;
      await tokenAsked();
    }
  }
}

/** Asks again until there is an answer, for what can be asked any number of times.
 * @template T @param {() => Promise<T>} ask @param {(waiting: boolean) => boolean} goOn told that it waits; whether to
 * @returns {Promise<T>}
 */
export async function patiently(ask, goOn) {
  for (let pause = 500; ; pause = Math.min(2 * pause, 10000)) {
    try {
      const answer = await ask();
      goOn(false);
      return answer;
    } catch (error) {
      if (!(error instanceof CallError && error.passing) || !goOn(true)) throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.max(pause, error.retryMs ?? 0)));
    }
  }
}

/** @param {string} method @param {Record<string, any>} request @param {{keepalive?: boolean, timeoutMs?: number}} options */
async function once(method, request, { keepalive = false, timeoutMs = 60000 }) {
  const response = await fetched(SERVICE + method, {
    method: "POST",
    headers: { "content-type": "application/json", "connect-protocol-version": "1", "connect-timeout-ms": String(timeoutMs), ...authorization() },
    body: JSON.stringify(request),
    keepalive,
    signal: AbortSignal.timeout(timeoutMs + 5000),
  });
  const words = await response.json().catch(() => null);
  if (response.ok && words) return words;
  throw refusal(response, words);
}

/** @returns {Record<string, string>} */
function authorization() {
  return token() ? { authorization: `Bearer ${token()}` } : {};
}

/** @param {string} address @param {RequestInit} options */
async function fetched(address, options) {
  try {
    return await fetch(address, { credentials: "omit", cache: "no-store", redirect: "error", ...options });
  } catch (error) {
    throw new CallError("unavailable", "the server does not answer");
  }
}

/** @param {Response} response @param {any} words */
function refusal(response, words) {
  const retry = Number(response.headers.get("trailer-retry-after-ms") ?? response.headers.get("retry-after-ms") ?? 0);
  const revision = Number(response.headers.get("trailer-current-revision") ?? 0);
  const code = words?.code ?? (response.status === 401 ? "unauthenticated" : response.status >= 500 ? "unavailable" : "unknown");
  return new CallError(code, words?.message ?? `the server answered ${response.status}`, retry, revision);
}

/** @type {Map<string, Promise<ImageBitmap>>} */
const pictures = new Map();

/** The picture of an image as it should be seen; the last few are kept.
 * @param {any} image
 */
export function picture(image) {
  const key = `${image.id}/${image.sha256}`;
  let found = pictures.get(key);
  if (!found) {
    found = read(image);
    pictures.set(key, found);
    found.catch(() => pictures.delete(key));
    forget();
  }
  return found;
}

/** The oldest go; none is closed, as it may still be on the screen. */
function forget() {
  for (const key of pictures.keys()) {
    if (pictures.size <= 5) return;
    pictures.delete(key);
  }
}

/** @param {any} image */
async function read(image) {
  return createImageBitmap(await file(`/pictures/${image.sha256}`), { imageOrientation: "from-image" });
}

/** @type {Map<string, Promise<string>>} */
const thumbnails = new Map();

/** The address of a small picture of an image. @param {any} image */
export function thumbnail(image) {
  let found = thumbnails.get(image.sha256);
  if (!found) {
    found = file(`/pictures/${image.sha256}?width=64`).then((blob) => URL.createObjectURL(blob));
    thumbnails.set(image.sha256, found);
    found.catch(() => thumbnails.delete(image.sha256));
  }
  return found;
}

/** A file of the server; a missing token is asked for as with a call. @param {string} address */
async function file(address) {
  for (;;) {
    const response = await fetched(address, { headers: authorization(), cache: "default" });
    if (response.ok) return response.blob();
    if (response.status !== 401) throw refusal(response, null);
    await tokenAsked();
  }
}

function tokenAsked() {
  asking ??= askForToken().finally(() => { asking = null; });
  return asking;
}
