// Real processes in scratch projects, and a real browser beside them.
import { execFile, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

/** Waits are for facts; this is only when to give up. */
export const LONG = 60_000;
const PROGRAM = process.env.ORCHESTRATOR_PROGRAM;
const WORK = process.env.ORCHESTRATOR_WORK;
const children = new Set();

export function block(script) {
  return `# Prompt\n\n\`\`\`sh run\n${script}\n\`\`\`\n`;
}

/** A project in a folder of its own, with the embedded agent. */
export class Project {
  constructor(name) {
    this.root = path.join(WORK, name);
    fs.mkdirSync(path.join(this.root, "prompts"), { recursive: true });
    const home = path.join(WORK, "home");
    fs.mkdirSync(home, { recursive: true });
    this.env = { PATH: process.env.PATH, HOME: home, GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" };
    for (const who of ["AUTHOR", "COMMITTER"]) Object.assign(this.env, { [`GIT_${who}_NAME`]: "t", [`GIT_${who}_EMAIL`]: "t@example.org" });
    if (!fs.existsSync(path.join(this.root, "orchestration.yaml"))) this.config("");
    for (const name of ["supervisor", "main"]) {
      if (!fs.existsSync(path.join(this.root, `prompts/${name}.md`))) this.prompt(name, `echo ${name} was here`);
    }
  }

  path(name) {
    return path.join(this.root, name);
  }

  /** Under another name first: who waits for it sees all of it. */
  write(name, text) {
    fs.mkdirSync(path.dirname(this.path(name)), { recursive: true });
    fs.writeFileSync(this.path(name) + ".new", text);
    fs.renameSync(this.path(name) + ".new", this.path(name));
  }

  config(more) {
    this.write("orchestration.yaml", `agent: {default: shell}\n${more}`);
  }

  prompt(name, script) {
    this.write(`prompts/${name}.md`, block(script));
  }

  async run(args, code = 0) {
    const done = promisify(execFile)(PROGRAM, args, { cwd: this.root, env: this.env, maxBuffer: 1 << 28 });
    const { stdout, stderr, code: got = 0 } = await done.catch((error) => error);
    if (got !== code) throw new Error(`${args.join(" ")} ended with ${got}, not ${code}\n${stdout}\n${stderr}`);
    return stdout;
  }

  async json(args) {
    return JSON.parse(await this.run([...args, "--format", "json"]));
  }

  start(args, options = {}) {
    const child = spawn(PROGRAM, args, { cwd: this.root, env: this.env, stdio: ["ignore", "pipe", "pipe"], ...options });
    children.add(child);
    child.ended = new Promise((resolve) => child.once("close", (code) => { children.delete(child); resolve(code); }));
    child.said = "";
    child.stdout.on("data", (data) => { child.said += data; });
    child.stderr.on("data", (data) => { child.said += data; });
    return child;
  }

  /** The page of this project. */
  async serve(port = 0, ...more) {
    const child = this.start(["serve", "--port", String(port), ...more]);
    await until("the address", () => /http:\S+\n/.test(child.said) || child.exitCode != null);
    const found = child.said.match(/http:\S+/);
    if (!found) throw new Error(`no address: ${child.said}`);
    const url = new URL(found[0]);
    return {
      child, url: url.href, origin: url.origin, port: Number(url.port), token: url.searchParams.get("token"),
      async stop(signal = "SIGTERM") { child.kill(signal); await child.ended; },
    };
  }
}

/** A prompt that prints, then waits until the file is there. */
export const gated = (words, file, after = "") => `${words}\nwhile ! test -e ${file}; do sleep 0.05; done\n${after}`;

export async function until(what, done, limit = LONG) {
  const end = Date.now() + limit;
  for (;;) {
    const found = await done();
    if (found) return found;
    if (Date.now() > end) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function same(seen, expected, what) {
  const [a, b] = [JSON.stringify(seen), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: ${a.slice(0, 600)} is not ${b.slice(0, 600)}`);
}

export function check(fact, what) {
  if (!fact) throw new Error(what);
}

/** A browser with a new, empty profile. */
export function launch() {
  return chromium.launch({
    executablePath: process.env.ORCHESTRATOR_CHROMIUM, headless: true, timeout: LONG,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"],
  });
}

/** A page in a window of its own that fails its case if a script fails, a rule is broken, or a stranger is asked. */
export async function open(browser, server, hash = "", options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(LONG);
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(`script: ${error.stack || error}`));
  page.on("console", (message) => { if (/Content Security Policy|Uncaught/.test(message.text())) page.faults.push(message.text()); });
  page.on("dialog", (dialog) => { page.faults.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => { if (!request.url().startsWith(server.origin) && !request.url().startsWith("data:")) page.faults.push(`asked ${request.url()}`); });
  await page.goto(server.url + hash, { timeout: LONG });
  page.finish = async () => { same(page.faults, [], "faults"); await context.close(); };
  return page;
}

/** Nothing that a case began outlives it. */
export async function sweep() {
  const all = [...children];
  for (const child of all) child.kill("SIGTERM");
  const late = setTimeout(() => all.forEach((child) => child.kill("SIGKILL")), 10_000);
  await Promise.all(all.map((child) => child.ended));
  clearTimeout(late);
}
