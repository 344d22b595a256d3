// Hours painted on the week: drag over cells, or extend with Shift and arrows; Enter goes to the form that they fill.
// The form is saved as ever: the server tells first whom the hours would not cover.

const DAYS = 7;

interface Place {
  x: number;
  y: number;
}

const grid = document.querySelector<HTMLTableElement>("table[data-paint]");
const form = document.querySelector<HTMLFormElement>("form[data-hours]");

if (grid && form) paint(grid, form);

function paint(grid: HTMLTableElement, form: HTMLFormElement): void {
  const cells = [...grid.querySelectorAll("td")];
  const places = new Map(cells.map((cell, at) => [cell, { x: at % DAYS, y: Math.floor(at / DAYS) }]));
  const lowest = cells.length / DAYS - 1;
  const cellAt = (place: Place) => cells[place.y * DAYS + place.x] as HTMLTableCellElement;
  const hourOf = (y: number) => Number(cellAt({ x: 0, y }).dataset.hour);
  let from: Place = { x: 0, y: 0 };
  let to = from;
  let dragging = false;

  const field = (name: string) => form.elements.namedItem(name) as HTMLInputElement;
  const time = (hour: number) => `${String(hour % 24).padStart(2, "0")}:00`;

  /** Marks the cells between the two ends, and fills the form with them. */
  function mark(): void {
    const [left, right] = [Math.min(from.x, to.x), Math.max(from.x, to.x)];
    const [top, bottom] = [Math.min(from.y, to.y), Math.max(from.y, to.y)];
    for (const [cell, { x, y }] of places) {
      cell.ariaSelected = String(x >= left && x <= right && y >= top && y <= bottom);
    }
    for (let x = 0; x < DAYS; x++) {
      field(`on-${cellAt({ x, y: 0 }).dataset.day}`).checked = x >= left && x <= right;
    }
    field("opens").value = time(hourOf(top));
    field("closes").value = time(hourOf(bottom) + 1);
    form.dispatchEvent(new Event("change", { bubbles: true })); // so that what they would change is shown
  }

  function focus(place: Place): void {
    cellAt(to).tabIndex = -1;
    to = place;
    cellAt(to).tabIndex = 0;
    cellAt(to).focus();
  }

  const placeOf = (target: EventTarget | null) =>
    target instanceof Element ? places.get(target.closest("td") as HTMLTableCellElement) : undefined;

  grid.addEventListener("pointerdown", (event) => {
    const place = placeOf(event.target);
    if (!place || event.button !== 0 || event.pointerType === "touch") return; // a finger scrolls
    event.preventDefault();
    focus(place);
    if (!event.shiftKey) from = place;
    dragging = true;
    mark();
  });
  grid.addEventListener("pointerover", (event) => {
    const place = dragging && placeOf(event.target);
    if (!place) return;
    focus(place);
    mark();
  });
  for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => (dragging = false));

  const steps: Record<string, [number, number]> = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, -1],
    ArrowDown: [0, 1],
  };
  grid.addEventListener("keydown", (event) => {
    if (!placeOf(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = steps[event.key];
    if (step) {
      const x = Math.min(Math.max(to.x + step[0], 0), DAYS - 1);
      const y = Math.min(Math.max(to.y + step[1], 0), lowest);
      focus({ x, y });
      if (!event.shiftKey) from = to;
    } else if (event.key === "Enter") {
      field("opens").focus();
    } else if (event.key !== " ") {
      return;
    }
    event.preventDefault();
    event.stopPropagation(); // the page's own arrows go to another week
    if (!step || event.shiftKey) mark();
  });
}
