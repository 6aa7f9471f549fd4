// The report's page: its charts, and the table of results that can be filtered and sorted.
const content = JSON.parse(document.getElementById("content").textContent);
const names = ["backend", "implementation", "cell", "check", "case", "dtype", "quantity", "verdict"];
const numbers = ["ratio", "error", "spread"];
const columns = content.results;
const rows = columns.ratio.map((_, i) => ({
  ...Object.fromEntries(names.map((name) => [name, columns[name].texts[columns[name].of[i]]])),
  ...Object.fromEntries(numbers.map((name) => [name, columns[name][i]])),
  detail: columns.detail[i] ?? "",
}));
const root = document.documentElement;
const short = (number) => number === null ? "∞" : number === 0 || (Math.abs(number) >= 1e-3 && Math.abs(number) < 1e5)
  ? String(number) : number.toExponential().replace("e+", "e");

// Words and colours. A page from a file may not be allowed to remember.
const remembered = () => { try { return localStorage.getItem("lstm-parity-language"); } catch { return null; } };
const words = (text) => (root.dataset.lang === "zh-CN" && content.words[text]) || text;
const title = document.title;
function speak(language) {
  root.dataset.lang = root.lang = language;
  const button = document.getElementById("language");
  button.textContent = language === "en" ? "中文" : "English";
  button.lang = language === "en" ? "zh-CN" : "en";
  document.title = words(title);
}
const dark = () => root.dataset.colours === "dark" || (!root.dataset.colours && matchMedia("(prefers-color-scheme: dark)").matches);
document.getElementById("language").addEventListener("click", () => {
  speak(root.dataset.lang === "en" ? "zh-CN" : "en");
  try { localStorage.setItem("lstm-parity-language", root.dataset.lang); } catch { /* then not */ }
  show();
  draw();
});
document.getElementById("colours").addEventListener("click", () => {
  root.dataset.colours = dark() ? "light" : "dark";
  draw();
});

// Charts.
const select = document.getElementById("course") ?? document.createElement("select");
for (const course of new Set(content.losses.map((each) => each.course))) select.add(new Option(course));
select.addEventListener("change", () => chart("losses"));
const datasets = {
  ratios: () => rows.filter((row) => row.ratio === null || row.ratio > 0),
  losses: () => content.losses.filter((each) => each.course === select.value)
    .sort((a, b) => b.agrees - a.agrees)  // what fails is drawn over what agrees
    .flatMap((each) => each.losses.map((loss, i) => ({
      who: each.who, kind: each.who === "truth" ? "" : each.agrees ? "agrees" : "fails", minibatch: i + 1, loss}))),
};
const LIGHT = "#1c1c1e", views = {};
const ink = () => (dark() ? "#ececf0" : LIGHT);
function translate(spec) {
  for (const [name, value] of Object.entries(spec)) {
    if (name === "title" && typeof value === "string") spec[name] = words(value);
    else if (value && typeof value === "object" && name !== "datasets") translate(value);
  }
}
async function chart(id) {
  const colour = {expr: "ink"}, text = {labelColor: colour, titleColor: colour};
  const spec = structuredClone(content.charts[id]);
  translate(spec);
  if (datasets[id]) spec.datasets = {...spec.datasets, [id]: datasets[id]()};
  spec.params = [{name: "ink", value: ink()}, {name: "words", value: {agrees: words("agrees"), fails: words("fails")}}];
  Object.assign(spec.config, {axis: {...text, gridColor: "#8884", tickColor: "#888", domainColor: "#888"}, legend: text});
  views[id] = (await vegaEmbed(document.getElementById(id), spec, {
    actions: false, renderer: "canvas", tooltip: {theme: dark() ? "dark" : "light"}})).view;
}
async function draw() {
  for (const id of Object.keys(content.charts)) if (document.getElementById(id)) await chart(id);
  root.dataset.drawn = "yes";
}
// On paper all is dark on white, and nothing is folded.
addEventListener("beforeprint", () => {
  for (const view of Object.values(views)) view.signal("ink", LIGHT).run();
  for (const each of document.querySelectorAll("details")) each.open = true;
});
addEventListener("afterprint", () => { for (const view of Object.values(views)) view.signal("ink", ink()).run(); });

// The table of results.
const form = document.getElementById("filters"), body = document.querySelector("#table tbody");
const PAGE = 100;
let many = PAGE, order = "", down = false;
for (const field of form.querySelectorAll("select")) {
  field.add(new Option("*", ""));
  for (const text of [...new Set(rows.map((row) => row[field.name]))]) field.add(new Option(text));
}
function chosen() {
  const wanted = Object.fromEntries(new FormData(form));
  const search = wanted.search.toLowerCase();
  delete wanted.search;
  const found = rows.filter((row) => Object.entries(wanted).every(([name, text]) => !text || row[name] === text)
    && (!search || names.some((name) => row[name].toLowerCase().includes(search))));
  const value = (row) => (row[order] === null ? Infinity : row[order]);
  if (order) found.sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0) * (down ? -1 : 1));
  return found;
}
function show() {
  const found = chosen();
  body.replaceChildren(...found.slice(0, many).map((row) => {
    const line = document.createElement("tr");
    if (row.verdict !== "pass") line.className = "wrong";
    for (const name of ["backend", "implementation", "check", "case", "dtype", "quantity", ...numbers, "verdict"]) {
      const cell = line.insertCell(), number = numbers.includes(name);
      cell.textContent = number ? short(row[name]) : name === "verdict" ? words(row[name]) : row[name];
      if (number) cell.className = "number";
    }
    line.lastChild.className = "words";
    if (row.detail) line.lastChild.textContent += `: ${row.detail}`;
    return line;
  }));
  document.getElementById("shown").textContent = `${Math.min(many, found.length)} / ${found.length}`;
  document.getElementById("more").hidden = many >= found.length;
}
form.addEventListener("input", () => { many = PAGE; show(); });
form.addEventListener("submit", (event) => event.preventDefault());
document.getElementById("more").addEventListener("click", () => { many += 10 * PAGE; show(); });
for (const button of document.querySelectorAll("[data-sort]")) button.addEventListener("click", () => {
  down = order === button.dataset.sort ? !down : numbers.includes(button.dataset.sort);
  order = button.dataset.sort;
  for (const other of document.querySelectorAll("th[aria-sort]")) other.setAttribute("aria-sort", "none");
  button.parentElement.setAttribute("aria-sort", down ? "descending" : "ascending");
  show();
});
for (const link of document.querySelectorAll("a[data-backend]")) link.addEventListener("click", () => {
  if (!link.dataset.check) return;
  form.reset();
  form.elements.backend.value = link.dataset.backend;
  const cell = columns.cell.texts.includes(link.dataset.check);  // a row of the table for all checks of a cell
  form.elements.cell.value = cell ? link.dataset.check : "lstm";
  if (!cell) form.elements.check.value = link.dataset.check;
  many = PAGE;
  show();
});
for (const button of document.querySelectorAll("[data-copy]")) button.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {  // a page from a file may not
    const field = document.createElement("textarea");
    field.value = button.dataset.copy;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  button.dataset.done = "yes";
  const before = button.innerHTML;
  button.textContent = `✓ ${words("copied")}`;
  setTimeout(() => { button.innerHTML = before; }, 3000);
});
speak(remembered() ?? (navigator.language.startsWith("zh") ? "zh-CN" : "en"));
show();
draw();
