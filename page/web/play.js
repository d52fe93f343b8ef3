// The playground: ask the models that are served.
import { h, fill } from "./dom.js";
import { t } from "./language.js";
import { get } from "./api.js";
import { classify } from "./classify.js";
import { chat, complete } from "./generate.js";

const modes = { classify, chat, complete };

// can lists what a model can do, the likeliest first.
function can(model) {
  const own = model.hone ?? {};
  if (own.labels) return ["classify", "complete"];
  return own.chat ? ["chat", "complete"] : ["complete"];
}

export async function show(room, { about, parts }) {
  let models = [];
  try {
    models = (await get("/v1/models")).data;
  } catch (err) {
    if (!about.run) throw err;
  }
  const title = h("div", null, h("h1", null, t("play.title")), h("p", null, t("play.about")));
  if (models.length === 0) {
    fill(room, h("div", { class: "head" }, title), h("section", { class: "card empty" }, h("h2", null, t("play.empty")), h("p", null, t(about.run ? "play.empty.run" : "play.empty.about")),
      about.jobs && h("div", { class: "actions" }, h("a", { class: "button main", href: "#/train" }, t("runs.empty.do")))));
    return;
  }
  const model = models.find((m) => m.id === parts[0]) ?? models.findLast((m) => m.id.startsWith("ft:")) ?? models[0];
  const able = can(model);
  const mode = able.includes(parts[1]) ? parts[1] : able[0];
  const go = (id, to) => { location.hash = "#/play/" + encodeURIComponent(id) + (to ? "/" + to : ""); };
  const choose = h("select", { "aria-label": t("play.model"), onchange: (e) => go(e.target.value) }, models.map((m) => h("option", { value: m.id, selected: m === model }, m.id)));
  const switcher = able.length > 1 && h("div", { class: "modes", role: "group", "aria-label": t("play.mode") }, able.map((m) =>
    h("button", { type: "button", "aria-pressed": String(m === mode), onclick: () => go(model.id, m) }, t("play." + m))));
  const work = h("div", { class: "stack" });
  const side = h("aside", { class: "card stack" });
  fill(room, h("div", { class: "head" }, title, h("div", { class: "actions" }, choose, switcher)), h("div", { class: "play" }, work, side));
  return modes[mode](work, side, model);
}
