// The board: draws what the server sent, shows what a drop would break while something is dragged, and sends the drop.
// Times are microseconds since the epoch, as the server has them.
import { judge, type Finding } from "./judge";
import { listen } from "./live";
import { post, Refusal } from "./post";
import { toast } from "./toast";
import { drivesOf, type Drive } from "./travel";
import type { BoardData, Dragged, Technician, Visit } from "./types";

const MINUTE = 60_000_000;
const SNAP = 15 * MINUTE;

const root = document.getElementById("board")!;
let data = JSON.parse(document.getElementById("data")!.textContent!) as BoardData;
const selected = new Set<string>();
const undoStack: (() => Promise<void>)[] = [];

const text = (name: string, value = "") => (data.texts[name] ?? name).replace("%s", value);

function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  content = "",
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (content) made.textContent = content;
  return made;
}

// ---- drawing

const share = (at: number) => ((at - data.hours[0]) / (data.hours[1] - data.hours[0])) * 100;

function put(box: HTMLElement, start: number, end: number): HTMLElement {
  const left = Math.max(0, share(start));
  box.style.left = `${left}%`;
  box.style.width = `${Math.min(100, share(end)) - left}%`;
  return box;
}

const isSeen = (start: number, end: number) => start < data.hours[1] && end > data.hours[0];

const clockFormat = new Intl.DateTimeFormat(data.locale, { timeStyle: "short", timeZone: data.timeZone });
const clock = (at: number) => clockFormat.format(at / 1000);

function kindOf(visit: Visit): string {
  if (visit.status === "COMPLETED") return "v-completed";
  if (visit.late) return "v-late";
  if (!visit.technicians.length) return "v-waiting";
  return visit.arrival ? "v-enroute" : "v-active";
}

function drawVisit(visit: Visit, technician: string, drive?: Drive): HTMLElement {
  const box = put(element("button", `visit ${kindOf(visit)}`), visit.start, visit.end);
  box.append(element("strong", "", visit.title), " ", `${clock(visit.start)} – ${clock(visit.end)}`);
  box.dataset.visit = visit.id;
  box.dataset.technician = technician;
  box.classList.toggle("over", visit.overbooked.includes(technician));
  box.classList.toggle("pinned", visit.pinned);
  box.setAttribute("aria-pressed", String(selected.has(visit.id)));
  const who = nameOf(technician) || text("nobody assigned");
  const marks = [
    visit.late && text("late"),
    visit.overbooked.includes(technician) && text("overbooked"),
    visit.pinned && text("pinned"),
    drive && driveText(drive),
  ];
  box.setAttribute(
    "aria-label",
    [`${visit.title} ${clock(visit.start)} – ${clock(visit.end)}`, who, ...marks.filter(Boolean)].join(", "),
  );
  return box;
}

const driveText = (drive: Drive) =>
  text(drive.tight ? "%s min to drive: too little time" : "%s min to drive", String(drive.minutes));

const nameOf = (id: string) => data.technicians.find((one) => one.id === id)?.name ?? "";

function useOf(technician: Technician, visits: Visit[]): number {
  const hours = technician.hours.reduce((sum, [start, end]) => sum + end - start, 0);
  const taken = visits.reduce((sum, one) => sum + one.end - one.start, 0);
  return hours ? taken / hours : 0;
}

function drawLane(technician: Technician | null, visits: Visit[]): HTMLElement {
  const row = element("div", "lane-row");
  const name = element("div", "lane-name", technician ? technician.name : text("nobody assigned"));
  const lane = element("div", "lane");
  lane.dataset.technician = technician?.id ?? "";
  if (technician) {
    const use = useOf(technician, visits);
    const bar = element("span", "use");
    const part = element("i");
    part.style.width = `${Math.min(100, use * 100)}%`;
    bar.append(part);
    const line = element("small");
    line.append(bar, `${Math.round(use * 100)} %`);
    name.append(line);
    for (const [start, end] of technician.hours) if (isSeen(start, end)) lane.append(put(element("div", "hours"), start, end));
    for (const [start, end, kind] of technician.absences)
      if (isSeen(start, end)) lane.append(put(element("div", "absence", kind), start, end));
  }
  for (const at of data.midnights.slice(1, -1)) lane.append(put(element("div", "midnight"), at, at));
  const drives = technician ? drivesOf(data, technician, visits) : [];
  for (const drive of drives) {
    if (!isSeen(drive.start, drive.end)) continue;
    const box = put(element("div", drive.tight ? "drive tight" : "drive"), drive.start, drive.end);
    box.title = driveText(drive);
    lane.append(box);
  }
  stack(lane, visits, technician?.id ?? "", drives);
  row.append(name, lane);
  return row;
}

/** Visits that overlap stand under one another, and the row grows. */
function stack(lane: HTMLElement, visits: Visit[], technician: string, drives: Drive[]): void {
  const ends: number[] = [];
  const boxes = visits.map((visit) => {
    let level = ends.findIndex((end) => end <= visit.start);
    if (level < 0) level = ends.length;
    ends[level] = visit.end;
    return { box: drawVisit(visit, technician, drives.find((one) => one.visit === visit.id)), level };
  });
  const levels = Math.max(1, ends.length);
  if (levels > 1) lane.style.minHeight = `calc(var(--row) * ${levels})`;
  for (const { box, level } of boxes) {
    if (levels > 1) {
      box.style.top = `calc(${(level / levels) * 100}% + 0.15rem)`;
      box.style.bottom = `calc(${((levels - 1 - level) / levels) * 100}% + 0.15rem)`;
    }
    lane.append(box);
  }
}

function draw(): void {
  const focused = (document.activeElement as HTMLElement | null)?.dataset;
  const old = root.querySelector(".plan");
  const scroll = old ? [old.scrollLeft, old.scrollTop] : [0, 0];
  const plan = element("div", "plan");
  plan.tabIndex = 0;
  plan.setAttribute("role", "region");
  plan.setAttribute("aria-label", document.querySelector("h1")?.textContent ?? "");
  const inner = element("div", "plan-in");
  inner.append(drawAxis());
  const visits = data.visits.filter((one) => one.status !== "CANCELLED" && isSeen(one.start, one.end));
  const byTechnician = new Map<string, Visit[]>();
  for (const visit of visits)
    for (const id of visit.technicians.length ? visit.technicians : [""])
      byTechnician.set(id, [...(byTechnician.get(id) ?? []), visit]);
  const unassigned = byTechnician.get("") ?? [];
  if (unassigned.length) inner.append(drawLane(null, unassigned));
  const drawn = new Set<string>();
  for (const store of data.stores) {
    const team = data.technicians.filter((one) => one.stores[0] === store.id || (one.stores.includes(store.id) && data.stores.length === 1));
    if (team.length && data.stores.length > 1) inner.append(element("div", "group", store.name));
    for (const one of team) {
      drawn.add(one.id);
      inner.append(drawLane(one, byTechnician.get(one.id) ?? []));
    }
  }
  for (const one of data.technicians) if (!drawn.has(one.id)) inner.append(drawLane(one, byTechnician.get(one.id) ?? []));
  plan.append(inner);
  const tray = drawTray();
  old?.remove();
  root.querySelector(".tray")?.remove();
  root.append(plan, tray);
  plan.scrollTo(scroll[0] ?? 0, scroll[1] ?? 0);
  drawNow();
  find();
  refocus(focused);
}

function refocus(was: DOMStringMap | undefined): void {
  if (!was?.visit && !was?.job) return;
  const query = was.visit ? `[data-visit="${CSS.escape(was.visit)}"]` : `[data-job="${CSS.escape(was.job!)}"]`;
  root.querySelector<HTMLElement>(query)?.focus({ preventScroll: true });
}

function drawAxis(): HTMLElement {
  const axis = element("div", "axis");
  const line = element("div", "axis-line");
  const marks = data.midnights.length > 2 ? [...data.days.slice(0, -1)] : data.ticks;
  for (const [at, label] of marks)
    if (at >= data.hours[0] && at < data.hours[1]) {
      const mark = element("span", "", label);
      mark.style.left = `${share(at)}%`;
      line.append(mark);
    }
  axis.append(element("div", "corner", data.zone), line);
  return axis;
}

function drawNow(): void {
  for (const old of root.querySelectorAll(".now")) old.remove();
  const at = data.now + (Date.now() - drawnAt) * 1000;
  if (!isSeen(at, at + 1)) return;
  for (const lane of root.querySelectorAll<HTMLElement>(".lane")) {
    const mark = element("div", "now");
    mark.style.left = `${share(at)}%`;
    lane.append(mark);
  }
}

const STATES: Record<string, string> = {
  PENDING_SCHEDULE: "to schedule",
  HOLD: "on hold",
  CANCELLED: "cancelled",
  PAYMENT_DECLINED: "payment declined",
};

function drawTray(): HTMLElement {
  const tray = element("aside", "tray");
  tray.setAttribute("aria-label", text("to schedule"));
  for (const [state, label] of Object.entries(STATES)) {
    const jobs = data.waiting.filter((one) => one.status === state);
    if (!jobs.length) continue;
    const heading = element("h2", "", `${text(label)} `);
    heading.append(element("span", "count", String(jobs.length)));
    tray.append(heading);
    for (const job of jobs) {
      const box = element("button", "waiting-job");
      box.append(element("strong", "", job.title), element("small", "", [job.buyer, job.place].filter(Boolean).join(" · ")), element("small", "", job.ago));
      box.dataset.job = job.job;
      tray.append(box);
    }
  }
  return tray;
}

// ---- finding

const findField = document.getElementById("find") as HTMLInputElement;

function find(): void {
  const wanted = findField.value.trim().toLowerCase();
  for (const box of root.querySelectorAll<HTMLElement>(".visit, .waiting-job"))
    box.classList.toggle("dim", wanted !== "" && !`${box.textContent} ${nameOf(box.dataset.technician ?? "")}`.toLowerCase().includes(wanted));
}
findField.addEventListener("input", (event) => {
  event.stopPropagation(); // it narrows what is drawn; the form about days need not be sent
  find();
});
findField.addEventListener("change", (event) => event.stopPropagation());

// ---- what is picked up

const visitOf = (box: Element | null) => data.visits.find((one) => one.id === (box as HTMLElement | null)?.dataset.visit);
const waitingOf = (box: Element | null) => data.waiting.find((one) => one.job === (box as HTMLElement | null)?.dataset.job);

function pick(box: HTMLElement): Dragged | null {
  if (!data.mayChange) return null;
  const visit = visitOf(box);
  if (visit) {
    if (visit.status !== "ACTIVE") return null;
    return { job: visit.job, version: visit.version, visit, from: box.dataset.technician ?? "", length: visit.end - visit.start, start: visit.start, store: visit.store, skills: visit.skills, location: visit.location, place: visit.place };
  }
  const waiting = waitingOf(box);
  if (!waiting || waiting.status !== "PENDING_SCHEDULE") return null;
  const like = data.visits.find((one) => one.title === waiting.title);
  return { job: waiting.job, version: waiting.version, visit: null, from: "", length: like ? like.end - like.start : 60 * MINUTE, start: 0, store: waiting.store, skills: like?.skills ?? [], location: like?.location ?? "", place: waiting.at };
}

// ---- the ghost: what a drop there would be

let ghost: HTMLElement | null = null;
let note: HTMLElement | null = null;
let askTimer = 0;

function showGhost(dragged: Dragged, lane: HTMLElement, start: number, x: number, y: number): Finding[] {
  ghost ??= element("div", "ghost");
  note ??= element("div", "ghost-note");
  const technician = data.technicians.find((one) => one.id === lane.dataset.technician) ?? null;
  const findings = judge(data, dragged, technician, start);
  const worst = findings.some((one) => one.hard) ? "bad" : findings.length ? "warn" : "";
  ghost.className = `ghost ${worst}`;
  put(ghost, start, start + dragged.length);
  if (ghost.parentElement !== lane) lane.append(ghost);
  note.replaceChildren(
    element("strong", "", `${clock(start)} – ${clock(start + dragged.length)} ${technician?.name ?? text("nobody assigned")}`),
    ...findings.map((one) => element("div", one.hard ? "bad" : "", text(one.text, one.value))),
  );
  if (!note.isConnected) document.body.append(note);
  note.style.left = `${Math.min(x + 16, window.innerWidth - 330)}px`;
  note.style.top = `${Math.min(y + 16, window.innerHeight - 140)}px`;
  clearTimeout(askTimer);
  askTimer = window.setTimeout(() => void askWhoElse(dragged, start), 250);
  return findings;
}

async function askWhoElse(dragged: Dragged, start: number): Promise<void> {
  const query = new URLSearchParams({ job: dragged.job, start: String(start) });
  const answer = await fetch(`${data.paths.prospects}?${query}`, { headers: { accept: "application/json" } }).catch(() => null);
  if (!answer?.ok || !note?.isConnected) return;
  const found = (await answer.json()) as { name: string; against: string[]; overbooked: boolean }[];
  const free = found.filter((one) => !one.against.length && !one.overbooked).map((one) => one.name);
  note?.append(element("small", "", free.length ? text("free: %s", free.slice(0, 5).join(", ")) : text("nobody is free then")));
}

function dropGhost(): void {
  clearTimeout(askTimer);
  ghost?.remove();
  note?.remove();
  ghost = note = null;
}

// ---- dragging

interface Drag {
  dragged: Dragged;
  box: HTMLElement;
  grabbed: number;
  startX: number;
  startY: number;
  moving: boolean;
  lane: HTMLElement | null;
  start: number;
}
let drag: Drag | null = null;

root.addEventListener("pointerdown", (event) => {
  const box = (event.target as Element).closest<HTMLElement>(".visit, .waiting-job");
  if (!box || event.button !== 0) return;
  if (event.shiftKey || event.ctrlKey || event.metaKey) return toggle(box);
  const dragged = pick(box);
  if (!dragged) return;
  const width = box.getBoundingClientRect();
  const grabbed = dragged.visit ? ((event.clientX - width.left) / width.width) * dragged.length : dragged.length / 2;
  drag = { dragged, box, grabbed, startX: event.clientX, startY: event.clientY, moving: false, lane: null, start: 0 };
});

let frame = 0;
document.addEventListener("pointermove", (event) => {
  if (!drag) return;
  if (!drag.moving && Math.hypot(event.clientX - drag.startX, event.clientY - drag.startY) < 5) return;
  event.preventDefault();
  if (!drag.moving) {
    drag.moving = true;
    // The hand is that of whoever holds the pointer: a class on the whole page would have all of it styled and painted anew.
    drag.box.classList.add("lifted");
    drag.box.setPointerCapture(event.pointerId);
    closeMenu();
  }
  const { clientX, clientY } = event;
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(() => hover(clientX, clientY));
});

function hover(x: number, y: number): void {
  if (!drag) return;
  const lane = document.elementFromPoint(x, y)?.closest<HTMLElement>(".lane") ?? null;
  drag.lane = lane;
  if (!lane) return dropGhost();
  const area = lane.getBoundingClientRect();
  const at = data.hours[0] + ((x - area.left) / area.width) * (data.hours[1] - data.hours[0]) - drag.grabbed;
  // A drag straight up or down keeps the time to the minute; sideways it snaps.
  const keeps = drag.dragged.visit && Math.abs(x - drag.startX) < 8;
  drag.start = keeps ? drag.dragged.start : snap(at);
  showGhost(drag.dragged, lane, drag.start, x, y);
}

document.addEventListener("selectstart", (event) => drag && event.preventDefault());

const snap = (at: number) => Math.round((at - data.window[0]) / SNAP) * SNAP + data.window[0];

document.addEventListener("pointerup", () => {
  const done = drag;
  drag = null;
  done?.box.classList.remove("lifted");
  if (!done?.moving) return;
  suppressClick = true;
  setTimeout(() => (suppressClick = false), 0);
  dropGhost();
  if (done.lane) void drop(done.dragged, done.lane.dataset.technician ?? "", done.start);
});
document.addEventListener("pointercancel", () => {
  drag?.box.classList.remove("lifted");
  drag = null;
  dropGhost();
});

// ---- deciding: sent to the server, which has the last word

async function drop(dragged: Dragged, technician: string, start: number): Promise<void> {
  const together = dragged.visit && selected.has(dragged.visit.id) && selected.size > 1;
  if (!together) return place(dragged, technician, start);
  const shift = start - dragged.start;
  for (const id of [...selected]) {
    const visit = data.visits.find((one) => one.id === id && one.status === "ACTIVE");
    const box = visit && root.querySelector<HTMLElement>(`[data-visit="${CSS.escape(id)}"]`);
    const one = box && pick(box);
    if (one) await place(one, technician, one.start + shift);
  }
  selected.clear();
}

async function place(dragged: Dragged, technician: string, start: number): Promise<void> {
  const visit = dragged.visit;
  const moved = !visit || start !== visit.start;
  const crew = crewAfter(visit, dragged.from, technician);
  const restaffed = crew.join() !== (visit?.technicians ?? []).join();
  if (!moved && !restaffed) return;
  const body = { job: dragged.job, version: dragged.version, start: moved ? start : null, technicians: restaffed || (moved && crew.length) ? crew : null };
  try {
    const answer = await post<{ warnings: string[] }>(data.paths.place, body);
    await refresh();
    const undo = undoOf(dragged, visit);
    undoStack.push(undo);
    const what = !visit ? "Booked" : moved ? "Moved" : "Assigned";
    toast([text(what), ...answer.warnings].join(". "), { label: text("Undo"), run: () => void runUndo() });
  } catch (fault) {
    await tell(fault);
  }
}

/** Pin a visit to its technicians, or take the pin off; undo turns it round. */
async function pin(visit: Visit): Promise<void> {
  try {
    await post(data.paths.pin, { job: visit.job, version: visit.version, pinned: !visit.pinned });
    await refresh();
    undoStack.push(async () => {
      const now = data.visits.find((one) => one.id === visit.id);
      if (!now) throw new Refusal(text("That cannot be undone here."), 409);
      await post(data.paths.pin, { job: now.job, version: now.version, pinned: visit.pinned });
    });
    toast(text(visit.pinned ? "No longer pinned" : "Pinned"), { label: text("Undo"), run: () => void runUndo() });
  } catch (fault) {
    await tell(fault);
  }
}

/** Dropping on a lane puts its technician in the place of the one it was taken from; others of a team stay. */
function crewAfter(visit: Visit | null, from: string, to: string): string[] {
  const rest = (visit?.technicians ?? []).filter((one) => one !== from);
  return to ? [...new Set([...rest, to])] : rest;
}

function undoOf(dragged: Dragged, before: Visit | null): () => Promise<void> {
  return async () => {
    const now = data.visits.find((one) => one.job === dragged.job && one.status === "ACTIVE");
    if (!now) throw new Refusal(text("That cannot be undone here."), 409);
    if (!before) await post(data.paths.unplace, { job: now.job, version: now.version });
    else await post(data.paths.place, { job: now.job, version: now.version, start: before.start, technicians: before.technicians });
  };
}

async function runUndo(): Promise<void> {
  const undo = undoStack.pop();
  if (!undo) return toast(text("Nothing to undo"));
  try {
    await undo();
    await refresh();
    toast(text("Undone"));
  } catch (fault) {
    await tell(fault);
  }
}

async function tell(fault: unknown): Promise<void> {
  if (fault instanceof Refusal) {
    if (fault.status === 409) await refresh().catch(() => undefined);
    toast(fault.message);
  } else toast(text("No connection. Nothing was changed; try again."));
}

let drawnAt = Date.now();

async function refresh(): Promise<void> {
  const answer = await fetch(data.paths.data + location.search, { headers: { accept: "application/json" } });
  if (!answer.ok) return;
  data = (await answer.json()) as BoardData;
  drawnAt = Date.now();
  draw();
}

// ---- clicks, selection, and the menu

let suppressClick = false;
let menu: HTMLElement | null = null;

root.addEventListener("click", (event) => {
  if (suppressClick || event.shiftKey || event.ctrlKey || event.metaKey) return;
  const box = (event.target as Element).closest<HTMLElement>(".visit, .waiting-job");
  if (box) openJob(box);
});

function jobOf(box: HTMLElement): string {
  return visitOf(box)?.job ?? box.dataset.job ?? "";
}

function openJob(box: HTMLElement): void {
  location.assign(`${data.paths.jobs}/${encodeURIComponent(jobOf(box))}`);
}

function toggle(box: HTMLElement): void {
  const id = box.dataset.visit;
  if (!id) return;
  if (!selected.delete(id)) selected.add(id);
  for (const one of root.querySelectorAll<HTMLElement>(`[data-visit="${CSS.escape(id)}"]`))
    one.setAttribute("aria-pressed", String(selected.has(id)));
  if (selected.size) toast(`${selected.size} ${text("selected")}`, undefined, 2000);
}

root.addEventListener("contextmenu", (event) => {
  const box = (event.target as Element).closest<HTMLElement>(".visit, .waiting-job");
  if (!box) return;
  event.preventDefault();
  openMenu(box, event.clientX, event.clientY);
});

function openMenu(box: HTMLElement, x: number, y: number): void {
  closeMenu();
  menu = element("div", "menu");
  menu.setAttribute("role", "menu");
  const entry = (label: string, run: () => void) => {
    const button = element("button", "", label);
    button.setAttribute("role", "menuitem");
    button.addEventListener("click", () => {
      closeMenu();
      run();
    });
    menu!.append(button);
  };
  entry(text("Open job"), () => openJob(box));
  const dragged = pick(box);
  if (dragged?.visit) {
    entry(text("Who could?"), () => void whoCould(dragged));
    const { visit } = dragged;
    if (visit.technicians.length)
      entry(text(visit.pinned ? "Take the pin off" : "Pin: plans leave it as it is"), () => void pin(visit));
    if (dragged.from) entry(text("Take off"), () => void place(dragged, "", dragged.start));
  }
  menu.style.left = `${Math.min(x, innerWidth - 200)}px`;
  menu.style.top = `${Math.min(y, innerHeight - 150)}px`;
  document.body.append(menu);
  menu.querySelector("button")?.focus();
}

function closeMenu(): void {
  menu?.remove();
  menu = null;
}
document.addEventListener("pointerdown", (event) => {
  if (menu && !menu.contains(event.target as Node)) closeMenu();
});

async function whoCould(dragged: Dragged): Promise<void> {
  const query = new URLSearchParams({ job: dragged.job, start: String(dragged.start) });
  const answer = await fetch(`${data.paths.prospects}?${query}`, { headers: { accept: "application/json" } });
  if (!answer.ok) return tell(new TypeError());
  const found = (await answer.json()) as { id: string; name: string; against: string[]; overbooked: boolean }[];
  const free = found.filter((one) => !one.against.length && !one.overbooked);
  if (!free.length) return toast(text("nobody is free then"));
  closeMenu();
  menu = element("div", "menu");
  menu.setAttribute("role", "menu");
  for (const one of free.slice(0, 8)) {
    const button = element("button", "", one.name);
    button.setAttribute("role", "menuitem");
    button.addEventListener("click", () => {
      closeMenu();
      void place(dragged, one.id, dragged.start);
    });
    menu.append(button);
  }
  const near = root.querySelector(`[data-visit="${CSS.escape(dragged.visit?.id ?? "")}"]`)?.getBoundingClientRect();
  menu.style.left = `${near?.left ?? 200}px`;
  menu.style.top = `${Math.min(near?.bottom ?? 200, innerHeight - 300)}px`;
  document.body.append(menu);
  menu.querySelector("button")?.focus();
}

// ---- by keyboard

interface Carried {
  dragged: Dragged;
  lanes: HTMLElement[];
  lane: number;
  start: number;
}
let carried: Carried | null = null;

function carry(box: HTMLElement): void {
  const dragged = pick(box);
  if (!dragged) return;
  const lanes = [...root.querySelectorAll<HTMLElement>(".lane")];
  const here = lanes.findIndex((one) => one.dataset.technician === dragged.from);
  const start = dragged.visit ? dragged.start : snap(Math.max(data.now + 3 * 60 * MINUTE, data.hours[0] + 60 * MINUTE));
  carried = { dragged, lanes, lane: Math.max(0, here), start };
  toast(text("Pick a place with the arrow keys, Enter puts it there, Escape leaves it."), undefined, 4000);
  showCarried();
}

function showCarried(): void {
  const lane = carried?.lanes[carried.lane];
  if (!carried || !lane) return;
  lane.scrollIntoView({ block: "nearest" });
  const area = lane.getBoundingClientRect();
  const x = area.left + (share(carried.start) / 100) * area.width;
  showGhost(carried.dragged, lane, carried.start, x, area.bottom);
}

document.addEventListener(
  "keydown",
  (event) => {
    if (carried) return carriedKey(event);
    if (event.key === "Escape") closeMenu();
    const active = document.activeElement as HTMLElement | null;
    if (menu && (event.key === "ArrowDown" || event.key === "ArrowUp")) return menuKey(event);
    const box = active?.closest<HTMLElement>(".visit, .waiting-job");
    if (event.ctrlKey || event.metaKey || event.altKey) {
      if (event.key === "z" && !event.shiftKey && !/^(INPUT|TEXTAREA)$/.test(active?.tagName ?? "")) {
        event.preventDefault();
        void runUndo();
      }
      return;
    }
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(active?.tagName ?? "")) return;
    if (event.key === "u") void runUndo();
    if (!box) return;
    if (event.key === "m") carry(box);
    else if (event.key === "x") toggle(box);
    else if (event.key === "p") {
      const visit = pick(box)?.visit;
      if (visit?.technicians.length) void pin(visit);
    } else if (event.key === "w") {
      const dragged = pick(box);
      if (dragged?.visit) void whoCould(dragged);
    } else if (event.key === "ContextMenu" || (event.shiftKey && event.key === "F10")) {
      const area = box.getBoundingClientRect();
      openMenu(box, area.left, area.bottom);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  },
  true,
);

function carriedKey(event: KeyboardEvent): void {
  if (!carried) return;
  const steps: Record<string, [number, number]> = { ArrowLeft: [-SNAP, 0], ArrowRight: [SNAP, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const step = steps[event.key];
  if (step) {
    carried.start += step[0];
    carried.lane = Math.min(carried.lanes.length - 1, Math.max(0, carried.lane + step[1]));
    showCarried();
  } else if (event.key === "Enter" || event.key === "Escape") {
    const done = carried;
    carried = null;
    dropGhost();
    if (event.key === "Enter") void drop(done.dragged, done.lanes[done.lane]?.dataset.technician ?? "", done.start);
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

function menuKey(event: KeyboardEvent): void {
  const entries = [...(menu?.querySelectorAll<HTMLElement>("button") ?? [])];
  const here = entries.indexOf(document.activeElement as HTMLElement);
  entries[(here + (event.key === "ArrowDown" ? 1 : -1) + entries.length) % entries.length]?.focus();
  event.preventDefault();
  event.stopPropagation();
}

// ---- alive

let refreshTimer = 0;
function refreshSoon(): void {
  clearTimeout(refreshTimer);
  refreshTimer = window.setTimeout(() => (drag?.moving || carried ? refreshSoon() : void refresh().catch(() => undefined)), 30);
}

listen(data.paths.live, refreshSoon, (open) => {
  document.getElementById("live-state")!.textContent = text(open ? "Live" : "Not live");
});
setInterval(drawNow, 30_000);
draw();
