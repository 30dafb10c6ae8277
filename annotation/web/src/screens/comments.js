// What people say to one another about an image: open questions first settled here, none thrown away.
import { annotator, patiently } from "../api.js";
import { button, dialog, fill, h } from "../dom.js";
import * as outbox from "../outbox.js";
import * as server from "../server.js";

const MOST = 2000;

/** @param {import("../session.js").Session} session */
export function commentsOf(session) {
  const { image } = session;
  return dialog(`Comments on ${image.name}`, (close) => {
    const list = h("ol", { class: "history", "aria-label": "Comments" });
    const problem = h("p", { class: "warn", role: "alert" });
    const field = h("textarea", { id: "comment", rows: 3, maxlength: MOST, required: true });
    const about = h("input", { type: "checkbox", id: "about" });
    const again = async () => {
      const comments = await patiently(() => server.comments(image.id), () => list.isConnected);
      image.openComments = comments.filter((/** @type {any} */ one) => !one.resolvedBy).length;
      fill(list, comments.length ? comments.map((/** @type {any} */ one) => item(one, settle)) : h("li", { class: "quiet" }, "Nobody has said anything yet."));
      session.changed();
    };
    const settle = async (/** @type {any} */ comment) => {
      await server.settleComment(comment.id, Boolean(comment.resolvedBy));
      await again();
    };
    const told = (/** @type {Promise<void>} */ work) => work.catch((error) => { problem.textContent = error.message; });
    const send = async (/** @type {Event} */ event) => {
      event.preventDefault();
      const person = about.checked ? { personId: session.person } : {};
      const request = { imageId: image.id, key: crypto.randomUUID(), text: field.value.trim(), ...person, ...annotator() };
      const answered = sent(request.key);
      await outbox.post({ image: "", title: `Comment on ${image.name}`, method: "AddComment", request, upTo: 0 });
      field.value = "";
      await answered;
      await told(again());
    };
    void told(again());
    return [list, h("form", { onsubmit: (/** @type {Event} */ event) => void send(event) }, h("label", { for: "comment" }, "Say something"), field,
      session.person !== null && h("label", { class: "check" }, about, " about the person who is chosen"),
      h("div", { class: "row" }, h("button", { type: "submit", class: "main" }, "Send"), button("Close", "Esc", () => close()))), problem];
  });
}

/** Resolves when the server has taken, or refused, the request with that key. @param {string} key */
function sent(key) {
  return new Promise((resolve) => {
    const mine = (/** @type {{entry: import("../journal.js").Entry}} */ { entry }) => {
      if (entry.request.key !== key) return;
      for (const off of offs) off();
      resolve(undefined);
    };
    const offs = [outbox.on("answered", mine), outbox.on("refused", mine)];
  });
}

/** @param {any} comment @param {(comment: any) => Promise<void>} settle */
function item(comment, settle) {
  const when = new Date(1000 * (comment.created ?? 0)).toLocaleString();
  const person = comment.personId === undefined ? "" : `, about person ${comment.personId}`;
  const by = comment.resolvedBy ? h("span", { class: "quiet" }, ` settled by ${comment.resolvedBy} `) : " ";
  return h("li", {}, h("strong", {}, comment.annotator), `, ${when}${person}: `, h("q", {}, comment.text), by,
    button(comment.resolvedBy ? "Open again" : "Settle", "", () => void settle(comment)));
}
