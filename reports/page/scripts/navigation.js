// The bar: where one is, a search over sections, methods and videos.
const Navigation = (() => {
  const MOST = 12;
  // Names of many sections are wider than the bar: moves them so that one is seen, with its views below.
  function bringNear(item) {
    const list = item.parentElement;
    list.scrollLeft = item.offsetLeft - (list.clientWidth - item.offsetWidth) / 2;
    const views = item.querySelector("ul");
    if (views) views.style.left = `${list.scrollLeft}px`;
  }
  function follow(bar) {
    const links = [...bar.querySelectorAll("a")].map((link) => [link, Elements.target(link)]);
    const update = () => {
      const passed = links.filter(([, target]) => target && target.getClientRects().length && target.getBoundingClientRect().top < 180);
      const [current] = passed[passed.length - 1] || links[0];
      if (current.hasAttribute("aria-current")) return;
      for (const [link] of links) {
        link === current ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
        link.parentElement.classList.toggle("current", link.parentElement.contains(current));
      }
      bringNear(bar.querySelector("ul > li.current"));
    };
    addEventListener("scroll", () => requestAnimationFrame(update), { passive: true });
    update();
  }
  function found(wanted) {
    const sections = [...document.querySelectorAll("nav.bar a")].map((link) => ({
      text: link.textContent, kind: "section", go: () => Elements.target(link).scrollIntoView(),
    }));
    const methods = [...document.querySelectorAll("#ranking tbody tr")].map((row) => ({
      text: row.dataset.method, kind: "method", go: () => {
        document.getElementById("ranking").classList.add("whole");
        row.scrollIntoView({ block: "center" });
        row.classList.add("found");
        setTimeout(() => row.classList.remove("found"), 2500);
      },
    }));
    const videos = Data.all().flatMap((lineUp) => lineUp.videos.map((video, place) => ({
      text: video.name, kind: lineUp.name, go: () => {
        const view = [...document.querySelectorAll(".view[data-view=scores]")].find((one) => one.dataset.dataset === lineUp.name);
        view.scrollIntoView();
        view.openVideo(place);
      },
    })));
    return [...sections, ...methods, ...videos].filter(({ text }) => text.toLowerCase().includes(wanted));
  }
  function search(place) {
    const input = Elements.make("input", "", { type: "search", placeholder: "search", "aria-label": "Search sections, methods and videos" });
    const list = Elements.make("ul", "", { class: "found", "aria-label": "Found", "aria-live": "polite" });
    const clear = () => list.replaceChildren();
    input.addEventListener("input", () => {
      const wanted = input.value.trim().toLowerCase();
      if (!wanted) return clear();
      const all = found(wanted);
      const items = all.slice(0, MOST).map(({ text, kind, go }) => {
        const item = Elements.make("li");
        const button = Elements.button(text, () => {
          clear();
          go();
        });
        button.append(Elements.make("small", kind));
        item.append(button);
        return item;
      });
      if (all.length > MOST) items.push(Elements.make("li", `${all.length - MOST} more`));
      if (!all.length) items.push(Elements.make("li", "nothing is called so"));
      list.replaceChildren(...items);
    });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") clear();
      if (event.key === "Enter" && list.querySelector("button")) list.querySelector("button").click();
    });
    place.append(input, list);
  }
  function start(bar) {
    const tools = Elements.make("div", "", { class: "controls" });
    bar.append(tools);
    Choice.start(Data.all(), tools);
    const box = Elements.make("div", "", { class: "search" });
    search(box);
    tools.append(box);
    follow(bar);
  }
  return { start };
})();
