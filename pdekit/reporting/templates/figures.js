// The figures of a report: lines and maps in time, with fixed limits, and curves. No library, no network.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const COLOURS = ["#2166ac", "#b2182b", "#4d9221", "#8c510a", "#762a83", "#01665e"];
const MOST_POINTS = 720; // of a map along its longer side

// ---------------------------------------------------------------------------------------------- frames

async function inflated(text) {
  const packed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Differences from frame to frame, high bytes first, as counts: one array for each frame.
async function unpacked(text, size, steps) {
  const bytes = await inflated(text), wide = steps > 255;
  const length = wide ? 2 * size : size, frames = [];
  let before = wide ? new Uint16Array(size) : new Uint8Array(size);
  for (let start = 0; start < bytes.length; start += length) {
    const frame = new before.constructor(size);
    for (let i = 0; i < size; i++) {
      const change = wide ? (bytes[start + i] << 8) | bytes[start + size + i] : bytes[start + i];
      frame[i] = before[i] + change; // wraps round, as it did when it was packed
    }
    frames.push(frame);
    before = frame;
  }
  return frames;
}

// ---------------------------------------------------------------------------------------------- axes

// Numbers of one axis in one form, with as many digits as tell its ticks apart.
function spelled(values, step) {
  const greatest = Math.max(...values.map(Math.abs));
  const places = (power) => Math.max(0, Math.min(9, -Math.floor(Math.log10(step) - power + 1e-9)));
  const power = greatest >= 1e5 || greatest < 1e-3 ? Math.floor(Math.log10(greatest) + 1e-9) : 0;
  return values.map((value) => {
    if (value === 0) return "0";
    const digits = (value / 10 ** power).toFixed(places(power));
    return (power ? `${Number(digits)}e${power}` : digits).replaceAll("-", "−");
  });
}

function linearTicks(low, high, count) {
  const raw = (high - low) / Math.max(1, count), power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5].find((m) => m * power >= raw) ?? 10), ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * (high - low); k++) ticks.push(k * step);
  const words = spelled(ticks, step);
  return ticks.map((value, k) => [value, words[k]]);
}

const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
const decade = (power) => "10" + [...String(power)].map((c) => SUPERSCRIPT[c]).join("");

function logarithmicTicks(low, high, count) {
  const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9);
  if (last - first < 2) {
    const found = [];
    for (let power = first - 1; power <= last + 1; power++)
      for (const digit of [1, 2, 5]) {
        const value = digit * 10 ** power;
        if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9))
          found.push([value, digit === 1 ? decade(power) : `${digit}·${decade(power)}`]);
      }
    return found;
  }
  const every = Math.max(1, Math.ceil((last - first) / count)), ticks = [];
  for (let power = first; power <= last; power += every) ticks.push([10 ** power, decade(power)]);
  return ticks;
}

const ticksOf = (axis, count) => (axis.log ? logarithmicTicks : linearTicks)(axis.low, axis.high, Math.max(3, count));

// How wide the texts of ticks are.
const widest = (ticks) => 6.9 * Math.max(3, ...ticks.map(([, text]) => text.length));

// Where values of an axis stand between two points of the screen.
function scale(axis, from, to) {
  const f = axis.log ? Math.log : (v) => v, low = f(axis.low), high = f(axis.high);
  return (value) => from + ((f(value) - low) / (high - low)) * (to - from);
}

function element(name, attributes, parent, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent?.append(made);
  return made;
}

// ---------------------------------------------------------------------------------------------- figures

// A box with axes; what is inside is up to those that extend it.
class Figure {
  constructor(card, data) {
    this.data = data;
    this.box = card.querySelector(".plot");
    this.readout = card.querySelector(".readout");
    this.legendBox = card.querySelector(".legend");
    this.index = 0;
    this.width = 0;
    this.box.addEventListener("pointermove", (event) => this.read(event));
    this.box.addEventListener("pointerleave", () => (this.readout.textContent = "\u00a0"));
  }

  get count() {
    return 1;
  }

  // Room left free around the axes, and the height, for a width.
  room() {
    return { left: this.margin(340), right: 14, top: 10, bottom: 44, height: this.usualHeight() };
  }

  usualHeight() {
    return Math.max(220, Math.min(340, 0.62 * this.width));
  }

  // As much as the numbers of the vertical axis need, and its label.
  margin(height) {
    return 32 + widest(ticksOf(this.data.y, height / 50));
  }

  layout(width) {
    this.width = width;
    const { left, right, top, bottom, height } = this.room();
    this.area = { left, top, right: width - right, bottom: height - bottom };
    this.box.replaceChildren();
    this.box.style.height = `${height}px`;
    this.svg = element("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
    this.toX = scale(this.data.x, this.area.left, this.area.right);
    this.toY = scale(this.data.y, this.area.bottom, this.area.top);
    this.axes();
    this.fill();
    this.box.append(this.svg);
    this.show(this.index);
  }

  axes() {
    const { left, right, top, bottom } = this.area, { x, y } = this.data, g = element("g", { class: "axes" }, this.svg);
    for (const [value, text] of ticksOf(x, (right - left) / 80)) {
      const at = this.toX(value);
      element("line", { x1: at, x2: at, y1: bottom, y2: bottom + 5 }, g);
      element("text", { x: at, y: bottom + 19, "text-anchor": "middle" }, g, text);
    }
    const marks = ticksOf(y, (bottom - top) / 50);
    for (const [value, text] of marks) {
      const at = this.toY(value);
      element("line", { x1: left - 5, x2: left, y1: at, y2: at }, g);
      element("text", { x: left - 8, y: at + 4, "text-anchor": "end" }, g, text);
    }
    element("path", { d: `M${left},${top}V${bottom}H${right}`, fill: "none" }, g);
    element("text", { x: (left + right) / 2, y: bottom + 38, "text-anchor": "middle", class: "label" }, g, x.label);
    const turned = `rotate(-90) translate(${-(top + bottom) / 2}, ${left - 19 - widest(marks)})`;
    element("text", { transform: turned, "text-anchor": "middle", class: "label" }, g, y.label);
  }

  legend(names) {
    if (names.length < 2) return;
    const legend = this.legendBox;
    legend.replaceChildren();
    names.forEach((name, k) => {
      const entry = document.createElement("span"), style = this.style(name, k);
      const line = element("svg", { width: 26, height: 8 });
      element("line", { x1: 0, x2: 26, y1: 4, y2: 4, ...style }, line);
      entry.append(line, name);
      legend.append(entry);
    });
  }

  style(name, k) {
    if (name.startsWith("exact")) return { stroke: "#111", "stroke-width": 1.3, "stroke-dasharray": "5 4", fill: "none" };
    if (name.startsWith("order")) return { stroke: "#888", "stroke-width": 1.2, "stroke-dasharray": "2 3", fill: "none" };
    return { stroke: COLOURS[k % COLOURS.length], "stroke-width": 2, fill: "none" };
  }

  // The place under the pointer in the units of the axes, or null outside.
  place(event) {
    const box = this.box.getBoundingClientRect(), { left, right, top, bottom } = this.area;
    const px = event.clientX - box.left, py = event.clientY - box.top;
    if (px < left || px > right || py < top || py > bottom) return null;
    const back = (axis, share) =>
      axis.log ? axis.low * (axis.high / axis.low) ** share : axis.low + share * (axis.high - axis.low);
    return { x: back(this.data.x, (px - left) / (right - left)), y: back(this.data.y, (bottom - py) / (bottom - top)) };
  }

  tell(words) {
    this.readout.textContent = words.map(([name, value]) => `${name} = ${value.toPrecision(4).replace("-", "−")}`).join(",  ");
  }

  fill() {}
  show(index) {
    this.index = index;
  }
  read() {}
}

function pathOf(count, x, y) {
  const words = [];
  let pen = "M";
  for (let i = 0; i < count; i++) {
    const at = y(i);
    if (!Number.isFinite(at)) {
      pen = "M";
      continue;
    }
    words.push(pen, x(i).toFixed(1), ",", at.toFixed(1));
    pen = "L";
  }
  return words.join("");
}

// A field over one axis, in time.
class Lines extends Figure {
  async prepare() {
    const { nodes, blobs, steps } = this.data;
    this.frames = await Promise.all(this.data.curves.map((name) => unpacked(blobs[name], nodes.length, steps)));
  }

  get count() {
    return this.frames[0].length;
  }

  fill() {
    this.legend(this.data.curves);
    this.paths = this.data.curves.map((name, k) => element("path", this.style(name, k), this.svg));
    this.across = this.data.nodes.map((x) => this.toX(x));
  }

  value(k, i) {
    const { y, steps } = this.data, count = this.frames[k][this.index][i];
    return count > steps ? NaN : y.low + (count * (y.high - y.low)) / steps;
  }

  show(index) {
    super.show(index);
    const across = (i) => this.across[i];
    this.paths.forEach((path, k) => path.setAttribute("d", pathOf(this.across.length, across, (i) => this.toY(this.value(k, i)))));
  }

  read(event) {
    const place = this.place(event);
    if (!place) return;
    const { nodes, curves } = this.data;
    let nearest = 0;
    nodes.forEach((x, i) => (nearest = Math.abs(x - place.x) < Math.abs(nodes[nearest] - place.x) ? i : nearest));
    this.tell([["x", nodes[nearest]], ...curves.map((name, k) => [name, this.value(k, nearest)])]);
  }
}

// Curves that stand still, with a line at the time that is shown.
class Curves extends Figure {
  async prepare() {}

  fill() {
    const { curves, dots } = this.data;
    this.legend(curves.map((curve) => curve.name));
    curves.forEach((curve, k) => {
      const style = this.style(curve.name, k), high = (i) => (curve.y[i] === null ? NaN : this.toY(curve.y[i]));
      element("path", { ...style, d: pathOf(curve.x.length, (i) => this.toX(curve.x[i]), high) }, this.svg);
      if (dots && !curve.name.startsWith("order"))
        curve.x.forEach((x, i) => {
          if (Number.isFinite(high(i))) element("circle", { cx: this.toX(x), cy: high(i), r: 3.5, fill: style.stroke }, this.svg);
        });
    });
    if (this.data.x.label.startsWith("time t")) this.cursor = element("line", { class: "cursor" }, this.svg);
  }

  moment(t) {
    if (!this.cursor) return;
    const at = this.toX(Math.min(Math.max(t, this.data.x.low), this.data.x.high));
    for (const [key, value] of Object.entries({ x1: at, x2: at, y1: this.area.top, y2: this.area.bottom }))
      this.cursor.setAttribute(key, value);
  }

  read(event) {
    const place = this.place(event);
    if (place) this.tell([["x", place.x], ["y", place.y]]);
  }
}

// A map of two axes, in time. Every point of the picture knows between which four nodes it lies.
class FieldMap extends Figure {
  async prepare() {
    const { lines, blobs, steps } = this.data;
    this.frames = await unpacked(blobs.map, lines[0].length * lines[1].length, steps);
    const table = REPORT.colours[this.data.colours];
    this.table = new Uint32Array(256);
    for (let k = 0; k < 256; k++) {
      const colour = parseInt(table.slice(6 * k, 6 * k + 6), 16);
      this.table[k] = (255 << 24) | ((colour & 255) << 16) | (colour & 0xff00) | (colour >> 16);
    }
  }

  get count() {
    return this.data.still ? 1 : this.frames.length;
  }

  room() {
    const { x, y, equal, low, high } = this.data, left = this.margin(500), top = 10, bottom = 44;
    const right = 40 + widest(ticksOf({ low, high }, 8));
    const inside = this.width - left - right, natural = (inside * (y.high - y.low)) / (x.high - x.low);
    if (!equal) return { left, right, top, bottom, height: this.usualHeight() };
    const highest = Math.max(300, Math.min(520, 1.1 * inside));
    if (natural <= highest) return { left, right, top, bottom, height: natural + top + bottom };
    const spare = (inside * (1 - highest / natural)) / 2;
    return { left: left + spare, right: right + spare, top, bottom, height: highest + top + bottom };
  }

  fill() {
    const { left, right, top, bottom } = this.area, wide = right - left, high = bottom - top;
    const sharp = Math.min(window.devicePixelRatio || 1, MOST_POINTS / Math.max(wide, high));
    this.canvas = document.createElement("canvas");
    this.canvas.width = Math.max(2, Math.round(wide * sharp));
    this.canvas.height = Math.max(2, Math.round(high * sharp));
    Object.assign(this.canvas.style, { left: `${left}px`, top: `${top}px`, width: `${wide}px`, height: `${high}px` });
    this.box.append(this.canvas);
    this.context = this.canvas.getContext("2d");
    this.image = this.context.createImageData(this.canvas.width, this.canvas.height);
    this.points = new Uint32Array(this.image.data.buffer);
    this.locate();
    if (this.data.outline) this.outline();
    this.bar();
    if (this.data.still) this.cursor = element("line", { class: "cursor bright" }, this.svg);
  }

  // Coordinates along the two lines of nodes, of a place in the picture.
  coordinates(x, y) {
    if (this.data.shape === "flat") return [x, y];
    if (this.data.shape === "half disc") return [Math.hypot(x, y), Math.atan2(x, y)];
    const first = this.data.lines[1][0], turn = 2 * Math.PI;
    return [Math.hypot(x, y), first + ((((Math.atan2(y, x) - first) % turn) + turn) % turn)];
  }

  locate() {
    const { width, height } = this.canvas, [p, q] = this.data.lines, { x, y } = this.data;
    const size = width * height, before = (line, value) => {
      let low = 0, high = line.length - 1;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (line[middle] <= value) low = middle;
        else high = middle;
      }
      return low;
    };
    this.corner = new Int32Array(size);
    this.shares = new Float32Array(2 * size);
    for (let row = 0, k = 0; row < height; row++)
      for (let column = 0; column < width; column++, k++) {
        const [a, b] = this.coordinates(
          x.low + ((column + 0.5) / width) * (x.high - x.low), y.high - ((row + 0.5) / height) * (y.high - y.low));
        const slack = 1e-6;
        const i = before(p, a), j = before(q, b), f = (a - p[i]) / (p[i + 1] - p[i]), g = (b - q[j]) / (q[j + 1] - q[j]);
        const inside = f >= -slack && f <= 1 + slack && g >= -slack && g <= 1 + slack;
        this.corner[k] = inside ? i * q.length + j : -1;
        this.shares[2 * k] = f;
        this.shares[2 * k + 1] = g;
      }
  }

  // What belongs to the domain, in points of the canvas, and its boundary on top.
  outline() {
    const { x, y, outline } = this.data, { width, height } = this.canvas;
    const traced = (lines, toX, toY, end) =>
      lines.map(([across, up]) => "M" + across.map((v, i) => `${toX(v).toFixed(2)},${toY(up[i]).toFixed(2)}`).join("L") + end).join("");
    this.region = new Path2D(traced(outline.region, scale(x, 0, width), scale(y, height, 0), "Z"));
    element("path", { class: "outline", d: traced(outline.boundary, this.toX, this.toY, "") }, this.svg);
  }

  bar() {
    const { right, top, bottom } = this.area, { low, high, label } = this.data, left = right + 14, wide = 12;
    const table = REPORT.colours[this.data.colours], id = `bar${FieldMap.bars++}`;
    const gradient = element("linearGradient", { id, x1: 0, x2: 0, y1: 1, y2: 0 }, this.svg);
    for (let k = 0; k <= 32; k++) {
      const at = Math.round((k / 32) * 255);
      element("stop", { offset: k / 32, "stop-color": `#${table.slice(6 * at, 6 * at + 6)}` }, gradient);
    }
    const g = element("g", { class: "axes" }, this.svg), to = scale({ low, high }, bottom, top);
    element("rect", { x: left, y: top, width: wide, height: bottom - top, fill: `url(#${id})` }, g);
    for (const [value, text] of ticksOf({ low, high }, Math.max(4, (bottom - top) / 60)))
      element("text", { x: left + wide + 5, y: to(value) + 4 }, g, text);
  }

  // The value between four nodes, as a count of steps; NaN where there is none.
  count_at(k) {
    const corner = this.corner[k];
    if (corner < 0) return NaN;
    const frame = this.frames[this.data.still ? 0 : this.index], next = this.data.lines[1].length;
    const f = this.shares[2 * k], g = this.shares[2 * k + 1];
    const a = frame[corner], b = frame[corner + 1], c = frame[corner + next], d = frame[corner + next + 1];
    if (a === 255 || b === 255 || c === 255 || d === 255) return NaN;
    return (1 - f) * ((1 - g) * a + g * b) + f * ((1 - g) * c + g * d);
  }

  show(index) {
    const again = this.data.still && this.drawn === this.canvas;
    super.show(index);
    if (again) return;
    this.drawn = this.canvas;
    const { points, table } = this, size = points.length, steps = this.data.steps;
    for (let k = 0; k < size; k++) {
      const count = this.count_at(k);
      points[k] = count >= -1 ? table[Math.min(255, (count * 255 / steps + 0.5) | 0)] : 0;
    }
    this.context.putImageData(this.image, 0, 0);
    if (!this.region) return;
    this.context.globalCompositeOperation = "destination-in"; // only what lies in the region stays
    this.context.fill(this.region, "evenodd");
  }

  moment(t) {
    if (!this.cursor) return;
    const at = this.toY(t);
    for (const [key, value] of Object.entries({ x1: this.area.left, x2: this.area.right, y1: at, y2: at }))
      this.cursor.setAttribute(key, value);
  }

  read(event) {
    const place = this.place(event);
    if (!place) return;
    const { x, y, low, high, steps } = this.data, { width, height } = this.canvas;
    const column = Math.min(width - 1, Math.floor(((place.x - x.low) / (x.high - x.low)) * width));
    const row = Math.min(height - 1, Math.floor(((y.high - place.y) / (y.high - y.low)) * height));
    const beyond = this.region && !this.context.isPointInPath(this.region, column + 0.5, row + 0.5, "evenodd");
    const count = beyond ? NaN : this.count_at(row * width + column);
    if (Number.isNaN(count)) return void (this.readout.textContent = "\u00a0");
    this.tell([["x", place.x], ["y", place.y], ["value", low + (count * (high - low)) / steps]]);
  }
}
FieldMap.bars = 0;

const KINDS = { lines: Lines, curves: Curves, map: FieldMap };

// ---------------------------------------------------------------------------------------------- the player

class Player {
  constructor(figures, times) {
    this.figures = figures;
    this.times = times;
    this.controls = document.querySelector(".player");
    if (!this.controls) return;
    this.slider = this.controls.querySelector("input");
    this.button = this.controls.querySelector("button");
    this.clock = this.controls.querySelector("output");
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
    this.button.addEventListener("click", () => (this.playing ? this.stop() : this.play()));
  }

  go(index) {
    for (const figure of this.figures) {
      figure.show(Math.min(index, figure.count - 1));
      figure.moment?.(this.times[index]);
    }
    if (this.controls) {
      this.slider.value = index;
      this.clock.textContent = `t = ${Number(this.times[index].toPrecision(5))}`.replace("-", "−");
      this.slider.setAttribute("aria-valuetext", this.clock.textContent);
    }
    this.index = index;
  }

  play() {
    const last = this.times.length - 1, seconds = Math.min(12, Math.max(3, last / 20));
    if (this.index >= last) this.go(0);
    const from = this.index, begun = performance.now();
    this.playing = true;
    this.button.textContent = "❚❚";
    this.button.setAttribute("aria-label", "pause");
    const tick = (now) => {
      if (!this.playing) return;
      const index = Math.min(last, from + Math.floor(((now - begun) / (1000 * seconds)) * last));
      if (index !== this.index) this.go(index);
      if (index >= last) this.stop();
      else requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  stop() {
    this.playing = false;
    this.button.textContent = "▶";
    this.button.setAttribute("aria-label", "play");
  }
}

let REPORT;

async function begin() {
  REPORT = JSON.parse(document.getElementById("report-data").textContent);
  const cards = [...document.querySelectorAll(".figure")];
  const figures = cards.map((card, k) => new KINDS[REPORT.figures[k].kind](card, REPORT.figures[k]));
  await Promise.all(figures.map((figure) => figure.prepare()));
  const player = new Player(figures, REPORT.times);
  const fit = () => {
    for (const figure of figures) {
      const width = Math.floor(figure.box.clientWidth);
      if (width && width !== figure.width) figure.layout(width);
    }
    player.go(player.index ?? 0);
  };
  fit();
  new ResizeObserver(() => requestAnimationFrame(fit)).observe(document.querySelector("main"));
  window.report = player;
  document.documentElement.dataset.ready = "yes";
}

begin().catch((error) => {
  const box = document.createElement("p");
  box.className = "note";
  box.textContent = `This browser cannot draw the figures (${error}). Chrome 103, Firefox 113, Safari 16.4 or newer can.`;
  document.querySelector("main").prepend(box);
  throw error;
});
