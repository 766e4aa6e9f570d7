// Runs every case, or those whose names are given, in one browser; says what happened, and fails if one did.
import fs from "node:fs";
import path from "node:path";
import { launch } from "./harness.mjs";
import { cases, sweep } from "./cases.mjs";

const wanted = process.argv.slice(2);
const names = Object.keys(cases).filter((name) => wanted.length === 0 || wanted.includes(name));
const browser = await launch();
let failed = 0;
for (const name of names) {
  const begin = Date.now();
  try {
    const said = await cases[name](browser);
    console.log(`ok ${name} ${Date.now() - begin} ms${said ? `: ${said}` : ""}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${name}: ${error.stack || error}`);
    for (const [at, context] of browser.contexts().entries()) {
      for (const page of context.pages()) {
        console.log(`  at ${page.url()}\n  faults: ${JSON.stringify(page.faults)}`);
        const picture = path.join(process.env.ORCHESTRATOR_PICTURES || process.env.ORCHESTRATOR_WORK, `${name}-${at}.png`);
        await page.screenshot({ path: picture, timeout: 5000 }).catch(() => fs.rmSync(picture, { force: true }));
        console.log(`  text: ${(await page.locator("body").innerText({ timeout: 5000 }).catch(() => "")).slice(0, 1500)}`);
      }
    }
  }
  for (const context of browser.contexts()) await context.close();
  await sweep();
}
await browser.close();
console.log(failed ? `${failed} of ${names.length} failed` : `all ${names.length} passed`);
process.exitCode = failed ? 1 : 0;
