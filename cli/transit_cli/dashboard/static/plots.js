// Draws the figures of a page with uPlot, and asks for their curves anew at the event "plots".
"use strict";

(() => {
  const HEIGHT = 200;
  // between two times on the axis; those of uPlot jump from one minute to five
  const SECONDS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 43200, 86400];
  const charts = new Map(); // element → {url, chart}
  const FORMATS = {
    share: (v) => `${+(v * 100).toFixed(Math.abs(v) < 0.1 ? 1 : 0)} %`,
    seconds: (v) => (v < 1 ? `${+(v * 1000).toPrecision(3)} ms` : `${+v.toPrecision(3)} s`),
    plain: (v) => `${+v.toPrecision(3)}`,
  };

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);

  // upright lines for steps and the verdict, each with its word
  function marks(plot) {
    return (u) => {
      const { ctx, bbox } = u;
      const scale = devicePixelRatio;
      ctx.save();
      ctx.font = `${11 * scale}px system-ui, sans-serif`;
      ctx.textBaseline = "top";
      for (const mark of plot.marks) {
        const x = u.valToPos(mark.at, "x", true);
        if (x < bbox.left - 1 || x > bbox.left + bbox.width + 1) continue;
        ctx.strokeStyle = ctx.fillStyle = colour(mark.verdict ? "bound" : "dim");
        ctx.lineWidth = (mark.verdict ? 2 : 1) * scale;
        ctx.setLineDash(mark.verdict ? [] : [2 * scale, 4 * scale]);
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
        const late = x > bbox.left + bbox.width * 0.8;
        ctx.textAlign = late ? "right" : "left";
        ctx.fillText(mark.text, x + (late ? -4 : 4) * scale, bbox.top + (mark.verdict ? bbox.height - 14 * scale : 0));
      }
      ctx.restore();
    };
  }

  function lines(plot) {
    const format = FORMATS[plot.unit];
    const value = (u, v) => (v == null ? "–" : format(v));
    const line = (label, name, dash, width) => ({
      label, value, dash, width, stroke: () => colour(name), spanGaps: true, points: { show: false },
    });
    const edge = (label) => ({ label, value, width: 0, points: { show: false }, spanGaps: true });
    return [
      { label: "time", value: (u, v) => (v == null ? "–" : new Date(v * 1000).toISOString().slice(11, 19)) },
      edge("99 % up to"),
      edge("99 % from"),
      line("bound", "bound", [8, 4], 1.5),
      line("stable", "stable", [2, 3], 2),
      line("candidate", "candidate", undefined, 2),
    ];
  }

  const data = (plot) =>
    [plot.times, plot.high, plot.low, plot.bound, plot.stable, plot.candidate];

  function axes(plot) {
    const common = { stroke: () => colour("dim"), grid: { stroke: () => colour("line"), width: 1 }, ticks: { show: false } };
    const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: "UTC" });
    return [
      { ...common, space: 80, size: 28, incrs: SECONDS, values: (u, splits) => splits.map((at) => time.format(at * 1000)) },
      { ...common, size: 64, values: (u, splits) => splits.map(FORMATS[plot.unit]) },
    ];
  }

  function draw(place, plot) {
    const options = {
      width: place.clientWidth,
      height: HEIGHT,
      scales: {
        x: { range: (u, from, to) => [Math.min(from, plot.marks[0]?.at ?? from), Math.max(to, plot.marks.at(-1)?.at ?? to)] },
        y: { range: (u, from, to) => [Math.min(0, from), to > 0 ? to * 1.15 : 1] },
      },
      axes: axes(plot),
      series: lines(plot),
      bands: [{ series: [1, 2], fill: () => colour("band") }],
      legend: { show: true, live: true },
      cursor: { y: false, drag: { x: false, y: false } },
      hooks: { draw: [marks(plot)] },
    };
    place.replaceChildren();
    return new uPlot(options, data(plot), place);
  }

  async function load(figure) {
    const url = figure.dataset.plot;
    const place = figure.querySelector(".chart");
    const answer = await fetch(url, { headers: { Accept: "application/json" } });
    const plot = answer.ok ? await answer.json() : null;
    if (!figure.isConnected || figure.dataset.plot !== url) return;
    charts.get(place)?.chart.destroy();
    charts.delete(place);
    const last = figure.querySelector(".last");
    last.textContent = plot ? plot.summary : "nothing was measured";
    figure.classList.toggle("empty", !plot);
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", `${figure.querySelector("h3").textContent}: ${last.textContent}`);
    if (plot) charts.set(place, { url, chart: draw(place, plot) });
    else place.replaceChildren();
    figure.dataset.drawn = url;
  }

  const figures = () => [...document.querySelectorAll("figure[data-plot]")];
  // what can't be loaded is shown as not live by the event stream, which has lost the same server
  const loadAll = (some) => Promise.allSettled(some.map(load));

  document.addEventListener("DOMContentLoaded", () => loadAll(figures()));
  document.addEventListener("plots", () => loadAll(figures()));
  document.addEventListener("htmx:after:swap", () =>
    loadAll(figures().filter((one) => one.dataset.drawn !== undefined && one.dataset.drawn !== one.dataset.plot)));
  addEventListener("resize", () => {
    for (const [place, { chart }] of charts) chart.setSize({ width: place.clientWidth, height: HEIGHT });
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const { chart } of charts.values()) chart.redraw();
  });
})();
