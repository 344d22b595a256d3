// Keeps a technician's day for when there is no network: pages that were shown last, and what they load. It sends
// nothing; what a technician tells waits in the page's own store.

interface Fetched extends Event {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface Extended extends Event {
  waitUntil(work: Promise<unknown>): void;
}
const worker = self as unknown as {
  addEventListener(kind: string, run: (event: never) => void): void;
  skipWaiting(): Promise<void>;
  clients: { claim(): Promise<void> };
};

const KEPT = "my-day";
const PATIENCE = 4_000;

worker.addEventListener("install", (event: Extended) => event.waitUntil(worker.skipWaiting()));
worker.addEventListener("activate", (event: Extended) => event.waitUntil(worker.clients.claim()));

worker.addEventListener("fetch", (event: Fetched) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (pathname.startsWith("/console/static/")) event.respondWith(asset(request));
  else if (request.mode === "navigate" && /^\/console\/[^/]+\/my-day$/.test(pathname)) event.respondWith(day(request));
});

/** Files whose names carry a digest never change. */
async function asset(request: Request): Promise<Response> {
  const kept = await caches.open(KEPT);
  const known = await kept.match(request);
  if (known) return known;
  const answer = await fetch(request);
  if (answer.ok) await kept.put(request, answer.clone());
  return answer;
}

/** The day as the server has it; as it was shown last where the server does not answer. */
async function day(request: Request): Promise<Response> {
  const kept = await caches.open(KEPT);
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(PATIENCE) });
    if (answer.ok && !answer.redirected) await kept.put(request, answer.clone());
    if (answer.status < 500) return answer;
    return (await kept.match(request)) ?? answer;
  } catch (fault) {
    const known = await kept.match(request);
    if (known) return known;
    throw fault;
  }
}
