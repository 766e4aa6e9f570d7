// Long lists of which only the rows in sight exist.

/**
 * Rows of one height. `count()` and `row(at)` say what there is; with `pick(at)` it is a list box: one row is picked
 * by keys or pointer, and opened.
 */
class Virtual {
  constructor({ name, look, height, count, row, pick, follow = false }) {
    Object.assign(this, { height, count, row, pick, following: follow, picked: -1, frame: 0, drawn: "" });
    this.id = `list${++Virtual.made}`;
    this.sight = h("div", { class: "sight" });
    this.sizer = h("div", { class: "sizer", role: "presentation" }, this.sight);
    this.element = h("div", {
      class: `scroll ${look}`, tabindex: 0, "aria-label": name, role: pick ? "listbox" : "region",
      onscroll: () => this.scrolled(), onkeydown: (e) => this.key(e), onclick: (e) => this.click(e),
    }, this.sizer);
    this.watch = new ResizeObserver(() => this.refresh(true));
    this.watch.observe(this.element);
  }

  refresh(all = true) {
    if (all) this.drawn = "";
    if (!this.frame) this.frame = requestAnimationFrame(() => { this.frame = 0; this.draw(); });
  }

  draw() {
    const total = this.count(), { element } = this;
    this.sizer.style.height = `${total * this.height}px`;
    if (this.following) element.scrollTop = element.scrollHeight;
    const room = Math.ceil(element.clientHeight / this.height);
    const first = Math.max(0, Math.min(Math.floor(element.scrollTop / this.height), total - room) - 6);
    const end = Math.min(total, first + room + 12);
    const drawn = `${first} ${end}`;
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const rows = [];
    for (let at = first; at < end; at++) rows.push(this.dress(this.row(at), at, total));
    this.sight.style.transform = `translateY(${first * this.height}px)`;
    this.sight.replaceChildren(...rows);
    if (this.shown) this.shown();
  }

  dress(row, at, total) {
    row.classList.add("row");
    row.dataset.at = at;
    if (this.pick) {
      row.id = `${this.id}-${at}`;
      row.setAttribute("role", "option");
      row.setAttribute("aria-posinset", at + 1);
      row.setAttribute("aria-setsize", total);
      row.setAttribute("aria-selected", at === this.picked);
      row.classList.toggle("picked", at === this.picked);
    }
    return row;
  }

  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    const bottom = scrollHeight - scrollTop - clientHeight < this.height * 2;
    if (this.tail !== undefined && bottom !== this.following) {
      this.following = bottom;
      this.tail(bottom);
    }
    this.refresh(false);
  }

  /** Follows the end, or not; `tail` is told of it. */
  follow(on) {
    this.following = on;
    if (this.tail) this.tail(on);
    this.refresh();
  }

  move(by) {
    const total = this.count();
    if (!this.pick || total === 0) return false;
    const top = Math.floor(this.element.scrollTop / this.height);
    const from = this.picked < 0 ? (by > 0 ? top - 1 : top + 1) : this.picked;
    this.picked = Math.max(0, Math.min(total - 1, from + by));
    const y = this.picked * this.height, { element } = this;
    if (y < element.scrollTop) element.scrollTop = y;
    else if (y + this.height > element.scrollTop + element.clientHeight) element.scrollTop = y + this.height - element.clientHeight;
    this.refresh();
    this.frame && (cancelAnimationFrame(this.frame), this.frame = 0);
    this.draw();
    element.setAttribute("aria-activedescendant", `${this.id}-${this.picked}`);
    return true;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.height) - 1);
    const by = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[event.key];
    if (by && this.pick && this.count()) {
      if (Number.isFinite(by)) this.move(by);
      else { this.picked = by < 0 ? 0 : this.count() - 1; this.move(0); }
      event.preventDefault();
      event.stopPropagation();
    } else if (event.key === "Enter" && this.pick && this.picked >= 0) {
      event.preventDefault();
      this.pick(this.picked);
    } else if (event.key === "End" && !this.pick) {
      this.follow(true);
    }
  }

  click(event) {
    const row = event.target.closest("[data-at]");
    if (!row || !this.pick) return;
    this.picked = Number(row.dataset.at);
    this.refresh();
    this.pick(this.picked);
  }

  close() {
    this.watch.disconnect();
    cancelAnimationFrame(this.frame);
  }
}
Virtual.made = 0;
