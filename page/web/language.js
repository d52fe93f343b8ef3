// The page's two languages. Every text stands in en.js and zh.js under the same key.
import en from "./en.js";
import zh from "./zh.js";

const all = { en, zh };
export const languages = { en: "English", zh: "中文" };

export let language = chosen();

function chosen() {
  try {
    const kept = localStorage.getItem("hone.language");
    if (all[kept]) return kept;
  } catch {
    // storage is switched off: the browser's language
  }
  return navigator.languages.some((l) => /^(zh|en)/i.test(l)) && /^zh/i.test(navigator.languages.find((l) => /^(zh|en)/i.test(l))) ? "zh" : "en";
}

export function setLanguage(to) {
  language = to;
  try {
    localStorage.setItem("hone.language", to);
  } catch {
    // for this visit only
  }
}

// t returns a text with its {holes} filled. A text may have a form for one and a form for more, as in
// "{n} row | {n} rows"; values.n chooses.
export function t(key, values = {}) {
  let text = all[language][key];
  if (text === undefined) throw new Error("no text for " + key);
  const forms = text.split(" | ");
  if (forms.length > 1) text = values.n === 1 ? forms[0] : forms[1];
  return text.replace(/\{(\w+)\}/g, (_, name) => {
    const v = values[name];
    return typeof v === "number" ? count(v) : String(v ?? "");
  });
}

const locale = () => (language === "zh" ? "zh-CN" : "en");

export const count = (n) => new Intl.NumberFormat(locale()).format(n);

// short writes a large number as people say it: 135 M.
export function short(n) {
  for (const [size, unit] of [[1e9, " B"], [1e6, " M"], [1e4, " k"]]) {
    if (n >= size) return (n / (size === 1e4 ? 1e3 : size)).toPrecision(3).replace(/\.?0+$/, "") + unit;
  }
  return count(n);
}

export const percent = (x, digits = 1) => (100 * x).toFixed(digits) + " %";

export function bytes(n) {
  for (const [size, unit] of [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]]) {
    if (n >= size) return (n / size).toFixed(n >= 100 * size ? 0 : 1) + " " + unit;
  }
  return n + " B";
}

// number writes a measured number with four digits that matter.
export function number(x) {
  if (x === undefined || x === null || Number.isNaN(x)) return "–";
  if (x !== 0 && (Math.abs(x) < 1e-3 || Math.abs(x) >= 1e6)) return Number(x.toPrecision(3)).toExponential();
  return Number.isInteger(x) || Math.abs(x) >= 1000 ? count(Math.round(x)) : String(Number(x.toPrecision(4)));
}

export function duration(seconds) {
  if (seconds < 1) return t("time.moment");
  const s = Math.round(seconds);
  if (s < 60) return t("time.s", { s });
  if (s < 3600) return t("time.ms", { m: Math.floor(s / 60), s: String(s % 60).padStart(2, "0") });
  return t("time.hm", { h: Math.floor(s / 3600), m: String(Math.floor((s % 3600) / 60)).padStart(2, "0") });
}

export const clock = (unix) => new Date(unix * 1000).toLocaleTimeString(locale(), { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });

export const day = (unix) => new Date(unix * 1000).toLocaleString(locale(), { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false });
