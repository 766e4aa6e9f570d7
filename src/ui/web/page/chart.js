// Cost over time: a line of sums.

/** Pure: the sums after each attempt that says what it cost. */
function sums(points, key) {
  let sum = 0;
  return points.filter((p) => p[key] != null).map((p) => ({ at: p.ended_at || p.started_at, value: p[key] }))
    .sort((a, b) => a.at - b.at).map((p) => ({ at: p.at, value: (sum += p.value) }));
}

/** Pure: a round number not below this one. */
function roundUp(value) {
  if (!(value > 0)) return 1;
  const ten = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].map((n) => n * ten).find((n) => n >= value * 0.999);
}

function chart(points, key, say, name) {
  const line = sums(points, key);
  if (line.length === 0) return null;
  const from = Math.min(...points.map((p) => p.started_at)), last = line[line.length - 1];
  // What has begun since has cost nothing that is known yet.
  const until = points.reduce((most, p) => Math.max(most, p.ended_at ? 0 : now()), last.at), span = Math.max(1, until - from);
  const top = roundUp(last.value);
  const x = (at) => ((at - from) / span) * 1000, y = (value) => 100 - (value / top) * 100;
  let path = `M0 ${y(0)}`;
  for (const point of line) path += `H${x(point.at).toFixed(1)}V${y(point.value).toFixed(2)}`;
  path += "H1000";
  const label = (at) => (span < 36e5 ? clock(at) : moment(at, now()));
  const grid = [0, 0.5, 1];
  const box = h("div", { class: "chart", role: "img", "aria-label": `${name}: ${say(last.value)} in ${many(line.length, "attempt")}` },
    s("svg", { viewBox: "0 0 1000 100", preserveAspectRatio: "none", "aria-hidden": "true" },
      grid.map((part) => s("path", { class: "grid", d: `M0 ${100 - part * 100}H1000` })),
      s("path", { class: "area", d: `${path}V100H0Z` }), s("path", { class: "path", d: path })),
    grid.map((part) => {
      const label = h("span", { class: "y", "aria-hidden": "true" }, say(part * top));
      label.style.top = `${100 - part * 100}%`;
      return label;
    }));
  return h("div", null, box, h("div", { class: "under", "aria-hidden": "true" },
    h("span", null, label(from)), h("span", null, label(until))));
}

function costTable(title, list) {
  const known = list.filter((one) => one.attempts > 0);
  if (known.length === 0) return null;
  return h("table", null,
    h("thead", null, h("tr", null, h("th", { scope: "col" }, title), h("th", { scope: "col", class: "num" }, "attempts"),
      h("th", { scope: "col", class: "num" }, "tokens in / out"), h("th", { scope: "col", class: "num" }, "cost"))),
    h("tbody", null, known.sort((a, b) => b.cost_usd - a.cost_usd || b.attempts - a.attempts).slice(0, 50).map((one) => h("tr", null,
      t("td", null, one.name || "–"), h("td", { class: "num" }, count(one.attempts)),
      h("td", { class: "num" }, one.input_tokens || one.output_tokens ? `${count(one.input_tokens)} / ${count(one.output_tokens)}` : "–"),
      h("td", { class: "num" }, one.priced ? money(one.cost_usd) + (one.priced < one.attempts ? " *" : "") : "unknown")))));
}

/** What `costs` answers, as a page. */
function costView(answer) {
  const { points } = answer;
  if (points.length === 0) return [empty("Nothing was run yet, so nothing was spent.", "orchestrator --once")];
  const priced = points.filter((p) => p.cost_usd != null);
  const sum = priced.reduce((all, p) => all + p.cost_usd, 0);
  const tokens = (key) => points.reduce((all, p) => all + (p[key] || 0), 0);
  const counted = points.filter((p) => p.input_tokens != null || p.output_tokens != null);
  const costs = chart(points, "cost_usd", money, "Cost over time");
  const used = costs ? null : chart(points, "output_tokens", count, "Tokens written over time");
  return [
    card("Spent", answer.more ? "the latest attempts" : many(points.length, "attempt"),
      h("div", { class: "facts" },
        h("div", null, h("p", { class: "big" }, priced.length ? money(sum) : "unknown"),
          h("p", { class: "dim small" }, priced.length < points.length ? `${priced.length} of ${many(points.length, "attempt")} say what they cost` : "all attempts say what they cost")),
        counted.length > 0 && h("div", null, h("p", { class: "big" }, `${count(tokens("input_tokens"))} / ${count(tokens("output_tokens"))}`),
          h("p", { class: "dim small" }, "tokens read / written")))),
    (costs || used) && card(costs ? "Cost over time" : "Tokens written over time", null, costs || used),
    h("div", { class: "two" }, card("By role", null, costTable("role", answer.by_role)), card("By agent", null, costTable("agent", answer.by_agent))),
    answer.by_role.concat(answer.by_agent).some((one) => one.priced && one.priced < one.attempts)
      && h("p", { class: "small dim" }, "* some attempts of this line do not say what they cost."),
  ];
}
