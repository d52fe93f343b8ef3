// What a server writes into the log of a job, in the reader's language. The server writes English, which other clients read
// too: en.js has its sentences with their holes, under "said", and a test compares them with the source.
import en from "./en.js";
import { language, t } from "./language.js";

const statuses = Object.keys(en).filter((k) => k.startsWith("status.")).map((k) => k.slice(7));
const nested = ["why", "how", "namer"]; // holes that hold a sentence of the server again
const sentences = Object.keys(en).filter((k) => k.split(".")[0] === "said").map(sentence);

// sentence makes a pattern of a text with holes.
function sentence(key) {
  const parts = en[key].split(/\{(\w+)\}/); // every other one is the name of a hole
  const pattern = parts.map((p, i) => (i % 2 === 0 ? p.replace(/[^\w\s]/g, "\\$&") : p === "status" ? "(" + statuses.join("|") + ")" : "(.*?)")).join("");
  return { key, holes: parts.filter((_, i) => i % 2 === 1), pattern: new RegExp("^" + pattern + "$", "s") };
}

// said says in the reader's language what the server did. What it doesn't know stays as it is.
export function said(message) {
  if (language === "en") return message;
  for (const s of sentences) {
    const found = s.pattern.exec(message);
    if (found) return t(s.key, Object.fromEntries(s.holes.map((name, i) => [name, value(name, found[i + 1])])));
  }
  return message;
}

function value(name, text) {
  if (name === "status") return t("status." + text);
  if (name === "rows") return text.replace(/ [a-z ]+$/, ""); // "3 rows"
  if (name === "unit") return t("unit." + text);
  return nested.includes(name) ? said(text) : text;
}
