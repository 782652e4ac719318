// How figures are drawn: colours of the page, lines that are told apart, pages of methods, and not before they are seen.
const Charts = (() => {
  const PAGE = 8; // methods that colours and dashes tell apart
  const LIGHT = ["#0072b2", "#d55e00", "#00805e", "#b3498a", "#8a6d00", "#3a87b7", "#5b3a8c", "#555555"];
  const DARK = ["#56b4e9", "#ff8c42", "#3ddbab", "#f08cc4", "#f0d442", "#a9d5f5", "#b69cf0", "#cccccc"];
  const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "solid", "dash", "dot"];
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const line = (place) => ({
    color: (dark.matches ? DARK : LIGHT)[place % PAGE],
    dash: DASHES[place % PAGE],
    width: 1.8,
  });
  const axis = (title, more = {}) => ({
    title: { text: title, standoff: 6 },
    gridcolor: style("--line"),
    zerolinecolor: style("--line"),
    linecolor: style("--faint"),
    ...more,
  });
  function layout(more) {
    return {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: "system-ui, sans-serif", size: 13, color: style("--ink") },
      hoverlabel: { bgcolor: style("--paper"), bordercolor: style("--faint"), font: { color: style("--ink") }, namelength: -1 },
      margin: { l: 56, r: 12, t: 34, b: 48 },
      legend: { orientation: "h", y: -0.2, yanchor: "top", traceorder: "normal", itemclick: false, itemdoubleclick: false },
      ...more,
    };
  }
  async function draw(place, traces, more) {
    const plotly = await Data.plotly();
    await plotly.react(place, traces, layout(more), { displayModeBar: false, responsive: true });
    place.dataset.drawn = String(Number(place.dataset.drawn || 0) + 1);
  }
  // Draws again after what is being drawn, once, however often it is asked meanwhile.
  function oneAtATime(show) {
    let running = false;
    let asked = false;
    return async () => {
      asked = true;
      if (running) return;
      running = true;
      while (asked) {
        asked = false;
        await show();
      }
      running = false;
    };
  }
  // Calls `show` when its place comes near the screen, and again whenever the choice or the colours change.
  function whenSeen(place, show) {
    let seen = false;
    const again = () => seen && !place.closest("[hidden]") && show();
    new IntersectionObserver((entries, observer) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      seen = true;
      again();
    }, { rootMargin: "300px" }).observe(place);
    Choice.onChange(again);
    dark.addEventListener("change", again);
  }
  // Buttons that page through the chosen methods, the best first; `turn` is called with the places to show.
  function pages(lineUp, turn) {
    let page = 0;
    const box = Elements.make("div", "", { class: "pages" });
    const label = Elements.make("span", "", { "aria-live": "polite" });
    const step = (by) => {
      page += by;
      turn();
    };
    const back = Elements.button("◀ better", () => step(-1));
    const on = Elements.button("worse ▶", () => step(1));
    box.append(back, label, on);
    function shown() {
      const places = Choice.places(lineUp);
      const last = Math.max(Math.ceil(places.length / PAGE) - 1, 0);
      page = Math.min(Math.max(page, 0), last);
      const part = places.slice(PAGE * page, PAGE * (page + 1));
      label.textContent = part.length
        ? ` methods ${PAGE * page + 1} to ${PAGE * page + part.length} of ${places.length} `
        : " no method is chosen ";
      back.disabled = page === 0;
      on.disabled = page === last;
      return part;
    }
    return { box, shown };
  }
  // Plotly takes some of what stands between pointed brackets for markup.
  const safe = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  return { draw, oneAtATime, whenSeen, pages, line, axis, style, safe };
})();
