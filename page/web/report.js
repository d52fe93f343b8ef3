// What was found in a data set.
import { h } from "./dom.js";
import { t, count, percent } from "./language.js";
import { findings } from "./findings.js";

// report draws the answer of /v1/hone/check.
export function report({ report: r, rows }) {
  const first = r.splits[0];
  return h("div", { class: "stack" },
    summary(r),
    notes(r),
    h("div", { class: "two" }, r.splits.filter((s) => s.labels?.length).map((s) => balance(s, r.splits.length > 1)), lengths(first, r)),
    r.splits.length > 1 && splits(r),
    columns(first, r.task),
    r.splits.map((s) => firstRows(s, rows[s.name] ?? [], r.splits.length > 1)));
}

function summary(r) {
  const rows = r.splits.reduce((n, s) => n + s.rows, 0);
  const fact = (name, value, more) => h("div", null, h("dt", null, t(name)), h("dd", null, value, more && h("small", null, " " + more)));
  const s = r.splits[0];
  return h("dl", { class: "card facts" },
    fact("report.rows", count(rows)),
    h("div", { class: "wide" }, h("dt", null, t("report.task")), h("dd", null, t("task." + r.task.kind))),
    r.task.names && fact("report.classes", count(r.task.names.length)),
    fact("report.longest", count(s.lengths.max), t("unit." + r.unit)),
    fact("report.duplicates", count(r.splits.reduce((n, x) => n + x.duplicates, 0))),
    r.splits.length > 1 && fact("report.leaks", count((r.leaks ?? []).reduce((n, l) => n + l.normalised, 0))));
}

function notes(r) {
  const found = findings(r);
  if (found.length === 0) return h("div", { class: "note good" }, h("b", null, t("report.good")));
  return h("ul", { class: "stack tight", "aria-label": t("report.findings") }, found.map(({ text, remedy, kind }) =>
    h("li", { class: "note " + kind }, h("b", null, text), h("p", null, remedy))));
}

function balance(s, named) {
  const most = Math.max(...s.labels.map((l) => l.count), 1);
  const shown = s.labels.slice(0, 20);
  return h("section", { class: "card" }, h("h2", null, t("report.balance"), named && h("span", { class: "quiet" }, " · " + s.name)),
    bars(shown.map((l) => ({ name: l.name, share: l.count / most, value: count(l.count) + " · " + percent(l.share) })), false),
    s.labels.length > 20 && h("p", { class: "quiet small" }, t("report.more", { n: s.labels.length - 20 })));
}

// bars draws named shares; each value stands beside its bar, so that the bar itself is silent.
export function bars(items, marked) {
  return h("ul", { class: "bars" }, items.map((x, i) => {
    const fill = h("i");
    fill.style.width = 100 * x.share + "%";
    return h("li", { class: marked && i === 0 && "first" }, h("span", { class: "name", title: x.name }, x.name), h("span", { class: "track", "aria-hidden": "true" }, x.share > 0 && fill), h("span", { class: "value quiet small" }, x.value));
  }));
}

function lengths(s, r) {
  const bins = s.lengths.histogram ?? [];
  if (bins.length < 2) return null;
  const most = Math.max(...bins.map((b) => b.count));
  const span = (b) => (b.to ? b.from + "–" + (b.to - 1) : b.from + "+");
  return h("section", { class: "card" }, h("h2", null, t("report.lengths", { unit: t("unit." + r.unit) })),
    h("div", { class: "hist", role: "img", "aria-label": t("report.lengths.say", { p50: s.lengths.p50, p95: s.lengths.p95, max: s.lengths.max }) }, bins.map((b) => {
      const e = h("span", { title: span(b) + ": " + count(b.count) });
      e.style.height = (b.count && Math.max(2, (100 * b.count) / most)) + "%";
      return e;
    })),
    h("div", { class: "axis", "aria-hidden": "true" }, h("span", null, span(bins[0])), h("span", null, span(bins.at(-1)))),
    h("p", { class: "quiet small", "aria-hidden": "true" }, t("report.lengths.say", { p50: s.lengths.p50, p95: s.lengths.p95, max: s.lengths.max })));
}

function splits(r) {
  const head = ["split", "rows", "p50", "p95", "longest", "duplicates", "conflicts", "empty"];
  return h("section", { class: "card" }, h("h2", null, t("report.splits")), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("report.splits") }, h("table", null,
    h("thead", null, h("tr", null, head.map((k, i) => h("th", { scope: "col", class: i > 0 && "num" }, t("report." + k))))),
    h("tbody", null, r.splits.map((s) => h("tr", null, h("th", { scope: "row" }, s.name),
      [s.rows, s.lengths.p50, s.lengths.p95, s.lengths.max, s.duplicates, s.conflicts, s.empty].map((n) => h("td", { class: "num" }, count(n)))))))));
}

function columns(s, task) {
  const roles = Object.entries(task).filter(([role]) => ["text", "label", "prompt", "input", "completion", "messages", "chosen", "rejected"].includes(role));
  const used = Object.fromEntries(roles.map(([role, column]) => [column, role]));
  return h("section", { class: "card" }, h("h2", null, t("report.columns")), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("report.columns") }, h("table", null,
    h("thead", null, h("tr", null, ["column", "type", "role"].map((k) => h("th", { scope: "col" }, t("report." + k))))),
    h("tbody", null, s.features.map((f) => h("tr", null, h("td", { class: "mono" }, f.name), h("td", { class: "quiet" }, f.type),
      h("td", null, used[f.name] ? t("role." + used[f.name]) : h("span", { class: "quiet" }, t("role.none")))))))));
}

function firstRows(s, rows, named) {
  if (rows.length === 0) return null;
  const names = s.features.map((f) => f.name).filter((n) => rows.some((r) => r.values[n] !== undefined && r.values[n] !== null));
  const cell = (v) => (v === null || v === undefined ? "" : typeof v === "object" ? JSON.stringify(v) : String(v));
  return h("section", { class: "card" }, h("h2", null, t("report.first"), named && h("span", { class: "quiet" }, " · " + s.name)),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("report.first") }, h("table", null,
      h("thead", null, h("tr", null, names.map((n) => h("th", { scope: "col", class: "mono" }, n)))),
      h("tbody", null, rows.slice(0, named ? 6 : 12).map((r) => h("tr", { title: r.where }, names.map((n) => h("td", { class: typeof r.values[n] === "string" && r.values[n].length > 24 && "long" }, cell(r.values[n])))))))));
}
