"use strict";
// Draws the plots of a report from what is packed into the page. Text of others goes into the page as
// text only; nothing is fetched.
(async () => {
  const root = document.documentElement;
  const inDark = matchMedia("(prefers-color-scheme: dark)");
  const tip = document.getElementById("tip");
  const PAPER_PX = 680;
  let printing = false;

  const unpacked = async (name) => {
    const packed = atob(document.getElementById(name).textContent);
    const bytes = Uint8Array.from(packed, (one) => one.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  };

  const themed = ({ data, layout, dark }) =>
    inDark.matches && !printing
      ? { data: data.map((trace, at) => ({ ...trace, ...dark.data[at] })), layout: dark.layout }
      : { data, layout };

  const config = { displayModeBar: false, displaylogo: false, showTips: false };

  const draw = (box, figure) => {
    const { data, layout } = themed(figure);
    // At beforeprint the page still has the width of the screen.
    const width = printing ? Math.min(PAPER_PX, box.clientWidth) : box.clientWidth;
    return Plotly.react(box, data, { ...layout, width }, config);
  };

  const hex = (value) => `0x${value.toString(16)}`;
  const whole = new Intl.NumberFormat("en-US");

  const place = (map, x, y) => {
    const first = Math.max(0, (y * map.columns + x - map.firstColumn) * map.each - map.before);
    const end = (y * map.columns + x - map.firstColumn + 1) * map.each - map.before;
    const last = Math.min(map.cells, end) - 1;
    const address = Math.max(map.start, map.cell0 + first * map.pageSize);
    const cells =
      first === last
        ? `cell ${whole.format(first)}`
        : `cells ${whole.format(first)}–${whole.format(last)}`;
    const lines = [`${cells} at ${hex(address)}`];
    if (map.offset !== null) lines.push(`file offset ${hex(map.offset + address - map.start)}`);
    if (map.guest !== null) lines.push(`guest RAM offset ${hex(map.guest + address - map.start)}`);
    return lines;
  };

  const show = (map, { points, event }) => {
    const [point] = points.filter((one) => one.customdata >= 0);
    if (point === undefined || event === undefined) return;
    const lines = [...place(map, point.x, point.y), ...map.words[point.customdata]];
    tip.replaceChildren(
      ...lines.map((line) => {
        const made = document.createElement("div");
        made.textContent = line;
        return made;
      }),
    );
    tip.hidden = false;
    const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    const below = event.clientY + 18;
    const top =
      below + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - 12 : below;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${Math.max(8, top)}px`;
  };

  const figures = JSON.parse(await unpacked("figures"));
  const script = document.createElement("script");
  script.textContent = await unpacked("plotly");
  document.head.append(script);

  const boxes = [...document.querySelectorAll("[data-figure]")];
  const plots = boxes.map((box) => [box, figures[Number(box.dataset.figure)]]);
  for (const [box, figure] of plots) {
    await draw(box, figure);
    if (figure.map !== undefined) {
      box.on("plotly_hover", (event) => show(figure.map, event));
      box.on("plotly_unhover", () => (tip.hidden = true));
    }
  }
  const redraw = () => Promise.all(plots.map(([box, figure]) => draw(box, figure)));
  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const drawn = target.layout?.width;
      if (!printing && target.clientWidth > 0 && drawn !== target.clientWidth) {
        Plotly.relayout(target, { width: target.clientWidth });
      }
    }
  });
  for (const box of boxes) resized.observe(box);
  inDark.addEventListener("change", redraw);
  addEventListener("scroll", () => (tip.hidden = true), { passive: true });
  addEventListener("beforeprint", () => {
    printing = true;
    redraw();
  });
  addEventListener("afterprint", () => {
    printing = false;
    redraw();
  });
  root.dataset.drawn = String(boxes.length);
})().catch((error) => {
  const note = document.getElementById("not-drawn");
  note.hidden = false;
  note.append(` (${error})`);
});
