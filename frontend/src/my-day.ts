// A technician's day on their phone. What they tell is kept in the browser first and then sent, in the order in which it
// was done, with the time at which it was done: so a bad network costs nothing. The server takes each deed once.
import { openDB, type DBSchema, type IDBPDatabase } from "idb";
import SignaturePad from "signature_pad";
import { toast } from "./toast";

type Kind = "arrival" | "start" | "finish" | "photo" | "signature";

/** Something told. `user` told it about `job`, at `at` (ms, by the server's clock); `refused` is why it was not taken. */
interface Deed {
  number?: number;
  name: string;
  path: string;
  user: string;
  job: string;
  title: string;
  kind: Kind;
  at: number;
  body?: Record<string, unknown>;
  file?: Blob;
  refused?: string;
}
interface Store extends DBSchema {
  deeds: { key: number; value: Deed };
}
interface State {
  now: number;
  user: string;
  csrf: string;
  digest: string;
}

const KEPT = "my-day";
const LOOK_EVERY = 30_000;
const PATIENCE = 20_000;
const LONGEST_SIDE = 2_048;

const root = document.getElementById("my-day") as HTMLElement;
const { path = "", user = "", locale = "en" } = root.dataset;
const texts = JSON.parse(root.dataset.texts ?? "{}") as Record<string, string>;
const say = (text: string, value = "") => (texts[text] ?? text).replace("%s", value);
const called = (deed: Deed) =>
  say({ arrival: "On my way", start: "Start", finish: "Finish", photo: "Photo", signature: "Signature" }[deed.kind]);
const network = document.getElementById("network") as HTMLElement;
const outbox = document.getElementById("outbox") as HTMLElement;
const stops = () => document.getElementById("stops") as HTMLElement;
const cardOf = (job: string) => root.querySelector<HTMLElement>(`.stop[data-job="${CSS.escape(job)}"]`);

// The server's clock as this phone knows it, for a phone's own may be wrong.
const OFFSET = `my-day-offset ${path}`;
if (localStorage.getItem(OFFSET) === null) localStorage.setItem(OFFSET, String(Number(root.dataset.now) - Date.now()));
const now = () => Date.now() + Number(localStorage.getItem(OFFSET));

let store: IDBPDatabase<Store> | null = null;
let csrf = "";

// ---- what waits

async function waiting(): Promise<Deed[]> {
  return store ? store.getAll("deeds") : [];
}

async function tell(deed: Omit<Deed, "number" | "name" | "path" | "user" | "at">): Promise<void> {
  const told: Deed = { ...deed, name: crypto.randomUUID(), path, user, at: now() };
  if (told.body) told.body = { ...told.body, at: told.at };
  if (store) await store.add("deeds", told);
  else await send(told).catch((fault: unknown) => toast(String(fault)));
  await show();
  void flush();
}

/** Throws what the network says; what the server refuses is in the deed afterwards. */
async function send(deed: Deed): Promise<void> {
  const headers: Record<string, string> = { accept: "application/json", "x-csrf-token": csrf };
  const job = `${path}/${encodeURIComponent(deed.job)}`;
  const signal = AbortSignal.timeout(PATIENCE * (deed.file ? 6 : 1));
  const answer = deed.file
    ? await fetch(`${job}/proof?name=${deed.name}`, {
        method: "POST",
        headers: { ...headers, "content-type": deed.file.type },
        body: deed.file,
        signal,
      })
    : await fetch(`${job}/${deed.kind}`, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify(deed.body),
        signal,
      });
  if (answer.status === 401 || answer.status === 429 || answer.status >= 500) throw new Error(String(answer.status));
  if (answer.ok) delete deed.refused;
  else deed.refused = ((await answer.json()) as { says?: string }).says ?? String(answer.status);
}

let sending = false;
let again = false;

/** Send what waits, one after the other; what is refused stays, and whoever told it decides. */
async function flush(): Promise<void> {
  again = sending;
  if (sending) return;
  sending = true;
  try {
    let state = await ask();
    if (!state || state.user !== user) return;
    let sent = false;
    for (const deed of await waiting()) {
      if (deed.user !== user || deed.path !== path || deed.refused) continue;
      await send(deed);
      if (deed.refused) await store?.put("deeds", deed);
      else await store?.delete("deeds", deed.number as number);
      sent = true;
    }
    network.hidden = true;
    if (sent) state = await ask();
    if (state && state.digest !== stops().dataset.digest) await reload();
  } catch {
    tellAway(say("No network. What you tell is kept here, and sent later."));
  } finally {
    sending = false;
    await show();
    if (again) void flush(); // something was told meanwhile
  }
}

function tellAway(text: string): void {
  network.hidden = false;
  if (network.textContent !== text) network.textContent = text;
}

/** The server's clock, and a token that is good now; null where the session has ended. */
async function ask(): Promise<State | null> {
  const answer = await fetch(`${path}/state${location.search}`, {
    headers: { accept: "application/json" },
    signal: AbortSignal.timeout(PATIENCE),
  });
  if (answer.status === 401) {
    tellAway(say("Your session has ended. What you told is kept here until you sign in again."));
    const link = document.createElement("a");
    link.href = location.href;
    link.textContent = "→";
    network.append(" ", link);
    return null;
  }
  if (!answer.ok) throw new Error(String(answer.status));
  const state = (await answer.json()) as State;
  localStorage.setItem(OFFSET, String(state.now - Date.now()));
  csrf = state.csrf;
  return state;
}

/** Put the day in as the server has it now; not while somebody chooses in it. */
async function reload(): Promise<void> {
  if (stops().querySelector("select:focus") || document.querySelector("dialog[open]")) return;
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const text = await answer.text();
  const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("stops");
  if (!fresh) return;
  const job = document.activeElement?.closest<HTMLElement>(".stop")?.dataset.job;
  const deed = document.activeElement?.closest<HTMLElement>("[data-deed]")?.dataset.deed;
  stops().replaceWith(document.importNode(fresh, true));
  const card = job ? cardOf(job) : null;
  // Whoever is about to press a key finds the same button under it.
  const same = card?.querySelector<HTMLElement>(`button[data-deed="${deed}"], [data-deed="${deed}"] button`);
  (same?.offsetParent ? same : card?.querySelector<HTMLElement>("button:not([hidden]), a"))?.focus();
  await keep();
}

// ---- the page with what waits

async function show(): Promise<void> {
  const deeds = await waiting();
  const mine = deeds.filter((deed) => deed.user === user && deed.path === path);
  outbox.replaceChildren(...mine.map(line));
  outbox.hidden = !mine.length;
  for (const deed of mine) if (!deed.refused) overlay(deed);
  if (deeds.length > mine.length && network.hidden)
    tellAway(say("Something that somebody else told on this phone waits until they sign in."));
}

function line(deed: Deed): HTMLElement {
  const item = document.createElement("li");
  item.className = "deed";
  const text = document.createElement("span");
  const what = `${called(deed)} ${clock(deed.at, zoneOf(deed.job))}, ${deed.title}`;
  text.textContent = deed.refused ? `${say("%s was refused:", what)} ${deed.refused}` : say("%s waits to be sent", what);
  if (deed.refused) text.className = "bad";
  item.append(text);
  if (deed.refused) item.append(choice("Try again", () => retry(deed)), choice("Drop it", () => drop(deed)));
  return item;
}

function choice(label: string, run: () => Promise<void>): HTMLButtonElement {
  const button = document.createElement("button");
  button.textContent = say(label);
  button.addEventListener("click", () => void run());
  return button;
}

async function retry(deed: Deed): Promise<void> {
  delete deed.refused;
  await store?.put("deeds", deed);
  await flush();
}

async function drop(deed: Deed): Promise<void> {
  if (!window.confirm(say("Drop this for good?"))) return;
  await store?.delete("deeds", deed.number as number);
  await reload();
  await show();
}

/** A visit as it is once what waits has been sent. */
function overlay(deed: Deed): void {
  const card = cardOf(deed.job);
  if (!card) return;
  const told = card.querySelector<HTMLElement>(".told");
  const zone = zoneOf(deed.job);
  const tag = (text: string, kind: string, state: string) => {
    card.dataset.state = state;
    const status = document.createElement("span");
    status.className = `status ${kind}`;
    status.textContent = text;
    told?.replaceChildren(status, ...told.querySelectorAll("[data-proofs]"));
  };
  if (deed.kind === "arrival" && card.dataset.state === "planned") {
    const there = clock(deed.at + Number(deed.body?.minutes) * 60_000, zone);
    tag(say("on the way, there at %s", there), "s-active", "coming");
  } else if (deed.kind === "start" && !/working|done/.test(card.dataset.state ?? "")) {
    card.dataset.began = String(deed.at);
    tag(say("at work since %s", clock(deed.at, zone)), "c4", "working");
  } else if (deed.kind === "finish") {
    tag(say("done"), "s-completed", "done");
  }
}

const zoneOf = (job: string) => cardOf(job)?.dataset.zone ?? "UTC";

function clock(at: number, zone: string): string {
  return new Intl.DateTimeFormat(locale, { timeStyle: "short", timeZone: zone }).format(at);
}

/** `2026-03-02T10:05` on the clocks of a zone, as fields take it. */
function field(at: number, zone: string): string {
  const text = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short", timeZone: zone }).format(at);
  return text.replace(" ", "T");
}

// ---- deeds

root.addEventListener("submit", (event) => {
  const form = event.target as HTMLFormElement;
  const card = form.closest<HTMLElement>(".stop");
  if (form.dataset.deed !== "arrival" || !card) return;
  event.preventDefault();
  const minutes = Number((form.elements.namedItem("minutes") as HTMLSelectElement).value);
  void tell({ ...of(card), kind: "arrival", body: { minutes } });
});

root.addEventListener("click", (event) => {
  const button = (event.target as Element).closest<HTMLElement>("button[data-deed]");
  const card = button?.closest<HTMLElement>(".stop");
  if (!button || !card) return;
  if (button.dataset.deed === "start") void tell({ ...of(card), kind: "start", body: {} });
  if (button.dataset.deed === "finish") finish(card);
  if (button.dataset.deed === "photo") photograph(card);
  if (button.dataset.deed === "signature") sign(card);
});

// One field for all visits, which stays while the camera is open: the list may be put in anew meanwhile.
function photograph(card: HTMLElement): void {
  const input = document.getElementById("photo") as HTMLInputElement;
  const whose = of(card);
  input.onchange = () => {
    const files = [...(input.files ?? [])];
    input.value = "";
    void keepPhotos(whose, files);
  };
  input.click();
}

async function keepPhotos(whose: { job: string; title: string }, files: File[]): Promise<void> {
  for (const file of files) {
    try {
      await tell({ ...whose, kind: "photo", file: await smaller(file) });
    } catch {
      toast(say("That picture cannot be read."));
    }
  }
}

function of(card: HTMLElement): { job: string; title: string } {
  return { job: card.dataset.job ?? "", title: card.querySelector("h2")?.textContent?.trim() ?? "" };
}

/** A photo as JPEG of a size that a bad network carries. */
async function smaller(file: File): Promise<Blob> {
  const image = await createImageBitmap(file, { imageOrientation: "from-image" });
  const scale = Math.min(1, LONGEST_SIDE / Math.max(image.width, image.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  return blobOf(canvas, "image/jpeg");
}

function blobOf(canvas: HTMLCanvasElement, type: string): Promise<Blob> {
  return new Promise((done, failed) =>
    canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error("no picture"))), type, 0.8),
  );
}

function opened(id: string, card: HTMLElement): { dialog: HTMLDialogElement; form: HTMLFormElement } {
  const dialog = document.getElementById(id) as HTMLDialogElement;
  const form = dialog.querySelector("form") as HTMLFormElement;
  (dialog.querySelector("[data-title]") as HTMLElement).textContent = of(card).title;
  dialog.returnValue = "";
  dialog.showModal();
  return { dialog, form };
}

function finish(card: HTMLElement): void {
  const zone = card.dataset.zone ?? "UTC";
  const { dialog, form } = opened("finish", card);
  const input = (name: string) => form.elements.namedItem(name) as HTMLInputElement;
  const end = now();
  input("start").value = field(Math.min(Number(card.dataset.began ?? card.dataset.start), end), zone);
  input("end").value = field(end, zone);
  input("start").max = input("end").max = field(end, zone);
  input("done").checked = true;
  dialog.onclose = () => {
    if (dialog.returnValue !== "finish") return;
    const body = { start: input("start").value, end: input("end").value, zone, done: input("done").checked };
    void tell({ ...of(card), kind: "finish", body });
  };
}

function sign(card: HTMLElement): void {
  const { dialog, form } = opened("signature", card);
  const canvas = form.querySelector("canvas") as HTMLCanvasElement;
  const name = form.elements.namedItem("name") as HTMLInputElement;
  const fault = form.querySelector(".fault") as HTMLElement;
  name.value = "";
  fault.hidden = true;
  // As wide as it is shown, so that the line is under the finger.
  canvas.width = canvas.clientWidth * 2;
  canvas.height = Math.round(canvas.width * 0.44);
  canvas.getContext("2d")?.scale(2, 2);
  const pad = new SignaturePad(canvas, { backgroundColor: "#fff", penColor: "#111" });
  (form.querySelector("[data-clear]") as HTMLElement).onclick = () => pad.clear();
  form.onsubmit = (event) => {
    if ((event.submitter as HTMLButtonElement | null)?.value !== "sign" || !pad.isEmpty() || name.value.trim()) return;
    event.preventDefault();
    fault.textContent = say("Sign in the field first.");
    fault.hidden = false;
  };
  dialog.onclose = () => {
    pad.off();
    if (dialog.returnValue === "sign") void keepSignature(card, canvas, name.value.trim());
  };
}

/** The signature, with the name and the time beneath it. */
async function keepSignature(card: HTMLElement, canvas: HTMLCanvasElement, name: string): Promise<void> {
  const pen = canvas.getContext("2d");
  if (pen) {
    pen.setTransform(2, 0, 0, 2, 0, 0);
    pen.fillStyle = "#111";
    pen.font = "12px sans-serif";
    const zone = card.dataset.zone ?? "UTC";
    pen.fillText([name, `${field(now(), zone).replace("T", " ")} ${zone}`].filter(Boolean).join(" · "), 8, canvas.height / 2 - 8);
  }
  await tell({ ...of(card), kind: "signature", file: await blobOf(canvas, "image/png") });
}

// ---- for when there is no network

/** Keep this page and what it loads: the first time it was loaded before its worker was there. */
async function keep(): Promise<void> {
  if (!("caches" in window)) return;
  const kept = await caches.open(KEPT);
  for (const request of await kept.keys())
    if (!request.url.includes("/console/static/") && request.url !== location.href) await kept.delete(request);
  const loaded = [...document.querySelectorAll<HTMLLinkElement | HTMLScriptElement>("link[href*='/static/'], script[src]")];
  await kept.addAll(loaded.map((one) => ("src" in one ? one.src : one.href)));
  const page = await fetch(location.href, { headers: { accept: "text/html" } });
  if (page.ok && !page.redirected) await kept.put(location.href, page);
}

document.querySelector<HTMLFormElement>("form[action='/console/sign-out']")?.addEventListener("submit", (event) => {
  const form = event.currentTarget as HTMLFormElement;
  if (form.dataset.sure) return;
  event.preventDefault();
  void (async () => {
    const unsent = (await waiting()).some((deed) => deed.user === user);
    if (unsent && !window.confirm(say("Some of what you told is not sent yet. Sign out all the same?"))) return;
    // Names and addresses of buyers stay on nobody's phone; what waits does, until its teller is back.
    if ("caches" in window) await caches.delete(KEPT);
    form.dataset.sure = "yes";
    form.requestSubmit();
  })();
});

async function begin(): Promise<void> {
  try {
    store = await openDB<Store>("fieldserve-my-day", 1, {
      upgrade: (made) => void made.createObjectStore("deeds", { keyPath: "number", autoIncrement: true }),
    });
  } catch {
    toast(say("The phone keeps nothing in this mode of its browser, so this page works only with a network."));
  }
  await show();
  if ("serviceWorker" in navigator) {
    await navigator.serviceWorker.register("/console/my-day-worker.js", { scope: path }).catch(() => undefined);
    await keep().catch(() => undefined);
  }
  await flush();
  root.dataset.state = "ready";
}

window.addEventListener("online", () => void flush());
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && void flush());
setInterval(() => document.visibilityState === "visible" && void flush(), LOOK_EVERY);
void begin();
