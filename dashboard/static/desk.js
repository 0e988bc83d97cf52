/* What makes the pages live. Without it they work by reloading. */
"use strict";

document.documentElement.classList.add("js");

const main = document.querySelector("main[data-live]");
const FAST = Number(main?.dataset.every || 1500), SLOW = 15000, SLOWEST = 30000;
const lost = document.getElementById("lost");
const title = document.title;
let etag = "", timer = 0, misses = 0, asking = false, again = false;

/* --- asking again --- */

async function ask() {
  clearTimeout(timer);
  if (asking) { again = true; return; }
  asking = true;
  try {
    const answer = await fetch(main.dataset.live, {
      headers: etag ? { "If-None-Match": etag } : {}, cache: "no-store",
      credentials: "same-origin", signal: AbortSignal.timeout(10000),
    });
    if (answer.status === 401 || answer.status === 404) return location.reload();
    if (!answer.ok && answer.status !== 304) throw new Error(answer.status);
    if (answer.ok) {
      etag = answer.headers.get("ETag") || "";
      show(await answer.text());
    }
    misses = 0;
  } catch {
    misses += 1;
  } finally {
    asking = false;
    if (lost) lost.hidden = misses < 2;
    const pause = again ? 0 : document.hidden ? SLOW : Math.min(FAST * 2 ** misses, SLOWEST);
    again = false;
    timer = setTimeout(ask, pause);
  }
}

function show(html) {
  const scroll = document.querySelector("[data-scroll]");
  const atEnd = !scroll || scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
  const last = lastMessage();
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const part of [...fresh.body.children]) {
    const here = part.id && document.getElementById(part.id);
    if (here) morph(here, part);
  }
  const isNew = lastMessage() !== last;
  if (isNew && atEnd) toEnd();
  const jump = document.getElementById("new");
  if (jump && isNew && !atEnd) jump.hidden = false;
  countInTitle();
}

function lastMessage() {
  return document.querySelector("#log > ol > li:last-of-type")?.id;
}

function countInTitle() {
  const waiting = document.getElementById("menu")?.dataset.waiting;
  document.title = Number(waiting) ? `(${waiting}) ${title}` : title;
}

/* Make `old` as `fresh` is, touching only what differs: focus, open details and what is
   selected stay. Children are matched by id. */
function morph(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  const kept = new Map();
  for (const child of old.children) if (child.id) kept.set(child.id, child);
  let place = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const known = wanted.id && kept.get(wanted.id);
    const match = known || (place && !place.id && !wanted.id && isAlike(place, wanted) ? place : null);
    if (!match) { old.insertBefore(wanted, place); continue; }
    if (match === place) place = place.nextSibling; else old.insertBefore(match, place);
    if (match.nodeType === Node.ELEMENT_NODE) morph(match, wanted);
    else if (match.data !== wanted.data) match.data = wanted.data;
  }
  while (place) { const next = place.nextSibling; place.remove(); place = next; }
}

function isAlike(a, b) {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName;
}

/* --- scrolling --- */

function toEnd() {
  const scroll = document.querySelector("[data-scroll]");
  if (scroll) scroll.scrollTop = scroll.scrollHeight;
}

document.getElementById("new")?.addEventListener("click", (event) => {
  event.currentTarget.hidden = true;
  toEnd();
  document.getElementById("log")?.focus({ preventScroll: true });
});
document.querySelector("[data-scroll]")?.addEventListener("scroll", (event) => {
  const { scrollHeight, scrollTop, clientHeight } = event.currentTarget;
  const jump = document.getElementById("new");
  if (jump && scrollHeight - scrollTop - clientHeight < 80) jump.hidden = true;
});

/* --- forms --- */

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.matches("[data-forget]")) sessionStorage.clear();
  if (!form.matches("[data-quick]")) return;
  event.preventDefault();
  if (form.dataset.busy) return;
  form.dataset.busy = "yes";
  const buttons = form.querySelectorAll("button");
  const body = new FormData(form, event.submitter);
  buttons.forEach((b) => { b.disabled = true; });
  try {
    const answer = await fetch(form.action, {
      method: "POST", body, headers: { "X-Live": "1" },
      credentials: "same-origin", signal: AbortSignal.timeout(40000),
    });
    await settle(form, answer);
  } catch {
    if (lost) lost.hidden = false;
  } finally {
    delete form.dataset.busy;
    buttons.forEach((b) => { b.disabled = false; });
  }
});

async function settle(form, answer) {
  const wrong = form.querySelector(".wrong");
  if (answer.status === 422 && wrong) { wrong.textContent = await answer.text(); return; }
  if (!answer.ok) { location.reload(); return; }
  if (wrong) wrong.textContent = "";
  const field = form.querySelector("textarea");
  if (field) {
    form.reset();
    field.value = "";
    const instead = form.querySelector("[name=instead]");
    if (instead) instead.value = "";
    keep(form);
    field.focus();
    toEnd();
  } else if (document.activeElement === document.body) {
    main?.focus({ preventScroll: true });
  }
  ask();
}

/* What is being typed survives reloading and leaving the page, in this window only. */
function keep(form) {
  const { value } = form.querySelector("textarea");
  if (value) sessionStorage.setItem(form.dataset.keep, value);
  else sessionStorage.removeItem(form.dataset.keep);
}

for (const form of document.querySelectorAll("form[data-keep]")) {
  const field = form.querySelector("textarea");
  if (!field.value) field.value = sessionStorage.getItem(form.dataset.keep) || "";
  field.addEventListener("input", () => keep(form));
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
}

/* A suggestion or draft to change first goes into the reply. */
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-edit]");
  const field = document.getElementById("text");
  if (!link || !field) return;
  event.preventDefault();
  field.value = document.getElementById(link.dataset.edit).textContent;
  const instead = field.form.querySelector("[name=instead]");
  if (instead) instead.value = link.dataset.instead || "";
  keep(field.form);
  field.focus();
});

document.addEventListener("change", (event) => {
  if (event.target.matches("select")) event.target.closest("form[data-on-change]")?.requestSubmit();
});

/* --- what is loaded beside the page --- */

for (const part of document.querySelectorAll("[data-load]")) {
  part.textContent = part.dataset.loading;
  fetch(part.dataset.load, { credentials: "same-origin", signal: AbortSignal.timeout(10000) })
    .then((answer) => (answer.ok ? answer.text() : Promise.reject(answer.status)))
    .then((html) => { part.innerHTML = html; })
    .catch(() => { part.textContent = part.dataset.down; });
}

/* --- begin --- */

toEnd();
if (main) {
  countInTitle();
  timer = setTimeout(ask, FAST);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
  window.addEventListener("online", ask);
}
