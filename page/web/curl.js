// The command that does the same as the page.
import { h, toast } from "./dom.js";
import { t } from "./language.js";
import { headers } from "./api.js";

const quoted = (s) => "'" + s.replaceAll("'", "'\\''") + "'";

// curl writes a request as a line for a shell. A key is named, never shown.
export function curl(path, body) {
  const key = headers().Authorization ? ' \\\n  -H "Authorization: Bearer $HONE_API_KEY"' : "";
  return `curl ${location.origin}${path} \\\n  -H "Content-Type: application/json"${key} \\\n  -d ${quoted(JSON.stringify(body))}`;
}

// command is a card that shows it, told anew by its update.
export function command() {
  const pre = h("pre", { tabindex: "0", "aria-label": t("curl.title") });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(pre.textContent);
      toast(t("curl.copied"));
    } catch {
      getSelection().selectAllChildren(pre); // no clipboard here: ready for the person's own copy
    }
  };
  const element = h("section", { class: "card command" }, h("div", { class: "head" }, h("h2", null, t("curl.title")),
    h("button", { class: "button small", type: "button", onclick: copy }, t("curl.copy"))), pre);
  return { element, update: (path, body) => { pre.textContent = curl(path, body); } };
}
