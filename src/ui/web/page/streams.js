// The two long lists of a run: what was printed, and what happened.

function outputTab(record, query, view) {
  const wanted = query.get("attempt") || "";
  let taken = 0, base = record.events[0], lines = null, dirty = true;
  const window = new LineView(new Lines(), "Output", { names: !wanted });
  const select = h("select", { "aria-label": "Attempt", onchange: () => App.go(select.value ? `#/run/${part(record.id)}/output?attempt=${part(select.value)}` : `#/run/${part(record.id)}/output`) });
  const field = h("input", { type: "search", id: "filter", placeholder: "only lines with…", autocomplete: "off", spellcheck: "false", "aria-label": "Only lines with this text" });
  field.addEventListener("input", calmly(() => window.find(field.value), 150));
  const follow = h("button", { class: "plain", type: "button", id: "follow", "aria-pressed": "true", onclick: () => window.list.follow(!window.list.following) }, "Follow");
  const raw = h("button", { class: "plain", type: "button", onclick: () => rawLog(wanted) }, "Log file");
  window.list.tail = (on) => follow.setAttribute("aria-pressed", on);
  const said = h("p", { class: "small dim", role: "status" }, "loading…"), facts = h("div");
  const element = h("section", { class: "card" }, h("div", { class: "page" }, facts,
    h("div", { class: "form" }, h("label", { class: "fill" }, select), h("label", { class: "fill" }, field), follow, wanted && raw), window.element, said));

  const name = (one) => `${one.step_id}${one.attempt > 1 ? ` (attempt ${one.attempt})` : ""}${one.state === "running" ? " · running" : one.state === "succeeded" ? "" : ` · ${one.state}`}`;
  function choices() {
    const all = [...record.attempts.values()].sort((a, b) => b.sequence - a.sequence);
    const shown = all.filter((one, at) => at < 300 || one.attempt_id === wanted);
    put(select, h("option", { value: "" }, "all attempts"), shown.map((one) => h("option", { value: one.attempt_id, selected: one.attempt_id === wanted }, brief(name(one), 60))));
    const one = record.attempts.get(wanted);
    put(facts, one && factList([["attempt", `${brief(one.step_id, 80)} · ${one.attempt}`], ["state", badge(one.state)], ["agent", one.agent && one.agent !== "-" ? one.agent : one.tool], ["prompt", brief(one.prompt || "", 120)],
      ["took", one.ended_at ? duration(one.ended_at - one.started_at) : since(one.started_at)], ["exit", one.exit_code], ["cost", money(one.cost_usd)],
      ["commits", one.result && one.result.commits && h("code", null, `git diff ${one.result.commits.split("..").map((hash) => plain(hash).slice(0, 10)).join("..")}`)], ["log", one.log_path && h("code", { class: "break" }, plain(one.log_path))]]),
    one && one.error && t("p", { class: "note bad" }, one.error));
  }

  function take(event) {
    if (wanted && event.attempt_id !== wanted) return;
    const d = event.data || {}, who = d.role || "";
    if (event.kind === "attempt_output") lines.push(who, d.text || "");
    else if (event.kind === "attempt_started" && !wanted) lines.mark(`▸ ${brief(words(event), 300)}`, "mark", who);
    else if (event.kind === "attempt_ended") lines.mark(`■ ${brief(words(event), 300)}`, d.outcome === "succeeded" ? "good" : "bad", who);
    else if (event.kind === "attempt_warning") lines.mark(`▲ ${brief(d.text, 500)}`, "warn", who);
  }

  function update(what) {
    if (what === "rows" || what === "all") choices();
    if (!lines || base !== record.events[0]) {
      // The first look, or old events were let go.
      base = record.events[0];
      taken = 0;
      lines = new Lines();
      window.swap(lines);
    }
    for (; taken < record.events.length; taken++) take(record.events[taken]);
    window.refresh();
    dirty = true;
    status();
  }
  const status = calmly(() => {
    if (!dirty) return;
    dirty = false;
    const n = lines.number, dropped = lines.dropped > 0 || record.left;
    said.textContent = !record.loaded ? `loading… ${many(n, "line")}` : n === 0 ? (record.live ? "nothing has been printed yet" : "nothing was printed")
      : `${many(n, "line")}${dropped ? "; earlier ones are in the log file" : ""}${record.live ? "" : " · ended"}`;
  }, 200);
  return { element, update, filter: field, follow: () => window.list.follow(!window.list.following), close: () => { window.close(); status.cancel(); } };
}

/** The file itself, in pieces, from its end. */
async function rawLog(attempt) {
  const text = h("pre", { tabindex: 0, "aria-label": "Log file" }), info = h("p", { class: "small dim" });
  const older = h("button", { class: "plain", type: "button" }, "Earlier");
  let first = null;
  const load = async () => {
    const piece = 64 * 1024;
    const answer = await get(`attempts/${part(attempt)}/log`, first == null ? { tail: piece } : { offset: Math.max(0, first - piece), limit: Math.min(piece, first) });
    first = answer.offset;
    text.prepend(answer.text.split("\n").map(plain).join("\n"));
    info.textContent = `${plain(answer.path)} · ${count(answer.size)} bytes, shown from byte ${count(first)}`;
    older.hidden = first === 0;
  };
  older.onclick = () => load().catch(App.fail);
  App.sheet("Log file", [info, older, text]);
  await load().catch((error) => { info.textContent = plain(error.message); older.hidden = true; });
}

function eventsTab(record) {
  let shown = [], taken = 0, base = null, kind = "", text = "", quiet = true;
  const kinds = new Set();
  const list = new Virtual({
    name: "Events", look: "events", height: 28, count: () => shown.length, follow: true,
    row(at) {
      const event = shown[at], tone = kindTone(event);
      return h("div", { "data-seq": event.seq }, h("span", { class: "dim num wide" }, event.seq), h("span", { class: "dim wide" }, clock(event.at_ms)),
        h("span", { class: "state", "data-tone": tone }, icon(tone), event.kind.replace(/_/g, " ")), h("span", null, brief(words(event), 300)));
    },
    pick: (at) => detail(shown[at]),
  });
  const select = h("select", { "aria-label": "Kind", onchange: () => { kind = select.value; again(); } }, h("option", { value: "" }, "every kind"));
  const field = h("input", { type: "search", id: "filter", placeholder: "only events with…", autocomplete: "off", spellcheck: "false", "aria-label": "Only events with this text" });
  field.addEventListener("input", calmly(() => { text = field.value.toLowerCase(); again(); }, 150));
  const box = h("input", { type: "checkbox", onchange: () => { quiet = !box.checked; again(); } });
  const follow = h("button", { class: "plain", type: "button", id: "follow", "aria-pressed": "true", onclick: () => list.follow(!list.following) }, "Follow");
  list.tail = (on) => follow.setAttribute("aria-pressed", on);
  const amount = h("p", { class: "small dim", role: "status", id: "amount" }, "loading…");
  const element = h("section", { class: "card" }, h("div", { class: "page" },
    h("div", { class: "form" }, h("label", { class: "fill" }, select), h("label", { class: "fill" }, field), h("label", null, box, "with output"), follow), list.element, amount));

  const wanted = (event) => (kind ? event.kind === kind : !quiet || (event.kind !== "attempt_output" && event.kind !== "attempt_quiet"))
    && (!text || `${event.kind} ${words(event)}`.toLowerCase().includes(text));
  function again() {
    shown = [];
    taken = 0;
    list.picked = -1;
    update();
  }
  function update() {
    if (base !== record.events[0]) { base = record.events[0]; shown = []; taken = 0; }
    for (; taken < record.events.length; taken++) {
      const event = record.events[taken];
      if (!kinds.has(event.kind)) {
        kinds.add(event.kind);
        put(select, h("option", { value: "" }, "every kind"), [...kinds].sort().map((one) => h("option", { value: one, selected: one === kind }, plain(one.replace(/_/g, " ")))));
      }
      if (wanted(event)) shown.push(event);
    }
    list.refresh();
    status();
  }
  const status = calmly(() => {
    const all = record.events.length;
    amount.textContent = `${record.loaded ? "" : "loading… "}${count(shown.length)} of ${many(all, "event")}${record.left ? "; the rest: orchestrator events" : ""}`;
  }, 150);
  function detail(event) {
    const body = plain(JSON.stringify(event, null, 2).slice(0, 200000).replace(/\n/g, "\u2028")).replace(/⟨U\+2028⟩/g, "\n");
    const attempt = event.attempt_id && h("a", { href: `#/run/${part(record.id)}/output?attempt=${part(event.attempt_id)}` }, "output of its attempt");
    App.sheet(`${event.kind.replace(/_/g, " ")} · ${event.seq}`, [h("p", { class: "dim" }, new Date(event.at_ms).toLocaleString(), attempt ? [" · ", attempt] : ""), h("pre", { tabindex: 0 }, body)]);
  }
  return { element, update, filter: field, follow: () => list.follow(!list.following), close: () => { list.close(); status.cancel(); } };
}
