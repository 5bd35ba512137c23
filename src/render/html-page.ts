/* Style and script of the page. The script makes elements and text nodes only, so that no name is ever read as markup. */

export const STYLE = `
:root{--ground:#fff;--text:#1b1f24;--quiet:#57606a;--line:#d0d7de;--soft:#f3f5f8;--accent:#0550ae;--good:#116329;--bad:#a40e26;--warn:#7d4e00;--add:#dafbe1;--del:#ffe3e3;--mod:#fff3c9}
@media (prefers-color-scheme:dark){:root{--ground:#0d1117;--text:#e6edf3;--quiet:#9ea7b3;--line:#30363d;--soft:#161b22;--accent:#79c0ff;--good:#56d364;--bad:#ff7b72;--warn:#e3b341;--add:#12361f;--del:#4a1a1f;--mod:#3d3214}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);font:15px/1.5 system-ui,sans-serif}
header,main{max-width:1200px;margin:0 auto;padding:0 1rem}
h1{font-size:1.35rem}h2{font-size:1.1rem;margin-top:2rem;border-bottom:1px solid var(--line)}h3{font-size:1rem}
code,pre,.mono{font:13px/1.45 ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}
pre{overflow:auto;background:var(--soft);padding:.6rem;border:1px solid var(--line)}
.skip{position:absolute;left:-999px}.skip:focus{left:1rem;top:.5rem;background:var(--ground);padding:.3rem}
a{color:var(--accent)}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.2rem .5rem;border-bottom:1px solid var(--line);vertical-align:top}
td.number{text-align:right;white-space:nowrap}
.quiet{color:var(--quiet)}.applicable,.new{color:var(--good)}.needs-work,.warning,.changed{color:var(--warn)}.not-applicable,.error,.deleted{color:var(--bad)}
.bar{display:block;height:.6rem;background:var(--accent);min-width:2px}
.search{display:flex;gap:.6rem;flex-wrap:wrap;align-items:center;margin:.6rem 0}
input,select{font:inherit;color:inherit;background:var(--ground);border:1px solid var(--quiet);padding:.3rem .5rem}
.rows{border:1px solid var(--line);max-height:70vh;overflow:auto}
.row{display:grid;grid-template-columns:5.5rem minmax(10rem,1.4fr) 9rem minmax(8rem,1fr) minmax(8rem,1.2fr);gap:.6rem;width:100%;padding:.25rem .5rem;border:0;border-bottom:1px solid var(--line);background:none;color:inherit;font:inherit;text-align:left;cursor:pointer;overflow-wrap:anywhere;content-visibility:auto;contain-intrinsic-size:auto 2rem}
.row:hover,.row[aria-expanded=true]{background:var(--soft)}
:focus-visible{outline:2px solid var(--accent);outline-offset:-2px}
.detail{padding:.5rem 1rem 1rem;border-bottom:1px solid var(--line)}
.code td{border:0;padding:0 .5rem;white-space:pre-wrap}.code .add{background:var(--add)}.code .del{background:var(--del)}.code .mod{background:var(--mod)}.code .src{color:var(--quiet)}
@media (max-width:700px){.row{grid-template-columns:5rem 1fr}.row>:nth-child(n+3){grid-column:2}}
`;

export const SCRIPT = String.raw`
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const main = document.getElementById("main");
  main.textContent = "";
  const make = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
    for (const child of children.flat()) element.append(child);
    return element;
  };
  const section = (id, title) => {
    const element = make("section", { id, "aria-labelledby": id + "-title" }, make("h2", { id: id + "-title" }, title));
    main.append(element);
    return element;
  };
  const head = (...titles) => make("thead", {}, make("tr", {}, titles.map((title) => make("th", { scope: "col" }, title))));
  const bytes = (row) => (row.pre === row.post ? String(row.pre) : row.pre + " → " + row.post);
  const place = (offset) => (offset < 0 ? "-0x" + (-offset).toString(16) : "+0x" + offset.toString(16));

  const overview = section("overview", "Overview");
  const summary = data.summary;
  if (summary) {
    const counts = Object.entries(summary.functions).map(([status, count]) => count + " " + status).join(", ") || "none";
    overview.append(
      make("p", {}, "Functions: " + counts + ". " + summary.size.pre + " → " + summary.size.post + " bytes; new code " +
        summary.newCode.bytes + " bytes in " + summary.newCode.sections + " sections, " + summary.newCode.imports + " imports. " + data.arch + "."),
      ...summary.inlined.map((one) => make("p", {}, one.functions + " functions changed because " + one.name + " is inlined.")));
  }
  overview.append(make("h3", {}, "Ways to a running system"), make("table", {}, head("way", "status", "why", "to do"),
    make("tbody", {}, data.rungs.map((rung) => make("tr", {}, make("th", { scope: "row" }, rung.rung),
      make("td", { class: rung.status }, rung.status + (rung.rung === data.recommended ? " (recommended)" : "")),
      make("td", {}, rung.why), make("td", {}, rung.work.join("; ")))))));
  if (data.bars.length > 0) {
    const most = Math.max(1, ...data.bars.map((bar) => bar.bytes));
    overview.append(make("h3", {}, "Changed bytes by source file"), make("table", {}, head("file", "functions", "bytes", "share"),
      make("tbody", {}, data.bars.map((bar) => make("tr", {}, make("th", { scope: "row", class: "mono" }, bar.file),
        make("td", { class: "number" }, String(bar.functions)), make("td", { class: "number" }, String(bar.bytes)),
        make("td", { style: "width:40%" }, make("span", { class: "bar", style: "width:" + (100 * bar.bytes) / most + "%", "aria-hidden": "true" })))))));
  }

  const list = section("functions", "Functions (" + data.functions.length + ")");
  const search = make("input", { type: "search", id: "search", autocomplete: "off", "aria-describedby": "found" });
  const states = [...new Set(data.functions.map((one) => one.status))];
  const status = make("select", { id: "status" }, make("option", { value: "" }, "every status"), states.map((one) => make("option", { value: one }, one)));
  const found = make("span", { id: "found", role: "status", class: "quiet" });
  list.append(make("div", { class: "search" }, make("label", { for: "search" }, "Search"), search, make("label", { for: "status" }, "Status"), status, found));
  const rows = make("div", { class: "rows", role: "region", "aria-label": "List of functions", tabindex: "0" });
  list.append(rows);
  const texts = data.functions.map((one) => (one.name + " " + one.label + " " + one.place + " " + one.why + " " + one.object).toLowerCase());
  const buttons = data.functions.map((one, index) => make("button", { type: "button", class: "row", "aria-expanded": "false", "data-index": String(index) },
    make("span", { class: one.status }, one.status), make("span", { class: "mono" }, one.name), make("span", {}, bytes(one)),
    make("span", { class: "mono quiet" }, one.place || one.object), make("span", {}, one.why)));
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
    const shown = buttons.filter((_button, index) => (status.value === "" || data.functions[index].status === status.value) && words.every((word) => texts[index].includes(word)));
    for (const button of buttons) close(button);
    rows.replaceChildren(...shown);
    found.textContent = shown.length + " of " + buttons.length;
  };
  const close = (button) => {
    if (button.getAttribute("aria-expanded") !== "true") return;
    button.setAttribute("aria-expanded", "false");
    if (button.nextSibling && button.nextSibling.className === "detail") button.nextSibling.remove();
  };
  const sideText = (side) => (side ? place(side.offset) + "  " + side.text : "");
  const listing = (rows) => {
    const body = make("tbody");
    for (const row of rows) {
      if (row.gap) body.append(make("tr", {}, make("td", { colspan: "2", class: "src" }, "⋮ " + row.gap + " equal")));
      const source = (row.post && row.post.source) || (row.pre && row.pre.source);
      if (source) body.append(make("tr", {}, make("td", { colspan: "2", class: "src" }, source.file + (source.line ? ":" + source.line : "") + (source.inlined ? " (inlined " + source.inlined + ")" : ""))));
      const kind = row.marker === "+" ? "add" : row.marker === "-" ? "del" : row.marker === "~" ? "mod" : "";
      body.append(make("tr", {}, make("td", { class: row.pre ? kind : "" }, sideText(row.pre)), make("td", { class: row.post ? kind : "" }, sideText(row.post))));
    }
    return make("table", { class: "code mono" }, head("before", "after"), body);
  };
  const detail = (one) => {
    const box = make("div", { class: "detail" });
    box.append(make("p", { class: "mono quiet" }, one.label + (one.place ? "  " + one.place : "") + "  " + one.object));
    if (one.aliases) box.append(make("p", {}, "Also called " + one.aliases.join(", ")));
    if (one.partOf) box.append(make("p", {}, "Part of " + one.partOf));
    if (one.suppressed) box.append(make("p", {}, "Suppressed: " + one.suppressed));
    if (one.causes.length > 0) box.append(make("h3", {}, "Why"), make("ul", {}, one.causes.map((cause) => make("li", {}, cause.text))));
    const first = one.causes.flatMap((cause) => cause.first);
    if (one.instructions && one.instructions.length > 0) box.append(make("h3", {}, "Instructions"), listing(one.instructions));
    else if (first.length > 0) box.append(make("h3", {}, "First instructions"), listing(first.map((row) => ({ ...row, marker: !row.pre ? "+" : !row.post ? "-" : "~" }))));
    if (one.reasons.length > 0) box.append(make("details", {}, make("summary", {}, one.reasons.length + " reasons"), make("table", { class: "mono" }, head("kind", "where", "before", "after"),
      make("tbody", {}, one.reasons.map((reason) => make("tr", {}, make("td", {}, reason.kind), make("td", {}, (reason.within ? reason.within + " " : "") + place(reason.offset)), make("td", {}, reason.was), make("td", {}, reason.is)))))));
    const own = data.findings.filter((finding) => finding.label === one.label);
    if (own.length > 0) box.append(make("h3", {}, "Findings"), make("ul", {}, own.map((finding) => make("li", { class: finding.severity }, finding.code + ": " + finding.message))));
    return box;
  };
  rows.addEventListener("click", (event) => {
    const button = event.target.closest("button.row");
    if (!button) return;
    if (button.getAttribute("aria-expanded") === "true") return close(button);
    button.setAttribute("aria-expanded", "true");
    button.after(detail(data.functions[Number(button.dataset.index)]));
  });
  rows.addEventListener("keydown", (event) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step === 0) return;
    const all = [...rows.querySelectorAll("button.row")];
    const next = all[all.indexOf(document.activeElement) + step];
    if (next) { next.focus(); event.preventDefault(); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/INPUT|SELECT/.test(document.activeElement.tagName)) { search.focus(); event.preventDefault(); }
    if (event.key === "Escape" && document.activeElement === search) { search.value = ""; show(); }
  });
  search.addEventListener("input", show);
  status.addEventListener("change", show);
  show();

  const findings = section("findings", "Findings (" + data.findings.length + ")");
  if (data.findings.length === 0) findings.append(make("p", {}, "None."));
  const byCode = new Map();
  for (const finding of data.findings) byCode.set(finding.code, [...(byCode.get(finding.code) || []), finding]);
  for (const [code, all] of byCode) {
    findings.append(make("details", {}, make("summary", {}, make("span", { class: all[0].severity }, all[0].severity), " ", make("code", {}, code), " ×" + all.length),
      make("p", { class: "quiet" }, data.help[code] || ""), make("ul", {}, all.slice(0, 200).map((finding) => make("li", {}, finding.message)))));
  }

  const code = section("new-code", "New code: why each section is there");
  for (const change of data.code) {
    const children = new Map();
    const labels = new Set(change.sections.map((one) => one.label));
    const roots = [];
    for (const one of change.sections) {
      const match = /^(referenced-by|owner) (.*)$/.exec(one.because);
      if (match && labels.has(match[2]) && match[2] !== one.label) children.set(match[2], [...(children.get(match[2]) || []), one]);
      else roots.push(one);
    }
    const seen = new Set();
    const node = (one, depth) => {
      if (seen.has(one.label) || depth > 40) return make("li", {}, one.label);
      seen.add(one.label);
      const words = [make("code", {}, one.label), " " + one.kind + ", " + one.size + " bytes: ", make("span", { class: "quiet" }, one.because)];
      const below = children.get(one.label) || [];
      return below.length === 0 ? make("li", {}, words) : make("li", {}, make("details", { open: "" }, make("summary", {}, words), make("ul", {}, below.map((next) => node(next, depth + 1)))));
    };
    code.append(make("h3", {}, change.target + ": " + change.patches + " patches"), make("ul", {}, roots.map((one) => node(one, 0))));
    if (change.more > 0) code.append(make("p", {}, "and " + change.more + " more sections"));
    if (change.imports.length > 0) code.append(make("details", {}, make("summary", {}, change.imports.length + " imports"), make("p", { class: "mono" }, change.imports.join(", "))));
  }
  if (data.code.length === 0) code.append(make("p", {}, "None."));

  if (data.layouts.length > 0) section("layouts", "Layouts of types").append(make("pre", { tabindex: "0", role: "region", "aria-label": "Layouts" }, data.layouts.join("\n")));
  main.append(make("p", { class: "quiet" }, data.generator));
})();
`;
