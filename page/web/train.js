// The view of training: choose, see what it will take, start.
import { h, fill, field, toast } from "./dom.js";
import { t, bytes, count, duration, percent } from "./language.js";
import { ask, get, post } from "./api.js";
import { files, store } from "./files.js";
import { create } from "./jobs.js";

export async function show(room, { about, query }) {
  const [list, models] = await Promise.all([files(), get("/v1/models").then((r) => r.data, () => [])]);
  const head = h("div", { class: "head" }, h("div", null, h("h1", null, t("train.title")), h("p", null, t("train.about"))));
  if (list.length === 0) {
    fill(room, head, h("section", { class: "card empty" }, h("h2", null, t("train.empty")), h("p", null, t("train.empty.about")),
      h("div", { class: "actions" }, h("a", { class: "button main", href: "#/data" }, t("train.empty.do")),
        about.samples.map((s) => h("button", { class: "button", onclick: (e) => takeSample(s, e.target) }, t("data.sample.take", { name: s }))))));
    return;
  }
  const form = new Form(list, [...new Set([...about.bases.map((b) => b.name), ...models.filter((m) => !m.hone?.adapter).map((m) => m.id)])], about.bases, query);
  const estimate = new Estimate(form);
  form.changed = () => estimate.soon();
  fill(room, head, h("form", { class: "form", onsubmit: (e) => start(e, form, estimate), novalidate: true }, form.element, estimate.element));
  estimate.soon();
  return () => estimate.close();
}

// takeSample stores a sample as if it had been dropped, and trains on it.
export async function takeSample(name, button) {
  button.disabled = true;
  try {
    const rows = await (await ask("/v1/hone/samples/" + encodeURIComponent(name))).blob();
    const stored = await store(new File([rows], name + ".jsonl"));
    location.hash = "#/data/" + encodeURIComponent(stored.id);
  } catch (err) {
    toast(err.message, "bad");
    button.disabled = false;
  }
}

async function start(e, form, estimate) {
  e.preventDefault();
  if (!form.check()) return;
  estimate.start.disabled = true;
  try {
    const job = await create(form.request());
    location.hash = "#/runs/" + encodeURIComponent(job.id);
  } catch (err) {
    estimate.start.disabled = false;
    estimate.say(h("div", { class: "note bad", role: "alert" }, h("b", null, t("train.refused")), h("p", null, err.message)));
  }
}

// A Form is what a person chooses; what they leave alone is hone train's default.
class Form {
  constructor(list, bases, known, query) {
    this.known = known;
    const number = (value, min, step, more) => h("input", { type: "number", value, min, step, ...more });
    const option = (f, chosen) => h("option", { value: f.id, selected: f.id === chosen }, f.filename);
    const chosen = query.get("file") ?? list[0].id;
    const held = query.get("held") ?? "";
    this.fields = {
      model: h("input", { list: "bases", value: bases.includes("starter") ? "starter" : bases[0] ?? "", required: true, autocomplete: "off", spellcheck: "false", maxlength: "200" }),
      file: h("select", null, list.map((f) => option(f, chosen))),
      held: h("select", null, h("option", { value: "share" }, t("train.held.share")), list.map((f) => option(f, held)), h("option", { value: "none" }, t("train.held.none"))),
      suffix: h("input", { maxlength: "40", placeholder: t("train.suffix.placeholder"), pattern: "[A-Za-z0-9_\\-]*", autocomplete: "off" }),
      num_train_epochs: number("3", "0.1", "any"), learning_rate: number("5e-5", "1e-8", "any"),
      per_device_train_batch_size: number("8", "1", "1"), gradient_accumulation_steps: number("1", "1", "1"),
      max_length: number("", "8", "1", { placeholder: t("train.auto") }), seed: number("42", "0", "1"), lora_r: number("8", "1", "1"),
      text_column: h("input", { placeholder: t("train.auto"), autocomplete: "off" }), label_column: h("input", { placeholder: t("train.auto"), autocomplete: "off" }),
      task: h("select", null, h("option", { value: "" }, t("train.auto")), ["classification", "language-modeling", "prompt-completion", "chat"].map((k) => h("option", { value: k }, t("task." + k)))),
    };
    const method = (value, on) => h("label", { class: "check" }, h("input", { type: "radio", name: "method", value, checked: on, onchange: () => this.method() }),
      h("span", null, h("b", null, t("train.method." + value)), h("br"), h("span", { class: "quiet small" }, t("train.method." + value + ".hint"))));
    const f = this.fields;
    const named = (name, hint) => field(t("train." + name), f[name], hint && t("train." + name + ".hint"));
    this.rank = named("lora_r");
    this.rank.hidden = true;
    this.element = h("div", { class: "card stack" },
      h("div", { class: "pair" }, named("model", true), named("file")), h("datalist", { id: "bases" }, bases.map((b) => h("option", { value: b }))),
      h("div", { class: "pair" }, named("held", true), named("suffix", true)),
      h("fieldset", { class: "stack tight" }, h("legend", { class: "label" }, t("train.method")), method("whole", true), method("lora")),
      h("div", { class: "pair" }, named("num_train_epochs", true), this.rank),
      h("details", null, h("summary", null, t("train.more")), h("div", { class: "stack" },
        h("div", { class: "pair" }, named("learning_rate", true), named("per_device_train_batch_size", true)),
        h("div", { class: "pair" }, named("gradient_accumulation_steps"), named("max_length", true)),
        h("div", { class: "pair" }, named("task"), named("text_column"), named("label_column")),
        h("div", { class: "pair" }, named("seed", true)))));
    this.element.addEventListener("input", (e) => {
      if (e.target === f.learning_rate) this.touched = true;
      if (e.target === f.model) this.rate();
      this.changed?.();
    });
    this.rate();
  }

  get lora() {
    return this.element.querySelector("[value=lora]").checked;
  }

  // method shows what adapters need.
  method() {
    this.rank.hidden = !this.lora;
    this.rate();
  }

  // rate is the learning rate that suits model and method, unless the person chose another.
  rate() {
    if (this.touched) return;
    const own = this.known.find((b) => b.name === this.fields.model.value.trim())?.learning_rate;
    this.fields.learning_rate.value = this.lora ? "2e-4" : (own ?? "5e-5");
  }

  // check leads to the first field that isn't right.
  check() {
    const wrong = [...this.element.querySelectorAll("input,select")].find((e) => !e.checkValidity());
    if (!wrong) return true;
    for (let e = wrong; e; e = e.parentElement) if (e.tagName === "DETAILS") e.open = true;
    wrong.reportValidity();
    return false;
  }

  valid() {
    return [...this.element.querySelectorAll("input,select")].every((e) => e.checkValidity());
  }

  // request is the job as the server is asked for it.
  request() {
    const f = this.fields;
    const own = { seed: Number(f.seed.value) };
    for (const name of ["num_train_epochs", "learning_rate", "per_device_train_batch_size", "gradient_accumulation_steps", "max_length"]) {
      if (f[name].value !== "") own[name] = Number(f[name].value);
    }
    for (const name of ["task", "text_column", "label_column"]) if (f[name].value) own[name] = f[name].value;
    if (this.lora) Object.assign(own, { lora: true, lora_r: Number(f.lora_r.value), lora_alpha: 2 * Number(f.lora_r.value) });
    if (f.held.value === "share") own.test_size = 0.1;
    const q = { model: f.model.value.trim(), training_file: f.file.value, hone: own };
    if (!["share", "none"].includes(f.held.value)) q.validation_file = f.held.value;
    if (f.suffix.value) q.suffix = f.suffix.value;
    return q;
  }
}

// An Estimate asks the server what the form's training takes, a moment after the last change.
class Estimate {
  constructor(form) {
    this.form = form;
    this.room = h("div", { class: "stack", "aria-live": "polite" });
    this.start = h("button", { class: "button main" }, t("train.start"));
    this.element = h("aside", { class: "card stack aside" }, h("h2", null, t("train.estimate")), this.room, h("div", { class: "actions" }, this.start));
  }

  soon() {
    clearTimeout(this.due);
    this.abort?.abort();
    this.due = setTimeout(() => this.ask(), 500);
  }

  async ask() {
    if (!this.form.valid()) return this.say(h("p", { class: "quiet" }, t("train.estimate.wait")));
    const abort = (this.abort = new AbortController());
    this.say(h("p", { class: "spin" }, t("train.estimating")));
    try {
      const e = await post("/v1/hone/plan", this.form.request(), abort.signal);
      if (!abort.signal.aborted) this.show(e);
    } catch (err) {
      if (!abort.signal.aborted) this.say(h("div", { class: "note warn" }, h("b", null, t("train.estimate.none")), h("p", null, err.message)));
    }
  }

  say(...what) {
    fill(this.room, ...what);
  }

  show(e) {
    const fact = (name, value, more) => h("div", null, h("dt", null, t(name)), h("dd", null, value, more && h("small", null, " " + more)));
    const bar = h("i");
    bar.style.width = Math.min(100, (100 * e.peak_bytes) / (e.memory_bytes || e.peak_bytes)) + "%";
    this.say(
      !e.fits && h("div", { class: "note bad", role: "alert" }, h("b", null, t("train.toolarge")), h("p", null, t("train.toolarge.do"))),
      h("dl", { class: "facts" },
        fact("train.time", e.seconds ? (e.seconds < 1 ? "" : "≈ ") + duration(e.seconds) : "–"), fact("train.steps", count(e.steps)),
        fact("train.memory", bytes(e.peak_bytes), e.memory_bytes && t("train.of", { all: bytes(e.memory_bytes) })), fact("train.disk", bytes(e.checkpoint_bytes))),
      e.memory_bytes > 0 && h("div", { class: "meter", "aria-hidden": "true" }, bar),
      h("p", { class: "quiet small" }, t("train.rows", { n: e.stats.Examples, held: e.held_out, task: t("task." + e.task.kind) }), e.stats.Cut > 0 && " " + t("train.cut", { n: e.stats.Cut, share: percent(e.stats.Cut / e.stats.Rows) })),
      h("div", null, h("p", { class: "label" }, t("train.sample")), this.sample(e)),
      h("p", { class: "quiet small" }, t("train.honest")));
  }

  // sample marks what the model learns to say in the first example.
  sample(e) {
    const at = e.learns && e.sample.endsWith(e.learns) ? e.sample.length - e.learns.length : e.sample.length;
    return h("p", { class: "example" }, e.sample.slice(0, at), h("mark", null, e.sample.slice(at)));
  }

  close() {
    clearTimeout(this.due);
    this.abort?.abort();
  }
}
