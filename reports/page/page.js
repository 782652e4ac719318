// Tables sort by a click on a heading, inside each of their groups. Without scripts they are plain tables.
"use strict";
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
for (const table of document.querySelectorAll("table")) {
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
