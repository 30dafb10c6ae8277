// The one table of keys: it binds them, labels the buttons and is the help.

/** @typedef {{id: string, keys: string[], label: string, group: string}} Command */

/** @type {Command[]} */
export const COMMANDS = [
  { id: "hidden", keys: ["V"], label: "Hidden or visible, next joint", group: "Joint" },
  { id: "absent", keys: ["D", "Delete"], label: "Absent, next joint", group: "Joint" },
  { id: "next", keys: ["Tab"], label: "Next joint, the least sure first", group: "Joint" },
  { id: "previous", keys: ["Shift+Tab"], label: "Joint before", group: "Joint" },
  { id: "below", keys: ["S"], label: "Next joint of the body", group: "Joint" },
  { id: "above", keys: ["W"], label: "Joint of the body before", group: "Joint" },
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
  { id: "take1", keys: ["1"], label: "First alternative", group: "Depth" },
  { id: "take2", keys: ["2"], label: "Second alternative", group: "Depth" },
  { id: "take3", keys: ["3"], label: "Third alternative", group: "Depth" },
  { id: "take4", keys: ["4"], label: "Fourth alternative", group: "Depth" },
  { id: "take5", keys: ["5"], label: "Fifth alternative", group: "Depth" },
  { id: "camera", keys: ["C"], label: "Space from the camera", group: "View" },
  { id: "side", keys: ["A"], label: "Space from the side", group: "View" },
  { id: "top", keys: ["T"], label: "Space from above", group: "View" },
  { id: "fitPerson", keys: ["Z"], label: "Zoom to the person", group: "View" },
  { id: "fitPicture", keys: ["Shift+Z"], label: "Zoom to the picture", group: "View" },
  { id: "zoomIn", keys: ["+"], label: "Closer", group: "View" },
  { id: "zoomOut", keys: ["_"], label: "Farther away", group: "View" },
  { id: "hide", keys: ["Q"], label: "Hide all drawings while held", group: "View" },
  { id: "horizon", keys: ["H"], label: "Horizon on the picture", group: "View" },
  { id: "darker", keys: [","], label: "Darker", group: "View" },
  { id: "brighter", keys: ["."], label: "Brighter", group: "View" },
  { id: "lessContrast", keys: ["<"], label: "Less contrast", group: "View" },
  { id: "moreContrast", keys: [">"], label: "More contrast", group: "View" },
  { id: "plainLight", keys: ["/"], label: "Brightness and contrast as they were", group: "View" },
  { id: "undo", keys: ["Ctrl+Z"], label: "Undo", group: "Image" },
  { id: "redo", keys: ["Ctrl+Shift+Z", "Ctrl+Y"], label: "Redo", group: "Image" },
  { id: "submit", keys: ["Enter"], label: "Submit, next image", group: "Image" },
  { id: "submitStay", keys: ["Ctrl+Enter"], label: "Submit, stay here", group: "Image" },
  { id: "skip", keys: ["K"], label: "Skip with a reason", group: "Image" },
  { id: "note", keys: ["N"], label: "Note", group: "Image" },
  { id: "history", keys: ["Y"], label: "History of this image", group: "Image" },
  { id: "comments", keys: ["M"], label: "Comments on this image", group: "Image" },
  { id: "save", keys: ["Ctrl+S"], label: "Save as a file", group: "Image" },
  { id: "leave", keys: ["Escape"], label: "Leave a mode, or the picture", group: "Image" },
  { id: "help", keys: ["?"], label: "All keys", group: "Image" },
];

const BY_KEY = new Map(COMMANDS.flatMap((command) => command.keys.map((key) => [key, command])));
const LARGER = new Set(["left", "right", "up", "down", "nearer", "farther", "shorter", "taller"]);
const BY_CODE = new Map([["BracketLeft", "["], ["BracketRight", "]"], ["Minus", "-"], ["Equal", "="]]);
const SHOWN = new Map([["ArrowLeft", "←"], ["ArrowRight", "→"], ["ArrowUp", "↑"], ["ArrowDown", "↓"], ["Escape", "Esc"], ["Delete", "Del"], ["PageUp", "PgUp"], ["PageDown", "PgDn"]]);

/** @param {string} id */
export function commandOf(id) {
  return /** @type {Command} */ (COMMANDS.find((command) => command.id === id));
}

/** The key of a command as it is shown. @param {string} id */
export function keyOf(id) {
  return shown(commandOf(id).keys[0]);
}

/** @param {string} key */
export function shown(key) {
  return key.split(/\+(?=.)/).map((part) => SHOWN.get(part) ?? part).join(" ");
}

/** What a key press asks for, and whether by more: Shift with a command that has steps.
 * @param {KeyboardEvent} event @returns {{command: Command, more: boolean} | null}
 */
export function pressed(event) {
  const held = `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}`;
  const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const named = /^[A-Z]$/.test(key) || key.length > 1;
  const exact = BY_KEY.get(`${held}${event.shiftKey && named ? "Shift+" : ""}${key}`);
  if (exact) return event.altKey ? null : { command: exact, more: false };
  const plain = BY_KEY.get(held + key) ?? BY_KEY.get(held + (BY_CODE.get(event.code) ?? ""));
  return plain && !event.altKey && (!event.shiftKey || LARGER.has(plain.id)) ? { command: plain, more: event.shiftKey } : null;
}

/** Whether keys belong to a field in which somebody writes. @param {EventTarget | null} target */
export function writing(target) {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || Boolean(document.querySelector("dialog[open]"));
}
