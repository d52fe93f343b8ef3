// Classifiers: one text on each line, a bar for each label.
import { h, fill, field } from "./dom.js";
import { t, percent } from "./language.js";
import { post } from "./api.js";
import { bars } from "./report.js";
import { command } from "./curl.js";
import { waiting } from "./files.js";

const most = 64; // lines of one request

export function classify(work, side, model) {
  const stop = new AbortController();
  const text = h("textarea", { rows: "5", placeholder: t("classify.placeholder"), spellcheck: "false" });
  const answers = h("section", { class: "card", "aria-live": "polite" });
  const shell = command();
  const request = () => ({ model: model.id, input: lines(text.value) });
  const ask = async (e) => {
    e?.preventDefault();
    const q = request();
    if (q.input.length === 0) return text.focus();
    answers.hidden = false;
    waiting(answers, t("classify.asking"));
    try {
      show(answers, q.input, (await post("/v1/classify", q, stop.signal)).data);
    } catch (err) {
      if (!stop.signal.aborted) fill(answers, h("div", { class: "note bad", role: "alert" }, h("p", null, err.message)));
    }
  };
  text.addEventListener("input", () => shell.update("/v1/classify", { ...request(), input: request().input.length ? request().input : ["…"] }));
  text.addEventListener("keydown", (e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) ask(e); });
  shell.update("/v1/classify", { model: model.id, input: ["…"] });
  answers.hidden = true;
  work.append(h("form", { class: "card stack", onsubmit: ask }, field(t("classify.text"), text, t("classify.hint", { n: most })),
    h("div", { class: "actions" }, h("button", { class: "button main" }, t("classify.go")))), answers, shell.element);
  side.append(h("div", null, h("p", { class: "label" }, t("classify.labels")), h("p", { class: "quiet" }, model.hone.labels.join(", "))));
  return () => stop.abort();
}

const lines = (text) => text.split("\n").map((l) => l.trim()).filter(Boolean).slice(0, most);

function show(room, texts, data) {
  fill(room, h("h2", null, t("classify.answers")), h("ol", { class: "answers" }, data.map((d, i) => h("li", null,
    h("q", null, texts[i]),
    bars(d.scores.slice(0, 8).map((s) => ({ name: s.label, share: s.score, value: percent(s.score) })), true),
    d.truncated && h("p", { class: "quiet small" }, t("classify.cut"))))));
}
