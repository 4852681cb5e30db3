"use strict";
// Adds a theme switch and, to the pictures that are already there, a crosshair with exact values.
(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const themes = ["system", "light", "dark"];
  const memory = {
    read() { try { return localStorage.getItem("theme"); } catch { return null; } },
    write(theme) { try { localStorage.setItem("theme", theme); } catch { /* a file may have none */ } },
  };
  const show = (theme) => {
    if (theme === "system") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", theme);
    button.lastElementChild.textContent = theme;
  };
  let theme = themes.includes(memory.read()) ? memory.read() : "system";
  show(theme);
  button.hidden = false;
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    memory.write(theme);
    show(theme);
  });

  const summed = (steps) => { let sum = 0; return steps.map((step) => (sum += step)); };
  const last = (times, at) => {  // index of the last time that is not later
    let low = 0, high = times.length;
    while (low < high) { const middle = (low + high) >> 1; if (times[middle] <= at) low = middle + 1; else high = middle; }
    return low - 1;
  };
  const minus = (text) => text.replace("-", "\u2212");
  const number = (value, places) => value.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
  const written = {
    money: (value) => (value < 0 ? "\u2212$" : "$") + number(Math.abs(value), 2),
    fraction: (value) => minus(number(value * 100, 2)) + " %",
    number: (value) => minus(number(value, 6)),
  };

  for (const chart of document.querySelectorAll("figure[data-zone]")) {
    const island = chart.querySelector("script.series");
    if (!island) continue;
    const panels = JSON.parse(island.textContent).map((panel) => panel.map((series) => ({
      ...series, times: summed(series.times), values: summed(series.values) })));
    const frames = [...chart.querySelectorAll("[data-panel]")];
    const titles = frames.map((frame) => frame.querySelector("h4").textContent);
    const readout = chart.querySelector(".readout");
    const plots = chart.querySelector(".plots");
    const all = panels.flat().flatMap((series) => series.times);
    if (!all.length) continue;
    const axis = panels.flat().filter((series) => series.times.length).sort((a, b) => b.times.length - a.times.length)[0];
    const first = Number(chart.dataset.start), end = Number(chart.dataset.end);
    const clock = new Intl.DateTimeFormat("sv-SE", { timeZone: chart.dataset.zone, dateStyle: "short", timeStyle: "medium" });
    let here = axis.times.length - 1;

    const point = (at) => {
      const parts = [];
      panels.forEach((panel, place) => panel.forEach((series) => {
        const index = last(series.times, at);
        if (index < 0) return;
        const text = written[series.unit](series.values[index] / series.scale);
        if (series.css === "cap" && parts.length) parts[parts.length - 1][1] += ` of ${text}`;
        else parts.push([series.name === "exposure" ? titles[place] : series.name, text]);
      }));
      const moment = document.createElement("b");
      moment.textContent = clock.format(new Date(at * 1000)) + " " + chart.dataset.zone;
      readout.replaceChildren(moment, ...parts.map(([name, text]) => {
        const part = document.createElement("span");
        const value = document.createElement("b");
        value.textContent = text;
        part.append(name + " ", value);
        return part;
      }));
      readout.hidden = false;
      const place = `${((at - first) / Math.max(end - first, 1)) * 100}%`;
      for (const hair of chart.querySelectorAll(".hair")) {
        hair.setAttribute("x1", place);
        hair.setAttribute("x2", place);
        hair.setAttribute("visibility", "visible");
      }
    };
    const leave = () => {
      readout.hidden = true;
      for (const hair of chart.querySelectorAll(".hair")) hair.setAttribute("visibility", "hidden");
    };
    plots.addEventListener("pointermove", (event) => {
      const box = frames[0].querySelector("svg.plot").getBoundingClientRect();
      const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
      here = Math.max(last(axis.times, first + share * (end - first)), 0);
      point(axis.times[here]);
    });
    plots.addEventListener("pointerleave", leave);
    plots.addEventListener("blur", leave);
    plots.addEventListener("keydown", (event) => {
      const far = { ArrowLeft: -1, ArrowRight: 1, PageDown: 20, PageUp: -20, Home: -Infinity, End: Infinity }[event.key];
      if (!far) return;
      event.preventDefault();
      here = Math.min(Math.max(here + far, 0), axis.times.length - 1);
      point(axis.times[here]);
    });
  }
})();
