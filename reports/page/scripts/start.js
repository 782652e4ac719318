// What runs when the page is there. Without scripts it is a page of tables and figures.
const VIEWS = { classes: Classes, curves: Curves, embedding: Embedding, scores: Scores };
function showWholeRanking() {
  const figure = document.getElementById("ranking");
  if (!figure || !figure.querySelector(".more")) return;
  const rows = figure.querySelectorAll("tbody tr").length;
  const button = Elements.button(`show all ${rows} methods`, () => {
    const whole = figure.classList.toggle("whole");
    button.textContent = whole ? "show the first only" : `show all ${rows} methods`;
    button.setAttribute("aria-expanded", String(whole));
  });
  button.setAttribute("aria-expanded", "false");
  figure.append(button);
}
function hideUnchosen() {
  for (const section of document.querySelectorAll("section[data-dataset]")) {
    section.hidden = Choice.hides("datasets", section.dataset.dataset);
  }
  hideIdleLinks();
}
function hideIdleLinks() {
  for (const link of document.querySelectorAll("nav.bar a")) {
    link.parentElement.hidden = Boolean(Elements.target(link).closest("[hidden]"));
  }
}
async function start() {
  await Data.load();
  document.documentElement.classList.add("scripts");
  Choice.onChange(hideUnchosen);
  Tables.start();
  Navigation.start(document.querySelector("nav.bar"));
  showWholeRanking();
  for (const view of document.querySelectorAll(".view")) {
    VIEWS[view.dataset.view].show(view, Data.named(view.dataset.dataset));
  }
  // On a screen, figures give way where there is a view in their place.
  const shown = [...document.querySelectorAll(".view:not([hidden])")];
  for (const section of document.querySelectorAll("section[data-dataset]")) {
    const views = shown.filter((view) => view.dataset.dataset === section.dataset.dataset).map((view) => view.dataset.view);
    section.classList.toggle("viewed", views.length > 0);
    for (const figure of section.querySelectorAll("[data-replaced]")) {
      figure.classList.toggle("replaced", views.includes(figure.dataset.replaced));
    }
  }
  hideIdleLinks();
  document.documentElement.dataset.ready = "true";
}
const started = start();
