// A workstream as a picture: layers from left to right, each step after all that it depends on.

/** The height of a line's place. */
const BEND = 8;
const NODE = { width: 168, height: 34, right: 44, below: 12 };
/** A layer with more steps than this is folded into several columns. */
const TALLEST = 28;

/** Pure: where each step stands, and the lines between. No recursion: a chain may be long. */
function layered(steps) {
  const at = new Map(steps.map((step, index) => [step.id, index]));
  const before = steps.map((step) => [...new Set(step.depends_on || [])].map((id) => at.get(id)).filter((i) => i !== undefined));
  const after = steps.map(() => []);
  before.forEach((all, index) => all.forEach((other) => after[other].push(index)));
  const level = new Array(steps.length).fill(0), open = before.map((all) => all.length);
  const queue = [];
  open.forEach((n, index) => { if (n === 0) queue.push(index); });
  for (let head = 0; head < queue.length; head++) {
    for (const next of after[queue[head]]) {
      level[next] = Math.max(level[next], level[queue[head]] + 1);
      if (--open[next] === 0) queue.push(next);
    }
  }
  // A line over several layers gets a place in each, so that it goes around what stands between.
  const size = steps.map(() => NODE.height), links = [], via = [];
  const near = { before: before.map(() => []), after: before.map(() => []) };
  const join = (from, to) => { near.after[from].push(to); near.before[to].push(from); };
  const long = before.reduce((sum, all, to) => sum + all.reduce((n, from) => n + level[to] - level[from] - 1, 0), 0);
  before.forEach((all, to) => all.forEach((from) => {
    const way = [from];
    if (long < 4000) {
      for (let n = level[from] + 1; n < level[to]; n++) {
        const spot = level.push(n) - 1;
        size[spot] = BEND;
        near.before[spot] = [];
        near.after[spot] = [];
        way.push(spot);
      }
    }
    way.push(to);
    for (let n = 1; n < way.length; n++) join(way[n - 1], way[n]);
    links.push({ from, to });
    via.push(way.slice(1, -1));
  }));
  const layers = [];
  level.forEach((n, index) => (layers[n] = layers[n] || []).push(index));
  const place = [];
  layers.forEach((layer) => layer.forEach((index, rank) => { place[index] = (rank + 0.5) / layer.length; }));
  const sort = (layer, side) => {
    const weight = new Map(layer.map((index) => {
      const all = side[index];
      return [index, all.length ? all.reduce((sum, other) => sum + place[other], 0) / all.length : place[index]];
    }));
    layer.sort((a, b) => weight.get(a) - weight.get(b) || a - b);
    layer.forEach((index, rank) => { place[index] = (rank + 0.5) / layer.length; });
  };
  for (let round = 0; round < 4; round++) {
    layers.forEach((layer) => sort(layer, near.before));
    for (let n = layers.length - 1; n >= 0; n--) sort(layers[n], near.after);
  }
  layers.forEach((layer) => sort(layer, near.before));
  const columns = layers.map((layer) => {
    const parts = Math.ceil(layer.length / TALLEST), tall = Math.ceil(layer.length / parts);
    return Array.from({ length: parts }, (_, n) => layer.slice(n * tall, (n + 1) * tall));
  });
  const heightOf = (column) => column.reduce((sum, index) => sum + size[index] + NODE.below, -NODE.below);
  const high = Math.max(NODE.height, ...columns.flat().map(heightOf));
  const spots = [];
  let x = 24;
  for (const parts of columns) {
    for (const column of parts) {
      let y = 24 + (high - heightOf(column)) / 2;
      for (const index of column) { spots[index] = { x, y, height: size[index] }; y += size[index] + NODE.below; }
      x += NODE.width + 20;
    }
    x += NODE.right - 20;
  }
  const own = layers.map((layer) => layer.filter((index) => index < steps.length));
  return { spots, before, after, level, layers: own, links, via, width: Math.max(1, x - NODE.right + 24), height: high + 48 };
}

/** Pure: the line through these places. */
function bend(way) {
  const middle = (spot) => spot.y + spot.height / 2;
  let d = `M${way[0].x + NODE.width} ${middle(way[0])}`;
  for (let n = 1; n < way.length; n++) {
    const x1 = way[n - 1].x + NODE.width, y1 = middle(way[n - 1]), x2 = way[n].x, y2 = middle(way[n]);
    const pull = Math.max(24, (x2 - x1) / 2);
    d += `C${x1 + pull} ${y1} ${x2 - pull} ${y2} ${x2} ${y2}`;
    if (n < way.length - 1) d += `H${x2 + NODE.width}`;
  }
  return d;
}

class Graph {
  constructor(open) {
    this.open = open;
    this.steps = [];
    this.picked = -1;
    this.element = h("div", {
      class: "graph", tabindex: 0, role: "application", "aria-label": "Graph of steps: arrow keys go from step to step, Enter opens one",
      onkeydown: (e) => this.key(e), onclick: (e) => this.click(e), onwheel: (e) => this.wheel(e),
    });
    this.said = h("p", { class: "small dim", role: "status" }, "");
    this.pan();
  }

  show(steps, path = []) {
    const shape = JSON.stringify(steps.map((step) => [step.id, step.depends_on]));
    this.steps = steps;
    if (shape !== this.shape) {
      this.shape = shape;
      this.plan = layered(steps);
      this.build();
    }
    steps.forEach((step, index) => this.paint(step, index));
    const longest = new Set(path);
    this.edges.forEach(({ line, from, to }) => line.classList.toggle("path", longest.has(steps[from].id) && longest.has(steps[to].id)));
  }

  build() {
    const { plan } = this;
    this.edges = [];
    this.nodes = this.steps.map((step, index) => {
      const { x, y } = plan.spots[index];
      const name = plain(step.id);
      return s("g", { class: "node", id: `step-${index}`, "data-at": index, role: "img", transform: `translate(${x} ${y})` },
        s("title", null, name), s("rect", { width: NODE.width, height: NODE.height, rx: 6 }),
        s("g", { class: "glyph", transform: "translate(10 10)" }),
        s("text", { x: 32, y: 22 }, name.length > 19 ? name.slice(0, 18) + "…" : name));
    });
    plan.links.forEach(({ from, to }, n) => {
      const way = [from, ...plan.via[n], to].map((index) => plan.spots[index]);
      this.edges.push({ from, to, line: s("path", { class: "edge", d: bend(way) }) });
    });
    this.svg = s("svg", { viewBox: `0 0 ${plan.width} ${plan.height}`, role: "presentation" },
      s("g", null, this.edges.map((edge) => edge.line)), s("g", null, this.nodes));
    this.element.replaceChildren(this.svg);
    this.picked = -1;
    this.scaled = false;
    requestAnimationFrame(() => this.fit());
  }

  paint(step, index) {
    const node = this.nodes[index], tone = toneOf(step.state);
    if (node.dataset.state === step.state) return;
    node.dataset.state = step.state;
    node.dataset.tone = tone;
    node.setAttribute("aria-label", `${plain(step.id)}: ${step.state}`);
    node.querySelector(".glyph").replaceChildren(icon(tone));
  }

  /** As large as there is room for, but so that names can be read. */
  fit() {
    if (!this.plan || this.scaled || !this.element.clientWidth) return;
    const { width, height } = this.plan;
    const whole = Math.min(this.element.clientWidth / width, 1);
    this.zoom(Math.max(0.6, Math.min(whole, 1.15)));
    const tall = Math.min(height * this.scale + 2, Math.min(innerHeight * 0.7, 704));
    this.element.style.height = `${Math.max(160, tall + 14)}px`;
    const busy = this.steps.findIndex((step) => step.state === "running" || step.state === "failed");
    if (busy > 0) this.reveal(busy);
  }

  zoom(scale, around) {
    const { element } = this, before = this.scale || 1;
    this.scale = Math.max(0.08, Math.min(2, scale));
    const point = around || { x: element.clientWidth / 2, y: element.clientHeight / 2 };
    const x = (element.scrollLeft + point.x) / before, y = (element.scrollTop + point.y) / before;
    this.svg.setAttribute("width", this.plan.width * this.scale);
    this.svg.setAttribute("height", this.plan.height * this.scale);
    element.classList.toggle("far", this.scale < 0.4);
    element.scrollTo(x * this.scale - point.x, y * this.scale - point.y);
  }

  step(factor) {
    this.scaled = true;
    this.zoom(this.scale * factor);
  }

  all() {
    this.zoom(Math.min(this.element.clientWidth / this.plan.width, (this.element.clientHeight - 4) / this.plan.height, 1.15));
  }

  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const box = this.element.getBoundingClientRect();
    this.scaled = true;
    this.zoom(this.scale * (event.deltaY < 0 ? 1.15 : 1 / 1.15), { x: event.clientX - box.left, y: event.clientY - box.top });
  }

  reveal(index) {
    const { x, y } = this.plan.spots[index], { element, scale } = this;
    element.scrollTo(x * scale - element.clientWidth / 2 + (NODE.width / 2) * scale, y * scale - element.clientHeight / 2);
  }

  pick(index) {
    if (this.picked >= 0) this.nodes[this.picked].classList.remove("picked");
    this.picked = index;
    this.nodes[index].classList.add("picked");
    this.element.setAttribute("aria-activedescendant", `step-${index}`);
    this.edges.forEach(({ line, from, to }) => line.classList.toggle("near", from === index || to === index));
    const step = this.steps[index];
    this.said.textContent = `${plain(step.id)}: ${step.state}${step.reason ? `, ${brief(step.reason)}` : ""}`;
    const { x, y } = this.plan.spots[index], { element, scale } = this;
    const inside = x * scale >= element.scrollLeft && (x + NODE.width) * scale <= element.scrollLeft + element.clientWidth
      && y * scale >= element.scrollTop && (y + NODE.height) * scale <= element.scrollTop + element.clientHeight;
    if (!inside) this.reveal(index);
  }

  key(event) {
    if (!this.plan || event.ctrlKey || event.metaKey || event.altKey) return;
    const { picked, plan } = this;
    const first = picked < 0 ? 0 : picked;
    const layer = plan.layers[plan.level[first]] || [], rank = layer.indexOf(first);
    const to = {
      ArrowRight: plan.after[first] && plan.after[first][0], ArrowLeft: plan.before[first] && plan.before[first][0],
      ArrowDown: layer[rank + 1], ArrowUp: layer[rank - 1],
      j: Math.min(first + (picked < 0 ? 0 : 1), this.steps.length - 1), k: Math.max(first - 1, 0), Home: 0, End: this.steps.length - 1,
    };
    if (event.key in to && this.steps.length) {
      event.preventDefault();
      event.stopPropagation();
      if (picked < 0) this.pick(event.key === "End" ? to.End : 0);
      else if (to[event.key] !== undefined) this.pick(to[event.key]);
    } else if (event.key === "Enter" && picked >= 0) this.open(this.steps[picked]);
    else if (event.key === "+" || event.key === "=") this.step(1.25);
    else if (event.key === "-") this.step(0.8);
    else if (event.key === "0") this.all();
  }

  click(event) {
    const node = event.target.closest("[data-at]");
    if (!node || this.moved) return;
    const index = Number(node.dataset.at);
    if (index === this.picked) this.open(this.steps[index]);
    else this.pick(index);
  }

  /** A mouse drags; a finger scrolls by itself. */
  pan() {
    const { element } = this;
    let from = null;
    element.addEventListener("pointerdown", (e) => {
      if (e.pointerType === "mouse" && e.button === 0) from = { x: e.clientX + element.scrollLeft, y: e.clientY + element.scrollTop, sx: e.clientX, sy: e.clientY };
      this.moved = false;
    });
    element.addEventListener("pointermove", (e) => {
      if (!from) return;
      if (!e.buttons) { from = null; element.classList.remove("drag"); return; }
      if (Math.abs(e.clientX - from.sx) + Math.abs(e.clientY - from.sy) > 4) { this.moved = true; element.classList.add("drag"); }
      element.scrollTo(from.x - e.clientX, from.y - e.clientY);
    });
    for (const kind of ["pointerup", "pointerleave"]) element.addEventListener(kind, () => { from = null; element.classList.remove("drag"); });
  }

  close() {}
}
