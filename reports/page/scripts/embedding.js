// t-SNE: the video and the frame of the snippet under the pointer.
const Embedding = (() => {
  function show(view, lineUp) {
    const content = lineUp.t_sne;
    if (!content) return;
    const grid = Elements.make("div", "", { class: "charts" });
    const shown = content.panels.map((panel) => [panel, Elements.make("div", "", { class: "chart" })]);
    grid.append(...shown.map(([, place]) => place));
    const draw = async () => {
      for (const [panel, place] of shown) {
        place.hidden = Choice.hides("methods", panel.name);
        if (place.hidden) continue;
        const traces = [["normal", "circle", 0], ["abnormal", "triangle-up", 1]].map(([name, symbol, kind]) => {
          const chosen = content.abnormal.map((_, i) => i).filter((i) => content.abnormal[i] === kind);
          return {
            x: chosen.map((i) => panel.points[i][0]),
            y: chosen.map((i) => panel.points[i][1]),
            text: chosen.map((i) => `${Charts.safe(lineUp.videos[content.video[i]].name)}, from frame ${content.frame[i]}`),
            name, mode: "markers", type: "scatter", marker: { symbol, size: 6, opacity: 0.65, color: Charts.line(kind).color },
            hovertemplate: "%{text}<extra>" + name + "</extra>",
          };
        });
        const hidden = { visible: false };
        const auc = Elements.percent(panel.neighbour_auc, 0);
        const title = `${Charts.safe(panel.name)}<br><sub>k-NN AUC ${auc}, silhouette ${panel.silhouette.toFixed(2)}</sub>`;
        await Charts.draw(place, traces, { xaxis: hidden, yaxis: { ...hidden, scaleanchor: "x" }, height: 340, margin: { l: 8, r: 8, t: 56, b: 30 }, title: { text: title, x: 0, xanchor: "left", font: { size: 14 } }, legend: { orientation: "h", y: -0.02, yanchor: "top" } });
      }
    };
    view.append(Elements.make("h3", "Features and embeddings (t-SNE)"), grid);
    view.hidden = false;
    Charts.whenSeen(view, draw);
  }
  return { show };
})();
