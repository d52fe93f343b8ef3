// What spoils training, told in the person's language out of the numbers of a report.
import { t, percent } from "./language.js";

// findings lists {text, remedy, kind}, the worst first.
export function findings(r) {
  const found = [];
  const add = (key, values, kind = "warn") => found.push({ text: t("found." + key, values), remedy: t("remedy." + key, values), kind });
  for (const l of r.leaks ?? []) {
    if (l.exact > 0) add("leak", { n: l.exact, from: l.from, to: l.to, at: l.example }, "bad");
    if (l.normalised > l.exact) add("near", { n: l.normalised - l.exact, from: l.from, to: l.to });
  }
  for (const s of r.splits) {
    const split = s.name;
    if (s.conflicts > 0) add("conflict", { split, n: s.conflicts, at: s.conflict }, "bad");
    if (s.empty > 0) add("empty", { split, n: s.empty });
    if (s.truncated > 0) add("cut", { split, n: s.truncated, share: percent(s.truncated / Math.max(1, s.rows)), p99: s.lengths.p99 });
    if (s.duplicates > 0) add("duplicate", { split, n: s.duplicates });
    if (s.unlabelled) add("unlabelled", { split });
    if (s.sorted && s === r.splits[0]) add("sorted", { split }, "");
    for (const column of s.omitted ?? []) add("omitted", { split, column }, "");
    balance(s, add);
  }
  if (r.splits.length === 1) add("alone", {}, "");
  const worst = { bad: 0, warn: 1, "": 2 };
  return found.sort((a, b) => worst[a.kind] - worst[b.kind]);
}

// balance tells of classes without rows, and of one that has ten times as many as another.
function balance(s, add) {
  const labels = s.labels ?? [];
  for (const l of labels) if (l.count === 0) add("none", { split: s.name, name: l.name });
  const there = labels.filter((l) => l.count > 0).sort((a, b) => a.count - b.count);
  const [least, most] = [there[0], there.at(-1)];
  if (least && most.count >= 10 * least.count) add("rare", { split: s.name, most: most.name, many: most.count, least: least.name, n: least.count });
}
