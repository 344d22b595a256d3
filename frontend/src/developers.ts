// The pages for developers: texts that are copied, and the explorer that is given a token.

for (const button of document.querySelectorAll<HTMLButtonElement>("[data-copy]")) {
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy ?? "");
    await navigator.clipboard.writeText(source?.textContent ?? "");
    button.textContent = button.dataset.copied ?? "";
  });
}

export {};
