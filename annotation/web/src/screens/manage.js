// What only those with the scope `admin` do: names, who annotates what, and what has to go.
import { ask, button, dialog, h } from "../dom.js";
import * as server from "../server.js";

const MOST_NAME = 500;
const AT_ONCE = 1000;

/** @param {any} image @param {() => void} done something has changed */
export function manageImage(image, done) {
  return choices(image.name, done, {
    "Rename": async () => {
      const name = await ask("Rename", "Name of the image", image.name, "Rename", { most: MOST_NAME });
      if (name) await server.renameImage(image.id, name);
    },
    "Assign": async () => {
      const name = await ask("Assign", "Who should annotate it; empty: anybody", image.assignee ?? "", "Assign", { most: 100, needed: false });
      if (name !== undefined) await server.assign([image.id], name);
    },
    "Delete": async () => {
      if (await sure(`Delete ${image.name}?`, "The picture and everything that was said about it are gone from this server for good. Exports and backups elsewhere are not reached.")) await server.deleteImage(image.id);
    },
  });
}

/** @param {any} project @param {() => void} done */
export function manageProject(project, done) {
  return choices(project.name, done, {
    "Rename": async () => {
      const name = await ask("Rename", "Name of the project", project.name, "Rename", { most: MOST_NAME });
      if (name) await server.renameProject(project.id, name);
    },
    "Delete": async () => {
      const name = await ask(`Delete ${project.name} with ${project.counts?.images ?? 0} images?`, "The project's name once more: all its pictures and annotations are gone for good", "", "Delete", { most: MOST_NAME });
      if (name) await server.deleteProject(project.id, name);
    },
  });
}

/** Who should annotate images, of which there may be many. @param {any[]} images */
export async function assignAll(images) {
  const name = await ask(`Assign ${images.length} images`, "Who should annotate them; empty: anybody", "", "Assign", { most: 100, needed: false });
  if (name === undefined) return;
  for (let at = 0; at < images.length; at += AT_ONCE) await server.assign(images.slice(at, at + AT_ONCE).map((image) => image.id), name);
}

/** @param {string} title @param {() => void} done @param {Record<string, () => Promise<void>>} ways */
function choices(title, done, ways) {
  return dialog(title, (close) => {
    const problem = h("p", { class: "warn", role: "alert" });
    const run = async (/** @type {() => Promise<void>} */ way) => {
      try {
        await way();
        close();
        done();
      } catch (error) {
        problem.textContent = /** @type {Error} */ (error).message;
      }
    };
    return [h("div", { class: "row" }, Object.entries(ways).map(([name, way]) => button(name, "", () => void run(way))), button("Close", "Esc", () => close())), problem];
  });
}

/** @param {string} title @param {string} words */
function sure(title, words) {
  return dialog(title, (close) => [h("p", {}, words), h("div", { class: "row" }, button("Delete for good", "", () => close(true)), button("Cancel", "Esc", () => close(false), { class: "main" }))]);
}
