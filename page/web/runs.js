// The view of runs: the list, one of them, or several side by side.
import { h, fill } from "./dom.js";
import { t, day } from "./language.js";
import * as jobs from "./jobs.js";
import { one } from "./run.js";
import { compare } from "./compare.js";

export async function show(room, { about, parts, query }) {
  if (about.run) {
    const run = jobs.ofJob(await jobs.job(about.run));
    return one(room, run, about);
  }
  const list = await jobs.runs(about);
  const several = (query.get("with") ?? "").split(",").filter((id) => list.some((r) => r.id === id));
  if (list.length === 0) {
    fill(room, h("div", { class: "head" }, h("div", null, h("h1", null, t("runs.title")), h("p", null, t("runs.about")))),
      h("section", { class: "card empty" }, h("h2", null, t("runs.empty")), h("p", null, t(about.jobs ? "runs.empty.about" : "runs.empty.off")),
        about.jobs && h("div", { class: "actions" }, h("a", { class: "button main", href: "#/train" }, t("runs.empty.do")))));
    return;
  }
  const detail = h("div", { class: "stack" });
  const chosen = list.find((r) => r.id === parts[0]) ?? list[0];
  const entries = h("div", { class: "stack" });
  fill(room, h("div", { class: "split" }, entries, detail));
  const shown = draw(entries, list, chosen, several);
  return several.length > 1 ? compare(detail, list.filter((r) => several.includes(r.id))) : one(detail, chosen, about, shown);
}

// draw lists the runs; those that are ticked are compared. It returns what shows the new state of one.
function draw(room, list, chosen, several) {
  const ticked = new Set(several);
  const go = h("a", { class: "button", href: "#" });
  const update = () => {
    go.textContent = t("runs.compare", { n: ticked.size });
    go.hidden = ticked.size < 2;
    go.href = "#/runs?with=" + [...ticked].map(encodeURIComponent).join(",");
  };
  update();
  const links = new Map(list.map((r) => [r.id, h("a", { href: "#/runs/" + encodeURIComponent(r.id), "aria-current": several.length < 2 && r === chosen && "true" })]));
  const say = (r) => fill(links.get(r.id), h("span", { class: "name", title: r.name }, r.name),
    h("span", { class: "under" }, h("span", { class: "tag " + r.status }, t("status." + r.status)), h("span", null, day(r.created))));
  list.forEach(say);
  fill(room, h("h2", { class: "only-read" }, t("runs.list")),
    h("ul", { class: "list", "aria-label": t("runs.list") }, list.map((r) => h("li", null,
      list.length > 1 && h("label", { class: "pick" }, h("span", { class: "only-read" }, t("runs.pick", { name: r.name })),
        h("input", { type: "checkbox", checked: ticked.has(r.id), onchange: (e) => { ticked[e.target.checked ? "add" : "delete"](r.id); update(); } })),
      links.get(r.id)))),
    list.length > 1 && h("p", { class: "quiet small" }, t("runs.how")), go);
  return say;
}
