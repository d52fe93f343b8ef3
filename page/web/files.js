// Uploaded files, and how a file comes in.
import { h, fill, svg, toast } from "./dom.js";
import { t } from "./language.js";
import { all, send, remove } from "./api.js";
import { bare, said } from "./said.js";

// files lists the uploaded data files, the newest first.
export async function files() {
  const list = await all("/v1/files");
  return list.filter((f) => f.purpose === "fine-tune").sort((a, b) => b.created_at - a.created_at);
}

export const removeFile = (id) => remove("/v1/files/" + encodeURIComponent(id));

// store uploads a file for training.
export function store(file) {
  const form = new FormData();
  form.append("purpose", "fine-tune");
  form.append("file", file, file.name);
  return send("/v1/files", form);
}

// checkFile asks for a report on a file that is not stored.
export function checkFile(file, signal) {
  const form = new FormData();
  form.append("file", file, file.name);
  return send("/v1/hone/check", form, signal);
}

const kinds = ".jsonl,.ndjson,.json,.csv,.tsv,.parquet,.txt,.gz,.zst";

// zone is where files are dropped, or chosen by keyboard or a click.
export function zone(large, take) {
  const input = h("input", {
    type: "file", accept: kinds, "aria-label": t("zone.label"),
    onchange: () => { if (input.files[0]) take(input.files[0]); input.value = ""; },
  });
  const e = h("div", { class: "zone" + (large ? " large" : "") },
    large && svg("0 0 24 24", "M12 16V4m0 0L7 9m5-5 5 5M4 16v3a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-3", { class: "arrow", "stroke-width": "1.6", "stroke-linecap": "round", "stroke-linejoin": "round" }),
    h("b", null, t(large ? "zone.large" : "zone.small")),
    h("span", { class: "quiet small" }, t("zone.kinds")),
    input);
  const over = (on) => (event) => { event.preventDefault(); e.classList.toggle("over", on); };
  e.addEventListener("dragover", over(true));
  e.addEventListener("dragleave", over(false));
  e.addEventListener("drop", (event) => {
    over(false)(event);
    const dropped = [...event.dataTransfer.files];
    if (dropped.length > 1) toast(t("zone.one"));
    if (dropped[0]) take(dropped[0]);
  });
  return e;
}

// fault shows what is wrong in a file, and where.
export function fault(err, name) {
  const at = err.fault ?? {};
  return h("div", { class: "note bad", role: "alert" },
    h("b", null, at.line ? t("fault.line", { file: name ?? at.file, line: at.line }) : t("fault.file", { file: name ?? "" })),
    h("p", null, at.line ? said(bare(at.message)) : err.message),
    at.text && h("pre", null, h("span", { class: "quiet" }, at.line + "  "), at.text));
}

// waiting is what stands where something is being computed.
export function waiting(room, text) {
  fill(room, h("p", { class: "spin", role: "status" }, text));
}
