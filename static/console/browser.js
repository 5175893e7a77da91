// The object browser's comforts: uploads with progress, one request per file, from a dialog or dropped;
// a busy banner that comes and goes by itself; select all. Without it, plain forms do the same.
"use strict";

(() => {
  const POLL_MS = 2500;
  const AT_ONCE = 3;
  const find = (selector) => document.querySelector(selector);
  const banner = find("#busy");

  // -- the busy banner: what the bucket's job does, and no writes while its gate is closed -----------
  let etag = "";
  let gated = banner ? !banner.hidden : false;
  const openAgain = [];

  function describe(job) {
    const words = [job.kind.charAt(0).toUpperCase() + job.kind.slice(1)];
    if (job.phase) words.push(`: ${job.phase}`);
    if (job.percent !== undefined) words.push(`, ${job.percent} %`);
    const time = document.createElement("time");
    time.dateTime = new Date(job.since * 1000).toISOString();
    time.title = time.dateTime.replace("T", " ").replace(".000Z", " UTC");
    time.dataset.ago = "";
    return [`${words.join("")}, started `, time, "."];
  }

  function show(job) {
    const closed = Boolean(job && job.gated);
    if (closed) banner.querySelector("[data-busy-text]").replaceChildren(...describe(job));
    if (closed === gated) return;
    gated = closed;
    banner.hidden = !closed;
    document.body.toggleAttribute("data-gated", closed);
    for (const part of document.querySelectorAll("[data-writes]")) part.inert = closed;
    if (closed) return;
    // The server left the forms out while the gate was closed: fetch a page that has them.
    if (banner.dataset.job) location.reload();
    else openAgain.splice(0).forEach((go) => go());
  }

  async function ask() {
    if (document.hidden) return;
    try {
      const headers = { Accept: "application/json", ...(etag && { "If-None-Match": etag }) };
      const answer = await fetch(banner.dataset.busy, { headers, cache: "no-store" });
      if (answer.status !== 200) return;
      etag = answer.headers.get("ETag") || "";
      show((await answer.json()).active);
    } catch {
      // The next one may get through; what is shown stays.
    }
  }
  if (banner) setInterval(ask, POLL_MS);

  // -- uploads ---------------------------------------------------------------------------------------
  const form = find("#upload");
  const list = find("#uploads");
  const waiting = [];
  let active = 0;
  let arrived = 0;

  const address = (key, query) => {
    const target = new URL(form.action);
    target.search = new URLSearchParams({ key, ...query });
    return target;
  };

  function row(file) {
    const item = document.createElement("li");
    const name = document.createElement("b");
    const bar = document.createElement("progress");
    const state = document.createElement("span");
    name.textContent = file.name;
    state.className = "sub";
    bar.max = 100;
    bar.value = 0;
    bar.setAttribute("aria-label", `Upload of ${file.name}`);
    item.append(name, bar, state);
    list.append(item);
    list.hidden = false;
    return { item, bar, state };
  }

  function tell(job, text, kind) {
    job.row.state.textContent = text;
    job.row.item.className = kind;
    job.row.bar.hidden = kind !== "going";
  }

  function offer(job, word, change) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "small";
    button.textContent = word;
    button.addEventListener("click", () => {
      button.remove();
      Object.assign(job, change);
      enqueue(job);
    });
    job.row.item.append(button);
  }

  function failed(job, status, answer) {
    const broken = status ? `The server answers ${status}. Load the page again.` : "The connection ended before the upload did.";
    const reason = answer.error || broken;
    if (answer.code === "SlowDown" && status === 503) {
      tell(job, "The bucket takes no writes now; this goes on when it does.", "held");
      openAgain.push(() => enqueue(job));
      if (!gated) setTimeout(() => openAgain.splice(0).forEach((go) => go()), POLL_MS);
      return;
    }
    if (status === 412) {
      tell(job, "There is an object of this name already.", "failed");
      offer(job, "Replace it", { replace: true });
      return;
    }
    tell(job, reason, "failed");
    if (status !== 403 && status !== 413) offer(job, "Try again", {});
  }

  function send(job) {
    return new Promise((resolve) => {
      const request = new XMLHttpRequest();
      const query = { type: job.file.type, ...(job.replace && { replace: 1 }) };
      request.open("POST", address(job.key, query));
      request.setRequestHeader("X-CSRFToken", form.elements.csrfmiddlewaretoken.value);
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.setRequestHeader("Accept", "application/json");
      request.upload.addEventListener("progress", (event) => {
        job.row.bar.value = event.total ? (100 * event.loaded) / event.total : 100;
        if (event.loaded === event.total) job.row.state.textContent = "Storing…";
      });
      request.addEventListener("loadend", () => {
        let answer = {};
        try {
          answer = JSON.parse(request.responseText);
        } catch {
          // Not one of our answers: the connection broke, or something in between spoke.
        }
        resolve({ status: request.status, answer });
      });
      request.send(job.file);
    });
  }

  async function upload(job) {
    tell(job, "Uploading…", "going");
    try {
      // Whether it would be taken at all, before its bytes travel.
      const query = { size: job.file.size, ...(job.replace && { replace: 1 }) };
      const asked = await fetch(address(job.key, query), { headers: { Accept: "application/json" } });
      if (!asked.ok) return failed(job, asked.status, await asked.json());
    } catch {
      return failed(job, 0, {});
    }
    const { status, answer } = await send(job);
    if (status !== 201) return failed(job, status, answer);
    tell(job, "Uploaded.", "done");
    arrived += 1;
  }

  async function next() {
    while (active < AT_ONCE && waiting.length) {
      active += 1;
      upload(waiting.shift()).finally(() => {
        active -= 1;
        if (!active && !waiting.length && arrived) refresh();
        next();
      });
    }
  }

  function enqueue(job) {
    tell(job, "In line.", "going");
    waiting.push(job);
    next();
  }

  function take(files) {
    const prefix = decodeURIComponent(form.dataset.prefix);
    const replace = Boolean(form.elements.replace && form.elements.replace.checked);
    for (const file of files) enqueue({ file, key: prefix + file.name, replace, row: row(file) });
  }

  async function refresh() {
    arrived = 0;
    const answer = await fetch(location, { headers: { "HX-Request": "true" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    find("#objects").replaceChildren(...page.body.childNodes);
    prepare();
  }

  if (form) {
    const files = form.elements.files;
    find(".with-scripts").hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      take(files.files);
      files.value = "";
    });
    const over = (event) => event.dataTransfer && event.dataTransfer.types.includes("Files");
    document.addEventListener("dragover", (event) => {
      if (!over(event)) return;
      event.preventDefault();
      form.classList.toggle("drop-here", !gated);
    });
    for (const name of ["dragleave", "drop"]) {
      document.addEventListener(name, (event) => {
        if (name === "drop" || !event.relatedTarget) form.classList.remove("drop-here");
      });
    }
    document.addEventListener("drop", (event) => {
      if (!over(event)) return;
      event.preventDefault();
      if (!gated) take(event.dataTransfer.files);
    });
    addEventListener("beforeunload", (event) => {
      if (active || waiting.length || openAgain.length) event.preventDefault();
    });
  }

  // -- the selection ---------------------------------------------------------------------------------
  function prepare() {
    const all = find("[data-all]");
    if (!all) return;
    const boxes = [...document.querySelectorAll("input[name=item][type=checkbox]")];
    const count = () => {
      const chosen = boxes.filter((box) => box.checked).length;
      all.checked = chosen === boxes.length;
      all.indeterminate = chosen > 0 && chosen < boxes.length;
      find("[data-selected]").textContent = chosen ? `${chosen} selected` : "";
    };
    all.hidden = false;
    all.addEventListener("change", () => {
      for (const box of boxes) box.checked = all.checked;
      count();
    });
    for (const box of boxes) box.addEventListener("change", count);
    count();
  }
  prepare();
})();
