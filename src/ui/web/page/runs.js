// All runs, with filters that are part of the address.

const RUN_KINDS = ["turns", "oneshot", "batch", "workstream"];
const RUN_STATES = ["pending", "running", "succeeded", "failed", "quarantined", "canceled"];

function choice(name, label, values, value, change) {
  return h("label", null, label, h("select", { name, onchange: change }, h("option", { value: "" }, "any"),
    values.map((one) => h("option", { value: one, selected: one === value }, one))));
}

function runsView(query) {
  let shown = [], next = null, turn = 0;
  const filter = { kind: query.get("kind") || "", state: query.get("state") || "", text: query.get("text") || "" };
  const field = h("input", { type: "search", id: "filter", name: "text", value: filter.text, placeholder: "id, name or error", autocomplete: "off", spellcheck: "false", "aria-label": "Filter by text" });
  const form = h("form", { class: "form", role: "search", onsubmit: (e) => e.preventDefault() },
    h("label", { class: "fill" }, field), choice("kind", "kind", RUN_KINDS, filter.kind, change), choice("state", "state", RUN_STATES, filter.state, change));
  const list = h("div"), more = h("button", { class: "plain", type: "button", hidden: true, onclick: () => load(true) }, "Show older runs");
  const amount = h("span", { role: "status" });
  field.addEventListener("input", calmly(change, 200));
  const head = h("div", { class: "item run head", "aria-hidden": "true" }, ["state", "run", "id", "began", "took", "cost"].map((word, at) => h("span", { class: at > 2 ? "num" : null }, word)));
  const element = h("div", { class: "page" }, h("div", { class: "title" }, h("h1", null, "Runs")), form,
    h("section", { class: "card" }, h("header", null, h("h2", null, "Newest first"), h("span", { class: "end dim small" }, amount)), head, list, more));

  function change() {
    const data = new FormData(form);
    for (const name of ["kind", "state", "text"]) filter[name] = String(data.get(name) || "").trim();
    const query = new URLSearchParams(Object.entries(filter).filter(([, value]) => value));
    history.replaceState(null, "", `#/runs${query.size ? `?${query}` : ""}`);
    load(false).catch(App.fail);
  }

  async function load(older) {
    const own = ++turn;
    const limit = older ? 50 : Math.min(500, Math.max(50, shown.length));
    const answer = await get("runs", { ...filter, before: older ? next : null, limit });
    if (own !== turn) return;
    shown = older ? shown.concat(answer.runs) : answer.runs;
    next = answer.next || null;
    more.hidden = !next;
    head.hidden = shown.length === 0;
    amount.textContent = `${many(shown.length, "run")}${next ? " and more" : ""}`;
    const any = filter.kind || filter.state || filter.text;
    put(list, shown.length ? h("ul", { class: "rows" }, shown.map(runRow))
      : any ? empty("No run is like that. Loosen the filter.") : empty("No run has been recorded yet.", "orchestrator demo", "orchestrator --once"));
  }

  const again = calmly(() => load(false).catch(App.fail), 300);
  Link.open({ hello: again, event: (event) => { if (event.kind.startsWith("run_") || event.kind.startsWith("attempt_")) again(); } });
  again();
  return { element, title: "Runs", page: "runs", filter: field, close: again.cancel };
}

function costsView() {
  const body = h("div", { class: "page" });
  const load = calmly(() => get("costs", { limit: 1000 }).then((answer) => put(body, costView(answer))).catch(App.fail), 1000);
  Link.open({ hello: load, event: (event) => { if (event.kind === "attempt_ended") load(); } });
  return { element: h("div", { class: "page" }, h("div", { class: "title" }, h("h1", null, "Costs")), body), title: "Costs", page: "costs", close: load.cancel };
}
