// What a server says, in the reader's language. The server writes English, which other clients read too: en.js has its
// sentences with their holes, those of a job's log under "said" and its errors under "error". Tests compare them with the source.
import en from "./en.js";
import { bytes, language, t } from "./language.js";

const statuses = Object.keys(en).filter((k) => k.startsWith("status.")).map((k) => k.slice(7));
const nested = ["why", "how", "namer", "fate", "advice", "found", "other"]; // holes that hold a sentence of the server again
const holds = { status: "(" + statuses.join("|") + ")", why: "(.*)" };
const sentences = Object.keys(en).filter((k) => ["said", "error"].includes(k.split(".")[0])).map(sentence);

const part = /^(?:(?:hone|dataset|collate|train|model|hub|jobs|page): )+/; // of the program, which is for engineers
const place = /^([^\s:][^:]*):(\d+)(?::\d+)?: /; // in a file

// sentence makes a pattern of a text with holes.
function sentence(key) {
  const parts = en[key].split(/\{(\w+)\}/); // every other one is the name of a hole
  const pattern = parts.map((p, i) => (i % 2 === 0 ? p.replace(/[^\w\s]/g, "\\$&") : holds[p] ?? "(.*?)")).join("");
  return { key, holes: parts.filter((_, i) => i % 2 === 1), pattern: new RegExp("^" + pattern + "$", "s") };
}

// bare is what a server says of a place in a file, without the place.
export const bare = (message) => message.replace(part, "").replace(place, "");

// said says in the reader's language what the server said. What it doesn't know stays as it is.
export function said(message) {
  message = message.replace(part, "");
  if (language === "en") return message;
  for (const s of sentences) {
    const found = s.pattern.exec(message);
    if (found) return t(s.key, Object.fromEntries(s.holes.map((name, i) => [name, value(name, found[i + 1])])));
  }
  const at = place.exec(message);
  return at ? t("fault.line", { file: at[1], line: Number(at[2]) }) + "：" + said(message.slice(at[0].length)) : message;
}

function value(name, text) {
  if (name === "status") return t("status." + text);
  if (name === "rows") return text.replace(/ [a-z ]+$/, ""); // "3 rows"
  if (name === "limit" && /^\d{4,}$/.test(text)) return bytes(Number(text));
  if (name === "unit") return t("unit." + text);
  return nested.includes(name) ? said(text) : text;
}
