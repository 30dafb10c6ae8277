// The revisions of an image: who, when, what; one of them can be the start of what comes next.
import { button, dialog, h } from "../dom.js";
import * as server from "../server.js";

/** @param {import("../session.js").Session} session */
export async function historyOf(session) {
  const { revisions = [], skips = [] } = await server.history(session.image.id);
  await dialog(`History of ${session.image.name}`, (close) => [
    h("ol", { class: "history" }, revisions.map((/** @type {any} */ revision) => h("li", {}, ...words(revision),
      button("Lay over", "", () => { session.under = session.docOf(revision); session.changed(); close(); }), !session.readOnly && button("Go back to this", "", () => { session.act({ t: "replace", doc: session.docOf(revision) }); close(); })))),
    skips.map((/** @type {any} */ skip) => h("p", {}, `Skipped by ${skip.annotator}: ${skip.reason}`)),
    !revisions.length && h("p", {}, "Nothing was sent yet."),
    h("div", { class: "row" }, button("Close", "Esc", () => close(), { class: "main" }))]);
}

/** @param {any} revision */
function words(revision) {
  const action = String(revision.action ?? "").replace("ACTION_", "").toLowerCase();
  const when = new Date(1000 * (revision.created ?? 0)).toLocaleString();
  return [h("strong", {}, action), ` by ${revision.annotator}, ${when}, ${(revision.people ?? []).length} people `, revision.note && h("q", {}, revision.note), " "];
}
