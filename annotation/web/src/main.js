// Starts the page: who asks, what was left unsent, which screen the address names.
import { keepName, onNoToken, ownName, tokenFromAddress } from "./api.js";
import { ask, button, dialog, download, fill, h, say } from "./dom.js";
import { Work } from "./flow.js";
import * as journal from "./journal.js";
import * as outbox from "./outbox.js";
import * as server from "./server.js";
import { imagesScreen } from "./screens/images.js";
import { projectsScreen } from "./screens/projects.js";
import { askForToken } from "./screens/token.js";
import { takeTheme } from "./theme.js";

const app = /** @type {HTMLElement} */ (document.getElementById("app"));

/** @typedef {{element: HTMLElement, close?: () => void}} Screen */
/** @type {Screen | null} */
let screen = null;
let turn = 0;

/** @param {Screen} next */
function show(next) {
  screen?.close?.();
  say("");
  screen = next;
  fill(app, next.element);
}

/** @param {string} words @param {import("./dom.js").Child[]} [more] */
function sheet(words, more = []) {
  return { element: h("main", { class: "sheet" }, h("h1", {}, "evoskeleton annotator"), h("p", { role: "status" }, words), h("div", { class: "row" }, more)) };
}

async function who() {
  const me = await server.whoAmI();
  if (me.tokens) return me;
  while (!ownName()) {
    const name = await ask("Who are you?", "Your name, as it will stand beside your work", "", "Go on", { most: 100 });
    if (name) keepName(name);
  }
  return { ...me, name: ownName() };
}

/** @param {server.Me} me */
async function route(me) {
  const mine = ++turn;
  const [, place, projectId, imageId] = location.hash.split("/");
  try {
    const projects = await server.projects();
    if (mine !== turn) return;
    const project = projects.find((/** @type {any} */ each) => each.id === projectId);
    const work = new Work(me, project, { show, sheet, current: () => mine === turn });
    if (!project) show(projectsScreen(me, projects));
    else if (place === "images") show(imagesScreen(me, project));
    else if (place === "review" && imageId) await work.look(imageId);
    else if (place === "review") await work.review();
    else if (imageId) await work.open(imageId);
    else await work.annotate();
  } catch (error) {
    if (mine === turn) show(sheet(/** @type {Error} */ (error).message, [button("Try again", "", () => void route(me)), button("Projects", "", () => { location.hash = "#/"; })]));
  }
}

/** What the server does not take is told, and stays here until somebody says otherwise. */
let telling = false;
async function tellRefused() {
  const [entry] = outbox.now().refused;
  if (!entry || telling) return;
  telling = true;
  const choice = await dialog("The server does not take this", (close) => [h("p", {}, `${entry.title}: ${entry.problem}`), h("p", { class: "quiet" }, "It is kept here until you choose."),
    h("div", { class: "row" }, button("Try again", "", () => close("again")), button("Save as a file", "", () => close("file"), { class: "main" }), button("Throw it away", "", () => close("drop")))]);
  if (choice === "file") download(`${entry.title}.json`, JSON.stringify(entry.request, null, 1), "application/json");
  if (choice === "drop" || choice === "file") await outbox.drop(entry);
  if (choice === "again") await outbox.retry(entry);
  telling = false;
  if (choice) void tellRefused();
}

async function start() {
  takeTheme();
  tokenFromAddress();
  onNoToken(askForToken);
  outbox.on("standing", () => void tellRefused());
  addEventListener("unhandledrejection", (event) => say(`Something went wrong: ${event.reason?.message ?? event.reason}`));
  void navigator.storage?.persist?.();
  await journal.posted().catch((error) => {
    throw new Error(`This browser keeps nothing here (${error?.message ?? error}), so that work could be lost: use a window that is not private.`);
  });
  const me = await who();
  void outbox.send();
  addEventListener("hashchange", () => {
    tokenFromAddress();
    void route(me);
  });
  await route(me);
}

start().catch((error) => show(sheet(error.message, [button("Try again", "", () => location.reload())])));
