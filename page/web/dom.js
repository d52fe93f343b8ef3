// Elements without markup: text from data only ever becomes a text node.

// h makes an element. Properties that begin with "on" are listeners; false, null and undefined are left out.
export function h(tag, properties, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else if (name === "class") e.className = value;
    else if (name === "value") e.value = value;
    else if (value === true) e.setAttribute(name, "");
    else e.setAttribute(name, value);
  }
  append(e, children);
  return e;
}

function append(e, children) {
  for (const c of children.flat(Infinity)) {
    if (c === false || c === null || c === undefined) continue;
    e.append(c instanceof Node ? c : String(c));
  }
}

// fill replaces what e holds.
export function fill(e, ...children) {
  e.replaceChildren();
  append(e, children);
  return e;
}

// svg makes a drawing out of a path.
export function svg(box, path, attributes = {}) {
  const ns = "http://www.w3.org/2000/svg";
  const e = document.createElementNS(ns, "svg");
  e.setAttribute("viewBox", box);
  e.setAttribute("aria-hidden", "true");
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  const p = document.createElementNS(ns, "path");
  p.setAttribute("d", path);
  e.append(p);
  return e;
}

let last = 0;

// field is a label, its control and a hint, tied together for screen readers.
export function field(label, control, hint) {
  control.id ||= "f" + ++last;
  const under = hint && h("span", { class: "hint", id: control.id + "-hint" }, hint);
  if (under) control.setAttribute("aria-describedby", under.id);
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control, under);
}

// toast says something for a few seconds, to screen readers too.
export function toast(text, kind = "") {
  const note = h("div", { class: "note " + kind }, h("p", null, text));
  document.querySelector(".toasts").append(note);
  setTimeout(() => note.remove(), 7000);
}
