// All keys, out of the table that binds them; each can be pressed here as well, and changed.
import { button, dialog, fill, h } from "../dom.js";
import { COMMANDS, changed, giveKey, keysOf, nameOf, resetKeys, shown } from "../keys.js";

const POINTER = "Drag a point to move it, Alt and drag to move the person; right click says hidden; hold Space or the middle button "
  + "to pan, turn the wheel to zoom. The horizon can be dragged. In space, drag a joint to push it along its ray, drag elsewhere to turn the view.";

/** @typedef {import("../keys.js").Command} Command */

/** @param {(id: string) => void} run @param {"annotate" | "review"} [place] */
export async function help(run, place = "annotate") {
  const chosen = await dialog("Keys", (close) => new Help(place, close).content());
  if (chosen) run(chosen);
}

class Help {
  /** @param {"annotate" | "review"} place @param {(id?: string) => void} close */
  constructor(place, close) {
    this.known = COMMANDS.filter((command) => command.place === "both" || (command.place ?? "annotate") === place);
    this.close = close;
    this.text = "";
    /** @type {Command | null} whose new key is waited for */
    this.waiting = null;
    this.list = h("div", { class: "keys" });
    this.said = h("p", { role: "status", class: "quiet" });
    this.reset = button("All keys as they were", "", () => { resetKeys(); this.said.textContent = "All keys are as they were"; this.draw(); });
  }

  content() {
    this.draw();
    const find = (/** @type {any} */ event) => { this.text = event.target.value; this.draw(); };
    this.list.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.take(event), true);
    return [h("div", { class: "row" }, h("label", { for: "find-key" }, "Find"), h("input", { id: "find-key", type: "search", oninput: find }), this.said),
      h("p", { class: "quiet" }, POINTER), this.list, h("div", { class: "row foot" }, button("Close", "Esc", () => this.close(), { class: "main" }), this.reset)];
  }

  draw() {
    const found = this.known.filter((command) => `${command.label} ${keysOf(command).join(" ")}`.toLowerCase().includes(this.text.toLowerCase()));
    fill(this.list, [...new Set(found.map((command) => command.group))].map((group) => h("section", {}, h("h3", {}, group),
      h("dl", {}, found.filter((command) => command.group === group).flatMap((command) => this.entry(command))))));
    this.reset.hidden = !changed();
    this.list.querySelector("[aria-pressed=true]")?.focus();
  }

  /** @param {Command} command */
  entry(command) {
    const waits = this.waiting === command;
    const keys = keysOf(command).map((key) => h("kbd", {}, shown(key)));
    const change = () => {
      this.waiting = waits ? null : command;
      this.said.textContent = waits ? "" : `Press the new key of: ${command.label}`;
      this.draw();
    };
    const press = () => this.close(command.id);
    return [h("dt", {}, waits ? "press a key" : keys.length ? keys : "-"), h("dd", {}, h("button", { type: "button", class: "plain", onclick: press }, command.label),
      h("button", { type: "button", class: "plain change", "aria-pressed": String(waits), "aria-label": `Change the key of: ${command.label}`, title: "Change the key", onclick: change }, "✎"))];
  }

  /** The next key that is pressed is the command's. @param {KeyboardEvent} event */
  take(event) {
    const command = this.waiting;
    if (!command) return;
    const key = nameOf(event);
    if (event.key === "Escape") this.waiting = null;
    else if (!key) return;
    event.preventDefault();
    event.stopPropagation();
    this.waiting = null;
    this.said.textContent = event.key === "Escape" ? "" : told(command, key, giveKey(command, key));
    this.draw();
    /** @type {HTMLElement | null} */ (this.list.querySelector(`[aria-label="Change the key of: ${command.label}"]`))?.focus();
  }
}

/** @param {Command} command @param {string} key @param {Command[]} losing */
function told(command, key, losing) {
  const lost = losing.map((other) => `; ${other.label} has ${keysOf(other).map(shown).join(", ") || "no key"} now`).join("");
  return `${command.label}: ${shown(key)}${lost}`;
}
