// The pages for developers: texts that are copied, and the explorer that is given a token.

for (const button of document.querySelectorAll<HTMLButtonElement>("[data-copy]")) {
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy ?? "");
    await navigator.clipboard.writeText(source?.textContent ?? "");
    button.textContent = button.dataset.copied ?? "";
  });
}

// The explorer is a page of its own, of this server: the token goes into its field, and into no address and no storage.
function sign(frame: HTMLIFrameElement): void {
  const page = frame.contentDocument;
  const field = page?.getElementById("access-token");
  const filter = page?.getElementById("filter");
  if (!(field && filter)) return;
  (field as HTMLInputElement).value = frame.dataset.explorer ?? "";
  (filter as HTMLInputElement).value = "/service/";
  filter.dispatchEvent(new Event("input"));
}

const explorer = document.querySelector<HTMLIFrameElement>("[data-explorer]");
if (explorer) {
  explorer.addEventListener("load", () => sign(explorer));
  if (explorer.contentDocument?.readyState === "complete") sign(explorer);
}

export {};
