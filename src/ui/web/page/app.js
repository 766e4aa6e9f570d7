"use strict";
const $ = (id) => document.getElementById(id);
const get = (path) => fetch("/api/v1/" + path).then((answer) => answer.json());
history.replaceState(null, "", "/");
const show = (state) => {
  $("state").textContent = state.status
    ? `iteration ${state.iteration} · ${state.expected_actor}'s turn · ${state.status}` : "no loop was run here yet";
};
const runs = () => get("runs?limit=20").then(({ runs }) => {
  $("runs").replaceChildren(...runs.map((run) => {
    const item = document.createElement("li");
    item.textContent = `${run.run_id} ${run.kind} ${run.state}`;
    return item;
  }));
});
get("state").then(show);
runs();
const stream = new EventSource("/api/v1/stream?output=no");
stream.addEventListener("state", (message) => { show(JSON.parse(message.data)); runs(); });
for (const kind of ["attempt_started", "attempt_ended", "run_ended"]) {
  stream.addEventListener(kind, (message) => { $("events").append(message.data + "\n"); });
}
