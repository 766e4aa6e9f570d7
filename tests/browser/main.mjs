// Runs every case, or those whose names are given, in one browser; says what happened, and fails if one did.
import path from "node:path";
import { launch, sweep } from "./harness.mjs";
import { cases as driven } from "./cases.mjs";
import { pure } from "./pure.mjs";

/** Cases wait more than they work. */
const AT_ONCE = 3;
const cases = { ...pure, ...driven };
const wanted = process.argv.slice(2);
const names = Object.keys(cases).filter((name) => wanted.length === 0 || wanted.includes(name));
const browser = await launch();
const failed = [];

/** What the page of a failed case showed. */
async function autopsy(name, page) {
  console.log(`  at ${page.url()}\n  faults: ${JSON.stringify(page.faults)}`);
  const picture = path.join(process.env.ORCHESTRATOR_PICTURES || process.env.ORCHESTRATOR_WORK, `${name}.png`);
  await page.screenshot({ path: picture, timeout: 5000 }).catch(() => {});
  console.log(`  text: ${(await page.locator("body").innerText({ timeout: 5000 }).catch(() => "")).slice(0, 1500)}`);
}

async function run(name) {
  const begin = Date.now(), pages = [];
  // Each case has a browser window of its own, that is closed with it.
  const own = { newContext: async (options) => {
    const context = await browser.newContext(options);
    context.on("page", (page) => pages.push(page));
    return context;
  } };
  try {
    const said = await cases[name](own);
    console.log(`ok ${name} ${Date.now() - begin} ms${said ? `: ${said}` : ""}`);
  } catch (error) {
    failed.push(name);
    console.log(`FAILED ${name} after ${Date.now() - begin} ms: ${error.stack || error}`);
    for (const page of pages) if (!page.isClosed()) await autopsy(name, page);
  }
  for (const page of pages) await page.context().close();
}

const queue = [...names];
await Promise.all(Array.from({ length: AT_ONCE }, async () => {
  for (let name = queue.shift(); name; name = queue.shift()) await run(name);
}));
await sweep();
await browser.close();
console.log(failed.length ? `failed: ${failed.join(", ")}` : `all ${names.length} passed`);
process.exitCode = failed.length ? 1 : 0;
