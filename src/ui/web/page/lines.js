// What agents print, as lines; and their window, wrapped to its width and drawn only where it is in sight.

/** A line is broken here, so that no single one grows without end. */
const LINE_MOST = 64 * 1024;
/** What is kept: more than this is left to the log file. */
const CHARS_MOST = 48 * 1024 * 1024;
const LINES_MOST = 400000;

/** Lines from pieces of several authors, each of whom ends his own line. Pure but for itself. */
class Lines {
  constructor() {
    this.list = [];
    this.open = new Map();
    this.chars = 0;
    this.number = 0;
    this.dropped = 0;
    this.changed = 0;
  }

  touch(at) {
    this.changed = Math.min(this.changed, at);
  }

  add(text, look, who, more) {
    const line = { raw: text, text: plain(text), look, who, no: more ? 0 : ++this.number };
    this.touch(this.list.length);
    this.list.push(line);
    this.chars += text.length;
    return line;
  }

  /** A piece of output; it may end anywhere. */
  push(who, piece) {
    let own = this.open.get(who);
    // A line end may be cut in two.
    const text = own && own.cut ? "\r" + piece : piece;
    const cut = text.endsWith("\r");
    const parts = (cut ? text.slice(0, -1) : text).split(/\r\n|\n|\r/);
    parts.forEach((part, at) => {
      const ends = at < parts.length - 1;
      while (part.length || ends || !own) {
        if (!own || !own.line) {
          if (!part.length && (!ends || (own && own.more))) break;
          own = { line: this.add(part.slice(0, LINE_MOST), "", who, own && own.more) };
          part = part.slice(LINE_MOST);
        } else {
          const { line } = own, take = part.slice(0, LINE_MOST - line.raw.length);
          line.raw += take;
          line.text = plain(line.raw);
          line.rows = 0;
          this.chars += take.length;
          this.touch(this.list.lastIndexOf(line));
          part = part.slice(take.length);
        }
        if (!part.length) break;
        own = { line: null, more: true };
      }
      if (ends) own = null;
    });
    if (own) own.cut = cut;
    else if (cut) own = { line: null, cut };
    own ? this.open.set(who, own) : this.open.delete(who);
    this.trim();
  }

  /** A line of the page's own. */
  mark(text, look = "mark", who = "") {
    this.add(text, look, who, true);
  }

  trim() {
    if (this.chars <= CHARS_MOST && this.list.length <= LINES_MOST) return;
    let drop = 0;
    while (this.list.length - drop > LINES_MOST * 0.9 || this.chars > CHARS_MOST * 0.9) {
      this.chars -= this.list[drop].raw.length;
      drop += 1;
    }
    this.list.splice(0, drop);
    this.dropped += drop;
    this.changed = 0;
  }
}

const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\ud83c-\ud83e][\udc00-\udfff]/;

/** Where the rows of a text begin when so many cells are in one. Pure. */
function wrap(text, cells) {
  if (text.length <= cells && !WIDE.test(text)) return [0];
  const starts = [0];
  if (!WIDE.test(text)) {
    for (let at = 0; text.length - at > cells;) {
      // Between words, unless that would leave much of the row empty.
      const blank = text.lastIndexOf(" ", at + cells - 1);
      at = blank > at + cells * 0.6 ? blank + 1 : at + cells;
      starts.push(at);
    }
    return starts;
  }
  let used = 0, at = 0;
  for (const c of text) {
    const width = WIDE.test(c) ? 2 : 1;
    if (used + width > cells) { starts.push(at); used = 0; }
    used += width;
    at += c.length;
  }
  return starts;
}

/** A window on lines. */
class LineView {
  constructor(lines, name, { follow = true, names = false } = {}) {
    this.lines = lines;
    this.names = names;
    this.search = "";
    this.shown = [];
    this.starts = [0];
    this.cells = 0;
    this.list = new Virtual({
      name, look: "log", height: 20, follow,
      count: () => this.rows(), row: (at) => this.row(at),
    });
    this.element = this.list.element;
    this.element.classList.toggle("names", names);
  }

  /** Other lines in the same window. */
  swap(lines) {
    this.lines = lines;
    this.again();
  }

  find(text) {
    this.search = text.toLowerCase();
    this.again();
  }

  again() {
    this.shown = [];
    this.starts = [0];
    this.lines.changed = 0;
    this.cells = 0;
    this.list.refresh();
  }

  refresh() {
    this.list.refresh();
  }

  measure() {
    const probe = h("span", { class: "probe" }, "0".repeat(100));
    this.list.sight.append(probe);
    const one = probe.getBoundingClientRect().width / 100 || 8;
    probe.remove();
    this.gutter = this.names ? 12 : Math.max(3, String(this.lines.number).length) + 2;
    return Math.max(16, Math.floor((this.element.clientWidth - 24) / one) - this.gutter);
  }

  /** Brings the count of rows up to date from the first line that changed. */
  rows() {
    const cells = this.measure();
    if (cells !== this.cells) {
      this.cells = cells;
      this.lines.changed = 0;
      for (const line of this.lines.list) line.rows = 0;
      this.element.style.setProperty("--gutter", `${this.gutter}ch`);
    }
    const { list, changed } = this.lines;
    if (changed <= 0) { this.shown = []; this.starts = [0]; }
    else {
      while (this.shown.length && this.shown[this.shown.length - 1] >= changed) { this.shown.pop(); this.starts.pop(); }
    }
    for (let at = Math.max(0, changed); at < list.length; at++) {
      const line = list[at];
      if (this.search && !line.text.toLowerCase().includes(this.search)) continue;
      if (!line.rows) line.rows = wrap(line.text, cells);
      this.shown.push(at);
      this.starts.push(this.starts[this.starts.length - 1] + line.rows.length);
    }
    this.lines.changed = list.length;
    return this.starts[this.starts.length - 1];
  }

  row(at) {
    let low = 0, high = this.shown.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle] <= at) low = middle; else high = middle - 1;
    }
    const line = this.lines.list[this.shown[low]], piece = at - this.starts[low];
    const text = line.text.slice(line.rows[piece], line.rows[piece + 1]);
    const gutter = piece ? "" : this.names ? plain(line.who).slice(0, 11) : line.no || "";
    return h("div", { class: line.look || null }, h("span", { class: "no", "aria-hidden": "true" }, gutter), h("span", { class: "tx" }, text));
  }

  close() {
    this.list.close();
  }
}
