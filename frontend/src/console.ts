// What every page of the console shares: keys, messages, and the server's word on what changed.
import "htmx.org";
import { listen } from "./live";
import { toast } from "./toast";

// ---- keys: `g` and a letter goes to a page, `/` to the search, `?` lists them all

let prefix = "";
let prefixTimer = 0;

function isTyping(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return target.type !== "checkbox";
  return target instanceof HTMLElement && (target.isContentEditable || /^(SELECT|TEXTAREA)$/.test(target.tagName));
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (event.key === "?") {
    (document.getElementById("keys") as HTMLDialogElement | null)?.showModal();
  } else if (event.key === "/") {
    const search = document.querySelector<HTMLInputElement>("input[type=search]");
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  } else if (event.key === "g") {
    prefix = "g ";
    clearTimeout(prefixTimer);
    prefixTimer = setTimeout(() => (prefix = ""), 1500);
    return;
  } else if (prefix) {
    document.querySelector<HTMLElement>(`[data-key="${CSS.escape(prefix + event.key)}"]`)?.click();
  } else {
    document.querySelector<HTMLElement>(`[data-key="${CSS.escape(event.key)}"]`)?.click();
  }
  prefix = "";
});

// ---- forms that ask before they act

document.addEventListener("submit", (event) => {
  const form = event.target as HTMLFormElement;
  const question = form.dataset.confirm;
  if (question && !window.confirm(question)) return event.preventDefault();
  const busy = form.dataset.busy;
  const button = (event as SubmitEvent).submitter as HTMLButtonElement | null;
  if (busy && button) {
    // After the form is read: a button that is disabled before is not sent.
    setTimeout(() => {
      button.disabled = true;
      button.textContent = busy;
    });
  }
});

// ---- views: what is saved is what the address says now, for filters change it

document.addEventListener("submit", (event) => {
  const form = event.target as HTMLFormElement;
  if ("view" in form.dataset) (form.elements.namedItem("query") as HTMLInputElement).value = location.search;
}, true);

document.addEventListener("keydown", (event) => {
  const open = document.querySelector<HTMLDetailsElement>("details.views[open]");
  if (event.key !== "Escape" || !open) return;
  open.open = false;
  open.querySelector("summary")?.focus();
});

// ---- pages that take a while say that they are on their way; a file that is saved comes without a page

window.addEventListener("beforeunload", () => {
  const on = setTimeout(() => (document.body.dataset.busy = ""), 250);
  const done = () => {
    clearTimeout(on);
    delete document.body.dataset.busy;
  };
  setTimeout(done, 30_000);
  window.addEventListener("pageshow", done, { once: true });
  window.addEventListener("focus", done, { once: true });
});

// ---- forms whose fields filter a list: sent as they change, typing waited for

let filterTimer = 0;
for (const form of document.querySelectorAll<HTMLFormElement>("form[data-filter]")) {
  const send = () => form.requestSubmit();
  form.addEventListener("change", send);
  form.addEventListener("input", (event) => {
    if (event.target instanceof HTMLInputElement && event.target.type === "search") {
      clearTimeout(filterTimer);
      filterTimer = setTimeout(send, 250);
    }
  });
}

// ---- pages that show what others do: a note that something changed, never a page that moves under the reader

const live = document.querySelector<HTMLElement>("[data-live]");
if (live?.dataset.live) {
  const about = live.dataset.about;
  listen(live.dataset.live, (change) => {
    if (about && !change.subjects.includes(about)) return;
    const note = document.getElementById("changed");
    if (note) note.hidden = false;
  });
}

const told = document.body.dataset.told;
if (told) toast(told);
