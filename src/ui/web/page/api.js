// What the server is asked, and its stream.

let skew = 0;
/** The server's time: that of the records. */
const now = () => Date.now() + skew;

class Gone extends Error {}

async function get(path, params = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value != null && value !== "") query.set(name, value);
  }
  const text = query.toString();
  const answer = await fetch(`api/v1/${path}${text ? `?${text}` : ""}`, { headers: { accept: "application/json" } });
  if (answer.status === 401) {
    Link.denied();
    throw new Gone("the token is missing or wrong");
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const error = answer.status === 404 ? Gone : Error;
    throw new error(body.error || `the server answers ${answer.status}`);
  }
  return body;
}
const part = encodeURIComponent;

/** Every kind that the stream may carry by name. */
const KINDS = `run_created run_started run_ended run_quarantined run_released run_interrupted step_ready step_skipped
  attempt_started attempt_output attempt_quiet attempt_idle attempt_active attempt_warning attempt_ended prompt_routed
  tool_routed oneshot_state verdict check_passed check_failed stop_requested agent_fallback gate_passed gate_failed
  breaker_opened breaker_half_open breaker_closed retry_scheduled budget_reached rate_limited state_claimed state_stamped
  state_published state_rejected lease_renewed lease_lost fenced takeover rescue autocommit waiting hook_failed signal
  notice warning`.split(/\s+/);

/**
 * One stream at a time. Each event comes once and in order: what was seen is known by its number, and a connection
 * that was lost goes on behind it.
 */
const Link = {
  source: null, wish: null, last: null, timer: 0, delay: 500, over: false,

  /** `wish`: {run, output, after, event, state, hello}. */
  open(wish) {
    this.close();
    this.wish = wish;
    this.last = wish.after ?? null;
    this.connect();
  },

  close() {
    clearTimeout(this.timer);
    if (this.source) this.source.close();
    this.source = null;
    this.wish = null;
  },

  connect() {
    clearTimeout(this.timer);
    if (this.source) this.source.close();
    const wish = this.wish, query = new URLSearchParams();
    if (wish.run) query.set("run", wish.run);
    if (!wish.output) query.set("output", "no");
    if (this.last != null) query.set("after", this.last);
    const source = new EventSource(`api/v1/stream?${query}`);
    this.source = source;
    const mine = (handle) => (message) => { if (this.source === source) handle(message); };
    source.addEventListener("hello", mine((message) => {
      this.delay = 500;
      this.show("live", "live");
      const { seq } = JSON.parse(message.data);
      // A ledger that begins anew has smaller numbers.
      if (this.last == null || seq < this.last) this.last = seq;
      if (wish.hello) wish.hello(seq);
    }));
    source.addEventListener("state", mine((message) => wish.state && wish.state(JSON.parse(message.data))));
    const event = mine((message) => this.take(JSON.parse(message.data)));
    for (const kind of KINDS) source.addEventListener(kind, event);
    source.onerror = mine(() => {
      if (this.over) return;
      this.show("lost", "reconnecting");
      // The browser tries again by itself unless it was refused; then this does, more and more slowly.
      if (source.readyState !== EventSource.CLOSED) return;
      this.timer = setTimeout(() => this.retry(wish), this.delay);
      this.delay = Math.min(this.delay * 2, 8000);
    });
  },

  /** A stream does not say why it was refused; a document does. */
  async retry(wish) {
    await get("state").catch(() => {});
    if (this.wish === wish && !this.over) this.connect();
  },

  take(event) {
    if (!event || event.seq <= this.last) return;
    if (event.first_seq && event.first_seq <= this.last) {
      // Half of it was seen: asked for again from where it is new.
      this.connect();
      return;
    }
    this.last = event.seq;
    this.wish.event(event);
  },

  show(link, text) {
    const element = $("link");
    if (element.dataset.link === link) return;
    element.dataset.link = link;
    element.textContent = text;
    document.documentElement.dataset.linked = link;
  },

  denied() {
    this.over = true;
    this.close();
    this.show("lost", "signed out");
    $("main").replaceChildren(h("section", { class: "card" }, h("h1", null, "This page is locked"),
      empty("The address lacks the token, or the token has changed. Open the address that the server printed:", "orchestrator serve")));
  },
};
