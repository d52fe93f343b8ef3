// The view of data: files, and what is in them.
import { h, fill, toast } from "./dom.js";
import { t, bytes, day } from "./language.js";
import { post } from "./api.js";
import { confirmed } from "./key.js";
import { files, removeFile, store, checkFile, zone, fault, waiting } from "./files.js";
import { report } from "./report.js";
import { takeSample } from "./train.js";

const link = (id, held) => "#/data/" + encodeURIComponent(id) + (held ? "?held=" + encodeURIComponent(held) : "");

export async function show(room, { about, parts, query }) {
  const stop = new AbortController();
  const list = about.jobs ? await files() : [];
  const result = h("section", { class: "stack", "aria-live": "polite" });
  const take = (file) => (about.jobs ? keep(file, result) : look(file, result, stop.signal));
  const chosen = list.find((f) => f.id === parts[0]) ?? list[0];

  fill(room, h("div", { class: "head" }, h("div", null, h("h1", null, t("data.title")), h("p", null, t("data.about")))));
  if (!chosen) {
    room.append(h("div", { class: "stack" }, result, zone(true, take), samples(about), shapes()));
    return () => stop.abort();
  }
  room.append(h("div", { class: "split" },
    h("div", { class: "stack" }, zone(false, take), entries(list, chosen)), result));
  await checked(result, list, chosen, query.get("held") ?? undefined, stop.signal);
  return () => stop.abort();
}

// checked shows the report on a file that the server has, beside one that is held out if there is one.
async function checked(result, list, file, held, signal) {
  waiting(result, t("data.checking", { file: file.filename }));
  const shown = async () => {
    try {
      return report(await post("/v1/hone/check", { training_file: file.id, validation_file: held }, signal));
    } catch (err) {
      return fault(err, file.filename);
    }
  };
  const found = await shown();
  if (!signal.aborted) fill(result, bar(list, file, held), found);
}

// bar has the name of the file and what to do with it.
function bar(list, file, held) {
  const others = list.filter((f) => f !== file);
  const choose = others.length > 0 && h("select", {
    "aria-label": t("data.compare"), onchange: (e) => { location.hash = link(file.id, e.target.value); },
  }, h("option", { value: "" }, t("data.alone")), others.map((f) => h("option", { value: f.id, selected: f.id === held }, t("data.with", { file: f.filename }))));
  const train = "#/train?file=" + encodeURIComponent(file.id) + (held ? "&held=" + encodeURIComponent(held) : "");
  return h("div", { class: "head bar" }, h("h2", null, file.filename),
    h("div", { class: "actions" }, choose, h("a", { class: "button main", href: train }, t("data.train"))));
}

// look checks a file without keeping it, where the server keeps none.
async function look(file, result, signal) {
  waiting(result, t("data.checking", { file: file.name }));
  try {
    fill(result, h("h2", null, file.name), report(await checkFile(file, signal)));
  } catch (err) {
    if (!signal.aborted) fill(result, fault(err, file.name));
  }
}

// keep checks a file and stores it if nothing is wrong.
async function keep(file, result) {
  waiting(result, t("data.checking", { file: file.name }));
  try {
    await checkFile(file);
    const stored = await store(file);
    const to = link(stored.id);
    if (location.hash === to) dispatchEvent(new Event("hashchange"));
    else location.hash = to;
  } catch (err) {
    fill(result, fault(err, file.name));
    result.scrollIntoView({ block: "nearest" });
  }
}

function entries(list, chosen) {
  return list.length > 0 && h("ul", { class: "list", "aria-label": t("data.files") }, list.map((f) => h("li", null,
    h("a", { href: link(f.id), "aria-current": f === chosen && "true" },
      h("span", { class: "name" }, f.filename),
      h("span", { class: "under" }, h("span", null, day(f.created_at)), h("span", null, bytes(f.bytes)))),
    h("button", { class: "button plain small", "aria-label": t("data.remove", { file: f.filename }), title: t("data.remove", { file: f.filename }), onclick: () => drop(f) }, "×"))));
}

async function drop(f) {
  if (!(await confirmed(t("data.remove.title", { file: f.filename }), t("data.remove.text"), t("data.remove.ok")))) return;
  try {
    await removeFile(f.id);
  } catch (err) {
    toast(err.message, "bad");
  }
  if (location.hash === "#/data") dispatchEvent(new Event("hashchange"));
  else location.hash = "#/data";
}

// samples are data sets to begin with, which the server brings along.
function samples(about) {
  return about.jobs && about.samples.length > 0 && h("p", { class: "actions quiet" }, t("data.sample"),
    about.samples.map((s) => h("button", { class: "button small", onclick: (e) => takeSample(s, e.target) }, t("data.sample.take", { name: s }))));
}

// shapes shows what rows look like, where there is no data yet.
function shapes() {
  const shape = (key) => h("div", null, h("h3", null, t(key)), h("p", { class: "quiet small" }, t(key + ".about")), h("pre", null, t(key + ".example")));
  return h("section", { class: "card" }, h("h2", null, t("shape.title")),
    h("div", { class: "shapes" }, ["shape.classes", "shape.pairs", "shape.text"].map(shape)));
}
