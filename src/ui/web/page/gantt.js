// Time from left to right: a row for each role or step, a piece for each attempt.

/** Round distances between ticks, ms. */
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 108e5, 216e5, 432e5, 864e5, 1728e5, 6048e5];

/** Pure: times of ticks between two, at most so many. */
function ticks(from, to, most) {
  const step = STEPS.find((one) => (to - from) / one <= most) || STEPS[STEPS.length - 1];
  const all = [];
  for (let at = 0; at <= to - from; at += step) all.push(at);
  return all;
}

/** Pure: attempts as rows, in the order of their beginning. `name(attempt)` says in which row one is. */
function lanes(attempts, name) {
  const rows = new Map();
  for (const one of attempts) {
    const key = name(one);
    if (!rows.has(key)) rows.set(key, { name: key, pieces: [] });
    rows.get(key).pieces.push(one);
  }
  return [...rows.values()];
}

/** Pure: pieces that would lie on the same spot are one. */
function pieces(all, from, span, width, until) {
  const out = [];
  for (const one of all) {
    const left = (one.started_at - from) / span, right = ((one.ended_at || until) - from) / span;
    const before = out[out.length - 1];
    if (before && before.state === one.state && (right - before.left) * width < 3) before.right = Math.max(before.right, right);
    else out.push({ left, right, state: one.state, one });
  }
  return out;
}

class Gantt {
  /** `open(attempt)`: what a picked row leads to. */
  constructor(name, open) {
    this.rows = [];
    this.axis = h("div", { class: "axis", "aria-hidden": "true" }, h("span"), h("div", { class: "track" }), h("span"));
    this.list = new Virtual({
      name, look: "gantt", height: 28, count: () => this.rows.length, row: (at) => this.row(this.rows[at]),
      pick: (at) => { const all = this.rows[at].pieces; if (all.length) open(all[all.length - 1]); },
    });
    this.element = h("div", null, this.axis, this.list.element);
  }

  show(rows) {
    this.rows = rows;
    const all = rows.flatMap((row) => row.pieces);
    this.live = all.some((one) => !one.ended_at);
    this.from = all.reduce((least, one) => Math.min(least, one.started_at), Infinity);
    this.last = all.reduce((most, one) => Math.max(most, one.ended_at || 0), 0);
    this.list.element.style.height = `${Math.min(rows.length * 28, 448) || 28}px`;
    this.tick(true);
  }

  /** Time goes on; only what runs grows. */
  tick(first) {
    if (!this.rows.length || (!first && !this.live)) return;
    this.until = this.live ? Math.max(now(), this.last) : this.last;
    this.span = Math.max(1, this.until - this.from);
    const track = this.axis.children[1];
    const width = track.clientWidth || 600;
    // The first is a time of day, as wide as two others.
    const apart = (at) => at === 0 || (at / this.span) * width > 110;
    track.replaceChildren(...ticks(0, this.span, Math.max(1, Math.floor(width / 110))).filter(apart).map((at) => {
      const tick = h("span", { class: "tick" }, at === 0 ? clock(this.from) : `+${duration(at)}`.replace(/ 00 [ms]$|\.0(?= s)/, ""));
      tick.style.left = `${(at / this.span) * 100}%`;
      if (at / this.span > 0.94) tick.style.transform = "translateX(-100%)";
      return tick;
    }));
    this.list.refresh();
  }

  row(row) {
    const width = this.axis.children[1].clientWidth || 600;
    const track = h("span", { class: "track" }, pieces(row.pieces, this.from, this.span, width, this.until).map((piece) => {
      const { one } = piece;
      const span = h("span", {
        class: "piece", "data-tone": toneOf(piece.state),
        title: `${brief(one.step_id, 80)} ${piece.state} ${duration((one.ended_at || this.until) - one.started_at)}`,
      });
      span.style.left = `${piece.left * 100}%`;
      span.style.width = `${Math.max(0, piece.right - piece.left) * 100}%`;
      return span;
    }));
    const last = row.pieces[row.pieces.length - 1];
    const took = row.pieces.reduce((sum, one) => sum + (one.ended_at || this.until) - one.started_at, 0);
    const state = row.state || (last && last.state) || "pending";
    return h("div", null,
      h("span", { class: "name", title: brief(row.name, 200) }, brief(row.name, 60)),
      h("span", { class: "unseen" }, `: ${state}, ${many(row.pieces.length, "attempt")}`), track,
      h("span", { class: "num dim" }, row.pieces.length ? duration(took) : "–"));
  }

  close() {
    this.list.close();
  }
}
