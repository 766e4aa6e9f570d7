// Makes the pictures of docs/web.md, from real runs: `node tests/browser/screenshots.mjs [FOLDER]`, with the program in
// ORCHESTRATOR_PROGRAM (default: target/debug/orchestrator) and chromium in ORCHESTRATOR_CHROMIUM (/usr/bin/chromium).
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
process.env.ORCHESTRATOR_PROGRAM ||= path.join(here, "../../target/debug/orchestrator");
process.env.ORCHESTRATOR_CHROMIUM ||= "/usr/bin/chromium";
process.env.ORCHESTRATOR_WORK = fs.mkdtempSync(path.join(os.tmpdir(), "orchestrator-pictures-"));
const { Project, launch, open, sweep, until } = await import("./harness.mjs");
const folder = process.argv[2] || path.join(here, "../../docs/images");
fs.mkdirSync(folder, { recursive: true });

const say = (type, more) => `echo '${JSON.stringify({ type, ...more })}'`;
const talk = (lines, pause) => lines.map((text) => `${say("message", { text })}; sleep ${pause}`).join("\n");
const PLANS = ["Reading docs/fix_plan.md: 11 items, 4 of them open.", "The parser accepts `1..2..3`; that is finding 7 and comes first.", "Input for ralph: a failing test, then the smallest change."];
const WORKS = ["Reading src/parser/range.rs.", "Wrote tests/range.rs: three cases, two of them fail as expected.", "Changed `parse_range`: a second `..` is an error with its position.", "cargo test: 214 passed, 0 failed."];

/** Two agents that speak records, with what they used; the fourth iteration goes on until it is told to end. */
async function loop() {
  const project = new Project("parser");
  const git = (...args) => execFileSync("git", args, { cwd: project.root, env: project.env, stdio: "ignore" });
  project.write("planner.sh", `cat >/dev/null\n${talk(PLANS, 0.35)}\n${say("usage", { input_tokens: 18240, output_tokens: 1312, cost_usd: 0.0871 })}\n`);
  project.write("worker.sh", `cat >/dev/null\n${talk(WORKS, 0.6)}\nif test "$ORCHESTRATOR_ITERATION" = 4; then ${talk(["Now the error message: it names the line, the column and the token.", "cargo test range:: … 14 passed."], 0.1)}; while ! test -e logs/enough; do sleep 0.1; done; fi\n${say("usage", { input_tokens: 64180, output_tokens: 5204, cost_usd: 0.3127 })}\n`);
  project.write("orchestration.yaml", "agent: {default: claude-like, roles: {galph: planner, ralph: coder}}\nagents:\n  planner: {command: [sh, planner.sh], output: ndjson}\n  coder: {command: [sh, worker.sh], output: ndjson}\n".replace("default: claude-like", "default: coder"));
  await project.run(["init", "--goal", "a small, strict parser of ranges"]);
  git("init", "-q", "-b", "work");
  git("add", "-A");
  git("commit", "-q", "-m", "begin");
  return { project, run: project.start(["--sync-loops", "4"]) };
}

async function workstream() {
  const project = new Project("docs");
  const steps = [];
  const step = (id, depends_on, secs, more = {}) => steps.push({ id, depends_on, shell: `echo ${id}; sleep ${secs}; echo done`, ...more });
  step("outline", [], 0.3);
  step("inventory", [], 0.4);
  for (const [n, name] of ["concepts", "commands", "config", "recipes", "errors"].entries()) {
    step(`draft-${name}`, n < 3 ? ["outline"] : ["outline", "inventory"], 0.3 + n * 0.1);
    step(`check-${name}`, [`draft-${name}`], 0.25, name === "recipes" ? { shell: "echo 'a recipe does not run: cron.md line 14' >&2; exit 3", on_failure: "skip_dependents" } : {});
  }
  step("examples", ["inventory"], 0.7);
  step("run-examples", ["examples"], 0.4);
  step("glossary", ["check-concepts", "check-commands"], 0.3);
  step("cross-links", ["check-commands", "check-config", "check-errors"], 0.3);
  step("recipe-index", ["check-recipes"], 0.2);
  step("screenshots", ["run-examples"], 0.2, { shell: "echo taking pictures; while ! test -e enough; do sleep 0.1; done" });
  step("site", ["glossary", "cross-links", "screenshots"], 0.2);
  step("publish", ["site", "recipe-index"], 0.2);
  project.write("docs.json", JSON.stringify({ id: "docs", name: "Refresh the docs", max_parallel: 4, on_failure: "continue", steps }));
  return { project, run: project.start(["workstream", "run", "docs.json"]) };
}

const browser = await launch();
async function shot(name, server, hash, ready, options = {}) {
  const page = await open(browser, server, hash, { colorScheme: "light", viewport: { width: 1200, height: 800 }, ...options });
  await ready(page);
  await page.locator("#link[data-link=live]").waitFor();
  // The clocks tick; a picture is taken of a whole second.
  await page.screenshot({ path: path.join(folder, `${name}.png`), animations: "disabled" });
  await page.context().close();
}

try {
  const [turns, docs] = [await loop(), await workstream()];
  const [one, two] = [await turns.project.serve(), await docs.project.serve()];
  const last = async (project) => (await project.json(["history"])).runs[0].run_id;
  const loaded = (page) => page.waitForFunction(() => App.view.record && App.view.record.loaded);
  await until("ralph's long turn", async () => (await turns.project.run(["events", "last", "--format", "json"])).includes("names the line"));
  const id = await last(turns.project);
  const working = (page) => page.locator(".log").getByText("… 14 passed").waitFor();
  await shot("web-now", one, "#/", working);
  await shot("web-phone", one, "#/", working, { colorScheme: "dark", viewport: { width: 360, height: 740 }, deviceScaleFactor: 1.5 });
  await shot("web-run", one, `#/run/${id}`, loaded);
  await shot("web-output", one, `#/run/${id}/output`, async (page) => { await loaded(page); await working(page); await page.getByText(/^\d+ lines/).waitFor(); }, { colorScheme: "dark" });
  await shot("web-costs", one, `#/run/${id}/costs`, (page) => page.locator(".chart").waitFor());
  const stream = await last(docs.project);
  await until("the pictures' step", async () => {
    const { steps } = await docs.project.json(["report", stream]);
    return steps.every((step) => ["succeeded", "failed", "skipped"].includes(step.state) || ["screenshots", "site", "publish"].includes(step.id));
  });
  await shot("web-graph", two, `#/run/${stream}/graph`, (page) => page.locator(".node[data-tone=run]").waitFor(), { colorScheme: "dark" });
  turns.project.write("logs/enough", "");
  docs.project.write("enough", "");
  await Promise.all([turns.run.ended, docs.run.ended]);
} finally {
  await browser.close();
  await sweep();
  fs.rmSync(process.env.ORCHESTRATOR_WORK, { recursive: true, force: true });
}
