// The page's decisions without a browser: text made harmless, lines from pieces, rows from lines, places of a graph.
import fs from "node:fs";
import vm from "node:vm";
import { check, same } from "./harness.mjs";

const folder = new URL("../../src/ui/web/page/", import.meta.url);
const code = ["text", "lines", "gantt", "graph", "chart"].map((name) => fs.readFileSync(new URL(`${name}.js`, folder), "utf8")).join("");
const page = vm.runInNewContext(`${code}\n({ plain, brief, duration, money, wrap, Lines, layered, ticks, lanes, pieces, roundUp, sums });`, {});

/** The same numbers each time. */
function dice(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

export const pure = {
  text() {
    same(page.plain("\u001b[1;31mred\u001b[0m \u001b]8;;http://x\u0007link\u001b]8;;\u001b\\ end"), "red link end", "colours");
    same(page.plain("a\u0000b\u0007\u007f\u202e\u2066\ufeff\tc"), "a␀b␇␡⟨U+202E⟩⟨U+2066⟩⟨U+FEFF⟩    c", "hidden characters");
    same(page.plain("\u001b"), "␛", "a lone escape");
    const roll = dice(1);
    for (let n = 0; n < 2000; n++) {
      const text = String.fromCharCode(...Array.from({ length: roll(40) }, () => [27, 91, 59, 109, 93, 7, 0x202e, 10, 65, 0x9b, 13][roll(11)]));
      check(!/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/.test(page.plain(text)), JSON.stringify(text));
    }
    same([0, 999, 1000, 61_000, 3_660_000, 90_000_000].map(page.duration), ["0 ms", "999 ms", "1.0 s", "1 m 01 s", "1 h 01 m", "1 d 1 h"], "durations");
    same([null, 0, 0.0042, 0.25, 12.3].map(page.money), ["–", "$0.00", "$0.0042", "$0.250", "$12.30"], "money");
  },

  /** However output is cut into pieces, the lines are the same. */
  lines() {
    const roll = dice(2), text = Array.from({ length: 300 }, (_, n) => `line ${n} ${"x".repeat(roll(30))}${["\n", "\r\n", "\r", "\n\n"][roll(4)]}`).join("") + "rest";
    const expected = text.split(/\r\n|\n|\r/);
    for (let round = 0; round < 60; round++) {
      const lines = new page.Lines();
      for (let at = 0; at < text.length;) {
        const to = at + 1 + roll(round + 3);
        lines.push("a", text.slice(at, to));
        if (roll(4) === 0) lines.push("b", "other\n");
        at = to;
      }
      same(lines.list.filter((line) => line.who === "a").map((line) => line.text), expected, "lines");
    }
    const long = new page.Lines();
    for (let n = 0; n < 40; n++) long.push("a", "y".repeat(33_000));
    long.push("a", "\nend\n");
    same(long.list.map((line) => line.raw).join("").length, 40 * 33_000 + 3, "a long line is whole");
    check(long.list.every((line) => line.raw.length <= 64 * 1024), "a long line is in parts");
    same(long.number, 2, "but counts as one");
  },

  wrap() {
    const roll = dice(3);
    for (let n = 0; n < 500; n++) {
      const text = Array.from({ length: roll(60) }, () => ["word ", "x", " ", "漢字", "🙂", "longer-than-a-row-is-wide"][roll(6)]).join(""), cells = 16 + roll(60);
      const starts = page.wrap(text, cells);
      same(starts.map((from, at) => text.slice(from, starts[at + 1])).join(""), text, "rows make the text");
      check(starts.every((from, at) => (starts[at + 1] ?? text.length) - from <= cells + 1), "a row is no wider than the window");
    }
  },

  /** A thousand steps, a long chain and a wide layer, soon; no two steps on one spot, none before what it needs. */
  graph() {
    const roll = dice(4), begin = Date.now();
    const random = Array.from({ length: 1000 }, (_, n) => ({ id: `s${n}`, depends_on: n ? Array.from({ length: roll(4) }, () => `s${Math.max(0, n - 1 - roll(20))}`) : [] }));
    const chain = Array.from({ length: 3000 }, (_, n) => ({ id: `s${n}`, depends_on: n ? [`s${n - 1}`] : [] }));
    const wide = Array.from({ length: 1000 }, (_, n) => ({ id: `s${n}`, depends_on: n ? ["s0", "gone"] : [] }));
    for (const steps of [random, chain, wide, []]) {
      const plan = page.layered(steps);
      same(new Set(steps.map((_, n) => `${plan.spots[n].x} ${plan.spots[n].y}`)).size, steps.length, "spots");
      for (const { from, to } of plan.links) check(plan.spots[from].x < plan.spots[to].x, `${from} before ${to}`);
    }
    check(Date.now() - begin < 20_000, "too slow");
  },

  time() {
    same(page.ticks(0, 1000, 5), [0, 200, 400, 600, 800, 1000], "ticks");
    same(page.pieces([{ started_at: 0, ended_at: 1, state: "ok" }, { started_at: 2, ended_at: 3, state: "ok" }, { started_at: 500, state: "running" }], 0, 1000, 500, 1000).length, 2, "pieces on one spot");
    same(page.lanes([{ role: "a" }, { role: "b" }, { role: "a" }], (one) => one.role).map((row) => [row.name, row.pieces.length]), [["a", 2], ["b", 1]], "lanes");
    same([0, 0.03, 1.29, 7, 101].map(page.roundUp), [1, 0.03, 1.5, 8, 150], "round numbers");
  },
};
