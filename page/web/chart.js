// One chart of lines, drawn by uPlot.
import { h, fill, svg } from "./dom.js";
import { t, number } from "./language.js";

// styles tell lines apart by colour and by dashes.
const styles = [["--s1", []], ["--s2", [7, 4]], ["--s3", [2, 3]], ["--s4", [10, 3, 2, 3]], ["--s5", [4, 2]], ["--s6", [1, 2]]];

// color resolves a custom property in the colours that are shown now.
function color(name) {
  const probe = h("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const c = getComputedStyle(probe).color;
  probe.remove();
  return c;
}

export const swatch = (i) => {
  const e = svg("0 0 18 8", "M0 4h18", { "stroke-width": "2", fill: "none", "stroke-dasharray": styles[i % styles.length][1].map((d) => d * 0.8).join(" ") });
  e.style.stroke = `var(${styles[i % styles.length][0]})`;
  return e;
};

// A Chart has a title, room for the lines and a legend where there are several.
export class Chart {
  constructor(title, { empty = t("chart.empty"), wide = false } = {}) {
    this.title = title;
    this.empty = empty;
    this.latest = h("span");
    this.room = h("div", { class: "room", role: "img" });
    this.legend = h("ul", { class: "legend" });
    this.element = h("section", { class: "card chart" + (wide ? " wide" : "") }, h("h3", null, title, this.latest), this.room, this.legend);
    this.lines = [];
    this.end = undefined; // where x will end, while lines still grow
    this.resized = new ResizeObserver(() => this.fit());
    this.resized.observe(this.room);
    this.recolour = () => { this.key = undefined; this.draw(); }; // uPlot keeps the colours that it was made with
    addEventListener("recolour", this.recolour);
  }

  // set shows lines: [{name, points: [[x, y], …]}]. Points of a line are in the order of x.
  set(lines) {
    this.lines = lines.map((l, i) => ({ ...l, style: l.style ?? i })).filter((l) => l.points.length > 0);
    const last = this.lines.map((l) => (this.lines.length > 1 && l.name ? l.name + " " : "") + number(l.points.at(-1)[1]));
    this.latest.textContent = this.lines.length <= 2 ? last.join(" · ") : "";
    this.room.setAttribute("aria-label", this.title + ": " + (last.length ? last.join(", ") : this.empty));
    fill(this.legend, this.lines.length > 1 && this.lines.map((l) => h("li", null, swatch(l.style), l.name)));
    this.draw();
  }

  draw() {
    const key = this.lines.map((l) => l.style + l.name).join("|");
    if (this.lines.length === 0) {
      this.plot?.destroy();
      this.plot = undefined;
      fill(this.room, h("p", null, this.empty));
      return;
    }
    const columns = align(this.lines);
    if (this.plot && this.key === key) {
      this.plot.setData(columns);
      return;
    }
    this.plot?.destroy();
    fill(this.room);
    this.key = key;
    this.plot = new window.uPlot(this.options(), columns, this.room);
  }

  options() {
    const axis = { stroke: color("--muted"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    const points = (u, i) => u.data[i].filter((y) => y !== null && y !== undefined).length < 30;
    return {
      width: this.room.clientWidth || 300, height: this.room.clientHeight || 190, padding: [8, 10, 0, 0],
      cursor: { points: { size: 7 }, y: false, drag: { x: false, y: false } }, legend: { show: false },
      scales: { x: { time: false, range: (_, from, to) => [Math.min(from, this.end ? 0 : from), Math.max(to, this.end ?? 0, from + 1)] } },
      axes: [{ ...axis, size: 26, gap: 4, values: (_, v) => v.map((x) => (Number.isInteger(x) ? number(x) : "")) }, { ...axis, size: 56, gap: 6, values: (_, v) => v.map(number) }],
      series: [{}, ...this.lines.map((l) => ({
        stroke: color(styles[l.style % styles.length][0]), width: 2, dash: styles[l.style % styles.length][1], spanGaps: true,
        points: { show: points, size: 5, fill: color(styles[l.style % styles.length][0]) },
      }))],
      hooks: { setCursor: [(u) => this.point(u)] },
    };
  }

  // point tells the values below the pointer in the place of the latest ones.
  point(u) {
    if (u.cursor.idx === null || u.cursor.idx === undefined) {
      this.latest.textContent = this.lines.length <= 2 ? this.lines.map((l) => (this.lines.length > 1 ? l.name + " " : "") + number(l.points.at(-1)[1])).join(" · ") : "";
      return;
    }
    const x = u.data[0][u.cursor.idx];
    const near = this.lines.map((l) => {
      const p = l.points.findLast((q) => q[0] <= x);
      return p && (this.lines.length > 1 ? l.name + " " : "") + number(p[1]);
    });
    this.latest.textContent = t("chart.step", { x: number(x) }) + " · " + near.filter(Boolean).join(" · ");
  }

  fit() {
    if (this.plot && this.room.clientWidth > 0) this.plot.setSize({ width: this.room.clientWidth, height: this.room.clientHeight });
  }

  close() {
    this.resized.disconnect();
    removeEventListener("recolour", this.recolour);
    this.plot?.destroy();
  }
}

// align gives all lines the same steps, with null where a line has no point.
function align(lines) {
  const xs = [...new Set(lines.flatMap((l) => l.points.map((p) => p[0])))].sort((a, b) => a - b);
  const at = new Map(xs.map((x, i) => [x, i]));
  return [xs, ...lines.map((l) => {
    const ys = new Array(xs.length).fill(null);
    for (const [x, y] of l.points) ys[at.get(x)] = y;
    return ys;
  })];
}
