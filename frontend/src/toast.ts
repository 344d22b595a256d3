// Messages at the edge of the page; one that can be undone has a button for it.

export function toast(text: string, undo?: { label: string; run: () => void }, lasts = 8000): void {
  const box = document.getElementById("toasts");
  if (!box) return;
  const item = document.createElement("div");
  item.className = "toast";
  item.append(text);
  if (undo) {
    const button = document.createElement("button");
    button.textContent = undo.label;
    button.addEventListener("click", () => {
      item.remove();
      undo.run();
    });
    item.append(button);
  }
  box.append(item);
  while (box.children.length > 3) box.firstElementChild?.remove();
  setTimeout(() => item.remove(), lasts);
}
