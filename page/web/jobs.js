// Runs: jobs of the server, and what the folders of served models tell of the runs that made them.
import { get, post, all } from "./api.js";

const base = "/v1/fine_tuning/jobs";
const names = new Map(); // of files, by id

// A run is {id, name, status, created, job, rows}: rows are the events so far, job is absent for runs that are past.
export async function runs(about) {
  const [jobs, files] = await Promise.all([about.jobs ? all(base) : [], about.jobs ? all("/v1/files") : []]);
  for (const f of files) names.set(f.id, f.filename);
  const past = (await get("/v1/hone/runs")).data;
  const made = new Set(jobs.map((j) => j.fine_tuned_model));
  return [...jobs.map(ofJob), ...past.filter((p) => !made.has(p.fine_tuned_model)).map(ofPast)].sort((a, b) => b.created - a.created);
}

export const ofJob = (job) => ({ id: job.id, name: job.fine_tuned_model || job.user_provided_suffix || job.suffix || job.model, status: job.status, created: job.created_at, job });

const ofPast = (p) => ({ id: p.id, name: p.fine_tuned_model, status: p.status, created: p.created_at, max: p.max_steps, model: p.fine_tuned_model, rows: p.log.map(event) });

// event makes of a row of log_history the event that training would have written.
function event(row) {
  if (row.train_runtime !== undefined) return { type: "message", step: row.step };
  const measured = Object.fromEntries(Object.entries(row).filter(([k]) => k.startsWith("eval_")));
  return { ...row, type: Object.keys(measured).length > 0 ? "eval" : "log", metrics: measured };
}

export const job = (id) => get(base + "/" + encodeURIComponent(id));
export const act = (id, verb) => post(base + "/" + encodeURIComponent(id) + "/" + verb);
export const create = (request) => post(base, request);
export const logPath = (id) => base + "/" + encodeURIComponent(id) + "/log";

// over reports whether nothing will come of a run any more.
export const over = (status) => ["succeeded", "failed", "cancelled"].includes(status);

// settings flattens what a job was asked for.
export function settings(job) {
  const out = {};
  const add = (name, v) => {
    if (v === null || v === undefined || v === "" || v === "auto") return;
    if (typeof v === "object" && !Array.isArray(v)) for (const [k, x] of Object.entries(v)) add(k, x);
    else out[name] = Array.isArray(v) ? v.join(", ") : (names.get(v) ?? String(v));
  };
  for (const k of ["model", "training_file", "validation_file", "seed", "hyperparameters", "hone"]) add(k, job?.[k]);
  return out;
}

// lines turns events into the points of charts: steps and what was measured there.
export function lines(events) {
  const out = { loss: [], eval: [], score: [], rate: [], speed: [], scored: "" };
  const there = (x) => typeof x === "number"; // NaN comes as null
  for (const e of events) {
    if (e.type === "plan") cut(out, e.step ?? 0);
    if (e.step === undefined) continue;
    if (e.type === "log") {
      if (there(e.loss)) push(out.loss, e.step, e.loss);
      if (there(e.learning_rate)) push(out.rate, e.step, e.learning_rate);
      if (there(e.tokens_per_second)) push(out.speed, e.step, e.tokens_per_second);
    }
    if (e.type !== "eval") continue;
    const m = e.metrics ?? {};
    if (there(m.eval_loss)) push(out.eval, e.step, m.eval_loss);
    for (const name of ["eval_accuracy", "eval_perplexity"]) {
      if (there(m[name]) && (!out.scored || out.scored === name)) {
        out.scored = name;
        push(out.score, e.step, m[name]);
      }
    }
  }
  return out;
}

// cut drops what came after a step: a worker that goes on from there has lost it.
function cut(out, step) {
  for (const points of Object.values(out)) {
    while (Array.isArray(points) && points.at(-1)?.[0] > step) points.pop();
  }
}

// push keeps the steps in order: what was trained again after an interruption takes the place of what was before.
function push(points, x, y) {
  while (points.length > 0 && points.at(-1)[0] >= x) points.pop();
  points.push([x, y]);
}
