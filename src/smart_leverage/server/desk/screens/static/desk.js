// A page of the desk: what is new comes by a stream, ages tick, keys move about. Without this
// script every page still shows what the ledger said when it was made.
"use strict";
(() => {
  const body = document.body;
  const $ = (id) => document.getElementById(id);
  const kept = (name, value) => {
    try {
      if (value === undefined) return localStorage.getItem(name);
      localStorage.setItem(name, value);
    } catch { /* no storage: nothing is remembered */ }
    return null;
  };

  // -- times and ages ---------------------------------------------------------------------------

  const FORMS = {
    day: { year: "numeric", month: "2-digit", day: "2-digit" },
    minute: { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" },
    second: { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" },
    time: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  };
  const TODAY = { second: "time", minute: "short" };
  FORMS.short = { hour: "2-digit", minute: "2-digit" };
  const formats = new Map();
  const zoneOf = (choice) => choice === "utc" ? "UTC" : choice === "local" ? undefined : body.dataset.zone;

  // What happened today has no date, what happened this year no year.
  function shown(ms, form) {
    const now = Date.now();
    if (!(form in TODAY)) return written(ms, form);
    if (written(ms, "day") === written(now, "day")) return written(ms, TODAY[form]);
    const year = written(ms, "day").slice(0, 5);
    return (written(now, "day").startsWith(year) ? "" : year) + written(ms, form);
  }

  function written(ms, form) {
    const choice = $("zone")?.value ?? "exchange";
    const name = `${choice} ${form}`;
    if (!formats.has(name)) {
      formats.set(name, new Intl.DateTimeFormat("en-CA", { ...FORMS[form], hourCycle: "h23", timeZone: zoneOf(choice) }));
    }
    return formats.get(name).format(ms).replace(",", "");
  }

  function span(ms) {
    const s = Math.max(ms, 0) / 1000;
    if (s < 10) return `${s.toFixed(1)} s ago`;
    if (s < 90) return `${Math.round(s)} s ago`;
    if (s < 5400) return `${Math.round(s / 60)} min ago`;
    return s < 129600 ? `${Math.round(s / 3600)} h ago` : `${Math.round(s / 86400)} d ago`;
  }

  function dress(root) {
    for (const each of root.querySelectorAll("time[data-ns]")) {
      const ms = Number(BigInt(each.dataset.ns) / 1000000n);
      each.dateTime = new Date(ms).toISOString();
      each.title ||= `${each.textContent}`;
      each.textContent = shown(ms, each.dataset.form || "time");
    }
    tick(root);
  }

  function tick(root) {
    const now = Date.now();
    for (const each of root.querySelectorAll("time[data-age]")) {
      const text = span(now - Number(each.dataset.age));
      if (each.textContent !== text) each.textContent = text;
    }
  }

  // -- parts of the page ------------------------------------------------------------------------

  function put(html) {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    for (const fresh of [...holder.content.children]) {
      const old = fresh.id && $(fresh.id);
      if (!old) continue;
      const focus = old.contains(document.activeElement) ? document.activeElement : null;
      const place = focus && [...old.querySelectorAll("a,button,input,select,summary,[tabindex]")].indexOf(focus);
      const scrolls = [...old.querySelectorAll(".scroll")].map((each) => [each.scrollLeft, each.scrollTop]);
      old.replaceWith(fresh);
      dress(fresh);
      [...fresh.querySelectorAll(".scroll")].forEach((each, at) => {
        if (scrolls[at]) [each.scrollLeft, each.scrollTop] = scrolls[at];
      });
      window.htmx?.process(fresh);
      if (focus) [...fresh.querySelectorAll("a,button,input,select,summary,[tabindex]")][place]?.focus({ preventScroll: true });
    }
  }

  function toast(html) {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    for (const fresh of [...holder.content.children]) {
      $("toasts").append(fresh);
      if (!fresh.classList.contains("is-loud")) setTimeout(() => fresh.remove(), 8000);
    }
    while ($("toasts").children.length > 5) $("toasts").firstElementChild.remove();
  }

  document.addEventListener("click", (event) => {
    event.target.closest("[data-dismiss]")?.closest(".toast")?.remove();
  });

  // -- what is new ------------------------------------------------------------------------------

  const STREAM_FAILURES = 2;
  const POLL_MS = 2000;
  let last = Number(body.dataset.seq);
  let failures = 0;
  let wire = null;
  let timer = 0;
  let refused = "";

  function say(state, words) {
    const line = $("wire");
    line.dataset.wire = state;
    body.classList.toggle("is-cut", state === "cut");
    if ($("wire-word").textContent !== words) $("wire-word").textContent = words;
    const more = $("stream-said");
    if (more) more.textContent = refused ? `${words}: ${refused}` : words;
  }

  function take(name, seq, text) {
    if (name === "reload") { location.reload(); return; }
    last = Math.max(last, seq);
    if (name === "toast") toast(text);
    else if (name === "chart") document.dispatchEvent(new CustomEvent("desk:point", { detail: JSON.parse(text) }));
    else put(text);
    document.dispatchEvent(new CustomEvent("desk:event", { detail: { name, seq } }));
  }

  function parse(block) {
    let name = "", seq = 0;
    const lines = [];
    for (const line of block.split("\n")) {
      if (line.startsWith("id: ")) seq = Number(line.slice(4));
      else if (line.startsWith("event: ")) name = line.slice(7);
      else if (line.startsWith("data: ")) lines.push(line.slice(6));
    }
    if (name) take(name, seq, lines.join("\n"));
  }

  async function listen() {
    clearTimeout(timer);
    if (document.hidden) return;
    wire?.abort();
    const own = wire = new AbortController();
    try {
      const reply = await fetch(`/events?page=${body.dataset.page}&after=${last}`, {
        headers: { Accept: "text/event-stream", "Last-Event-ID": String(last) }, signal: own.signal, cache: "no-store",
      });
      if (reply.status === 401) { location.reload(); return; }
      if (!reply.ok) {
        refused = reply.status === 503 ? "too many pages are open; close some of them" : `refused with ${reply.status}`;
        throw new Error(refused);
      }
      refused = "";
      failures = 0;
      say("live", "connected");
      const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        text += value;
        const blocks = text.split("\n\n");
        text = blocks.pop();
        blocks.forEach(parse);
      }
    } catch { /* cut off, refused, or closed by us: what follows is the same */ }
    if (own.signal.aborted) return;
    failures += 1;
    if (failures < STREAM_FAILURES) {
      say("again", "reconnecting");
      timer = setTimeout(listen, 300);
    } else poll();
  }

  async function poll() {
    clearTimeout(timer);
    if (document.hidden) return;
    try {
      const reply = await fetch(`/frame?page=${body.dataset.page}&after=${last}`, { cache: "no-store" });
      if (reply.status === 401) { location.reload(); return; }
      if (!reply.ok) throw new Error(String(reply.status));
      say("poll", "every 2 s");
      for (const each of await reply.json()) take(each.name, each.seq, each.text);
      failures += 1;
      // From time to time the stream is tried once more.
      timer = setTimeout(!refused || failures % 15 === 0 ? listen : poll, POLL_MS);
    } catch {
      say("cut", "CONNECTION LOST: numbers are old");
      timer = setTimeout(poll, POLL_MS);
    }
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { clearTimeout(timer); wire?.abort(); wire = null; }
    else { failures = 0; listen(); }
  });
  addEventListener("pagehide", () => wire?.abort());
  addEventListener("offline", () => say("cut", "CONNECTION LOST: numbers are old"));

  // -- details ----------------------------------------------------------------------------------

  const dialog = $("dialog");
  let opener = null;
  // The panel that holds the link may be renewed meanwhile; the same link is there again.
  const again = (link) => link.isConnected ? link
    : [...document.querySelectorAll("[hx-get]")].find((each) => each.getAttribute("hx-get") === link.getAttribute("hx-get"));
  document.addEventListener("click", (event) => { opener = event.target.closest("[hx-get]") ?? opener; });
  document.addEventListener("htmx:after:swap", () => {
    if (!dialog.open && dialog.children.length) { dialog.showModal(); dress(dialog); }
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => { dialog.replaceChildren(); if (opener) again(opener)?.focus(); });

  // -- keys -------------------------------------------------------------------------------------

  let after = 0;
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest?.("input,select,textarea,[contenteditable]");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
    if (event.timeStamp - after < 1500 && after) {
      after = 0;
      const link = document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`);
      if (link) { event.preventDefault(); location.assign(link.href); }
    } else if (event.key === "g") after = event.timeStamp;
    else if (event.key === "?") location.assign("/help");
    else if (event.key === "/" && $("filter-symbol")) { event.preventDefault(); $("filter-symbol").focus(); }
  });

  // -- theme and zone ---------------------------------------------------------------------------

  $("theme").addEventListener("click", () => {
    const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
    const now = document.documentElement.dataset.theme ?? (isDark ? "dark" : "light");
    document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
    kept("theme", document.documentElement.dataset.theme);
    document.dispatchEvent(new CustomEvent("desk:theme"));
  });
  const zone = $("zone");
  zone.value = kept("zone") ?? "exchange";
  zone.addEventListener("change", () => { kept("zone", zone.value); dress(document); document.dispatchEvent(new CustomEvent("desk:theme")); });

  // A page that is shown again from the browser's memory may be hours old.
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  dress(document);
  setInterval(() => tick(document), 1000);
  listen();
})();
