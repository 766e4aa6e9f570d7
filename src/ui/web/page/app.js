// Addresses, keys, theme: what holds the views together.

const HELP = [
  ["g then n, r, c", "Now, Runs, Costs"], ["j k", "down and up in lists"], ["Enter", "open what is selected"], ["/", "go to the filter"],
  ["1 to 6", "parts of a run"], ["f", "follow the end of a log, or not"], ["arrows + − 0", "in the graph: move, zoom, show all"],
  ["t", "theme: auto, light, dark"], ["Esc", "close, leave the filter"], ["?", "these keys"],
];
const THEMES = ["auto", "light", "dark"];
const TONE_COLORS = { run: "#2b6fd0", good: "#1f8a4c", bad: "#d0342b", warn: "#b07a10", odd: "#8a48c0" };

const App = {
  view: null, path: [], chord: 0, project: "",

  start() {
    history.replaceState(null, "", location.pathname + location.hash);
    this.theme(this.kept());
    $("theme").onclick = () => this.theme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % 3]);
    $("keys").onclick = () => this.help();
    $("skip").onclick = () => $("main").focus();
    for (const dialog of document.querySelectorAll("dialog")) dialog.addEventListener("click", (e) => { if (e.target === dialog) dialog.close(); });
    addEventListener("hashchange", () => this.route());
    addEventListener("keydown", (event) => this.key(event));
    addEventListener("pagehide", () => Link.close());
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
    setInterval(() => this.second(), 1000);
    this.route();
    get("state").then((state) => this.namedAfter(state)).catch(App.fail);
  },

  /** Several pages of several projects are told apart by the project's folder. */
  namedAfter(state) {
    const name = String(state.root || "").split("/").filter(Boolean).pop() || "";
    if (!name || name === this.project) return;
    this.project = brief(name, 40);
    $("project").textContent = this.project;
    $("project").title = plain(state.root);
    if (this.view) this.glance(this.view.glance || { tone: "calm", text: this.view.title });
  },

  go(hash) {
    $("sheet").close();
    location.hash = hash;
  },

  route() {
    const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
    const parts = path.split("/").filter(Boolean).map((one) => { try { return decodeURIComponent(one); } catch { return one; } });
    const asked = new URLSearchParams(query || "");
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    if (Link.over) return;
    if (this.view && this.view.same && this.view.same(parts, asked)) { this.named(); return; }
    Link.close();
    if (this.view && this.view.close) this.view.close();
    const make = { "": overview, runs: () => runsView(asked), costs: costsView, run: () => runView(parts[1] || "", parts[2] || "timeline", asked) }[parts[0] || ""];
    this.view = make ? make() : { element: h("section", { class: "card" }, h("h1", null, "There is no such page"), empty("The address leads nowhere."), h("a", { href: "#/" }, "Now")), title: "?" };
    const main = $("main"), first = main.childElementCount === 0;
    main.replaceChildren(this.view.element);
    scrollTo(0, 0);
    // After a jump the keyboard goes on in the new content, not in what is gone.
    if (!first && (document.activeElement === document.body || !document.activeElement)) main.focus({ preventScroll: true });
    this.named();
  },

  named() {
    for (const link of document.querySelectorAll(".bar nav a")) {
      if (link.dataset.page === this.view.page) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
    }
    this.glance(this.view.glance || { tone: "calm", text: this.view.title });
  },

  /** The title and the icon of the tab say it too. */
  glance({ tone, text }) {
    document.title = [text, this.project, "orchestrator"].filter(Boolean).join(" — ");
    const color = TONE_COLORS[tone] || "#85888f";
    const picture = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="${color}"/></svg>`;
    const address = `data:image/svg+xml,${encodeURIComponent(picture)}`;
    if ($("icon").getAttribute("href") !== address) $("icon").setAttribute("href", address);
  },

  second() {
    for (const element of document.querySelectorAll("[data-since]")) {
      const text = ticking(now() - Number(element.dataset.since)) + element.dataset.after;
      if (element.textContent !== text) element.textContent = text;
    }
    if (this.view && this.view.second) this.view.second();
  },

  kept() {
    try { return localStorage.getItem("theme"); } catch { return null; }
  },

  theme(name) {
    const theme = THEMES.includes(name) ? name : "auto";
    document.documentElement.dataset.theme = theme;
    try { localStorage.setItem("theme", theme); } catch { /* A browser may keep nothing. */ }
    $("theme").textContent = theme[0].toUpperCase() + theme.slice(1);
    $("theme").setAttribute("aria-label", `Theme: ${theme}`);
    $("theme").title = "Theme (t)";
  },

  /** A look that failed is no disaster: the stream comes back, and with it the next look. */
  fail(error) {
    if (error && error.name !== "TypeError" && !(error instanceof Gone)) console.warn(error);
  },

  sheet(title, body) {
    put($("sheet"), h("h2", { id: "sheet-title" }, plain(title)), body, h("button", { class: "plain", type: "button", onclick: () => $("sheet").close() }, "Close"));
    if (!$("sheet").open) $("sheet").showModal();
  },

  help() {
    put($("help"), h("h2", { id: "help-title" }, "Keys"), h("dl", null, HELP.map(([keys, what]) => [h("dt", null, keys.split(" ").map((key) => [/^(then|to)$/.test(key) ? key : h("kbd", null, key.replace(",", "")), " "])), h("dd", null, what)])),
      h("button", { class: "plain", type: "button", onclick: () => $("help").close() }, "Close"));
    $("help").showModal();
  },

  /** j and k: in the list box that is there, or from link to link. */
  move(by) {
    const items = [...document.querySelectorAll("main [data-item]")];
    const box = document.querySelector("main .scroll[role=listbox]");
    if (items.length === 0) {
      if (box) { box.focus({ preventScroll: false }); box.dispatchEvent(new KeyboardEvent("keydown", { key: by > 0 ? "j" : "k", bubbles: true })); return; }
      const graph = document.querySelector("main .graph");
      if (graph) graph.focus();
      return;
    }
    const at = items.indexOf(document.activeElement);
    items[at < 0 ? (by > 0 ? 0 : items.length - 1) : Math.max(0, Math.min(items.length - 1, at + by))].focus();
  },

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const typing = event.target.closest && event.target.closest("input, select, textarea");
    if (event.key === "Escape" && typing) { event.target.blur(); return; }
    if (typing || document.querySelector("dialog[open]")) return;
    const view = this.view || {}, chord = Date.now() < this.chord;
    this.chord = 0;
    const to = chord && { n: "#/", o: "#/", r: "#/runs", c: "#/costs" }[event.key];
    const keys = {
      j: () => this.move(1), k: () => this.move(-1), g: () => { this.chord = Date.now() + 1500; }, t: () => $("theme").click(),
      "?": () => this.help(), f: () => view.follow && view.follow(), "/": () => { const field = view.filter || $("filter"); if (field) { field.focus(); field.select(); } else this.go("#/runs"); },
    };
    if (to) this.go(to);
    else if (keys[event.key]) keys[event.key]();
    else if (/^[1-9]$/.test(event.key) && view.tabs && view.tabs[event.key - 1]) this.go(`#/run/${part(this.path[1] || location.hash.split("/")[2])}/${view.tabs[event.key - 1]}`);
    else return;
    event.preventDefault();
  },
};

App.start();
