"use strict";

// Sends the requests of this page's forms and shows what comes back. Tokens are read from their inputs when a request is
// sent, and are stored nowhere.

const credentialOf = {
  access: () => ["x-amz-access-token", document.getElementById("access-token").value.trim()],
  operator: () => ["authorization", "Bearer " + document.getElementById("operator-key").value.trim()],
};

function make(name, text, className) {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

// What a form stands for: method, URL, headers and body.
function requestOf(form) {
  const query = new URLSearchParams();
  const fields = new URLSearchParams();
  let path = form.dataset.path;
  for (const input of form.querySelectorAll("[data-in]")) {
    const value = input.value.trim();
    if (input.dataset.in === "path") path = path.replace("{" + input.name + "}", encodeURIComponent(value));
    else if (value && input.dataset.in === "query") query.append(input.name, value);
    else if (value && input.dataset.in === "form") fields.append(input.name, value);
  }
  const headers = new Headers();
  const credential = credentialOf[form.dataset.credential];
  if (credential) headers.set(...credential());
  let body = null;
  if (form.dataset.media === "application/x-www-form-urlencoded") body = fields.toString();
  else if (form.dataset.media) body = form.elements.namedItem("body").value;
  if (body !== null) headers.set("content-type", form.dataset.media);
  const text = query.toString();
  return { url: text ? path + "?" + text : path, method: form.dataset.method, headers, body };
}

// Indents JSON without reading its numbers, so that 12.50 stays 12.50.
function indented(json) {
  let out = "", depth = 0;
  const line = () => "\n" + "  ".repeat(depth);
  for (const token of json.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) || []) {
    if (token === "{" || token === "[") { depth += 1; out += token + line(); }
    else if (token === "}" || token === "]") { depth -= 1; out = out.trimEnd(); out += /[{[]$/.test(out) ? token : line() + token; }
    else if (token === ",") out += token + line();
    else if (token === ":") out += ": ";
    else out += token;
  }
  return out;
}

function isJson(response) {
  return (response.headers.get("content-type") || "").startsWith("application/json");
}

// An answer of the token endpoint can be put to use without copying it by hand.
function offerToken(box, text) {
  let token;
  try { token = JSON.parse(text).access_token; } catch { return; }
  if (typeof token !== "string") return;
  const button = make("button", "Use as access token", "plain");
  button.type = "button";
  button.addEventListener("click", () => {
    document.getElementById("access-token").value = token;
    button.textContent = "Access token is set";
  });
  box.append(button);
}

async function send(form) {
  const box = form.parentElement.querySelector(".answer");
  const button = form.querySelector("button");
  const started = performance.now();
  button.disabled = true;
  box.replaceChildren();
  try {
    const { url, ...options } = requestOf(form);
    const response = await fetch(url, { ...options, credentials: "omit", cache: "no-store", redirect: "error" });
    const text = await response.text();
    const first = make("p");
    first.append(make("span", response.status + " " + response.statusText, "status s" + String(response.status)[0]));
    first.append(" in " + Math.round(performance.now() - started) + " ms: ", make("code", options.method + " " + url));
    box.append(first);
    if (isJson(response)) offerToken(box, text);
    const headers = [...response.headers].map(([name, value]) => name + ": " + value).join("\n");
    for (const content of [headers, isJson(response) ? indented(text) : text]) {
      if (!content) continue;
      const pre = make("pre", content);
      pre.tabIndex = 0;
      box.append(pre);
    }
  } catch (fault) {
    box.append(make("p", "No answer: " + fault.message, "status s0"));
  }
  box.hidden = false;
  button.disabled = false;
  button.focus();
}

function filter(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const operation of document.querySelectorAll(".operation")) {
    const fits = words.every((word) => operation.dataset.words.includes(word));
    count += fits;
    operation.hidden = !fits;
    document.querySelector('nav li[data-for="' + operation.id + '"]').hidden = !fits;
  }
  for (const group of document.querySelectorAll(".group")) {
    group.hidden = !group.querySelector("li:not([hidden]), .operation:not([hidden])");
  }
  document.getElementById("count").textContent = words.length ? count + " operations" : "";
}

function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target || !target.classList.contains("operation")) return;
  target.open = true;
  target.scrollIntoView();
  target.querySelector("summary").focus({ preventScroll: true });
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  if (event.target.classList.contains("try") && event.target.querySelector("button")) send(event.target);
});
document.getElementById("filter").addEventListener("input", (event) => filter(event.target.value));
window.addEventListener("hashchange", openTarget);
openTarget();
