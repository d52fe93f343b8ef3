// What a classifier gets wrong: the confusion matrix, and the rows behind each of its cells.
import { h, fill } from "./dom.js";
import { t, count, percent } from "./language.js";
import { post } from "./api.js";
import { waiting } from "./files.js";

// mistakes is a card that looks for them when asked, since the model has to read every row.
export function mistakes(job, signal) {
  const room = h("div");
  const title = h("h2", { tabindex: "-1" }, t("mistakes.title"));
  const ask = async () => {
    title.focus(); // the button goes
    waiting(room, t("mistakes.looking"));
    try {
      const s = job.hone ?? {};
      show(room, await post("/v1/hone/mistakes", {
        model: job.fine_tuned_model, training_file: job.training_file, validation_file: job.validation_file ?? undefined,
        test_size: s.test_size, seed: s.seed ?? job.seed ?? undefined, task: s.task, text_column: s.text_column, label_column: s.label_column,
      }, signal));
    } catch (err) {
      if (!signal.aborted) fill(room, h("div", { class: "note bad", role: "alert" }, h("b", null, t("wrong")), h("p", null, err.message)));
    }
  };
  fill(room, h("p", { class: "quiet" }, t("mistakes.about")), h("div", { class: "actions below" }, h("button", { class: "button", onclick: ask }, t("mistakes.look"))));
  return h("section", { class: "card" }, title, room);
}

function show(room, m) {
  const names = m.report.classes.map((c) => c.name);
  const table = h("div", { class: "stack tight" });
  const filter = (truth, said) => {
    const rows = m.mistakes.filter((x) => truth === undefined || (x.label === names[truth] && x.predicted === names[said]));
    fill(table, truth !== undefined && h("p", { class: "quiet small" }, t("mistakes.of", { truth: names[truth], said: names[said] }), " ", h("button", { class: "button plain small", onclick: () => { press(); filter(); } }, t("mistakes.all"))),
      rows.length === 0 ? h("p", { class: "quiet" }, t("mistakes.none")) : list(rows));
  };
  const matrix = h("table", { class: "matrix" },
    h("thead", null, h("tr", null, h("td", { class: "quiet small" }, t("mistakes.axes")), names.map((n) => h("th", { scope: "col" }, n)))),
    h("tbody", null, m.report.confusion_matrix.map((line, i) => h("tr", null, h("th", { scope: "row" }, names[i]), line.map((n, j) =>
      h("td", { class: i === j && "right" }, i === j || n === 0 ? count(n) : h("button", {
        "aria-pressed": "false", "aria-label": t("mistakes.cell", { n, truth: names[i], said: names[j] }),
        onclick: (e) => { press(e.target); filter(i, j); },
      }, count(n))))))));
  const press = (chosen) => matrix.querySelectorAll("button").forEach((b) => b.setAttribute("aria-pressed", String(b === chosen)));
  const accuracy = m.report.metrics.accuracy;
  const [low, high] = [m.report.metrics.accuracy_low, m.report.metrics.accuracy_high];
  fill(room, h("div", { class: "stack" },
    h("p", null, t("mistakes.sum", { n: m.rows, split: m.split === "held out" ? t("chart.eval") : m.split, accuracy: percent(accuracy), low: percent(low), high: percent(high) }), m.rows < m.of && " " + t("mistakes.drawn", { n: m.of })),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("mistakes.matrix") }, matrix), h("h3", null, t("mistakes.list")), table));
  filter();
}

function list(rows) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("mistakes.list") }, h("table", null,
    h("thead", null, h("tr", null, ["text", "label", "predicted", "sure"].map((k) => h("th", { scope: "col", class: k === "sure" && "num" }, t("mistakes." + k))))),
    h("tbody", null, rows.map((x) => h("tr", { title: x.where }, h("td", { class: "long" }, x.text), h("td", null, x.label), h("td", null, x.predicted), h("td", { class: "num" }, percent(x.score)))))));
}
