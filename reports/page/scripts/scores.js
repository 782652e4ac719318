// The score browser: every test video, with the scores of all chosen methods over its frames.
const Scores = (() => {
  const ORDERS = {
    auc_low: "AUC, worst first",
    auc_high: "AUC, best first",
    alarms: "false alarms, most first",
    differs: "methods differ most",
    name: "name",
  };
  const mean = (values) => (values.length ? values.reduce((a, b) => a + b, 0) / values.length : null);
  // What the list shows of a video and is sorted by: over the chosen methods.
  function measured(lineUp, places, video) {
    const aucs = places.map((i) => lineUp.video_aucs[i][video]).filter((value) => value !== null);
    return {
      auc: mean(aucs),
      differs: aucs.length ? Math.max(...aucs) - Math.min(...aucs) : null,
      alarms: lineUp.videos[video].abnormal ? null : mean(places.map((i) => lineUp.video_alarms[i][video])),
    };
  }
  function sorted(lineUp, places, order, wanted) {
    const key = { auc_low: (m) => m.auc, auc_high: (m) => -m.auc, alarms: (m) => -m.alarms, differs: (m) => -m.differs }[order];
    const needed = { auc_low: "auc", auc_high: "auc", alarms: "alarms", differs: "differs" }[order];
    const found = lineUp.videos
      .map((video, place) => ({ video, place, measured: measured(lineUp, places, place) }))
      .filter(({ video }) => `${video.name} ${video.classes.join(" ")}`.toLowerCase().includes(wanted));
    if (!key) return found.sort((a, b) => a.video.name.localeCompare(b.video.name, undefined, { numeric: true }));
    const lacking = found.filter((one) => one.measured[needed] === null);
    const rest = found.filter((one) => one.measured[needed] !== null);
    return [...rest.sort((a, b) => key(a.measured) - key(b.measured)), ...lacking];
  }
  function said({ auc, alarms, differs }, order) {
    if (order === "differs" && differs !== null) return `AUC differs by ${Elements.percent(differs, 0)}`;
    return auc === null ? (alarms === null ? "" : `${Elements.percent(alarms, 0)} % false alarms`) : `AUC ${Elements.percent(auc, 0)}`;
  }
  // Frame at which each snippet begins, and the end of the last.
  function edges(video) {
    const found = [0];
    for (const frames of video.frames) found.push(found[found.length - 1] + frames);
    return found;
  }
  const NARROW = 640; // pixels below which names stand on the stripes, not beside them
  const scoresOf = (lineUp, video, i) =>
    [...lineUp.scores[i].subarray(video.first, video.first + video.frames.length)].map((level) => level / 255);
  function shading(video) {
    const area = { type: "rect", xref: "x", yref: "paper", line: { width: 0 } };
    return video.events.flatMap(([x0, x1]) => [
      { ...area, x0, x1, y0: 0, y1: 1, fillcolor: Charts.style("--event"), layer: "below" },
      { ...area, x0, x1, y0: 1, y1: 1.03, fillcolor: Charts.line(1).color },
    ]);
  }
  function lines(lineUp, place, part, left) {
    const video = lineUp.videos[place];
    const ends = edges(video);
    const number = (i) => (video.abnormal ? lineUp.video_aucs[i][place] : lineUp.video_alarms[i][place]);
    const ordered = [...part].sort((a, b) => (video.abnormal ? number(b) - number(a) : number(a) - number(b)));
    const traces = ordered.map((i, at) => {
      const scores = scoresOf(lineUp, video, i);
      const label = Charts.safe(lineUp.methods[i].label);
      return {
        x: ends, y: [...scores, scores[scores.length - 1]], name: `${Elements.percent(number(i), 0)} ${label}`, mode: "lines",
        line: { ...Charts.line(at), shape: "hv" }, hovertemplate: `frame %{x}: %{y:.2f}<extra>${label}</extra>`,
      };
    });
    const below = 22 * ordered.length + 60;
    return [traces, {
      height: 300 + below, shapes: shading(video), margin: { l: left, r: 12, t: 16, b: below },
      xaxis: Charts.axis("frame", { range: [0, ends[ends.length - 1]] }),
      yaxis: Charts.axis("scaled score", { range: [0, 1.03] }),
      legend: { orientation: "h", y: -0.18, yanchor: "top", entrywidthmode: "fraction", entrywidth: 1, traceorder: "normal", itemclick: false, itemdoubleclick: false },
    }];
  }
  function stripes(lineUp, place, all, left, narrow) {
    const video = lineUp.videos[place];
    const ends = edges(video);
    const upward = [...all].reverse();
    const trace = {
      type: "heatmap", x: ends, y: upward.map((i) => Charts.safe(lineUp.methods[i].label)), z: upward.map((i) => scoresOf(lineUp, video, i)),
      zmin: 0, zmax: 1, showscale: false, ygap: 1, hovertemplate: "frame %{x}: %{z:.2f}<extra>%{y}</extra>",
      colorscale: [[0, Charts.style("--paper-2")], [1, Charts.style("--stripe")]],
    };
    return [[trace], {
      height: 20 * all.length + 56, shapes: shading(video).map((shape) => ({ ...shape, layer: "above" })), margin: { l: left, r: 12, t: 8, b: 40 },
      xaxis: Charts.axis("frame", { range: [0, ends[ends.length - 1]] }),
      yaxis: { ticks: "", tickfont: { size: 12, color: Charts.style("--ink") }, dtick: 1, ticklabelposition: narrow ? "inside" : "outside" },
    }];
  }
  function heading(video) {
    const kind = video.abnormal ? video.classes.join(", ") || "abnormal" : "normal";
    const frames = video.frames.reduce((a, b) => a + b, 0);
    const events = video.events.length === 1 ? "1 event" : `${video.events.length} events`;
    return `${video.name}: ${kind}, ${frames} frames, ${video.abnormal ? events : "no event"}`;
  }
  function show(view, lineUp) {
    const state = { order: "auc_low", wanted: "", video: null, listed: [] };
    const list = Elements.make("ul", "", { "aria-label": "Test videos" });
    const search = Elements.make("input", "", { type: "search", placeholder: "name or class", "aria-label": "Search test videos" });
    const place = Elements.make("div", "", { class: "chart" });
    const strip = Elements.make("div", "", { class: "chart" });
    const title = Elements.make("h4", "", { "aria-live": "polite" });
    const frames = Elements.make("div", "", { class: "frames" });
    // Key frames stand above the stretch of the axis that each is of.
    const picture = (video, left) => {
      const src = `data:image/jpeg;base64,${video.strip}`;
      frames.style.margin = `0 12px 0 ${left}px`;
      frames.replaceChildren(...(video.strip ? [Elements.make("img", "", { src, alt: `Evenly spaced frames of ${video.name}` })] : []));
    };
    const fill = () => {
      state.listed = sorted(lineUp, Choice.places(lineUp), state.order, state.wanted);
      list.replaceChildren(...state.listed.map((one) => {
        const button = Elements.button(one.video.name, () => open(one.place));
        button.append(Elements.make("small", said(one.measured, state.order)));
        button.classList.toggle("abnormal", one.video.abnormal);
        if (one.place === state.video) button.setAttribute("aria-current", "true");
        const item = Elements.make("li");
        item.append(button);
        return item;
      }));
    };
    const draw = Charts.oneAtATime(async () => {
      const part = paging.shown();
      fill();
      if (state.video === null) state.video = state.listed.length ? state.listed[0].place : 0;
      mark();
      title.textContent = heading(lineUp.videos[state.video]);
      const all = Choice.places(lineUp);
      const narrow = place.clientWidth < NARROW;
      const longest = Math.max(0, ...all.map((i) => lineUp.methods[i].label.length));
      const left = narrow ? 56 : Math.max(56, 7 * longest + 12);
      picture(lineUp.videos[state.video], left);
      await Charts.draw(place, ...lines(lineUp, state.video, part, left));
      strip.hidden = all.length < 2;
      if (!strip.hidden) await Charts.draw(strip, ...stripes(lineUp, state.video, all, left, narrow));
    });
    const mark = () => state.listed.forEach((one, i) => {
      const button = list.children[i].firstChild;
      if (one.place !== state.video) return button.removeAttribute("aria-current");
      button.setAttribute("aria-current", "true");
      list.scrollTop = button.offsetTop - list.offsetTop - list.clientHeight / 2;
    });
    const open = (video) => {
      state.video = video;
      return draw();
    };
    const step = (by) => {
      const at = state.listed.findIndex((one) => one.place === state.video);
      const next = state.listed[Math.min(Math.max(at + by, 0), state.listed.length - 1)];
      if (next) return open(next.place);
    };
    const paging = Charts.pages(lineUp, draw);
    search.addEventListener("input", () => {
      state.wanted = search.value.toLowerCase();
      fill();
    });
    const order = Elements.choose("Order", ORDERS, (value) => {
      state.order = value;
      fill();
    });
    const browser = Elements.make("div", "", { class: "browser", tabindex: "0", role: "region", "aria-label": `Score browser of ${lineUp.name}` });
    browser.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowDown: 1, n: 1, ArrowLeft: -1, ArrowUp: -1, p: -1 }[event.key];
      if (!by || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
      event.preventDefault();
      step(by);
      browser.focus({ preventScroll: true });
    });
    const left = Elements.make("div", "", { class: "videos" });
    left.append(search, order, list);
    const right = Elements.make("div", "", { class: "video" });
    const turning = Elements.make("div", "", { class: "pages" });
    turning.append(Elements.button("previous video", () => step(-1)), Elements.button("next video", () => step(1)));
    right.append(title, turning, paging.box, frames, place, strip);
    browser.append(left, right);
    const joined = lineUp.joined > 1 ? ` To keep the page small, ${lineUp.joined} neighbouring snippets are one, with the highest score.` : "";
    const without = lineUp.strips_left_out ? ` To keep the page small, ${lineUp.strips_left_out} videos whose files are there have no key frames.` : "";
    view.append(Elements.make("h3", "Scores of every test video"), browser);
    view.append(Elements.make("p", `Scores of each method's first seed, in 256 steps from its lowest to its highest on all test videos; shaded: events. Below the lines a stripe for each chosen method, the best first. Before the names: the AUC of the video in percent, in a normal video the percentage of its frames that score at least 0.5; mean over seeds. Arrow keys, or n and p, turn to the next and the previous video.${joined}${without}`, { class: "note" }));
    view.hidden = false;
    view.openVideo = open;
    Charts.whenSeen(view, draw);
  }
  return { show };
})();
