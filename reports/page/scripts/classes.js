// Class-wise AUC as a heat map: a table whose cells are coloured, so that it sorts, filters and is copied as others do.
const Classes = (() => {
  const DEFINITIONS = { auc_class: "frames of the class's abnormal videos alone", auc_class_vs_normal: "the class against all normal videos" };
  function cell(value) {
    const [mean, low, high] = value || [null, null, null];
    const made = Elements.make("td", Elements.percent(mean), { class: "heat" });
    if (mean === null) return made;
    made.style.setProperty("--heat", String(Math.min(Math.max(2 * mean - 1, -1), 1)));
    made.classList.toggle("below", mean < 0.5);
    const interval = low === null ? "one video, or none that a resample tells apart" : `95 % interval ${Elements.percent(low)} to ${Elements.percent(high)}`;
    made.title = interval;
    made.dataset.copied = Elements.percent(mean); // without what only screen readers are told
    made.append(Elements.make("span", `, ${interval}`, { class: "spoken" }));
    return made;
  }
  function show(view, lineUp) {
    if (!lineUp.classes.length) return;
    const place = Elements.make("div");
    const heading = Elements.make("h3", "Class-wise AUC");
    const draw = (definition) => {
      const headings = ["method", ...lineUp.classes.map((one) => `${one.name} (${one.videos})`)];
      const rows = lineUp.methods.map((method, i) => [method.label, ...lineUp.class_aucs[definition][i].map(cell)]);
      place.replaceChildren(Elements.table(headings, rows));
      const table = place.querySelector("table");
      Tables.makeSortable(table);
      Tables.addTools(table);
      Tables.choose(table);
    };
    view.append(heading, Elements.choose("AUC over the", DEFINITIONS, draw), place);
    view.append(Elements.make("p", "In brackets: test videos of the class. Mean over seeds in percent; blue above 50, vermilion below. Under the pointer: the 95 % interval, the same as the whiskers of the figure in print.", { class: "note" }));
    view.hidden = false;
    draw("auc_class");
  }
  return { show };
})();
