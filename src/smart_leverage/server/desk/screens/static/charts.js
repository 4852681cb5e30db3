// Charts of a page, drawn by uPlot from our own series; the table beside each says the same.
"use strict";
(() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const money = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", maximumFractionDigits: 0 });
  const exact = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
  const minus = (text) => text.replace("-", "−");
  const show = { money: (v) => minus(exact.format(v)), fraction: (v) => minus(`${(v * 100).toFixed(2)} %`) };
  const brief = { money: (v) => minus(money.format(v)), fraction: (v) => minus(`${+(v * 100).toFixed(2)} %`) };
  const zoneOf = (data) => {
    const choice = document.getElementById("zone")?.value ?? "exchange";
    return choice === "utc" ? "UTC" : choice === "local" ? undefined : data.zone || "UTC";
  };

  // Steps in seconds, how a tick of them reads, and what is added where a longer unit begins.
  const DAY = "\n{YYYY}-{MM}-{DD}";
  const DATES = [
    [31536000, "{YYYY}", null, null, null, null, null, null, 1],
    [2419200, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
    [86400, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1],
    [60, "{HH}:{mm}", DAY, null, DAY, null, null, null, 1],
    [1, "{HH}:{mm}:{ss}", DAY, null, DAY, null, null, null, 1],
  ];

  class Chart {
    constructor(place) {
      this.place = place;
      this.name = place.dataset.chart;
      this.said = place.parentElement.querySelector(".chart-said");
      this.range = "all";
      for (const button of place.closest("section").querySelectorAll("[data-range]")) {
        button.addEventListener("click", () => this.choose(button));
      }
      new ResizeObserver(() => this.fit()).observe(place);
      this.load();
    }

    choose(button) {
      this.range = button.dataset.range;
      for (const each of button.parentElement.children) each.setAttribute("aria-pressed", String(each === button));
      this.load();
    }

    async load() {
      try {
        const reply = await fetch(`/charts/${this.name}?range=${this.range}`);
        if (!reply.ok) throw new Error(`answered ${reply.status}`);
        this.data = await reply.json();
        this.draw();
      } catch (problem) {
        this.empty(`The series cannot be had just now (${problem.message}).`);
      }
    }

    empty(words) {
      this.plot?.destroy();
      this.plot = null;
      const line = document.createElement("p");
      line.className = "none";
      line.textContent = words;
      this.place.replaceChildren(line);
    }

    add(point) {
      const values = point.charts[this.name], data = this.data;
      if (!data || !values || point.time <= (data.times.at(-1) ?? 0)) return;
      data.times.push(point.time);
      data.series.forEach((each, at) => each.values.push(values[at]));
      if (this.plot) this.plot.setData(this.columns()); else this.draw();
    }

    columns() {
      return [this.data.times, ...this.data.series.map((each) => each.values)];
    }

    draw() {
      if (this.data.times.length < 2) { this.empty("No curve yet: two valuations make one, and there is one a minute."); return; }
      this.plot?.destroy();
      this.place.replaceChildren();
      const unit = this.data.series[0].unit, colours = [css("--line-1"), css("--line-2")];
      const axis = { stroke: css("--muted"), grid: { stroke: css("--grid"), width: 1 }, ticks: { stroke: css("--grid"), width: 1 }, font: "12px system-ui, sans-serif" };
      const series = this.data.series.map((each, at) => ({
        label: each.label, stroke: colours[at], width: at ? 1.5 : 2, points: { show: false },
        fill: at === 0 ? css("--fill-1") : undefined, dash: each.step ? [6, 4] : undefined,
        paths: each.step ? uPlot.paths.stepped({ align: 1 }) : undefined,
      }));
      const zone = zoneOf(this.data);
      this.plot = new uPlot({
        width: this.place.clientWidth, height: this.height(), padding: [12, 12, 0, 0],
        tzDate: (ts) => zone ? uPlot.tzDate(new Date(ts * 1e3), zone) : new Date(ts * 1e3),
        legend: { show: false }, cursor: { y: false, points: { size: 7 } },
        scales: { y: { range: (u, low, high) => this.bounds(unit, low, high) } },
        axes: [{ ...axis, space: 80, values: DATES }, { ...axis, size: 78, values: (u, ticks) => ticks.map(brief[unit]) }],
        series: [{}, ...series],
        hooks: { drawAxes: [(u) => this.under(u)], draw: [(u) => this.over(u)], setCursor: [(u) => this.tell(u)] },
      }, this.columns(), this.place);
      this.tell(this.plot);
    }

    height() { return this.place.clientWidth < 480 ? 190 : 240; }

    bounds(unit, low, high) {
      if (this.name === "underwater") return [Math.min(low * 1.1, -0.01), 0];
      if (unit === "fraction") return [0, Math.max(high, 0.01) * 1.1];
      const room = Math.max((high - low) * 0.12, Math.abs(high) * 0.0005, 0.01);
      return [low - room, high + room];
    }

    under(u) {
      const c = u.ctx, { left, top, width, height } = u.bbox;
      c.save();
      c.beginPath(); c.rect(left, top, width, height); c.clip();
      c.fillStyle = css("--halt-band");
      for (const [from, to] of this.data.halts) {
        const x = u.valToPos(from, "x", true);
        c.fillRect(x, top, Math.max(u.valToPos(to, "x", true) - x, 2), height);
      }
      c.restore();
    }

    over(u) {
      const c = u.ctx, { left, top, width, height } = u.bbox, r = devicePixelRatio;
      c.save();
      c.beginPath(); c.rect(left, top, width, height); c.clip();
      c.fillStyle = css("--muted");
      for (const [at] of this.data.tiers) c.fillRect(u.valToPos(at, "x", true) - r, top + height - 10 * r, 2 * r, 10 * r);
      c.fillStyle = css("--text");
      for (const [at, amount] of this.data.flows) {
        const x = u.valToPos(at, "x", true), y = top + 6 * r, d = amount > 0 ? 1 : -1;
        c.beginPath(); c.moveTo(x - 5 * r, y); c.lineTo(x + 5 * r, y); c.lineTo(x, y + 8 * r * d); c.fill();
      }
      c.restore();
    }

    tell(u) {
      const at = u.cursor.idx ?? this.data.times.length - 1, time = this.data.times[at];
      if (time === undefined) return;
      const zone = zoneOf(this.data);
      const when = new Intl.DateTimeFormat("en-CA", { dateStyle: "short", timeStyle: "short", hourCycle: "h23", timeZone: zone }).format(time * 1000);
      const values = this.data.series.map((each) => `${each.label} ${show[each.unit](each.values[at])}`);
      this.said.textContent = `${when} ${zone ?? "local"}   ${values.join("   ")}`;
    }

    fit() { if (this.plot) this.plot.setSize({ width: this.place.clientWidth, height: this.height() }); }
  }

  const charts = [...document.querySelectorAll("[data-chart]")].map((place) => new Chart(place));
  document.addEventListener("desk:point", (event) => { if (event.detail) charts.forEach((each) => each.add(event.detail)); });
  document.addEventListener("desk:theme", () => charts.forEach((each) => each.data && each.draw()));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach((each) => each.data && each.draw()));
})();
