// Tables sort by a click on a heading, inside their groups, are filtered, and are copied as CSV or LaTeX.
const Tables = (() => {
  function valueOf(cell) {
    const shown = cell.querySelector(".value");
    const text = (shown || cell).textContent.trim().replace(/\u2212/g, "-");
    // Figure spaces pad numbers; an interval or a number with a deviation or mark counts by how it begins.
    const number = /^[[<]? ?([+-]?\d+(?:\.\d+)?)(?![.\w])/.exec(text.replace(/\u2007/g, ""));
    return number ? Number(number[1]) : text === "\u2014" ? null : text;
  }
  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), undefined, { numeric: true });
  }
  function sortGroup(group, column, descending) {
    // The heading of a group spans its rows: it is put back in front of whichever comes first.
    const span = group.querySelector("th[rowspan]");
    if (span) span.remove();
    const rows = [...group.rows].filter((row) => row.cells[0].colSpan === 1);
    const keyed = rows.map((row) => [valueOf(row.cells[column - (span ? 1 : 0)]), row]);
    const empty = keyed.filter(([key]) => key === null);
    const filled = keyed.filter(([key]) => key !== null).sort(([a], [b]) => compare(a, b));
    if (descending) filled.reverse();
    for (const [, row] of [...filled, ...empty]) group.append(row);
    if (span) group.rows[0].prepend(span);
  }
  function makeSortable(table) {
    const headings = table.querySelectorAll("thead th");
    const spanned = table.querySelector("th[rowspan]") ? 1 : 0;
    headings.forEach((heading, column) => {
      if (column < spanned) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const descending = heading.getAttribute("aria-sort") === "ascending";
        headings.forEach((other) => other.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
        for (const group of table.tBodies) sortGroup(group, column, descending);
      });
    });
  }
  const isShown = (element) => !element.hidden && element.offsetParent !== null;
  function contents(table) {
    const rows = [...table.rows].filter(isShown);
    const textOf = (cell) => cell.dataset.copied || cell.innerText.trim().replace(/\s+/g, " ");
    return rows.map((row) => [...row.cells].filter(isShown).map(textOf));
  }
  function asCsv(table) {
    const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    return contents(table).map((row) => row.map(quoted).join(",") + "\n").join("");
  }
  const SPECIAL = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}" };
  const MATHS = { "\u2212": "$-$", "±": "$\\pm$", "≤": "$\\le$", "→": "$\\to$", "↓": "$\\downarrow$", "↑": "$\\uparrow$" };
  const NAMED = { "—": "---", "†": "\\dag{}", "‡": "\\ddag{}", "§": "\\S{}", "∞": "$\\infty$", "α": "$\\alpha$" };
  function asLatex(table) {
    const marks = { ...SPECIAL, ...MATHS, ...NAMED };
    const escaped = (text) => text.replace(/[\\~^\u2212±≤→↓↑—†‡§∞α]|[&%$#_{}]/g, (sign) => marks[sign] || `\\${sign}`);
    const [head, ...rows] = contents(table).map((row) => `${row.map(escaped).join(" & ")} \\\\\n`);
    const columns = "l" + "r".repeat(contents(table)[0].length - 1);
    return `\\begin{tabular}{${columns}}\n\\toprule\n${head}\\midrule\n${rows.join("")}\\bottomrule\n\\end{tabular}\n`;
  }
  async function copy(text, button) {
    const area = Elements.make("textarea", text, { readonly: "", "aria-hidden": "true" });
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy"); // also works for a file, where the clipboard's interface may not
    area.remove();
    button.focus();
    const name = button.textContent;
    button.textContent = done ? "copied" : "not copied";
    setTimeout(() => (button.textContent = name), 1500);
  }
  function addTools(table) {
    const tools = Elements.make("div", "", { class: "tools" });
    if (table.tBodies.length && table.rows.length > 8) {
      const filter = Elements.make("input", "", { type: "search", placeholder: "filter rows", "aria-label": "Filter rows" });
      filter.addEventListener("input", () => {
        const wanted = filter.value.toLowerCase();
        for (const group of table.tBodies) {
          for (const row of group.rows) {
            row.classList.toggle("filtered", row.cells[0].colSpan === 1 && !row.textContent.toLowerCase().includes(wanted));
          }
        }
      });
      tools.append(filter);
    }
    const csv = Elements.button("copy CSV", () => copy(asCsv(table), csv));
    const latex = Elements.button("copy LaTeX", () => copy(asLatex(table), latex));
    tools.append(csv, latex);
    (table.closest(".wide") || table).before(tools);
  }
  const nameOf = (row) => {
    const heading = row.querySelector("th[scope=row]");
    return row.dataset.method || (heading ? heading.textContent.replace(/ §$/, "") : "");
  };
  // Rows of methods and columns of datasets that are not chosen are left out.
  function choose(table) {
    for (const row of table.rows) {
      row.hidden = Choice.hides("methods", nameOf(row));
    }
    const cells = [...table.querySelectorAll("[data-dataset]")];
    for (const cell of cells) cell.hidden = Choice.hides("datasets", cell.dataset.dataset);
  }
  function start() {
    for (const table of document.querySelectorAll("table")) {
      makeSortable(table);
      addTools(table);
    }
    Choice.onChange(() => document.querySelectorAll("table").forEach(choose));
  }
  return { start, choose, makeSortable, addTools, asCsv, asLatex };
})();
