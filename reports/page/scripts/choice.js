// Which methods and datasets are shown: chips in the bar, for everything on the page.
const Choice = (() => {
  const chosen = { methods: new Set(), datasets: new Set() };
  const known = { methods: [], datasets: [] };
  const listeners = [];
  const counts = {};
  function tell() {
    for (const kind of Object.keys(known)) {
      counts[kind].textContent = `${chosen[kind].size} of ${known[kind].length}`;
    }
    for (const listener of listeners) listener();
  }
  function chips(kind, title) {
    const box = document.createElement("details");
    const summary = document.createElement("summary");
    counts[kind] = document.createElement("span");
    counts[kind].className = "count";
    summary.append(`${title} `, counts[kind]);
    const group = document.createElement("div");
    group.className = "chips";
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", title);
    const set = (names) => {
      chosen[kind] = new Set(names);
      for (const chip of group.querySelectorAll("[aria-pressed]")) {
        chip.setAttribute("aria-pressed", String(chosen[kind].has(chip.value)));
      }
      tell();
    };
    for (const name of known[kind]) {
      const chip = Elements.button(name, () => {
        const names = new Set(chosen[kind]);
        names.has(name) ? names.delete(name) : names.add(name);
        set(names);
      });
      chip.value = name;
      chip.setAttribute("aria-pressed", "true");
      group.append(chip);
    }
    group.append(
      Elements.button("all", () => set(known[kind])),
      Elements.button("none", () => set([])),
    );
    box.append(summary, group);
    return box;
  }
  function start(lineUps, place) {
    known.methods = [...new Set(lineUps.flatMap((lineUp) => lineUp.methods.map((method) => method.label)))];
    known.datasets = lineUps.map((lineUp) => lineUp.name);
    chosen.methods = new Set(known.methods);
    chosen.datasets = new Set(known.datasets);
    place.append(chips("methods", "Methods"), chips("datasets", "Datasets"));
    tell();
  }
  return {
    start,
    onChange: (listener) => listeners.push(listener),
    hides: (kind, name) => known[kind].includes(name) && !chosen[kind].has(name),
    // Places of the chosen methods of a line-up, the best first.
    places: (lineUp) => lineUp.methods.map((_, i) => i).filter((i) => chosen.methods.has(lineUp.methods[i].label)),
  };
})();
