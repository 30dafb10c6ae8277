// All keys, out of the table that binds them; each can be pressed here as well.
import { button, dialog, fill, h } from "../dom.js";
import { COMMANDS, shown } from "../keys.js";

const POINTER = "Drag a point to move it, Alt and drag to move the person; right click says hidden; hold Space or the middle button "
  + "to pan, turn the wheel to zoom. In space, drag a joint to push it along its ray, drag elsewhere to turn the view.";

/** @param {(id: string) => void} run */
export async function help(run) {
  const chosen = await dialog("Keys", (close) => {
    const list = h("div", { class: "keys" });
    const find = (/** @type {any} */ event) => fill(list, groups(event.target.value, close));
    fill(list, groups("", close));
    return [h("label", { for: "find-key" }, "Find "), h("input", { id: "find-key", type: "search", oninput: find }),
      h("p", { class: "quiet" }, POINTER), list, h("div", { class: "row" }, button("Close", "Esc", () => close(), { class: "main" }))];
  });
  if (chosen) run(chosen);
}

/** @param {string} text @param {(id: string) => void} press */
function groups(text, press) {
  const found = COMMANDS.filter((command) => `${command.label} ${command.keys.join(" ")}`.toLowerCase().includes(text.toLowerCase()));
  return [...new Set(found.map((command) => command.group))].map((group) => h("section", {}, h("h3", {}, group),
    h("dl", {}, found.filter((command) => command.group === group).flatMap((command) => entry(command, press)))));
}

/** @param {import("../keys.js").Command} command @param {(id: string) => void} press */
function entry(command, press) {
  return [h("dt", {}, command.keys.map((key) => h("kbd", {}, shown(key)))), h("dd", {}, h("button", { type: "button", class: "plain", onclick: () => press(command.id) }, command.label))];
}
