// The only place that makes elements. Text comes in as text nodes and never as markup.

const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value == null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child != null && child !== false) element.append(child instanceof Node ? child : String(child));
  }
  return element;
}
const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

/** Foreign text in an element. */
const t = (tag, attributes, text) => h(tag, attributes, plain(text == null ? "" : text));

const SHAPES = {
  run: "M8 3a5 5 0 1 1 0 10A5 5 0 0 1 8 3z",
  good: "M2.5 8.5 6.5 12.5 13.5 4",
  bad: "M3.5 3.5 12.5 12.5M12.5 3.5 3.5 12.5",
  warn: "M8 2 15 14H1zM8 6.5v3.5M8 12v.5",
  odd: "M5 1.5h6L14.5 5v6L11 14.5H5L1.5 11V5zM8 5v4M8 10.8v.5",
  idle: "M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11z",
  calm: "M3 8h10",
};
function icon(tone) {
  const path = s("path", {
    d: SHAPES[tone] || SHAPES.calm, fill: tone === "run" ? "currentColor" : "none", stroke: "currentColor",
    "stroke-width": 2, "stroke-linecap": "round", "stroke-linejoin": "round",
  });
  return s("svg", { viewBox: "0 0 16 16", "aria-hidden": "true", width: 14, height: 14 }, path);
}

/** A state as shape, word and colour. */
function badge(state, word = state) {
  const tone = toneOf(state);
  return h("span", { class: tone === "run" ? "state pulse" : "state", "data-tone": tone }, icon(tone), plain(word));
}

/** A time that goes on: `app` sets its text each second. */
function since(ms, after = "") {
  return h("span", { "data-since": ms, "data-after": after }, ticking(now() - ms) + after);
}

function command(text) {
  return h("code", { class: "command" }, plain(text));
}

function empty(text, ...commands) {
  return h("div", { class: "empty" }, h("p", null, text), commands.map(command));
}

function card(title, end, ...children) {
  return h("section", { class: "card" },
    h("header", null, h("h2", null, title), end && h("span", { class: "end dim small" }, end)), children);
}

function factList(pairs) {
  const shown = pairs.filter(([, value]) => value != null && value !== "" && value !== "–");
  return h("dl", { class: "facts" }, shown.map(([name, value]) =>
    h("div", null, h("dt", null, name), h("dd", null, value instanceof Node ? value : plain(value)))));
}

/** Replaces what an element holds, and keeps the focus on what has the same address or id. */
function put(element, ...children) {
  const held = document.activeElement;
  const inside = held && held !== element && element.contains(held);
  const mark = inside && (held.getAttribute("href") || held.id);
  element.replaceChildren(...children.flat(Infinity).filter(Boolean));
  if (mark) {
    const again = [...element.querySelectorAll("a[href], [id]")].find((e) => (e.getAttribute("href") || e.id) === mark);
    if (again) again.focus({ preventScroll: true });
  }
}

/** The same function, at most once in so many ms, never while it is still at work, and always once after the last call. */
function calmly(run, ms) {
  let timer = 0, last = 0, busy = false, again = false;
  const later = () => {
    if (busy) { again = true; return; }
    if (!timer) timer = setTimeout(go, Math.max(0, ms - (Date.now() - last)));
  };
  const go = async () => {
    timer = 0;
    busy = true;
    try { await run(); } finally {
      busy = false;
      last = Date.now();
      if (again) { again = false; later(); }
    }
  };
  later.cancel = () => { clearTimeout(timer); timer = 0; again = false; };
  return later;
}
