// Makes the console live: polls with the ETag of what is shown, can be paused, keeps relative
// times fresh, and listens to keys. Every page works without it.
"use strict";

(() => {
  const area = () => document.querySelector("[data-live]");
  const say = (text) => {
    const line = document.getElementById("live-state");
    if (line && line.textContent !== text) line.textContent = text;
  };
  let paused = false;
  let asked = 0;

  // -- polling: not while paused, hidden or under a dialog, and seldom once nothing changes ------
  const settled = () => area()?.querySelector("[data-settled]") && Date.now() - asked < 10000;
  const held = () => paused || document.hidden || document.querySelector("dialog[open]") || settled();

  document.addEventListener("htmx:config:request", (event) => {
    const { ctx } = event.detail;
    if (!ctx.sourceElement.matches("[data-live]")) return;
    if (held()) {
      event.preventDefault();
      return;
    }
    asked = Date.now();
    if (ctx.sourceElement.dataset.etag) ctx.request.headers["If-None-Match"] = ctx.sourceElement.dataset.etag;
  });
  document.addEventListener("htmx:after:request", (event) => {
    const { ctx } = event.detail;
    if (!ctx.sourceElement.matches("[data-live]")) return;
    const { status, headers } = ctx.response;
    if (status >= 400) {
      event.preventDefault(); // keep what is shown; an error page does not belong into the list
      say(`The server answers ${status}. What you see may be old.`);
      const target = headers.get("HX-Redirect");
      if (target) location.assign(target);
      return;
    }
    if (headers.get("ETag") && status === 200) ctx.sourceElement.dataset.etag = headers.get("ETag");
    say("");
  });
  document.addEventListener("htmx:error", () => say("The server cannot be reached. What you see may be old."));

  function setPaused(on) {
    paused = on;
    const button = document.getElementById("live-toggle");
    button.setAttribute("aria-pressed", String(on));
    button.textContent = on ? "Resume live updates" : "Pause live updates";
    say(on ? "Live updates are paused." : "");
  }

  // -- relative times ------------------------------------------------------------------------
  const spans = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  function ago(seconds) {
    const distance = Math.abs(Math.round(seconds));
    if (distance < 2) return "just now";
    const [name, length] = spans.find(([, size]) => distance >= size);
    const text = `${Math.floor(distance / length)} ${name}`;
    return seconds > 0 ? `${text} ago` : `in ${text}`;
  }
  function refreshTimes() {
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const text = ago((Date.now() - Date.parse(time.dateTime)) / 1000);
      if (time.textContent !== text) time.textContent = text;
    }
  }

  // -- keys ------------------------------------------------------------------------------------
  function move(step) {
    const rows = [...document.querySelectorAll("[data-row]")];
    if (!rows.length) return;
    const at = rows.indexOf(document.activeElement);
    rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + step))].focus();
  }
  const keys = {
    "/": () => document.getElementById("search")?.focus(),
    "?": () => document.getElementById("help").showModal(),
    "p": () => area() && setPaused(!paused),
    "m": () => document.getElementById("migrate-link")?.click(),
    "ArrowDown": () => move(1),
    "ArrowUp": () => move(-1),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest("input, select, textarea, [contenteditable]")) return;
    const act = keys[event.key];
    if (!act || (event.key.startsWith("Arrow") && !document.querySelector("[data-row]"))) return;
    event.preventDefault();
    act();
  });

  document.addEventListener("DOMContentLoaded", () => {
    const help = document.getElementById("help-open");
    help.hidden = false;
    help.addEventListener("click", () => document.getElementById("help").showModal());
    const toggle = document.getElementById("live-toggle");
    toggle.hidden = area() === null;
    toggle.addEventListener("click", () => setPaused(!paused));
    refreshTimes();
    setInterval(refreshTimes, 1000);
  });
})();
