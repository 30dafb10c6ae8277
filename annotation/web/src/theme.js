// Dark or light, as the computer is or as somebody wants it. Pictures stand on dark ground in both.
import { h } from "./dom.js";

const THEME = "evoskeleton.theme";
const THEMES = [["", "as the computer"], ["dark", "dark"], ["light", "light"]];

/** @param {string} theme */
function take(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

export function takeTheme() {
  take(localStorage.getItem(THEME) ?? "");
}

export function themeChoice() {
  const now = localStorage.getItem(THEME) ?? "";
  const choose = (/** @type {any} */ event) => {
    localStorage.setItem(THEME, event.target.value);
    take(event.target.value);
  };
  return h("select", { "aria-label": "Colours", onchange: choose }, THEMES.map(([name, words]) => h("option", { value: name, selected: name === now }, words)));
}
