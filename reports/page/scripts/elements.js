// Small pieces of the page.
const Elements = (() => {
  function make(tag, text = "", attributes = {}) {
    const element = document.createElement(tag);
    element.textContent = text;
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }
  function button(text, act) {
    const made = make("button", text, { type: "button" });
    made.addEventListener("click", act);
    return made;
  }
  function labelled(text, control) {
    const label = make("label", `${text} `);
    label.append(control);
    return label;
  }
  function choose(label, options, act) {
    const made = make("select");
    for (const [value, text] of Object.entries(options)) made.append(make("option", text, { value }));
    made.addEventListener("change", () => act(made.value));
    return labelled(label, made);
  }
  function table(headings, rows) {
    const made = make("table");
    const head = made.createTHead().insertRow();
    for (const heading of headings) head.append(make("th", heading, { scope: "col" }));
    const body = made.createTBody();
    for (const [name, ...cells] of rows) {
      const row = body.insertRow();
      row.append(make("th", name, { scope: "row" }));
      for (const cell of cells) row.append(cell instanceof Node ? cell : make("td", cell));
    }
    const wide = make("div", "", { class: "wide", tabindex: "0", role: "region", "aria-label": "Table" });
    wide.append(made);
    return wide;
  }
  // Where a link of this page leads; names may have dots, which a selector would take for classes.
  const target = (link) => document.getElementById(link.getAttribute("href").slice(1));
  const percent = (value, digits = 1) => (value === null || value === undefined ? "—" : (100 * value).toFixed(digits));
  return { make, button, labelled, choose, table, target, percent };
})();
