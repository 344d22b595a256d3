// Changes that others make, as the server sends them. Only a page that is seen listens: browsers share few connections
// among all their pages of a site.

export interface Change {
  subjects: string[];
}

/** Calls back with each change; after a gap of any kind once more without subjects, since anything may have changed. */
export function listen(address: string, onChange: (change: Change) => void, onState?: (open: boolean) => void): void {
  let source: EventSource | null = null;
  let gap = false;

  function open(): void {
    source = new EventSource(address);
    source.addEventListener("changed", (event) => onChange(JSON.parse((event as MessageEvent<string>).data) as Change));
    source.addEventListener("open", () => {
      if (gap) onChange({ subjects: [] });
      gap = false;
      onState?.(true);
    });
    source.addEventListener("error", () => {
      gap = true;
      if (source?.readyState === EventSource.CLOSED) onState?.(false);
    });
  }

  document.addEventListener("visibilitychange", () => {
    source?.close();
    gap = true;
    if (document.visibilityState === "visible") open();
  });
  if (document.visibilityState === "visible") open();
}
