// Asks for a token over whatever is on the screen: nothing that was done is touched.
import { keepToken } from "../api.js";
import { dialog, h } from "../dom.js";

/** @returns {Promise<void>} */
export async function askForToken() {
  let given;
  while (!given) given = await tokenDialog();
}

function tokenDialog() {
  return dialog("Who are you?", (close) => {
    const field = h("input", { id: "token", type: "password", required: true, autocomplete: "off", spellcheck: "false" });
    const stays = h("input", { id: "stays", type: "checkbox" });
    const send = (/** @type {Event} */ event) => {
      event.preventDefault();
      keepToken(field.value.trim(), stays.checked);
      close(true);
    };
    return [h("form", { onsubmit: send }, h("p", {}, "This server wants a token, as `evoskeleton token add` prints it. Your work is kept meanwhile."),
      h("label", { for: "token" }, "Token"), field, h("label", { class: "check" }, stays, " keep on this computer"),
      h("div", { class: "row" }, h("button", { type: "submit", class: "main" }, "Go on")))];
  });
}
