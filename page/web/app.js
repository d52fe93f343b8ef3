// The frame: which view is shown, in which language and colours.
import { h, fill, toast } from "./dom.js";
import { language, languages, setLanguage, t } from "./language.js";
import { get } from "./api.js";
import * as data from "./data.js";
import * as training from "./train.js";
import * as runs from "./runs.js";
import * as play from "./play.js";

const views = { data, train: training, runs, play };
let about = { jobs: false, bases: [], samples: [] };
let leave = () => {}; // ends the view that is shown
let view = ""; // its name
let turn = 0; // views that come late find that another was asked for

// here splits "#/runs/id?with=x" into ["runs", "id"] and its query.
function here() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decodeURIComponent);
  return { parts, query: new URLSearchParams(query) };
}

function shown() {
  if (about.run) return ["runs", "play"];
  return about.jobs ? ["data", "train", "runs", "play"] : ["data", "runs", "play"];
}

async function show(focus) {
  const mine = ++turn;
  leave();
  leave = () => {};
  let { parts, query } = here();
  if (about.run && parts.length === 0) parts = ["runs", about.run];
  const name = shown().includes(parts[0]) ? parts[0] : shown()[0];
  view = name;
  frame(name);
  const main = document.getElementById("main");
  const room = h("div");
  fill(main, room);
  document.title = t("nav." + name) + " · hone";
  try {
    const end = await views[name].show(room, { about, parts: parts.slice(1), query });
    if (mine !== turn) end?.();
    else leave = end ?? leave;
  } catch (err) {
    fill(room, h("div", { class: "note bad", role: "alert" }, h("b", null, t("wrong")), h("p", null, err.message)));
  }
  if (focus && mine === turn) {
    const title = room.querySelector("h1");
    title?.setAttribute("tabindex", "-1");
    (title ?? main).focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

function frame(current) {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.querySelector(".skip").textContent = t("skip");
  const nav = document.querySelector(".tabs");
  nav.setAttribute("aria-label", t("nav"));
  fill(nav, shown().map((name) => h("a", { href: "#/" + name, "aria-current": name === current && "page" }, t("nav." + name))));
  const other = language === "en" ? "zh" : "en";
  const dark = isDark();
  fill(document.querySelector(".switches"),
    h("button", { class: "button plain small", id: "language", lang: other, "aria-label": languages[other], onclick: () => { setLanguage(other); redraw("language"); } }, languages[other]),
    h("button", { class: "button plain small", id: "theme", onclick: () => { setTheme(dark ? "light" : "dark"); recolour(current); document.getElementById("theme").focus(); } }, t(dark ? "theme.light" : "theme.dark")));
}

// redraw shows the view anew, in another language, and leaves the focus on the switch that was pressed.
async function redraw(id) {
  await show(false);
  document.getElementById(id)?.focus();
}

// recolour leaves the view and what was typed there as they are.
function recolour(current) {
  frame(current);
  dispatchEvent(new Event("recolour"));
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function setTheme(to) {
  document.documentElement.dataset.theme = to;
  try {
    localStorage.setItem("hone.theme", to);
  } catch {
    // for this visit only
  }
}

document.querySelector(".skip").addEventListener("click", (e) => {
  e.preventDefault(); // the hash is the view's
  document.getElementById("main").focus();
});
addEventListener("hashchange", () => show(true));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => recolour(view));
try {
  about = await get("/v1/hone/about");
} catch (err) {
  toast(err.message, "bad");
}
show(false);
