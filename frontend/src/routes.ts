// Maps of routes and the lists beside them: what is looked at in one is shown in the other, and a name shows one route
// alone. Where there are tiles the drawing is laid on them, once it comes into view.

const same = (name: string, value: string) => document.querySelectorAll<HTMLElement>(`[data-${name}="${CSS.escape(value)}"]`);

let shown = "";

function show(target: EventTarget | null): void {
  const stop = target instanceof Element ? (target.closest<HTMLElement>("[data-stop]")?.dataset.stop ?? "") : "";
  if (stop === shown) return;
  for (const one of shown ? same("stop", shown) : []) one.classList.remove("on");
  for (const one of stop ? same("stop", stop) : []) {
    one.classList.add("on");
    if (one instanceof SVGElement) one.parentNode?.append(one); // above the others
  }
  shown = stop;
}

document.addEventListener("mouseover", (event) => show(event.target));
document.addEventListener("focusin", (event) => show(event.target));

document.addEventListener("click", (event) => {
  const target = event.target as Element;
  const stop = target.closest<SVGElement>("svg [data-stop]")?.dataset.stop;
  if (stop) document.querySelector<HTMLElement>(`:is(li, tr)[data-stop="${CSS.escape(stop)}"] a`)?.focus();
  const chosen = target.closest<HTMLElement>("[data-only]");
  if (chosen) only(chosen.getAttribute("aria-pressed") === "true" ? "" : chosen.dataset.only!);
});

/** One route alone on all maps of the page, or all of them. */
function only(rank: string): void {
  for (const one of document.querySelectorAll<HTMLElement>("[data-only]")) one.setAttribute("aria-pressed", String(one.dataset.only === rank));
  for (const one of document.querySelectorAll<HTMLElement>(".map [data-who]")) one.classList.toggle("faint", rank !== "" && one.dataset.who !== rank);
}

const coming = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) {
    if (!isIntersecting) continue;
    coming.unobserve(target);
    const figure = target as HTMLElement;
    void import(figure.dataset.ground!).then((ground: typeof import("./ground")) => ground.lay(figure));
  }
});
for (const figure of document.querySelectorAll(".map[data-ground]")) coming.observe(figure);
