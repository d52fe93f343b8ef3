// One run: how far it is, its charts, its log, what came out.
import { h, fill, toast } from "./dom.js";
import { t, bytes, clock, duration, number, percent } from "./language.js";
import { events } from "./api.js";
import { Chart } from "./chart.js";
import { confirmed } from "./key.js";
import { mistakes } from "./mistakes.js";
import { said } from "./said.js";
import * as jobs from "./jobs.js";

// one shows a run and follows it until it is over; changed is told of each new state. It returns what ends the view.
export function one(room, run, about, changed = () => {}) {
  const stop = new AbortController();
  const view = {
    run, about, changed, rows: run.rows ?? [], stop, head: h("div", { class: "head" }), state: h("section", { class: "card stack", "aria-live": "off" }),
    charts: { loss: new Chart(t("chart.loss")), score: new Chart(t("chart.score")), rate: new Chart(t("chart.rate")), speed: new Chart(t("chart.speed")) },
    result: h("div", { class: "stack" }), log: h("ul", { class: "log", tabindex: "0", role: "log", "aria-label": t("run.log") }), logged: 0,
  };
  fill(room, view.head, h("div", { class: "stack" }, view.state,
    h("div", { class: "charts" }, Object.values(view.charts).map((c) => c.element)), view.result,
    run.job && h("section", { class: "card" }, h("h2", null, t("run.log")), view.log),
    run.job && asked(run.job)));
  draw(view);
  if (run.job) {
    follow(view);
    watch(view);
  }
  return () => {
    stop.abort();
    for (const c of Object.values(view.charts)) c.close();
  };
}

// follow reads the events of a run as they come, and again from the start if the connection breaks.
async function follow(view) {
  while (!view.stop.signal.aborted) {
    const rows = [];
    try {
      for await (const e of events(jobs.logPath(view.run.id) + "?follow=true", { signal: view.stop.signal })) {
        rows.push(e);
        if (rows.length >= view.rows.length) soon(view, rows);
      }
      soon(view, rows);
      view.run = jobs.ofJob(await jobs.job(view.run.id));
      draw(view);
      if (jobs.over(view.run.status)) return;
    } catch {
      // the server may be starting again
    }
    await new Promise((done) => setTimeout(done, 2000));
  }
}

// soon draws at the next frame, however many events come until then.
function soon(view, rows) {
  view.rows = rows;
  view.due ??= setTimeout(() => {
    view.due = undefined;
    if (!view.stop.signal.aborted) draw(view);
  }, 100);
}

// watch asks for the job's status until it is over.
async function watch(view) {
  while (!view.stop.signal.aborted && !jobs.over(view.run.status)) {
    await new Promise((done) => setTimeout(done, 1500));
    if (view.stop.signal.aborted) return;
    try {
      view.run = jobs.ofJob(await jobs.job(view.run.id));
      draw(view);
    } catch {
      // asked again soon
    }
  }
}

function draw(view) {
  const { run, rows } = view;
  title(view);
  progress(view);
  const l = jobs.lines(rows);
  for (const c of Object.values(view.charts)) c.end = jobs.over(run.status) ? undefined : rows.findLast((e) => e.max_steps)?.max_steps;
  view.charts.loss.set([{ name: t("chart.train"), points: l.loss, style: 0 }, { name: t("chart.eval"), points: l.eval, style: 1 }]);
  view.charts.score.set([{ name: scoreName(l.scored), points: l.score, style: 0 }]);
  view.charts.rate.set([{ name: t("chart.rate"), points: l.rate, style: 0 }]);
  view.charts.speed.set([{ name: t("chart.speed"), points: l.speed, style: 0 }]);
  for (const name of ["rate", "speed"]) view.charts[name].element.hidden = jobs.over(run.status) && l[name].length === 0;
  if (run.job) writeLog(view);
  if (run.status === "succeeded") outcome(view, l);
}

export const scoreName = (metric) => (metric ? t("metric." + metric.replace("eval_", "")) : "");

// title is drawn again only when something changed. A button there that goes leaves the focus to the title.
function title(view) {
  const { run } = view;
  const key = run.name + run.status;
  if (view.titled === key) return;
  view.titled = key;
  view.changed(run);
  const does = (verb, more) => h("button", { class: "button", onclick: () => act(view, verb), ...more }, t("run." + verb));
  const buttons = {
    running: [does("pause"), does("cancel")], queued: [does("cancel")], validating_files: [does("cancel")], paused: [does("resume", { class: "button main" }), does("cancel")],
    succeeded: [run.job?.fine_tuned_model && h("a", { class: "button main", href: "#/play/" + encodeURIComponent(run.job.fine_tuned_model) }, t("run.try")), run.model && h("a", { class: "button main", href: "#/play/" + encodeURIComponent(run.model) }, t("run.try"))],
  };
  const held = view.head.contains(document.activeElement);
  fill(view.head, h("div", null, h("h1", { tabindex: "-1" }, run.name), h("span", { class: "tag " + run.status, role: "status" }, t("status." + run.status))),
    h("div", { class: "actions" }, view.about.run && run.status !== "succeeded" ? run.status === "running" && does("cancel") : buttons[run.status]));
  if (held) view.head.querySelector("h1").focus();
}

async function act(view, verb) {
  if (verb === "cancel" && !(await confirmed(t("run.cancel.title"), t("run.cancel.text"), t("run.cancel")))) return;
  try {
    await jobs.act(view.run.id, verb);
    view.run = jobs.ofJob(await jobs.job(view.run.id));
    draw(view);
  } catch (err) {
    toast(err.message, "bad");
  }
}

function progress(view) {
  const { run, rows } = view;
  const latest = (name) => rows.findLast((e) => e[name] !== undefined)?.[name];
  const step = latest("step") ?? 0;
  const max = latest("max_steps") ?? run.max ?? 0;
  const l = jobs.lines(rows);
  const bar = h("i");
  bar.style.width = (max ? (100 * step) / max : 0) + "%";
  const fact = (name, value, more) => value !== undefined && h("div", null, h("dt", null, t(name)), h("dd", null, value, more && h("small", null, " " + more)));
  const message = run.job?.error?.message;
  const left = latest("seconds_left");
  const memory = latest("memory_bytes");
  const speed = l.speed.at(-1)?.[1];
  fill(view.state,
    message && h("div", { class: "note bad", role: "alert" }, h("b", null, t("run.failed")), h("p", null, said(message))),
    max === 0 && !jobs.over(run.status) && h("p", { class: "spin" }, t("run.wait." + run.status)),
    max > 0 && h("div", { class: "meter", role: "progressbar", "aria-label": t("run.progress"), "aria-valuemin": "0", "aria-valuemax": String(max), "aria-valuenow": String(step) }, bar),
    max > 0 && h("dl", { class: "facts" },
      fact("run.step", number(step), "/ " + number(max)),
      run.status === "running" ? fact("run.left", left === undefined ? "…" : duration(left)) : fact("run.took", took(run, rows)),
      fact("chart.loss", number(l.loss.at(-1)?.[1])),
      l.score.length > 0 && fact("metric." + l.scored.slice(5), l.scored === "eval_accuracy" ? percent(l.score.at(-1)[1]) : number(l.score.at(-1)[1])),
      speed !== undefined && fact("run.speed", number(Math.round(speed))),
      memory !== undefined && fact("run.memory", bytes(memory))));
}

function took(run, rows) {
  const times = rows.filter((e) => e.time).map((e) => e.time);
  if (times.length < 2) return undefined;
  return duration(times.at(-1) - times[0]);
}

// writeLog adds what is new, and stays at the end if it was there.
function writeLog(view) {
  if (view.rows.length < view.logged) {
    fill(view.log);
    view.logged = 0;
  }
  const end = view.log.scrollHeight - view.log.scrollTop - view.log.clientHeight < 30;
  for (const e of view.rows.slice(view.logged)) {
    const text = line(e);
    if (text) view.log.append(h("li", { class: e.type === "error" && "error" }, h("time", null, e.time ? clock(e.time) : ""), h("span", null, text)));
  }
  view.logged = view.rows.length;
  if (end) view.log.scrollTop = view.log.scrollHeight;
}

function line(e) {
  switch (e.type) {
    case "plan": return t("log.plan", { n: e.max_steps }) + (e.memory_bytes ? " · " + bytes(e.memory_bytes) : "");
    case "log": return e.loss === undefined ? "" : t("log.log", { step: e.step, loss: number(e.loss), rate: number(e.learning_rate) });
    case "eval": return t("log.eval", { step: e.step ?? "" }) + " " + ["loss", "accuracy", "f1", "perplexity"].filter((k) => e.metrics?.["eval_" + k] !== undefined).map((k) => t("metric." + k) + " " + number(e.metrics["eval_" + k])).join(" · ");
    case "checkpoint": return t("log.checkpoint", { step: e.step });
    case "done": return t("log.done");
    default: return said(e.message ?? "");
  }
}

// asked lists the settings of a job.
function asked(job) {
  const all = Object.entries(jobs.settings(job));
  return all.length > 0 && h("details", { class: "card" }, h("summary", null, t("run.settings")), h("table", null, h("tbody", null,
    all.map(([name, v]) => h("tr", null, h("th", { scope: "row", class: "mono" }, name), h("td", null, v))))));
}

// outcome offers what to do with a model that is ready; a classifier's mistakes are looked for when asked.
function outcome(view, l) {
  const { run } = view;
  const classifier = l.scored === "eval_accuracy";
  const where = view.rows.findLast((e) => e.output_dir)?.output_dir;
  const found = String([classifier, where]);
  if (view.found === found) return; // drawn already; the rows of a log come in parts
  view.found = found;
  fill(view.result, where && view.about.run && h("div", { class: "note good" }, h("b", null, t("run.ready")), h("p", { class: "mono" }, where)),
    classifier && run.job?.training_file && mistakes(run.job, view.stop.signal));
}
