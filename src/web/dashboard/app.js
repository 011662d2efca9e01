// The dashboard: asks /v1/status every two seconds and shows it. Text only ever becomes text nodes:
// names, arguments and paths were chosen by guests.
"use strict";

const COLOURS = {
  exit: "#2e8b57", signal: "#a8327e", wall: "#d97706", cpu: "#b8860b", memory: "#c2410c", output: "#7c5cd6",
  disk: "#5b6fd6", pids: "#0e7490", denied: "#b91c1c", cancelled: "#64748b", setup: "#7f1d1d",
  "worker-lost": "#111827", expired: "#9ca3af", failed: "#7f1d1d",
};
const $ = (id) => document.getElementById(id);
let token = sessionStorage.getItem("token") || "";
let paused = false;
let timer = 0;

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key === "class") made.className = value; else made.setAttribute(key, value);
  }
  made.append(...children.map((child) => (child instanceof Node ? child : document.createTextNode(String(child)))));
  return made;
}

function drawn(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function duration(ns) {
  if (ns < 1e3) return `${ns} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toPrecision(3)} µs`;
  if (ns < 1e9) return `${(ns / 1e6).toPrecision(3)} ms`;
  if (ns < 6e10) return `${(ns / 1e9).toPrecision(3)} s`;
  if (ns < 36e11) return `${Math.floor(ns / 6e10)} min ${Math.floor((ns % 6e10) / 1e9)} s`;
  return `${(ns / 36e11).toFixed(1)} h`;
}

function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < 4) { bytes /= 1024; ++unit; }
  return `${unit === 0 ? bytes : bytes.toFixed(1)} ${units[unit]}`;
}

const clock = (ns) => new Date(ns / 1e6).toLocaleTimeString("en-GB");
const number = (text) => element("td", { class: "n" }, text);

function cause(name) {
  const badge = element("span", { class: "cause" }, name);
  badge.style.background = COLOURS[name] || "#64748b";
  return element("td", {}, badge);
}

function fill(table, rows, none) {
  const body = $(table).tBodies[0];
  const columns = $(table).tHead.rows[0].cells.length;
  body.replaceChildren(...(rows.length ? rows : [element("tr", {}, element("td", { class: "none", colspan: columns }, none))]));
}

function tile(value, text) {
  return element("div", { class: "tile" }, element("b", {}, value), element("span", {}, text));
}

function showTiles(status) {
  const sum = (key) => status.profiles.reduce((all, profile) => all + profile[key], 0);
  const hour = status.causes.reduce((all, each) => all + each.jobs, 0);
  const good = status.causes.filter((each) => each.cause === "exit").reduce((all, each) => all + each.jobs, 0);
  $("tiles").replaceChildren(
    tile(sum("running"), "running"), tile(sum("queued"), "waiting"), tile(hour, "ended, last hour"),
    tile(hour ? `${(100 * good / hour).toFixed(1)} %` : "–", "by themselves"),
    tile(size(status.store.bytes), `in the spool, ${status.store.jobs} jobs`), tile(status.connections, "connections"));
}

function cancelButton(job) {
  const button = element("button", { type: "button" }, "Cancel");
  button.addEventListener("click", async () => {
    button.disabled = true;
    await ask(`/v1/jobs/${job.id}`, "DELETE");
    refresh();
  });
  return button;
}

function showNow(status) {
  fill("profiles", status.profiles.map((each) => {
    const part = each.capacity ? Math.min(1, each.running / each.capacity) : 0;
    const bar = element("div", {});
    bar.style.width = `${100 * part}%`;
    return element("tr", {}, element("td", {}, each.profile), number(each.running), number(each.queued), number(each.capacity),
      number(each.warm_misses), element("td", {}, element("div", { class: "meter" }, bar)));
  }), "no profiles");
  fill("live", status.live.map((job) => element("tr", {}, element("td", {}, element("code", {}, job.id.slice(0, 12))),
    element("td", {}, job.profile), element("td", {}, job.caller || "–"), element("td", {}, job.where === "stored" ? "waits" : "in hand"),
    number(duration(Math.max(0, status.now_ns - job.since_ns))),
    element("td", {}, cancelButton(job)))), "nothing is running");
  fill("recent", status.recent.map((job) => element("tr", {}, element("td", {}, clock(job.finished_ns)),
    element("td", {}, element("code", {}, job.id.slice(0, 12))), element("td", {}, job.profile), cause(job.cause),
    element("td", { class: "wide" }, job.detail), number(duration(job.queued_ns)), number(duration(job.wall_ns)),
    number(duration(job.cpu_ns)), number(size(job.memory_peak)))), "no job has ended yet");
}

// The bound below which the given part of all jobs lies.
function quantile(histogram, part) {
  let before = 0;
  for (let i = 0; i < histogram.bounds.length; ++i) {
    before += histogram.buckets[i];
    if (before >= part * histogram.count) return `≤ ${duration(histogram.bounds[i] * 1e9)}`;
  }
  return `> ${duration(histogram.bounds[histogram.bounds.length - 1] * 1e9)}`;
}

function histogramChart(histogram) {
  const width = 340, height = 110, base = 90;
  const first = Math.max(0, histogram.buckets.findIndex((count) => count > 0) - 1);
  let last = histogram.buckets.length - 1;
  while (last > first + 5 && histogram.buckets[last] === 0) --last;
  last = Math.min(last + 1, histogram.buckets.length - 1);
  const shown = histogram.buckets.slice(first, last + 1);
  const most = Math.max(1, ...shown);
  const step = width / shown.length;
  const chart = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "durations" });
  shown.forEach((count, i) => {
    const high = count ? Math.max(2, count / most * (base - 14)) : 0;
    const bound = histogram.bounds[first + i];
    const text = bound === undefined ? "longer" : `up to ${duration(bound * 1e9)}`;
    chart.append(drawn("rect", { x: i * step + 1, y: base - high, width: Math.max(1, step - 2), height: high, fill: "var(--bar)", rx: 1.5 },
      drawn("title", {}, document.createTextNode(`${text}: ${count}`))));
    if (i % Math.ceil(shown.length / 5) === 0 && bound !== undefined) {
      chart.append(drawn("text", { x: (i + 1) * step, y: base + 13, "text-anchor": (i + 1) * step > width - 20 ? "end" : "middle" }, document.createTextNode(duration(bound * 1e9))));
    }
  });
  chart.append(drawn("line", { class: "axis", x1: 0, x2: width, y1: base, y2: base }));
  return chart;
}

function showLatency(status) {
  const cards = status.histograms.filter((each) => each.count > 0).map((each) => element("div", { class: "card" },
    element("h3", {}, `${each.profile} · ${each.phase}`),
    element("p", {}, `${each.count} ×, mean ${duration(Math.round(each.sum / each.count * 1e9))}, p50 ${quantile(each, 0.5)}, p99 ${quantile(each, 0.99)}`),
    histogramChart(each)));
  $("histograms").replaceChildren(...(cards.length ? cards : [element("div", { class: "empty" }, "no job has ended yet")]));
}

function showCauses(status) {
  const names = [...new Set(status.causes.map((each) => each.cause))].sort();
  $("legend").replaceChildren(...names.map((name) => {
    const dot = element("i", {});
    dot.style.background = COLOURS[name] || "#64748b";
    const all = status.causes.filter((each) => each.cause === name).reduce((sum, each) => sum + each.jobs, 0);
    return element("span", {}, dot, `${name} ${all}`);
  }));
  const minute = 6e10, end = Math.floor(status.now_ns / minute), width = 1180, height = 240, base = 210, step = width / 60;
  const columns = Array.from({ length: 60 }, () => new Map());
  for (const each of status.causes) {
    const at = 59 - (end - Math.round(each.from_ns / minute));
    if (at >= 0 && at < 60) columns[at].set(each.cause, (columns[at].get(each.cause) || 0) + each.jobs);
  }
  const most = Math.max(1, ...columns.map((column) => [...column.values()].reduce((sum, jobs) => sum + jobs, 0)));
  const chart = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "causes over time" });
  columns.forEach((column, i) => {
    let y = base;
    for (const name of names.filter((each) => column.has(each))) {
      const high = column.get(name) / most * (base - 16);
      y -= high;
      chart.append(drawn("rect", { x: i * step + 1, y, width: step - 2, height: high, fill: COLOURS[name] || "#64748b" },
        drawn("title", {}, document.createTextNode(`${clock((end - 59 + i) * minute)} ${name}: ${column.get(name)}`))));
    }
    if (i % 10 === 9) chart.append(drawn("text", { x: (i + 1) * step, y: base + 15, "text-anchor": "end" }, document.createTextNode(clock((end - 59 + i) * minute).slice(0, 5))));
  });
  chart.append(drawn("line", { class: "axis", x1: 0, x2: width, y1: base, y2: base }),
    drawn("text", { x: 2, y: 10 }, document.createTextNode(`${most} jobs a minute`)));
  $("chart").replaceChildren(element("div", { class: "card" }, chart));
  fill("limits", status.limits.map((each) => element("tr", {}, element("td", {}, each.profile), element("td", {}, each.limit),
    number(each.jobs), element("td", {}, clock(each.last_ns)))), "none");
}

function editBlock(edit) {
  const copy = element("button", { type: "button" }, "Copy");
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(edit);
    copy.textContent = "Copied";
  });
  return element("div", { class: "edit" }, element("pre", {}, edit), copy);
}

function showDenials(status) {
  const open = new Set([...document.querySelectorAll("#denials details[open]")].map((each) => each.dataset.key));
  $("denial-count").hidden = status.denials.length === 0;
  $("denial-count").textContent = status.denials.length;
  const cards = status.denials.map((each) => {
    const card = element("details", { class: "card denial" }, element("summary", {}, element("b", {}, each.call),
      element("span", {}, each.profile), element("span", {}, `${each.calls} calls in ${each.jobs} jobs`),
      element("span", {}, each.action), element("span", { class: "last" }, `last ${clock(each.last_ns)}`)));
    card.dataset.key = `${each.profile} ${each.call} ${each.rule} ${each.edit}`;
    card.open = open.has(card.dataset.key);
    if (each.explanation) card.append(element("pre", {}, each.explanation));
    if (each.edit) {
      card.append(element("p", {}, "would be allowed by, in the policy:"), editBlock(each.edit));
    } else {
      card.append(element("p", {}, "The rule and the narrowest edit are told where somebody watches: run one such job with moat run --watch."));
    }
    return card;
  });
  $("denials").replaceChildren(...(cards.length ? cards : [element("div", { class: "empty" }, "nothing was denied")]));
}

const percent = (part, all) => (all ? `${(part / all * 100).toFixed(part === 0 || part === all ? 0 : 1)} %` : "–");
const arrow = (before, now) => `${before} → ${now}`;
const good = (side) => side.causes.exit || 0;

// Whether two shares differ by more than chance: three standard deviations of their difference.
function beyondChance(before, after) {
  if (before.jobs < 20 || after.jobs < 20) return undefined;
  const all = (good(before) + good(after)) / (before.jobs + after.jobs);
  const deviation = Math.sqrt(all * (1 - all) * (1 / before.jobs + 1 / after.jobs));
  const difference = good(after) / after.jobs - good(before) / before.jobs;
  return Math.abs(difference) > 3 * deviation ? difference : 0;
}

function verdict({ before, after }) {
  const difference = beyondChance(before, after);
  if (difference === undefined) return ["", "too few jobs"];
  if (difference < 0) return ["worse", "fewer are good"];
  if (after.wall_p50_ns > before.wall_p50_ns * 1.2) return ["worse", "slower"];
  if (difference > 0) return ["better", "more are good"];
  return before.wall_p50_ns > after.wall_p50_ns * 1.2 ? ["better", "faster"] : ["", "no difference"];
}

function showRollout(status) {
  const { since_ns: since, digest, profiles } = status.rollout;
  const verdicts = profiles.map(verdict);
  const worse = verdicts.filter(([kind]) => kind === "worse").length;
  $("rollout-count").hidden = worse === 0;
  $("rollout-count").textContent = worse;
  $("rollout-since").textContent = since ? `${digest}, in force since ${new Date(since / 1e6).toLocaleString("en-GB")}` : "";
  fill("rollout", since ? profiles.map((each, i) => {
    const { before, after } = each;
    const others = [...new Set([...Object.keys(before.causes), ...Object.keys(after.causes)])].filter((name) => name !== "exit").sort();
    const shares = others.map((name) => element("span", { class: "share" },
      `${name} ${arrow(percent(before.causes[name] || 0, before.jobs), percent(after.causes[name] || 0, after.jobs))}`));
    const times = (key) => arrow(before.jobs ? duration(before[key]) : "–", after.jobs ? duration(after[key]) : "–");
    return element("tr", {}, element("td", {}, each.profile), number(arrow(before.jobs, after.jobs)),
      number(arrow(percent(good(before), before.jobs), percent(good(after), after.jobs))), element("td", { class: "wide" }, ...shares),
      number(times("wall_p50_ns")), number(times("wall_p99_ns")),
      number(arrow(before.jobs ? size(before.memory_p99) : "–", after.jobs ? size(after.memory_p99) : "–")),
      element("td", {}, element("span", { class: `verdict ${verdicts[i][0]}` }, verdicts[i][1])));
  }) : [], since ? "no job has ended in either" : "there has been one configuration only");
}

async function ask(path, method) {
  return fetch(path, { method: method || "GET", headers: token ? { Authorization: `Bearer ${token}` } : {}, cache: "no-store" });
}

function login(text) {
  $("login").hidden = false;
  $("main").hidden = true;
  $("login-error").textContent = text;
  $("state").textContent = "";
}

function say(text, bad) {
  $("state").textContent = text;
  $("state").className = bad ? "bad" : "";
}

// What is drawn anew under a pressed button takes the click away, and under a selection the text.
let pressed = false;
addEventListener("pointerdown", () => { pressed = true; }, true);
for (const end of ["pointerup", "pointercancel", "blur"]) addEventListener(end, () => { pressed = false; }, true);
const held = () => pressed || !getSelection().isCollapsed;

function draw(status) {
  showTiles(status);
  showNow(status);
  showLatency(status);
  showCauses(status);
  showDenials(status);
  showRollout(status);
}

async function refresh() {
  clearTimeout(timer);
  try {
    const answer = await ask("/v1/status");
    if (answer.status === 401 || answer.status === 403) {
      login(token ? (answer.status === 403 ? "this token is not an operator's" : "this token is not known") : "");
      return;
    }
    if (!answer.ok) throw new Error(`the daemon answered ${answer.status}`);
    const status = await answer.json();
    $("login").hidden = true;
    $("main").hidden = false;
    if (!held()) draw(status);
    say(`${status.draining ? "ending, " : ""}moat ${status.version}, ${clock(status.now_ns)}`, status.draining);
  } catch (error) {
    say(`no answer: ${error.message}`, true);
  }
  if (!paused) timer = setTimeout(refresh, 2000);
}

function choose(view) {
  for (const tab of document.querySelectorAll("#tabs button")) tab.setAttribute("aria-selected", String(tab.dataset.view === view));
  for (const section of document.querySelectorAll("main > section[data-view]")) section.hidden = section.dataset.view !== view;
  history.replaceState(null, "", `#${view}`);
}

for (const tab of document.querySelectorAll("#tabs button")) tab.addEventListener("click", () => choose(tab.dataset.view));
$("pause").addEventListener("click", () => {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", String(paused));
  $("pause").textContent = paused ? "Go on" : "Pause";
  refresh();
});
$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  sessionStorage.setItem("token", token);
  refresh();
});
if (["now", "latency", "causes", "denials", "rollout"].includes(location.hash.slice(1))) choose(location.hash.slice(1));
refresh();
