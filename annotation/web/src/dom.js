// Elements out of plain data. Text becomes text nodes, never markup: names and notes are strangers'.

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * An element with properties and children.
 * `on...` are listeners, `class`, `data-...` and `aria-...` attributes; `true` is an empty attribute.
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...(Child | Child[])} children
 * @returns {any} an HTMLElement of that tag
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) set(element, name, value);
  element.append(.../** @type {Node[]} */ (shown(children)));
  return element;
}

/** @param {HTMLElement} element @param {string} name @param {any} value */
function set(element, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "value") /** @type {HTMLInputElement} */ (element).value = value;
  else element.setAttribute(name, value === true ? "" : String(value));
}

/** @param {(Child | Child[])[]} children */
function shown(children) {
  return children.flat().filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}

/** @param {Element} element @param {...(Child | Child[])} children */
export function fill(element, ...children) {
  element.replaceChildren(.../** @type {Node[]} */ (shown(children)));
}

/** A control that shows its key: `button("Skip", "K", run)`.
 * @param {string} label @param {string} key @param {() => void} run @param {Record<string, any>} [props]
 */
export function button(label, key, run, props = {}) {
  const title = key ? `${label} (${key})` : label;
  return h("button", { type: "button", title, onclick: run, ...props },
    label, key && h("kbd", { "aria-hidden": "true" }, key));
}

/** @type {any} */
let silence = null;

/** Says something to whoever sees or hears the page, for a while. @param {string} text @param {number} [ms] */
export function say(text, ms = 6000) {
  const line = /** @type {HTMLElement} */ (document.getElementById("status"));
  line.textContent = text;
  clearTimeout(silence);
  silence = setTimeout(() => { line.textContent = ""; }, ms);
}

/** A box over the page; resolves with what `close` is given, or with undefined by Escape.
 * @param {string} title @param {(close: (value?: any) => void) => Child[]} content
 * @returns {Promise<any>}
 */
export function dialog(title, content) {
  return new Promise((resolve) => {
    const heading = h("h2", { id: "dialog-title" }, title);
    const box = h("dialog", { "aria-labelledby": "dialog-title" });
    const close = (/** @type {any} */ value = undefined) => {
      box.close();
      box.remove();
      resolve(value);
    };
    box.addEventListener("cancel", (/** @type {Event} */ event) => {
      event.preventDefault();
      close();
    });
    fill(box, heading, content(close));
    document.body.append(box);
    box.showModal();
  });
}

/** One line of text from a person; undefined where they thought better of it.
 * @param {string} title @param {string} label @param {string} start @param {string} done
 * @param {{most?: number, needed?: boolean}} [options]
 */
export function ask(title, label, start, done, { most = 500, needed = true } = {}) {
  return dialog(title, (close) => {
    const field = h("input", { id: "answer", value: start, maxlength: most, required: needed, autocomplete: "off" });
    const send = (/** @type {Event} */ event) => {
      event.preventDefault();
      close(field.value.trim());
    };
    return [h("form", { onsubmit: send }, h("label", { for: "answer" }, label), field,
      h("div", { class: "row" }, h("button", { type: "submit", class: "main" }, done),
        button("Cancel", "Esc", () => close())))];
  });
}

/** Gives a file to whoever looks at the page. @param {string} name @param {BlobPart} content @param {string} [type] */
export function download(name, content, type = "application/octet-stream") {
  const url = URL.createObjectURL(new Blob([content], { type }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

/** Asks for one drawing in the next frame, however often it is called. @param {() => void} paint */
export function inNextFrame(paint) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      paint();
    });
  };
}
