// The one table of keys: it binds them, labels the buttons and is the help. Whoever wants other
// keys changes them in the help; they are kept in this browser.

/** @typedef {"annotate" | "review" | "both"} Place where a command is known */
/** @typedef {{id: string, keys: string[], label: string, group: string, place?: Place}} Command without a place: annotate */

/** @type {Command[]} */
export const COMMANDS = [
  { id: "hidden", keys: ["V"], label: "Hidden or visible, next joint", group: "Joint" },
  { id: "absent", keys: ["D", "Delete"], label: "Absent, next joint", group: "Joint" },
  { id: "next", keys: ["Tab"], label: "Next joint, the least sure first", group: "Joint" },
  { id: "previous", keys: ["Shift+Tab"], label: "Joint before", group: "Joint" },
  { id: "below", keys: ["S"], label: "Next joint of the body", group: "Joint", place: "both" },
  { id: "above", keys: ["W"], label: "Joint of the body before", group: "Joint", place: "both" },
  { id: "left", keys: ["ArrowLeft"], label: "One px to the left (Shift: 10)", group: "Joint" },
  { id: "right", keys: ["ArrowRight"], label: "One px to the right", group: "Joint" },
  { id: "up", keys: ["ArrowUp"], label: "One px up", group: "Joint" },
  { id: "down", keys: ["ArrowDown"], label: "One px down", group: "Joint" },
  { id: "guided", keys: ["G"], label: "Guided: each click places the next joint", group: "Joint" },
  { id: "swapLimb", keys: ["X"], label: "Swap left and right of this limb", group: "Joint" },
  { id: "swapAll", keys: ["Shift+X"], label: "Swap left and right of the person", group: "Person" },
  { id: "nextPerson", keys: ["E"], label: "Next person", group: "Person" },
  { id: "newPerson", keys: ["Shift+E"], label: "New person: draw a box", group: "Person" },
  { id: "removePerson", keys: ["Shift+Delete", "Shift+D"], label: "Remove this person", group: "Person" },
  { id: "previousPose", keys: ["P"], label: "Pose of the previous picture", group: "Person" },
  { id: "suggest", keys: ["Shift+S"], label: "Look for people again", group: "Person" },
  { id: "flip", keys: ["F"], label: "Flip this bone in depth", group: "Depth" },
  { id: "flipLimb", keys: ["Shift+F"], label: "Flip the whole limb", group: "Depth" },
  { id: "flipTorso", keys: ["B"], label: "Turn the torso front to back", group: "Depth" },
  { id: "nearer", keys: ["["], label: "20 mm nearer (Shift: 100)", group: "Depth" },
  { id: "farther", keys: ["]"], label: "20 mm farther (Shift: 100)", group: "Depth" },
  { id: "refit", keys: ["R"], label: "Fit a body to what is said now", group: "Depth" },
  { id: "shorter", keys: ["-"], label: "Body 10 mm shorter", group: "Depth" },
  { id: "taller", keys: ["="], label: "Body 10 mm taller", group: "Depth" },
  { id: "pitchUp", keys: ["PageUp"], label: "Camera looks down 1 degree more", group: "Depth" },
  { id: "pitchDown", keys: ["PageDown"], label: "Camera looks down 1 degree less", group: "Depth" },
  { id: "take1", keys: ["1"], label: "Body 1: as it was fitted", group: "Depth" },
  { id: "take2", keys: ["2"], label: "Body 2: a bone or a limb the other way", group: "Depth" },
  { id: "take3", keys: ["3"], label: "Body 3", group: "Depth" },
  { id: "take4", keys: ["4"], label: "Body 4", group: "Depth" },
  { id: "take5", keys: ["5"], label: "Body 5", group: "Depth" },
  { id: "take6", keys: ["6"], label: "Body 6", group: "Depth" },
  { id: "camera", keys: ["C"], label: "Space from the camera", group: "View", place: "both" },
  { id: "side", keys: ["A"], label: "Space from the side", group: "View" },
  { id: "top", keys: ["T"], label: "Space from above", group: "View", place: "both" },
  { id: "fitPerson", keys: ["Z"], label: "Zoom to the person", group: "View", place: "both" },
  { id: "fitPicture", keys: ["Shift+Z"], label: "Zoom to the picture", group: "View", place: "both" },
  { id: "zoomIn", keys: ["+"], label: "Closer", group: "View", place: "both" },
  { id: "zoomOut", keys: ["_"], label: "Farther away", group: "View", place: "both" },
  { id: "hide", keys: ["Q"], label: "Hide all drawings while held", group: "View", place: "both" },
  { id: "horizon", keys: ["H"], label: "Horizon on the picture", group: "View", place: "both" },
  { id: "darker", keys: [","], label: "Darker", group: "View", place: "both" },
  { id: "brighter", keys: ["."], label: "Brighter", group: "View", place: "both" },
  { id: "lessContrast", keys: ["<"], label: "Less contrast", group: "View", place: "both" },
  { id: "moreContrast", keys: [">"], label: "More contrast", group: "View", place: "both" },
  { id: "plainLight", keys: ["/"], label: "Brightness and contrast as they were", group: "View", place: "both" },
  { id: "undo", keys: ["Ctrl+Z"], label: "Undo", group: "Image" },
  { id: "redo", keys: ["Ctrl+Shift+Z", "Ctrl+Y"], label: "Redo", group: "Image" },
  { id: "submit", keys: ["Enter"], label: "Submit, next image", group: "Image" },
  { id: "submitStay", keys: ["Ctrl+Enter"], label: "Submit, stay here", group: "Image" },
  { id: "skip", keys: ["K"], label: "Skip with a reason", group: "Image" },
  { id: "note", keys: ["N"], label: "Note", group: "Image" },
  { id: "history", keys: ["Y"], label: "History of this image", group: "Image" },
  { id: "comments", keys: ["M"], label: "Comments on this image", group: "Image", place: "both" },
  { id: "save", keys: ["Ctrl+S"], label: "Save as a file", group: "Image" },
  { id: "leave", keys: ["Escape"], label: "Leave a mode, or the picture", group: "Image" },
  { id: "accept", keys: ["A"], label: "Accept, next image", group: "Review", place: "review" },
  { id: "sendBack", keys: ["R"], label: "Send back with a note", group: "Review", place: "review" },
  { id: "correct", keys: ["E"], label: "Correct it yourself", group: "Review", place: "review" },
  { id: "before", keys: ["B"], label: "The revision before, while held", group: "Review", place: "review" },
  { id: "over", keys: ["O"], label: "Lay the revision before over it", group: "Review", place: "review" },
  { id: "reviewSide", keys: ["I"], label: "Space from the side", group: "Review", place: "review" },
  { id: "help", keys: ["?"], label: "All keys", group: "Image", place: "both" },
];

const OWN = "evoskeleton.keys";
/** Fixed: leaves a mode, and whoever changes a key needs a way back. */
const FIXED = "Escape";
/** @type {Map<string, string[]>} what somebody has changed */
const own = read();
/** @type {Set<() => void>} */
const listeners = new Set();
const LARGER = new Set(["left", "right", "up", "down", "nearer", "farther", "shorter", "taller"]);
const BY_CODE = new Map([["BracketLeft", "["], ["BracketRight", "]"], ["Minus", "-"], ["Equal", "="]]);
const SHOWN = new Map([["ArrowLeft", "←"], ["ArrowRight", "→"], ["ArrowUp", "↑"], ["ArrowDown", "↓"], ["Escape", "Esc"], ["Delete", "Del"], ["PageUp", "PgUp"], ["PageDown", "PgDn"]]);
const MODIFIERS = new Set(["Shift", "Control", "Alt", "Meta", "AltGraph", "CapsLock", "Dead", "Process"]);

/** @returns {Map<string, string[]>} */
function read() {
  try {
    const kept = Object.entries(JSON.parse(localStorage.getItem(OWN) ?? "{}"));
    const known = (/** @type {any} */ keys) => Array.isArray(keys) && keys.every((key) => typeof key === "string" && key);
    return new Map(kept.filter(([id, keys]) => COMMANDS.some((command) => command.id === id) && known(keys)));
  } catch {
    return new Map();
  }
}

function write() {
  localStorage.setItem(OWN, JSON.stringify(Object.fromEntries(own)));
  for (const listener of listeners) listener();
}

/** Called after every change of keys. @param {() => void} listener */
export function onKeys(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** @param {string} id */
export function commandOf(id) {
  return /** @type {Command} */ (COMMANDS.find((command) => command.id === id));
}

/** The keys of a command as they are now. @param {Command} command */
export function keysOf(command) {
  return own.get(command.id) ?? command.keys;
}

export function changed() {
  return own.size > 0;
}

/** All keys as they were. */
export function resetKeys() {
  own.clear();
  write();
}

/** Gives a command one key, which others lose where both are known; the others.
 * @param {Command} command @param {string} key @returns {Command[]}
 */
export function giveKey(command, key) {
  const losing = COMMANDS.filter((other) => other !== command && meet(command, other) && keysOf(other).includes(key));
  for (const other of losing) own.set(other.id, keysOf(other).filter((each) => each !== key));
  own.set(command.id, [key]);
  write();
  return losing;
}

/** Whether two commands are known at one place. @param {Command} a @param {Command} b */
function meet(a, b) {
  return a.place === "both" || b.place === "both" || (a.place ?? "annotate") === (b.place ?? "annotate");
}

/** The key of a command as it is shown. @param {string} id */
export function keyOf(id) {
  const [key] = keysOf(commandOf(id));
  return key ? shown(key) : "";
}

/** @param {string} key */
export function shown(key) {
  return key.split(/\+(?=.)/).map((part) => SHOWN.get(part) ?? part).join(" ");
}

/** The name of a key press as the table has it; empty where it can be no key of a command. @param {KeyboardEvent} event */
export function nameOf(event) {
  if (MODIFIERS.has(event.key) || event.altKey || event.key === FIXED || event.key === " ") return "";
  const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const named = /^[A-Z]$/.test(key) || key.length > 1;
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.shiftKey && named ? "Shift+" : ""}${key}`;
}

/** What a key press asks for, and whether by more: Shift with a command that has steps.
 * @param {KeyboardEvent} event @param {"annotate" | "review"} [place] @returns {{command: Command, more: boolean} | null}
 */
export function pressed(event, place = "annotate") {
  if (event.altKey) return null;
  const held = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const named = /^[A-Z]$/.test(key) || key.length > 1;
  const exact = bound(`${held}${event.shiftKey && named ? "Shift+" : ""}${key}`, place);
  if (exact) return { command: exact, more: false };
  const plain = bound(held + key, place) ?? bound(held + (BY_CODE.get(event.code) ?? ""), place);
  return plain && (!event.shiftKey || LARGER.has(plain.id)) ? { command: plain, more: event.shiftKey } : null;
}

/** @param {string} key @param {Place} place */
function bound(key, place) {
  return COMMANDS.find((command) => (command.place ?? "annotate") === place && keysOf(command).includes(key))
    ?? COMMANDS.find((command) => command.place === "both" && keysOf(command).includes(key));
}

/** Whether keys belong to a field in which somebody writes. @param {EventTarget | null} target */
export function writing(target) {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || Boolean(document.querySelector("dialog[open]"));
}
