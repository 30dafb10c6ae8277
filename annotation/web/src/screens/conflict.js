// Two people changed one image: what only one changed is together already, the rest is chosen here.
import { button, h } from "../dom.js";

/** @param {import("../session.js").Session} session @param {() => void} draw */
export function conflictBox(session, draw) {
  const conflict = /** @type {import("../session.js").Conflict} */ (session.conflict);
  const when = conflict.when ? ` at ${new Date(1000 * conflict.when).toLocaleTimeString()}` : "";
  const done = () => {
    session.conflict = null;
    draw();
  };
  const yielded = (/** @type {import("../merge.js").Clash} */ clash) => {
    session.yield(clash);
    conflict.clashes = conflict.clashes.filter((other) => other !== clash);
    draw();
  };
  const all = () => {
    for (const clash of conflict.clashes) session.yield(clash);
    done();
  };
  const place = (/** @type {import("../merge.js").Clash} */ { person, j }) => `person ${person + 1}${j < 0 ? "" : `, ${session.names[j]}`}`;
  const clashed = conflict.clashes.length > 0;
  return h("div", { class: "conflict" },
    h("p", {}, `${conflict.who} changed this image${when} while you worked. What only one of you changed is here together${clashed ? "; both of you changed:" : "."}`),
    h("ul", {}, conflict.clashes.map((clash) => h("li", {}, place(clash), " ", button("Take theirs", "", () => yielded(clash))))),
    conflict.clashes.length > 1 && button("Take all of theirs", "", all), button(clashed ? "Keep mine" : "Good", "", done, { class: "main" }));
}
