// Generators: chats and completions, as they come.
import { h, fill, field } from "./dom.js";
import { t } from "./language.js";
import { events } from "./api.js";
import { command } from "./curl.js";

// sampling has the fields that say how to draw tokens; value() is what the request says.
function sampling(changed) {
  const number = (value, min, max, step) => h("input", { type: "number", value, min, max, step, oninput: changed });
  const inputs = { max_tokens: number("128", "1", "4096", "1"), temperature: number("0.7", "0", "2", "0.1"), top_p: number("0.95", "0.01", "1", "0.01"), seed: h("input", { type: "number", placeholder: t("play.random"), oninput: changed }) };
  const value = () => Object.fromEntries(Object.entries(inputs).filter(([, e]) => e.value !== "" && e.checkValidity()).map(([k, e]) => [k, Number(e.value)]));
  return { value, fields: [field(t("play.max_tokens"), inputs.max_tokens), field(t("play.temperature"), inputs.temperature, t("play.temperature.hint")), field(t("play.top_p"), inputs.top_p), field(t("play.seed"), inputs.seed)] };
}

// A talk is one request at a time: it begins, gives text as it comes, and can be stopped by its button or Esc.
class Talk {
  constructor(go) {
    this.go = go;
    this.stop = h("button", { class: "button", type: "button", onclick: () => this.abort?.abort() }, t("play.stop"));
    this.stop.hidden = true;
    this.escape = (e) => { if (e.key === "Escape") this.abort?.abort(); };
    addEventListener("keydown", this.escape);
  }

  // ask sends the request and calls each with every part of the text. It resolves with an error's message, or "".
  async ask(path, body, part, each) {
    this.abort = new AbortController();
    this.stop.hidden = false;
    this.go.disabled = true;
    try {
      const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ...body, stream: true }), signal: this.abort.signal };
      for await (const e of events(path, options)) {
        const text = e.choices?.[0] && part(e.choices[0]);
        if (text) each(text);
      }
      return "";
    } catch (err) {
      return this.abort.signal.aborted ? "" : err.message;
    } finally {
      this.abort = undefined;
      this.stop.hidden = true;
      this.go.disabled = false;
    }
  }

  close() {
    removeEventListener("keydown", this.escape);
    this.abort?.abort();
  }
}

const failed = (message) => message && h("div", { class: "note bad", role: "alert" }, h("p", null, message));
const sends = (form) => (e) => {
  if (e.key === "Enter" && !e.shiftKey && !e.isComposing) {
    e.preventDefault();
    form.requestSubmit();
  }
};

// chat keeps the messages so far and answers the last one.
export function chat(work, side, model) {
  const messages = [];
  const text = h("textarea", { rows: "2", placeholder: t("chat.placeholder") });
  const system = h("textarea", { rows: "2", placeholder: t("chat.system.placeholder"), oninput: () => update() });
  const thread = h("div", { class: "thread", tabindex: "0", role: "log", "aria-label": t("chat.thread"), "aria-busy": "false" });
  const go = h("button", { class: "button main" }, t("chat.send"));
  const talk = new Talk(go);
  const shell = command();
  const options = sampling(() => update());
  const request = (more) => ({ model: model.id, messages: [...(system.value.trim() ? [{ role: "system", content: system.value }] : []), ...messages, ...more], ...options.value() });
  const update = () => shell.update("/v1/chat/completions", request([{ role: "user", content: text.value || "…" }]));
  const empty = () => fill(thread, h("p", { class: "quiet" }, t("chat.empty")));
  const say = (role, content) => {
    const p = h("p", null, content);
    thread.append(h("div", { class: "said " + role }, h("b", null, t("chat." + role)), p));
    thread.scrollTop = thread.scrollHeight;
    return p;
  };
  const form = h("form", { class: "stack tight", onsubmit: async (e) => {
    e.preventDefault();
    if (!text.value.trim() || go.disabled) return text.focus();
    if (messages.length === 0) fill(thread);
    messages.push({ role: "user", content: text.value.trim() });
    say("user", text.value.trim());
    text.value = "";
    const body = request([]);
    const p = say("assistant", "");
    thread.setAttribute("aria-busy", "true");
    const message = await talk.ask("/v1/chat/completions", body, (c) => c.delta?.content, (piece) => { p.append(piece); thread.scrollTop = thread.scrollHeight; });
    thread.setAttribute("aria-busy", "false");
    if (p.textContent) messages.push({ role: "assistant", content: p.textContent });
    if (message) thread.append(failed(message));
    else if (!p.textContent) fill(p, h("span", { class: "quiet" }, t("play.nothing")));
    update();
    text.focus();
  } }, field(t("chat.text"), text, t("chat.hint")), h("div", { class: "actions" }, go, talk.stop,
    h("button", { class: "button plain", type: "button", onclick: () => { messages.length = 0; empty(); update(); text.focus(); } }, t("chat.clear"))));
  text.addEventListener("input", update);
  text.addEventListener("keydown", sends(form));
  empty();
  update();
  work.append(h("section", { class: "card stack" }, thread, form), shell.element);
  side.append(field(t("chat.system"), system), ...options.fields);
  return () => talk.close();
}

// complete goes on from a text.
export function complete(work, side, model) {
  const text = h("textarea", { rows: "6", placeholder: t("complete.placeholder") });
  const answer = h("p", { class: "example", "aria-live": "off" });
  const card = h("section", { class: "card" }, h("h2", null, t("complete.answer")), answer);
  const go = h("button", { class: "button main" }, t("complete.go"));
  const talk = new Talk(go);
  const shell = command();
  const options = sampling(() => update());
  const request = () => ({ model: model.id, prompt: text.value, ...options.value() });
  const update = () => shell.update("/v1/completions", { ...request(), prompt: text.value || "…" });
  const form = h("form", { class: "card stack", onsubmit: async (e) => {
    e.preventDefault();
    if (!text.value || go.disabled) return text.focus();
    card.hidden = false;
    fill(answer, h("span", { class: "quiet" }, text.value));
    const said = h("mark");
    answer.append(said);
    const message = await talk.ask("/v1/completions", request(), (c) => c.text, (piece) => said.append(piece));
    if (message) answer.append(failed(message));
    else if (!said.textContent) answer.append(h("span", { class: "quiet" }, " " + t("play.nothing")));
  } }, field(t("complete.text"), text), h("div", { class: "actions" }, go, talk.stop));
  text.addEventListener("input", update);
  text.addEventListener("keydown", (e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) form.requestSubmit(); });
  card.hidden = true;
  update();
  work.append(form, card, shell.element);
  side.append(...options.fields);
  return () => talk.close();
}
