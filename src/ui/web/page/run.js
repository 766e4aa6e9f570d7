// One run: its record is loaded once and kept up to date; each tab shows a part of it.

/** Events that are kept in the page. */
const EVENTS_MOST = 60000;

/** The record of one run, as it grows. */
class Record {
  constructor(id, changed) {
    this.id = id;
    this.changed = changed;
    this.run = null;
    this.attempts = new Map();
    this.report = null;
    this.events = [];
    this.output = [];
    this.bytes = 0;
    this.seq = 0;
    this.left = false;
    this.loaded = false;
    this.closed = false;
    this.refresh = calmly(() => this.rows().catch(App.fail), 250);
    this.resteps = calmly(() => this.steps().catch(App.fail), 400);
  }

  async open() {
    await this.rows();
    if (this.run.kind === "workstream") await this.steps();
    await this.past();
    if (this.closed) return;
    this.loaded = true;
    this.changed("all");
    Link.open({
      run: this.id, output: true, after: this.seq, hello: () => { this.refresh(); if (this.report) this.resteps(); },
      event: (event) => { this.take(event); this.changed(event.kind === "attempt_output" ? "output" : "event"); },
    });
  }

  get live() {
    return this.run && this.run.state === "running" && !this.run.abandoned;
  }

  /** The run and its attempts; of those that have ended nothing changes. */
  async rows() {
    const answer = await get(`runs/${part(this.id)}`);
    this.run = answer.run;
    this.id = answer.run.run_id;
    answer.attempts.forEach((one) => this.attempts.set(one.attempt_id, one));
    const all = [...this.attempts.values()];
    const open = all.filter((one) => !one.ended_at).map((one) => one.sequence);
    let after = Math.min(...open, all.reduce((most, one) => Math.max(most, one.sequence), 0) + 1) - 1;
    while (after != null && this.attempts.size < this.run.attempts + open.length && answer.attempts.length >= 500) {
      const page = await get(`runs/${part(this.id)}/attempts`, { after, limit: 1000 });
      page.attempts.forEach((one) => this.attempts.set(one.attempt_id, one));
      after = page.next;
    }
    this.changed("rows");
  }

  async steps() {
    this.report = await get(`runs/${part(this.id)}/steps`);
    this.changed("steps");
  }

  /** What was recorded before: all of it, or of a long live run the latter part. */
  async past() {
    let after = 0;
    if (this.live) {
      const { serve } = await get("state");
      if (serve && serve.last_seq > EVENTS_MOST) after = serve.last_seq - EVENTS_MOST;
      this.left = after > 0;
    }
    for (;;) {
      const page = await get(`runs/${part(this.id)}/events`, { after, limit: 2000 });
      if (this.closed) return;
      page.events.forEach((event) => this.take(event));
      this.changed("output");
      after = this.seq = Math.max(this.seq, page.next);
      if (!page.more) return;
      if (!this.live && this.events.length >= EVENTS_MOST) {
        // It is over: what is not loaded now is not waited for either.
        this.left = true;
        this.seq = (await get("state")).serve.last_seq;
        return;
      }
    }
  }

  take(event) {
    if (event.seq <= this.seq) return;
    this.seq = event.seq;
    this.events.push(event);
    if (this.events.length > EVENTS_MOST * 1.2) { this.events.splice(0, this.events.length - EVENTS_MOST); this.left = true; this.cut = true; }
    if (!this.loaded || event.kind === "attempt_output" || event.kind === "attempt_quiet") return;
    this.refresh();
    if (this.run && this.run.kind === "workstream") this.resteps();
  }

  close() {
    this.closed = true;
    this.refresh.cancel();
    this.resteps.cancel();
  }
}

const TABS = {
  timeline: { name: "Timeline", make: timelineTab },
  graph: { name: "Graph", make: graphTab, when: (run) => run.kind === "workstream" },
  output: { name: "Output", make: outputTab },
  events: { name: "Events", make: eventsTab },
  decisions: { name: "Decisions", make: decisionsTab },
  costs: { name: "Costs", make: runCostsTab },
};

function runView(id, tabName, query) {
  const top = h("div", { class: "title" }, h("h1", null, h("span", { class: "dim" }, "…"))), tabs = h("nav", { class: "tabs", "aria-label": "Parts of the run" }), body = h("div", { class: "page" });
  const view = { element: h("div", { class: "page" }, top, tabs, body), title: "Run", page: "runs", tabs: [], record: null };
  let tab = null, name = "", asked = query;
  const record = new Record(id, (what) => {
    if (record.closed) return;
    if (what === "rows" || what === "all") header();
    if (!tab) show(tabName, asked);
    else if (tab.update) tab.update(what);
  });

  view.record = record;

  function header() {
    const { run } = record, began = run.started_at || run.created_at, state = run.abandoned ? "abandoned" : run.state;
    const title = runName(run);
    view.title = title;
    App.glance({ tone: toneOf(state), text: `${title} · ${state}` });
    view.glance = { tone: toneOf(state), text: `${title} · ${state}` };
    const ended = record.events.findLast((event) => event.kind === "run_ended");
    const next = !record.live && ((ended && ended.data.next) || goOn({ ...run, state }));
    put(top,
      h("div", { class: "top" }, h("h1", null, title), badge(state)),
      progress(),
      factList([["kind", run.kind], ["id", h("span", { class: "mono", title: run.run_id }, shortId(run.run_id))], ["began", `${moment(began, now())}`],
        ["took", record.live ? since(began) : run.ended_at ? duration(run.ended_at - began) : "–"], ["attempts", count(run.attempts)], ["cost", money(run.cost_usd)],
        ["tokens", run.input_tokens == null ? null : `${count(run.input_tokens)} in, ${count(run.output_tokens)} out`], [run.kind === "turns" ? "exit" : "exit of the failed one", run.exit_code],
        ["parent", run.parent_run_id && h("a", { href: `#/run/${part(run.parent_run_id)}` }, shortId(run.parent_run_id))]]),
      run.error && t("p", { class: `note ${state === "quarantined" ? "odd" : "bad"}` }, run.error),
      state === "abandoned" && h("div", { class: "note warn" }, "The program of this run is gone without having ended it: the next start takes it up."),
      next && state !== "succeeded" && h("p", null, h("span", { class: "dim" }, "next: "), command(next)));
    view.tabs = Object.keys(TABS).filter((key) => !TABS[key].when || TABS[key].when(run));
    put(tabs, view.tabs.map((key) => h("a", { href: `#/run/${part(id)}/${key}`, "aria-current": key === name ? "page" : null }, TABS[key].name)));
  }

  function progress() {
    const steps = record.report && record.report.steps;
    if (!steps || steps.length === 0) return null;
    const tally = {};
    steps.forEach((step) => { tally[step.state] = (tally[step.state] || 0) + 1; });
    const order = ["succeeded", "failed", "skipped", "canceled", "running"].filter((state) => tally[state]);
    return h("div", null, h("div", { class: "progress", role: "img", "aria-label": `${order.map((state) => `${tally[state]} ${state}`).join(", ")} of ${steps.length} steps` },
      order.map((state) => { const bar = h("span", { "data-tone": toneOf(state) }); bar.style.width = `${(tally[state] / steps.length) * 100}%`; return bar; })));
  }

  function show(wanted, query) {
    if (tab && tab.close) tab.close();
    name = TABS[wanted] && (!TABS[wanted].when || TABS[wanted].when(record.run)) ? wanted : "timeline";
    tab = TABS[name].make(record, query, view);
    view.filter = tab.filter;
    put(body, tab.element);
    for (const link of tabs.children) {
      if (link.getAttribute("href").endsWith(`/${name}`)) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
    }
    if (tab.update) tab.update("all");
  }

  /** Another part of the same run: nothing is loaded again. */
  view.same = (path, query) => {
    if (path[0] !== "run" || path[1] !== id) return false;
    tabName = path[2] || "timeline";
    asked = query;
    if (record.run) show(tabName, query);
    return true;
  };
  view.second = () => tab && tab.second && tab.second();
  view.follow = () => tab && tab.follow && tab.follow();
  view.close = () => { record.close(); if (tab && tab.close) tab.close(); };
  record.open().catch((error) => {
    if (record.closed) return;
    if (!(error instanceof Gone) || Link.over) App.fail(error);
    else put(view.element, h("section", { class: "card" }, h("h1", null, "There is no such run"), empty(plain(error.message), "orchestrator history")));
  });
  return view;
}

const outputOf = (record, attempt) => `#/run/${part(record.id)}/output?attempt=${part(attempt.attempt_id)}`;

function timelineTab(record) {
  const gantt = new Gantt("Timeline", (one) => App.go(outputOf(record, one)));
  const table = h("div"), amount = h("span"), element = h("div", { class: "page" });
  const time = card("Timeline", null, gantt.element), list = card("Attempts", amount, table);
  let most = 100;

  function update(what) {
    if (what === "output") return;
    const all = [...record.attempts.values()].sort((a, b) => a.sequence - b.sequence);
    if (all.length === 0 && !(record.report && record.report.steps.length)) {
      put(element, card("Timeline", null, empty(record.live ? "The first attempt is about to begin." : "This run made no attempt.")));
      return;
    }
    if (!time.isConnected) put(element, time, list);
    const byRole = record.run.kind === "turns" || record.run.kind === "oneshot";
    const rows = lanes(all, (one) => (byRole ? one.role : one.step_id) || "–");
    if (record.report) {
      const state = new Map(record.report.steps.map((step) => [step.id, step.state]));
      rows.forEach((row) => { row.state = state.get(row.name); });
    }
    gantt.show(rows);
    const shown = all.slice(-most).reverse();
    amount.textContent = `${many(all.length, "attempt")}, the newest first`;
    put(table, h("ul", { class: "rows" }, shown.map((one) => {
      const live = one.state === "running" && record.live;
      return h("li", null, h("a", { class: "item attempt", href: outputOf(record, one), "data-item": true },
        h("span", { class: "dim num wide" }, one.sequence), h("span", { class: "how" }, badge(live || one.state !== "running" ? one.state : "abandoned")),
        h("span", { class: "what grow" }, record.run.kind === "turns" ? [brief(one.role, 40), h("span", { class: "dim" }, ` · iteration ${brief(one.step_id.split("/")[0], 20)}`)] : brief(one.step_id, 80), one.attempt > 1 && h("span", { class: "dim" }, ` · attempt ${one.attempt}`)),
        h("span", { class: "grow dim small wide" }, brief([one.agent && one.agent !== "-" ? one.agent : one.tool, one.prompt].filter(Boolean).join(" · ") || "–", 90)),
        h("span", { class: "when dim num" }, clock(one.started_at)),
        h("span", { class: "long num" }, live ? since(one.started_at) : one.ended_at ? duration(one.ended_at - one.started_at) : "–"),
        h("span", { class: "num wide" }, money(one.cost_usd)),
        one.error && t("span", { class: "why" }, brief(one.error, 200))));
    })), all.length > most && h("button", { class: "plain", type: "button", onclick: () => { most *= 4; update("all"); } }, "Show earlier attempts"));
  }
  return { element, update, second: () => gantt.tick(), close: () => gantt.close() };
}

function graphTab(record) {
  const graph = new Graph((step) => {
    const last = step.attempts[step.attempts.length - 1];
    if (last) App.go(outputOf(record, last));
    else App.sheet(step.id, [h("p", null, `This step is ${step.state}${step.reason ? `: ${plain(step.reason)}` : ""}.`)]);
  });
  const legend = h("div", { class: "legend" });
  const tools = h("div", { class: "form" },
    h("button", { class: "plain", type: "button", "aria-label": "Smaller", onclick: () => graph.step(0.8) }, "−"),
    h("button", { class: "plain", type: "button", "aria-label": "Larger", onclick: () => graph.step(1.25) }, "+"),
    h("button", { class: "plain", type: "button", onclick: () => graph.all() }, "All"), legend);
  const element = h("section", { class: "card" }, h("header", null, h("h2", null, "Graph"), h("span", { class: "end dim small" }, "thick: the way that took longest")), h("div", { class: "page" }, tools, graph.element, graph.said));
  return {
    element,
    update() {
      const { report } = record;
      if (!report) return;
      if (report.steps.length === 0) { put(element, empty("This run has no steps.")); return; }
      graph.show(report.steps, report.critical_path);
      const tally = new Map();
      report.steps.forEach((step) => tally.set(step.state, (tally.get(step.state) || 0) + 1));
      put(legend, [...tally].map(([state, n]) => badge(state, `${n} ${state}`)));
    },
    close() { graph.close(); },
  };
}

function decisionsTab(record) {
  const kinds = new Set(["prompt_routed", "tool_routed", "agent_fallback", "retry_scheduled", "gate_failed", "breaker_opened", "breaker_half_open",
    "breaker_closed", "verdict", "oneshot_state", "takeover", "fenced", "budget_reached", "rate_limited", "run_quarantined", "run_released", "step_skipped"]);
  const body = h("div");
  let most = 200, seen = -1;
  function update() {
    const all = record.events.filter((event) => kinds.has(event.kind));
    if (all.length === seen) return;
    seen = all.length;
    if (all.length === 0) { put(body, empty("Nothing had to be decided: no routing, no retry, no fallback.")); return; }
    put(body, h("table", null,
      h("thead", null, h("tr", null, ["when", "what", "decision"].map((word) => h("th", { scope: "col" }, word)))),
      h("tbody", null, all.slice(-most).reverse().map((event) => h("tr", null,
        h("td", { class: "dim num small" }, clock(event.at_ms)), h("td", null, event.kind.replace(/_/g, " ")),
        h("td", null, t("div", null, brief(words(event), 400)), event.kind === "tool_routed" && h("ul", { class: "small dim" },
          (event.data.candidates || []).map(([tool, why]) => t("li", null, `${tool}: ${why || (tool === event.data.choice ? "chosen" : "usable")}`)))))))),
    all.length > most && h("button", { class: "plain", type: "button", onclick: () => { most *= 4; seen = -1; update(); } }, "Show earlier decisions"));
  }
  return { element: card("Decisions", "the newest first", body), update };
}

function runCostsTab(record) {
  const element = h("div", { class: "page" });
  const load = calmly(() => get("costs", { run: record.id, limit: 5000 }).then((answer) => put(element, costView(answer))).catch(App.fail), 800);
  load();
  return { element, update: (what) => { if (what === "rows") load(); }, close: load.cancel };
}
