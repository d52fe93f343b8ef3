// Runs side by side: their lines in the same charts, and what differs.
import { h, fill } from "./dom.js";
import { t, number, percent } from "./language.js";
import { ask } from "./api.js";
import { Chart, swatch } from "./chart.js";
import { scoreName } from "./run.js";
import * as jobs from "./jobs.js";

// compare draws finished and running runs as they are now.
export async function compare(room, runs) {
  const charts = { loss: new Chart(t("chart.loss")), eval: new Chart(t("chart.loss.eval")), score: new Chart(t("chart.score")), rate: new Chart(t("chart.rate")) };
  fill(room, h("div", { class: "head" }, h("h1", null, t("compare.title", { n: runs.length }))), h("p", { class: "spin" }, t("compare.loading")));
  const all = await Promise.all(runs.map(async (r) => ({ run: r, lines: jobs.lines(r.rows ?? (await log(r.id))) })));
  room.lastChild.remove();
  room.append(table(all), h("div", { class: "charts" }, Object.values(charts).map((c) => c.element)));
  for (const [name, chart] of Object.entries(charts)) {
    chart.set(all.map(({ run, lines }, i) => ({ name: run.name, points: lines[name], style: i })));
    chart.element.hidden = all.every(({ lines }) => lines[name].length === 0);
  }
  return () => Object.values(charts).forEach((c) => c.close());
}

async function log(id) {
  const text = await (await ask(jobs.logPath(id))).text();
  return text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

// table has a column for each run: results first, then the settings that are not the same in all.
function table(all) {
  const asked = all.map(({ run }) => jobs.settings(run.job));
  const names = [...new Set(asked.flatMap(Object.keys))].filter((k) => new Set(asked.map((s) => s[k])).size > 1);
  const last = (points) => points.at(-1)?.[1];
  const best = (points, f) => (points.length ? f(...points.map((p) => p[1])) : undefined);
  const row = (name, values, mono) => h("tr", null, h("th", { scope: "row", class: mono && "mono" }, name), values.map((v) => h("td", null, v)));
  return h("section", { class: "card" }, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("compare.table") }, h("table", null,
    h("thead", null, h("tr", null, h("th", { scope: "col" }, ""), all.map(({ run }, i) => h("th", { scope: "col" }, swatchOf(i), run.name)))),
    h("tbody", null,
      row(t("compare.status"), all.map(({ run }) => t("status." + run.status))),
      row(t("compare.loss"), all.map(({ lines }) => number(last(lines.loss)))),
      row(t("compare.eval"), all.map(({ lines }) => number(best(lines.eval, Math.min)))),
      row(t("compare.score"), all.map(({ lines }) => (lines.scored === "eval_accuracy" ? percent(best(lines.score, Math.max), 2) : lines.scored ? scoreName(lines.scored) + " " + number(best(lines.score, Math.min)) : "–"))),
      names.map((k) => row(k, asked.map((s) => s[k] ?? "–"), true))))),
    names.length === 0 && h("p", { class: "quiet small" }, t("compare.same")));
}

function swatchOf(i) {
  const e = swatch(i);
  e.setAttribute("width", "18");
  e.setAttribute("height", "8");
  e.classList.add("swatch-line");
  return e;
}
