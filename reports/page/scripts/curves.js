// ROC, precision-recall and events over false alarms, and what a movable threshold gives on each.
const Curves = (() => {
  const GRID = [...Array(201).keys()].map((i) => i / 200);
  function panels(lineUp) {
    const found = [];
    const { roc, pr } = lineUp.curves;
    if (roc) found.push({ x: GRID, y: roc, at: ["false_positives", "recall"], axes: ["false-positive rate", "true-positive rate"], title: "ROC" });
    if (pr) found.push({ x: GRID, y: pr, at: ["recall", "precision"], axes: ["recall", "precision"], title: "Precision-recall" });
    if (lineUp.events) {
      const { rates, met } = lineUp.events;
      found.push({ x: rates, y: met, at: ["false_alarms", "met"], axes: ["false alarms per hour", "share of events met"], title: "Events", log: true });
    }
    return found;
  }
  function traces(lineUp, panel, part, level) {
    return part.flatMap((i, place) => {
      const method = lineUp.methods[i];
      const line = Charts.line(place);
      const at = lineUp.thresholds[i];
      const name = `${Elements.percent(method.mean)} ${method.label}`;
      const hover = `%{x:.3~f}, %{y:.3f}<extra>${Charts.safe(method.label)}</extra>`;
      const marker = { x: [at[panel.at[0]][level]], y: [at[panel.at[1]][level]], mode: "markers", showlegend: false };
      return [
        { x: panel.x, y: panel.y[i], name: Charts.safe(name), mode: "lines", line, hovertemplate: hover },
        { ...marker, marker: { color: line.color, size: 10, line: { width: 1.5, color: Charts.style("--paper") } }, hovertemplate: `at the threshold: ${hover}` },
      ];
    });
  }
  function numbers(lineUp, part, level) {
    const headings = ["method", "threshold", "recall (%)", "false positives (%)", "precision (%)"];
    if (lineUp.events) headings.push("false alarms per hour", "events met (%)");
    const rows = part.map((i) => {
      const at = lineUp.thresholds[i];
      const value = at.low + ((at.high - at.low) * level) / 255;
      const cells = ["recall", "false_positives", "precision"].map((name) => Elements.percent(at[name][level]));
      if (lineUp.events) cells.push(at.false_alarms[level].toFixed(1), Elements.percent(at.met[level]));
      return [lineUp.methods[i].label, value.toPrecision(3), ...cells];
    });
    return Elements.table(headings, rows);
  }
  function show(view, lineUp) {
    const drawn = panels(lineUp);
    if (!drawn.length) return;
    const slider = Elements.make("input", "", { type: "range", min: "0", max: "255", value: "128" });
    const level = () => Number(slider.value);
    const share = Elements.make("output");
    const charts = drawn.map(() => Elements.make("div", "", { class: "chart" }));
    const grid = Elements.make("div", "", { class: "charts" });
    grid.append(...charts);
    const below = Elements.make("div", "", { class: "at" });
    const draw = Charts.oneAtATime(async () => {
      const part = paging.shown();
      share.textContent = `${Math.round(level() / 2.55)} % of each method's range of scores`;
      slider.setAttribute("aria-valuetext", share.textContent);
      const place = numbers(lineUp, part, level());
      below.replaceChildren(place);
      Tables.makeSortable(place.firstChild);
      Tables.addTools(place.firstChild);
      for (const [i, panel] of drawn.entries()) {
        const x = Charts.axis(panel.axes[0], panel.log ? { type: "log" } : { range: [0, 1.01] });
        const title = { text: panel.title, x: 0, xanchor: "left", font: { size: 14 } };
        const legendBelow = { orientation: "h", y: -0.22, yanchor: "top", traceorder: "normal", itemclick: false, itemdoubleclick: false };
        await Charts.draw(charts[i], traces(lineUp, panel, part, level()), {
          title, xaxis: x, yaxis: Charts.axis(panel.axes[1], { range: [0, 1.02] }), height: 340 + 22 * part.length,
          margin: { l: 56, r: 12, t: 34, b: 60 + 22 * part.length }, legend: { ...legendBelow, entrywidthmode: "fraction", entrywidth: 1 },
        });
      }
    });
    const paging = Charts.pages(lineUp, draw);
    slider.addEventListener("input", draw);
    const control = Elements.labelled("Threshold", slider);
    control.append(share);
    view.append(Elements.make("h3", "What a threshold gives"), control, paging.box, grid, below);
    const events = lineUp.events ? ` ${lineUp.events.count} events; ${lineUp.events.hours.toFixed(2)} hours outside them at ${lineUp.events.fps} frames per second${lineUp.events.assumed ? " (assumed)" : ""}. The curve of events counts the most false alarms on the way down to a threshold, so the point of a threshold, which counts those at it, may lie to its left.` : "";
    view.append(Elements.make("p", `Curves and thresholds are those of each method's first seed, the numbers before the names the mean ${lineUp.metric} over all seeds. A threshold is moved over the range from a method's lowest to its highest score.${events} Curves of all seeds: in print, and without scripts.`, { class: "note" }));
    view.hidden = false;
    Charts.whenSeen(view, draw);
  }
  return { show };
})();
