// The first page: whose turn it is, what runs, what ran.

/** Pure: what the state and the newest run say, for a glance. `line` is one sentence, `big` one word or two. */
function headline(state, runs, at) {
  const live = (state.runs || []).filter((run) => run.kind);
  const time = (text) => (text ? Date.parse(text) : null);
  if (!state.status) {
    const [run] = live, newest = runs[0];
    if (run) return { ...other(run, runs), live };
    if (!newest) return { tone: "calm", eyebrow: [], big: "Nothing yet", say: "No run has been recorded in this project.", first: true };
    const word = newest.abandoned ? "abandoned" : newest.state;
    return {
      tone: toneOf(word), eyebrow: [newest.kind], big: runName(newest), state: word, say: newest.error ? `${word}: ${brief(newest.error)}` : word,
      since: newest.ended_at, ago: true, to: newest.run_id, fix: goOn(newest),
    };
  }
  const role = state.expected_actor, attempt = live.flatMap((run) => run.attempts || []).find((one) => one.role === role);
  const eyebrow = [`iteration ${state.iteration}`, state.branch && `branch ${state.branch}`].filter(Boolean);
  const next = state.next && state.next.prompt ? `${state.next.prompt} with ${state.next.agent}` : null;
  const base = { role, eyebrow, next, live };
  const updated = time(state.last_update);
  if (state.status.startsWith("running-")) {
    const held = state.holder && time(state.holder.claimed_at);
    const where = state.holder ? (state.holder.here ? "here" : `on ${state.holder.host}`) : "";
    const from = attempt ? time(attempt.started_at) : held || updated;
    const lost = (!state.holder || state.holder.here) && state.loop && !state.loop.live;
    const what = attempt ? `${attempt.prompt} with ${attempt.agent}` : next;
    return lost
      ? { ...base, tone: "warn", big: role, say: `${role}'s turn was left in the middle`, since: from, state: "interrupted" }
      : { ...base, tone: "run", big: role, say: `works ${where}${what ? ` on ${what}` : ""}`, since: from, state: "running", next: null };
  }
  if (state.status === "failed") return { ...base, tone: "bad", big: role, say: (state.previous && state.previous.failure && brief(state.previous.failure)) || `${role}'s turn failed`, since: updated, ago: true, state: "failed", fix: "orchestrator resume" };
  if (state.exit) return { ...base, tone: "warn", big: "stopped", say: state.exit_reason || "a stop was asked for", since: updated, ago: true, state: "stopped", fix: "orchestrator resume" };
  const busy = state.loop && state.loop.live;
  const [run] = live.filter((one) => one.kind !== "turns");
  if (!busy && run) return { ...other(run, runs), live };
  const waits = state.waiting && state.waiting.why;
  if (busy) return { ...base, tone: "warn", big: role, say: waits ? brief(waits) : `${role} is next`, since: updated, state: "waiting" };
  return { ...base, tone: "calm", big: role, say: `is next, nothing runs here`, since: updated, ago: true, state: "idle", fix: at ? null : "orchestrator --once" };
}

/** Pure: the command that goes on with a run that did not succeed; null: there is none. */
function goOn(run) {
  const id = run.run_id, left = run.abandoned || run.state === "failed", ended = run.state === "canceled";
  return ({
    turns: () => null,
    batch: () => (left || ended) && `orchestrator batch --resume ${id}`,
    oneshot: () => (left || ended) && `orchestrator oneshot resume ${run.parent_run_id || id}`,
    workstream: () => (left ? `orchestrator workstream resume ${id}` : run.state === "quarantined" && `orchestrator workstream release ${id} --reason TEXT`),
  }[run.kind] || (() => null))() || null;
}

/** A run that is not the loop. */
function other(run, runs) {
  const row = runs.find((one) => one.run_id === run.id);
  return {
    tone: "run", eyebrow: [run.kind], big: row ? runName(row) : run.kind, state: "running", say: `${many((run.attempts || []).length, "attempt")} at work`,
    since: Date.parse(run.started_at), to: run.id,
  };
}

function runName(run) {
  const meta = run.metadata || {};
  return brief(meta.name || run.workstream_id || meta.task || (run.kind === "turns" ? "the loop" : run.kind), 60);
}

function hero(head, state) {
  const holder = state.holder, budget = state.budget || {};
  const limits = Object.entries(budget).filter(([, value]) => value != null).map(([name, value]) => `${name.replace(/_/g, " ")} ${typeof value === "object" ? JSON.stringify(value) : value}`);
  const facts = factList([
    ["holder", holder && `${holder.host} · pid ${holder.pid}`],
    ["lease", holder && holder.leased ? `${holder.lease_secs} s` : null],
    ["next", head.next],
    ["last turn", state.previous ? `${state.previous.role} · ${state.previous.outcome}` : null],
    ["budget", limits.join(" · ")],
  ]);
  const name = brief(head.big, 60);
  return h("section", { class: "hero", "data-tone": head.tone, id: "hero", "aria-label": "Now" },
    h("p", { class: "eyebrow" },
      head.state && h("span", { class: head.tone === "run" ? "state pulse" : "state", "data-tone": head.tone }, icon(head.tone === "calm" ? "idle" : head.tone), head.state),
      t("span", { class: "narrow" }, App.project), head.eyebrow.map((text) => t("span", null, text))),
    h("h1", { class: name.length > 9 ? "long" : null, id: "turn" }, head.to ? h("a", { href: `#/run/${part(head.to)}` }, name) : name),
    head.since && h("p", { class: "clock" }, h("small", null, head.ago && head.state !== "idle" ? head.state : `${head.state} for`), since(head.since, head.ago && head.state !== "idle" ? " ago" : "")),
    h("p", { class: "say" }, plain(head.say)),
    head.fix && h("p", { class: "say" }, command(head.fix)),
    head.log && h("p", { class: "say" }, h("a", { href: head.log }, "what it printed")),
    head.first && h("div", { class: "say empty" }, command("orchestrator init --goal \"what is to be built\""), command("orchestrator demo")),
    facts.children.length > 0 && facts);
}

function runRow(run) {
  const began = run.started_at || run.created_at, state = run.abandoned ? "abandoned" : run.state;
  const live = state === "running";
  return h("li", null, h("a", { class: "item run", href: `#/run/${part(run.run_id)}`, "data-item": true },
    h("span", { class: "how" }, badge(state)),
    h("span", { class: "what grow" }, runName(run), " ", h("span", { class: "dim small" }, run.kind === "turns" ? many(run.attempts, "turn") : run.kind)),
    h("span", { class: "wide dim mono small" }, shortId(run.run_id)),
    h("span", { class: "when dim num" }, moment(began, now())),
    h("span", { class: "long num" }, live ? since(began) : run.ended_at ? duration(run.ended_at - began) : "–"),
    h("span", { class: "num wide" }, money(run.cost_usd)),
    run.error && t("span", { class: "why" }, brief(run.error, 160))));
}

function overview() {
  let state = null, runs = null, points = [], gantt = null, newest = null;
  const top = h("div"), trouble = h("div", { hidden: true }), working = h("div", { class: "two", hidden: true }), time = h("div", { hidden: true }), past = h("div", { class: "two" });
  const element = h("div", { class: "page" }, top);
  const view = { element, title: "Now", page: "now" };
  const panes = new Map();

  function paint() {
    if (!state || !runs) return;
    const head = headline(state, runs, runs.length);
    const broken = head.state === "failed" && points.findLast((one) => one.state === "failed");
    if (broken) head.log = `#/run/${part(broken.run_id)}/output?attempt=${part(broken.attempt_id)}`;
    put(top, hero(head, state));
    view.glance = { tone: head.tone, text: `${brief(head.big, 30)} · ${head.state || "idle"}` };
    App.glance(view.glance);
    // A project without a loop has no state, which is no problem; a state that cannot be read is one.
    const wrong = state.error && state.error.error && !/no such file/.test(String(state.error.causes)) ? [`${state.error.error}: ${(state.error.causes || []).join(": ")}`] : [];
    // What the headline says is not said again.
    const told = (text) => state.status === "failed" && text.startsWith(`${state.expected_actor}'s turn failed`);
    const problems = [...wrong, ...(state.problems || []).filter((text) => !told(text)), ...(state.rescue_refs || []).map((r) => `saved work waits to be merged: ${typeof r === "string" ? r : r.command || r.ref || JSON.stringify(r)}`)];
    trouble.hidden = problems.length === 0;
    put(trouble, problems.length > 0 && h("div", { class: `note ${state.status === "failed" ? "bad" : "warn"}`, role: "status" },
      h("ul", null, problems.map((text) => t("li", null, text)))));
    live(head.live || (state.runs || []).filter((run) => run.kind));
    put(past, card("Last turns", null, turns()), card("Runs", h("a", { href: "#/runs" }, "all"),
      runs.length ? h("ul", { class: "rows" }, runs.slice(0, 8).map(runRow)) : empty("No run has been recorded yet.", "orchestrator demo")));
    if (!trouble.isConnected) element.append(trouble, working, time, past);
  }

  /** What is at work now, each with its last words. */
  function live(all) {
    const attempts = all.flatMap((run) => (run.attempts || []).map((one) => ({ ...one, run: run.id }))).slice(0, 4);
    working.hidden = attempts.length === 0;
    for (const id of panes.keys()) if (!attempts.some((one) => one.id === id)) { panes.get(id).window.close(); panes.delete(id); }
    for (const one of attempts) {
      if (panes.has(one.id)) continue;
      const lines = new Lines(), window = new LineView(lines, `Output of ${plain(one.role)}`);
      window.element.style.minHeight = window.element.style.height = "11.5rem";
      window.list.tail = () => {};
      panes.set(one.id, { lines, window, last: 0, late: null, card: h("section", { class: "card" }, h("header", null, h("h2", null, h("a", { href: `#/run/${part(one.run)}/output?attempt=${part(one.id)}` }, `${brief(one.role, 40)}`)),
        h("span", { class: "dim small" }, brief([one.prompt, one.agent].filter((word) => word && word !== "-").join(" · "), 70)), h("span", { class: "end small dim" }, since(Date.parse(one.started_at)))), window.element) });
      before(one.id);
    }
    const shown = [...panes.values()].map((pane) => pane.card);
    if (shown.length !== working.children.length || shown.some((one, at) => one !== working.children[at])) working.replaceChildren(...shown);
  }

  /** What an attempt printed before this page was opened: the end of it. */
  async function before(id) {
    const pane = panes.get(id);
    pane.late = [];
    const ask = (after) => get(`runs/${part(id)}/events`, { kind: "attempt_output", after, limit: 5000 }).catch(() => null);
    const recent = Math.max(0, ((state.serve || {}).last_seq || 0) - 3000);
    let found = await ask(recent);
    if (recent && found && found.events.length === 0) found = await ask(0);
    if (panes.get(id) !== pane) return;
    for (const event of found ? found.events.slice(-500) : []) { pane.lines.push(id, event.data.text); pane.last = event.seq; }
    const late = pane.late;
    pane.late = null;
    late.forEach((event) => hear(pane, event));
    show(pane);
  }

  function show(pane) {
    pane.window.element.toggleAttribute("data-empty", pane.lines.list.length === 0);
    pane.window.refresh();
  }

  /** Each piece once, whether it came by the stream or was asked for. */
  function hear(pane, event) {
    if (pane.late) { pane.late.push(event); return; }
    if (event.seq <= pane.last) return;
    if (event.first_seq <= pane.last) {
      pane.lines = new Lines();
      pane.window.swap(pane.lines);
      pane.last = 0;
      before(event.attempt_id);
      return;
    }
    pane.last = event.seq;
    pane.lines.push(event.attempt_id, event.data.text);
  }

  function turns() {
    let all = state.turns || [];
    const run = runs.find((one) => one.run_id === newest);
    if (all.length === 0 && run && run.kind === "turns") {
      // Without git the state knows no past turns; the record of the run does.
      all = points.filter((one) => one.ended_at).slice(-8).reverse().map((one) => ({
        role: one.role, iteration: (one.request || {}).iteration || one.step_id.split("/")[0], outcome: one.state, prompt: one.prompt, agent: one.agent,
        at: new Date(one.ended_at).toISOString(), duration_secs: (one.ended_at - one.started_at) / 1000,
      }));
    }
    if (all.length === 0) return state.status ? empty("No turn has ended yet.", "orchestrator --once") : empty("No loop has taken a turn here.");
    return h("ul", { class: "rows" }, all.map((turn) => h("li", null, h("div", { class: "item turn" },
      h("span", { class: "how" }, badge(turn.outcome)), h("span", { class: "what grow" }, brief(turn.role, 40), h("span", { class: "dim" }, ` · iteration ${turn.iteration}`)),
      h("span", { class: "dim small wide grow" }, brief(`${turn.prompt || ""}${turn.agent ? ` · ${turn.agent}` : ""}`, 80)),
      h("span", { class: "when num dim" }, turn.at ? moment(Date.parse(turn.at), now()) : "–"),
      h("span", { class: "long num" }, turn.duration_secs == null ? "–" : turn.duration_secs ? (turn.duration_secs % 1 ? duration : ticking)(turn.duration_secs * 1000) : "< 1 s")))));
  }

  function timeline() {
    const run = runs && runs.find((one) => one.run_id === newest);
    time.hidden = !run || points.length === 0;
    if (time.hidden) return;
    if (!gantt) {
      gantt = new Gantt("Timeline", (one) => App.go(`#/run/${part(one.run_id)}/output?attempt=${part(one.attempt_id)}`));
    }
    gantt.show(lanes(points, (one) => (run.kind === "turns" || run.kind === "oneshot" ? one.role : one.step_id) || "–"));
    const head = h("span", null, points.length > 79 ? "the last 80 attempts of " : "", h("a", { href: `#/run/${part(run.run_id)}` }, runName(run)));
    put(time, card("Timeline", head, gantt.element));
  }

  async function load() {
    const [latest, seen] = await Promise.all([get("runs", { limit: 20 }), get("state")]);
    runs = latest.runs;
    take(seen);
    newest = runs.length ? (runs.find((run) => run.state === "running" && !run.abandoned) || runs[0]).run_id : null;
    if (newest) {
      const run = runs.find((one) => one.run_id === newest);
      const tail = await get(`runs/${part(newest)}/attempts`, { after: Math.max(0, run.attempts - 80), limit: 1000 });
      points = tail.attempts;
    }
    paint();
    timeline();
  }

  function take(seen) {
    state = seen;
    if (seen.serve && seen.serve.now_ms) skew = seen.serve.now_ms - Date.now();
    paint();
  }

  const again = calmly(() => load().catch(App.fail), 300);
  const draw = calmly(() => panes.forEach(show), 60);
  Link.open({
    output: true, hello: again, state: (seen) => { take(seen); again(); },
    event(event) {
      if (event.kind === "attempt_output") {
        const pane = panes.get(event.attempt_id);
        if (!pane) return;
        hear(pane, event);
        draw();
      } else if (event.kind !== "attempt_quiet") again();
    },
  });
  again();
  view.second = () => gantt && gantt.tick();
  view.close = () => { again.cancel(); draw.cancel(); panes.forEach((pane) => pane.window.close()); if (gantt) gantt.close(); };
  return view;
}
