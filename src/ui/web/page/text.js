"use strict";
// Words and numbers for people, and foreign text made harmless to read. Pure.

const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[PX^_][^\u001b]*(?:\u001b\\)?|[ -/]*[0-~])/g;
// Control characters, what turns the direction of text, what has no width.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** A text that says what is in it: colours are dropped, what could not be seen is named. */
function plain(text) {
  let out = String(text);
  if (out.includes("\u001b")) out = out.replace(ESCAPES, "");
  return out.replace(/\t/g, "    ").replace(HIDDEN, (c) => {
    const code = c.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? "\u2421" : `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

/** At most so many characters, in one line. */
function brief(text, most = 200) {
  const line = plain(String(text).slice(0, most * 4).replace(/\s+/g, " ").trim());
  return line.length > most || String(text).length > most * 4 ? line.slice(0, most) + "…" : line;
}

function duration(ms) {
  if (ms == null || Number.isNaN(ms)) return "–";
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const secs = ms / 1000;
  if (secs < 10) return `${secs.toFixed(1)} s`;
  const whole = Math.floor(secs);
  if (whole < 60) return `${whole} s`;
  const two = (n) => String(n).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${two(whole % 60)} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${two(Math.floor(whole / 60) % 60)} m`;
  return `${Math.floor(whole / 86400)} d ${Math.floor(whole / 3600) % 24} h`;
}

/** As it ticks: no tenths that flicker. */
function ticking(ms) {
  return ms < 60000 ? `${Math.floor(Math.max(0, ms) / 1000)} s` : duration(ms);
}

function clock(ms) {
  return new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
}

function moment(ms, now) {
  if (ms == null) return "–";
  const at = new Date(ms), today = new Date(now);
  const time = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  if (at.toDateString() === today.toDateString()) return time;
  const year = at.getFullYear() === today.getFullYear() ? {} : { year: "numeric" };
  return `${at.toLocaleDateString([], { day: "numeric", month: "short", ...year })} ${time}`;
}

function money(usd) {
  if (usd == null) return "–";
  return `$${usd.toFixed(usd > 0 && usd < 0.01 ? 4 : usd > 0 && usd < 1 ? 3 : 2)}`;
}

function count(n) {
  if (n == null) return "–";
  if (n < 10000) return String(n);
  return n < 1e6 ? `${(n / 1e3).toFixed(n < 1e5 ? 1 : 0)} k` : `${(n / 1e6).toFixed(n < 1e8 ? 1 : 0)} M`;
}

function many(n, one, more = one + "s") {
  return `${count(n)} ${n === 1 ? one : more}`;
}

/** What begins the id of a run is enough for every command. */
const shortId = (id) => (/^[0-9a-f]{8}-[0-9a-f]{4}-/.test(id) ? id.slice(0, 13) : id);

const TONES = {
  running: "run", succeeded: "good", ok: "good", complete: "good", failed: "bad", quarantined: "odd", canceled: "warn",
  interrupted: "warn", abandoned: "bad", waiting: "warn", skipped: "calm", pending: "idle", ready: "idle", idle: "calm",
};
const toneOf = (state) => TONES[state] || "calm";

/** An event in one line. */
function words(event) {
  const d = event.data || {};
  const say = {
    run_created: () => d.run_kind,
    run_started: () => `${d.mode} · ${d.limits}${d.branch ? ` · branch ${d.branch}` : ""} · ${d.state}`,
    run_ended: () => `${d.outcome}: ${d.why}`,
    run_interrupted: () => d.reason,
    run_quarantined: () => `${d.reason}${d.evidence && d.evidence.length ? ` (${d.evidence.join(", ")})` : ""}`,
    run_released: () => `${d.reason} → ${d.new_run_id}`,
    step_ready: () => d.step,
    step_skipped: () => `${d.step}: ${d.reason}`,
    state_claimed: () => `${d.role} takes iteration ${d.iteration}${d.reclaimed ? " again" : ""}`,
    prompt_routed: () => `${d.role} → ${d.prompt}: ${d.reason}`,
    attempt_started: () => `${d.step} · ${d.prompt}${d.agent && d.agent !== "-" ? ` · ${d.agent}` : ""}`,
    attempt_output: () => (d.role ? `${d.role}: ${d.text}` : d.text),
    attempt_warning: () => `${d.role}: ${d.text}`,
    attempt_idle: () => `${d.role} has printed nothing for ${duration(d.silent_ms)}`,
    attempt_quiet: () => `${d.role} still works, silent for ${duration(d.silent_ms)}`,
    attempt_active: () => `${d.role} is heard again`,
    attempt_ended: () => d.line,
    rate_limited: () => `${d.role}: ${d.status}`,
    agent_fallback: () => `${d.role}: ${d.from} → ${d.to}: ${d.reason}`,
    retry_scheduled: () => `${d.step}: attempt ${d.attempt} in ${duration(d.delay_ms)}: ${d.reason}`,
    budget_reached: () => `${d.budget}: ${d.used} of ${d.limit}`,
    tool_routed: () => `${d.step} → ${d.choice || "no tool"} (${d.rule ? `rule ${d.rule}, ` : ""}${d.strategy})`,
    oneshot_state: () => `${d.from} → ${d.to}${d.reason ? `: ${d.reason}` : ""}`,
    verdict: () => `${d.verdict}${d.text ? `: ${d.text}` : ""}`,
    gate_passed: () => `${d.step}: ${d.gate}`,
    gate_failed: () => `${d.step}: ${d.gate}: ${d.status}`,
    check_passed: () => d.command,
    check_failed: () => `${d.command}: ${d.status}`,
    breaker_opened: () => `${d.tool} after ${d.failures} failures`,
    breaker_half_open: () => `${d.tool} is on trial`,
    breaker_closed: () => d.tool,
    autocommit: () => `${d.commit || "nothing"} ${d.group}: ${(d.paths || []).join(", ")}`,
    state_stamped: () => `iteration ${d.iteration}: ${d.role} done, ${d.next} is next (${d.status})`,
    state_published: () => `${d.role}, epoch ${d.epoch}: ${d.commit}`,
    state_rejected: () => `${d.role}, epoch ${d.epoch}: ${d.reason}`,
    lease_renewed: () => `${d.role}, epoch ${d.epoch}`,
    lease_lost: () => `${d.role}, epoch ${d.epoch}: ${d.reason}`,
    fenced: () => `${d.role}, epoch ${d.epoch}: ${d.reason}`,
    takeover: () => `${d.role} from ${d.from}: ${d.reason}`,
    stop_requested: () => `by ${d.by}${d.reason ? `: ${d.reason}` : ""}`,
    rescue: () => `${d.reference}: ${d.why}`,
    waiting: () => `${d.role}: ${d.why}`,
    hook_failed: () => `${d.hook}: ${d.error}`,
    signal: () => d.name, notice: () => d.text, warning: () => d.text,
  }[event.kind];
  const text = say && say();
  return typeof text === "string" ? text : JSON.stringify(d);
}

const KIND_TONES = {
  run_ended: "good", attempt_ended: "good", gate_failed: "bad", check_failed: "bad", lease_lost: "bad", fenced: "bad",
  run_quarantined: "odd", state_rejected: "warn", attempt_warning: "warn", warning: "warn", attempt_idle: "warn",
  rate_limited: "warn", budget_reached: "warn", breaker_opened: "warn", hook_failed: "warn", run_interrupted: "warn",
  takeover: "warn", stop_requested: "warn", retry_scheduled: "warn", rescue: "warn", attempt_started: "run", run_started: "run",
};
function kindTone(event) {
  const outcome = event.data && event.data.outcome;
  return outcome && outcome !== "succeeded" ? toneOf(outcome) : KIND_TONES[event.kind] || "calm";
}
