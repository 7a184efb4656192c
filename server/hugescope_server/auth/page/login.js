"use strict";
// What follows the # never reaches a server or its log. It is either where to go once logged in, `#/...`, or
// `#code=CODE&to=%23/...`: a one-time code with the same. `#out` logs out.
const fragment = window.location.hash;
const asked = new URLSearchParams(fragment.slice(1));
const code = fragment.startsWith("#/") ? null : asked.get("code");
const to = fragment.startsWith("#/") ? fragment : (asked.get("to") ?? "");
// Only ever a place in this page: what does not begin with #/ could be another site.
const fragmentTo = to.startsWith("#/") ? to : "";
// Before the # stands only which moment is shown: `?t=SECONDS`.
const moment = new URLSearchParams(window.location.search).get("t");
const place = (moment === null ? "" : `?t=${encodeURIComponent(moment)}`) + fragmentTo;

const form = document.getElementById("form");
const field = document.getElementById("secret");
const button = document.getElementById("enter");
const said = document.getElementById("said");

function say(words, bad) {
  said.textContent = words;
  said.toggleAttribute("data-bad", bad);
}

function show() {
  form.hidden = false;
  field.focus();
}

async function post(path, body) {
  return fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    credentials: "same-origin",
  }).catch(() => null);
}

async function enter(secret) {
  button.disabled = true;
  say("Logging in", false);
  const answer = await post("api/v1/login", { secret });
  if (answer?.ok) {
    window.location.replace(`./${place}`);
    return;
  }
  button.disabled = false;
  const body = await answer?.json().catch(() => null);
  show();
  say(body?.message ?? "The server does not answer.", true);
}

async function leave() {
  const answer = await post("api/v1/logout", {});
  const out = answer !== null && (answer.ok || answer.status === 401);
  say(out ? "You are logged out." : "The server does not answer: you may still be logged in.", !out);
  show();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void enter(field.value.trim());
});

if (code !== null) {
  // The address bar and the history must not keep it.
  window.history.replaceState(null, "", `login${place}`);
  void enter(code);
} else if (fragment === "#out") {
  window.history.replaceState(null, "", "login");
  void leave();
} else {
  show();
}
// A one-time URL that is pasted over this page changes only what follows the #.
window.addEventListener("hashchange", () => {
  window.location.reload();
});
