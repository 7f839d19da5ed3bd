"use strict";
// Draws the panels of every run from the numbers in the page, and moves them with the sliders of their run.
(() => {
  const report = JSON.parse(document.getElementById("numbers").textContent);
  const settings = { responsive: true, displayModeBar: false };
  const DECADES = 4; // of logarithmic colours
  const SIGNED = [[0, "#2166ac"], [0.5, "#f7f7f7"], [1, "#b2182b"]];

  const unpack = (packed) => {
    const bytes = Uint8Array.from(atob(packed.float32), (letter) => letter.charCodeAt(0));
    return { shape: packed.shape, values: new Float32Array(bytes.buffer) };
  };
  const unpacked = (thing) => {
    if (Array.isArray(thing)) return thing.map(unpacked);
    if (thing === null || typeof thing !== "object") return thing;
    if (thing.float32 !== undefined) return Array.from(unpack(thing).values);
    return Object.fromEntries(Object.entries(thing).map(([key, value]) => [key, unpacked(value)]));
  };
  const element = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };
  const words = (value) => Number(value).toPrecision(4).replace(/(\.\d*?)0+($|e)/, "$1$2").replace(/\.($|e)/, "$1");

  // Colours of paper, ink and grid are those of the page, light or dark; on paper they are light.
  const themed = (layout) => {
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue("--ink").trim();
    const grid = style.getPropertyValue("--line").trim();
    const axis = { gridcolor: grid, zerolinecolor: grid, linecolor: grid, automargin: true };
    const themed = { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: ink, size: 12 } };
    const out = { margin: { l: 50, r: 16, t: 10, b: 40 }, ...layout, ...themed };
    for (const name of ["xaxis", "yaxis"]) if (out[name]) out[name] = { ...axis, ...out[name] };
    if (out.scene) {
      const deep = { ...axis, automargin: undefined, backgroundcolor: "rgba(0,0,0,0)", color: ink };
      out.scene = { camera: { eye: { x: 1.7, y: 1.7, z: 1.2 } }, ...out.scene };
      for (const name of ["xaxis", "yaxis", "zaxis"]) out.scene[name] = { ...deep, ...out.scene[name] };
    }
    return out;
  };

  // A frame of a field, array (frames, *n), as numbers in a row.
  const frame = (field, i) => {
    const size = field.values.length / field.shape[0];
    return field.values.subarray(i * size, (i + 1) * size);
  };
  // Rows upwards and columns to the right of an image, the first of both again at the end, one period on; of a volume
  // where the axis `across` has the index `at`.
  const image = (values, shape, across, at) => {
    const [right, up] = shape.map((_, axis) => axis).filter((axis) => shape.length < 3 || axis !== across);
    const stride = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
    const start = shape.length < 3 ? 0 : at * stride[across];
    return Array.from({ length: shape[up] + 1 }, (_, j) =>
      Array.from({ length: shape[right] + 1 }, (_, i) =>
        values[start + (i % shape[right]) * stride[right] + (j % shape[up]) * stride[up]]));
  };

  // A run, or the comparison of several.
  class Section {
    constructor(run) {
      this.run = run;
      this.root = document.getElementById(run.id);
      this.fields = Object.fromEntries(Object.entries(run.fields).map(([name, field]) => [name, unpack(field)]));
      this.at = Object.fromEntries(Object.entries(run.sliders).map(([name, slider]) => [name, slider.names.length - 1]));
      this.logarithmic = run.colours ? run.colours.logarithmic : false;
      this.sliders = {};
      this.movers = [];
      this.cursors = [];
      this.addControls();
      this.readout = this.root.querySelector(".readout");
      const panels = this.root.querySelector(".panels");
      for (const panel of run.panels) this.addPanel(panels, panel);
    }

    addControls() {
      const bar = this.root.querySelector(".controls");
      for (const [name, slider] of Object.entries(this.run.sliders)) {
        const last = slider.names.length - 1;
        const said = element("output", { textContent: slider.names[last] });
        const input = element("input", { type: "range", min: 0, max: last, step: 1, name });
        input.value = last;
        input.disabled = last === 0;
        input.addEventListener("input", () => this.move(name, Number(input.value)));
        this.sliders[name] = { input, said };
        bar.append(element("label", {}, slider.label, input, said));
      }
      if (this.run.colours) {
        const box = element("input", { type: "checkbox", name: "logarithmic", checked: this.logarithmic });
        box.addEventListener("change", () => {
          this.logarithmic = box.checked;
          for (const mover of this.movers) mover("colours");
        });
        bar.append(element("label", {}, box, "logarithmic colours"));
      }
    }

    move(name, index) {
      const slider = this.run.sliders[name];
      this.at[name] = index;
      this.sliders[name].input.value = index;
      this.sliders[name].said.textContent = slider.names[index];
      for (const mover of this.movers) mover(name);
      if (name === "iteration") this.point(slider.iterations[index]);
    }

    // The cursor of all histories of the run, and the numbers there.
    point(iteration) {
      for (const plot of this.cursors) {
        const line = { type: "line", x0: iteration, x1: iteration, y0: 0, y1: 1, yref: "paper" };
        Plotly.relayout(plot, { shapes: [{ ...line, line: { color: "#888888", width: 1 } }] });
      }
      const { iterations, columns } = this.run.history;
      const row = iterations.reduce((best, n, i) => Math.abs(n - iteration) < Math.abs(iterations[best] - iteration) ? i : best, 0);
      const numbers = Object.entries(columns).filter(([, values]) => values[row] !== null);
      const said = numbers.map(([name, values]) => `${name.replaceAll("_", " ")} ${words(values[row])}`);
      this.readout.textContent = `iteration ${iterations[row]}: ${said.join(", ")}`;
    }

    addPanel(panels, panel) {
      const plot = element("div", { className: "plot" });
      const caption = element("figcaption", {}, element("b", { textContent: panel.title }));
      if (panel.note) caption.append(element("span", { textContent: ` ${panel.note}` }));
      const deep = panel.kind === "isosurface" || panel.layout?.scene;
      panels.append(element("figure", { className: deep ? "deep" : panel.new_row ? "new-row" : "" }, caption, plot));
      ({ plain: this.plain, history: this.history, image: this.image, isosurface: this.isosurface })[panel.kind].call(this, panel, plot);
    }

    plain(panel, plot) {
      const data = unpacked(panel.data);
      const moves = Object.entries(panel.moves).map(([slider, updates]) => [slider, unpacked(updates)]);
      for (const [slider, updates] of moves)
        for (const { trace, attribute, frames } of updates) data[trace][attribute] = frames[this.at[slider]];
      plot.report = panel.layout;
      Plotly.newPlot(plot, data, themed(panel.layout), settings);
      this.movers.push((name) => {
        for (const [slider, updates] of moves) {
          if (slider !== name) continue;
          for (const { trace, attribute, frames } of updates)
            Plotly.restyle(plot, { [attribute]: [frames[this.at[slider]]] }, [trace]);
        }
      });
    }

    history(panel, plot) {
      const { iterations, columns } = this.run.history;
      const data = (names) => names.filter((name) => columns[name]).map((name) => ({
        x: iterations, y: columns[name], name: name.replaceAll("_", " "), type: "scatter",
        mode: iterations.length < 12 ? "lines+markers" : "lines", line: panel.styles[name] || {},
      }));
      const axis = (traces) => {
        const values = traces.flatMap((trace) => trace.y).filter((value) => value !== null);
        const positive = values.filter((value) => value > 0);
        const [low, high] = positive.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, 0]);
        if (!(high > 10 * low) || values.some((value) => value < -1e-12 * high)) return { type: "linear" };
        return { type: "log", exponentformat: "power", dtick: high > 100 * low ? 1 : "D2" };
      };
      const draw = (names) => {
        const traces = data(names);
        plot.report = { xaxis: { title: { text: "iteration" } }, yaxis: axis(traces), hovermode: "x", legend: { orientation: "h", y: 1.12 }, showlegend: true };
        Plotly.react(plot, traces, themed({ ...plot.report, shapes: plot.layout ? plot.layout.shapes : [] }), settings);
      };
      if (panel.choice.length) {
        const select = element("select", { name: "column" }, ...panel.choice.map((name) => element("option", { value: name, textContent: name.replaceAll("_", " ") })));
        select.addEventListener("change", () => draw([select.value]));
        plot.before(element("label", { className: "own" }, "column ", select));
        draw([select.value]);
      } else draw(panel.columns);
      this.cursors.push(plot);
      plot.on("plotly_hover", (event) => {
        const iteration = event.points[0].x, slider = this.run.sliders.iteration;
        if (slider) {
          const gaps = slider.iterations.map((n) => Math.abs(n - iteration));
          const nearest = gaps.indexOf(Math.min(...gaps));
          if (nearest !== this.at.iteration) this.move("iteration", nearest);
        }
        this.point(iteration);
      });
    }

    // A field as an image; of a volume a slice, whose place has a slider of its own.
    image(panel, plot) {
      const field = panel.field ? this.fields[panel.field] : unpack(panel.fixed);
      const shape = field.shape.slice(1), minus = panel.minus ? unpack(panel.minus).values : null;
      const values = () => {
        const now = frame(field, panel.field ? this.at[panel.field] : 0);
        return minus ? now.map((value, i) => value - minus[i]) : now;
      };
      // Slices go through the point where the field is largest in size.
      const largest = values().reduce((best, value, i, all) => Math.abs(value) > Math.abs(all[best]) ? i : best, 0);
      const slice = { across: shape.length - 1, places: shape.map((n, axis) => Math.floor(largest / shape.slice(axis + 1).reduce((a, b) => a * b, 1)) % n) };
      const scale = () => {
        if (panel.colours === "difference") {
          const largest = Math.max(values().reduce((a, b) => Math.max(a, Math.abs(b)), 0), 1e-12);
          return { colorscale: SIGNED, zmin: -largest, zmax: largest, colorbar: { len: 0.9, thickness: 12 } };
        }
        const { low, high } = this.run.colours;
        const ticks = { len: 0.9, thickness: 12 };
        if (!this.logarithmic) return { colorscale: "Viridis", zmin: low, zmax: high, colorbar: { ...ticks, tickvals: null, ticktext: null } };
        const bottom = Math.log10(Math.max(low, high * 10 ** -DECADES)), top = Math.log10(high);
        const powers = Array.from({ length: 9 }, (_, i) => bottom + (top - bottom) * i / 8);
        return { colorscale: "Viridis", zmin: bottom, zmax: top, colorbar: { ...ticks, tickvals: powers, ticktext: powers.map((power) => words(Number((10 ** power).toPrecision(2)))) } };
      };
      const drawn = () => {
        const rows = image(values(), shape, slice.across, slice.places[slice.across]);
        const logarithm = panel.colours === "density" && this.logarithmic;
        const floor = this.run.colours.high * 10 ** -DECADES;
        return { z: logarithm ? rows.map((row) => row.map((value) => Math.log10(Math.max(value, floor)))) : rows, customdata: rows };
      };
      const axes = () => [0, 1, 2].slice(0, shape.length).filter((axis) => shape.length < 3 || axis !== slice.across);
      const span = (axis) => panel.ranges[axis][1] - panel.ranges[axis][0];
      const whole = (axis) => [...panel.axes[axis], panel.axes[axis][0] + span(axis)];
      const placed = () => { const [right, up] = axes(); return { x: whole(right), y: whole(up) }; };
      const layout = () => {
        const [right, up] = axes();
        const of = (axis) => ({ title: { text: panel.labels[axis] }, range: panel.ranges[axis], ...panel.ticks[axis], showgrid: false, zeroline: false });
        const square = { scaleanchor: "x", scaleratio: span(right) / span(up), constrain: "domain" };
        return { xaxis: { ...of(right), constrain: "domain" }, yaxis: { ...of(up), ...square }, showlegend: false, hovermode: "closest" };
      };
      const hover = { hovertemplate: "%{x:.4g}, %{y:.4g}: %{customdata:.4g}<extra></extra>" };
      const draw = () => {
        plot.report = layout();
        Plotly.react(plot, [{ type: "heatmap", ...placed(), ...drawn(), ...scale(), ...hover }, ...unpacked(panel.over || [])], themed(plot.report), settings);
      };
      if (shape.length === 3) this.addSlice(panel, plot, slice, draw);
      draw();
      this.movers.push((name) => { if (name === panel.field || name === "colours") draw(); });
    }

    addSlice(panel, plot, slice, draw) {
      const select = element("select", { name: "across" }, ...panel.labels.map((label, axis) => element("option", { value: axis, textContent: label })));
      const input = element("input", { type: "range", min: 0, step: 1, name: "slice" }), said = element("output", {});
      const show = () => {
        input.max = panel.axes[slice.across].length - 1;
        input.value = slice.places[slice.across];
        said.textContent = words(panel.axes[slice.across][slice.places[slice.across]]);
        draw();
      };
      select.value = slice.across;
      select.addEventListener("change", () => { slice.across = Number(select.value); show(); });
      input.addEventListener("input", () => { slice.places[slice.across] = Number(input.value); show(); });
      plot.before(element("label", { className: "own" }, "slice at ", select, input, said));
      show();
    }

    // The surface on which a density on T^3 has one value.
    isosurface(panel, plot) {
      const field = this.fields[panel.field], [nx, ny, nz] = field.shape.slice(1), [ax, ay, az] = panel.axes;
      const x = [], y = [], z = [];
      for (let i = 0; i < nx; i++) for (let j = 0; j < ny; j++) for (let k = 0; k < nz; k++) { x.push(ax[i]); y.push(ay[j]); z.push(az[k]); }
      const middle = Math.floor(panel.levels.length / 2), said = element("output", {});
      const input = element("input", { type: "range", min: 0, max: panel.levels.length - 1, step: 1, name: "level" });
      input.value = middle;
      const draw = () => {
        const { mass, level } = panel.levels[Number(input.value)], values = frame(field, this.at[panel.field]);
        said.textContent = `${words(level)}, which holds ${Math.round(100 * mass)} % of the fitted mass`;
        const axis = (i) => ({ title: { text: panel.labels[i] }, range: panel.ranges[i], ...panel.ticks[i] });
        plot.report = { scene: { xaxis: axis(0), yaxis: axis(1), zaxis: axis(2), aspectmode: "cube" }, margin: { l: 0, r: 0, t: 0, b: 0 }, uirevision: "kept" };
        const surface = { type: "isosurface", x, y, z, value: Array.from(values), isomin: level, isomax: level, surface: { count: 1 }, caps: { x: { show: false }, y: { show: false }, z: { show: false } }, colorscale: [[0, "#0072B2"], [1, "#0072B2"]], showscale: false, lighting: { ambient: 0.7 } };
        Plotly.react(plot, [surface], themed(plot.report), settings);
      };
      plot.before(element("label", { className: "own" }, "surface where the density is ", input, said));
      input.addEventListener("input", draw);
      draw();
      this.movers.push((name) => { if (name === panel.field) draw(); });
    }
  }

  // On paper two panels stand beside one another, whatever the window was like. Drawings of WebGL stay as they are, each
  // in a row of its own, smaller only where they were wider than that.
  const PAPER = { width: 320, height: 300, autosize: false };
  const repaint = (more) => {
    for (const plot of document.querySelectorAll(".plot")) if (plot.report) {
      const layout = themed(plot.report.scene ? plot.report : { ...plot.report, ...more });
      if (plot.report.scene) {
        const wide = plot.clientWidth;
        Object.assign(plot.style, more.width ? { width: `${wide}px`, zoom: Math.min(1, 2 * more.width / wide) } : { width: "", zoom: "" });
      }
      if (plot.layout.shapes) layout.shapes = plot.layout.shapes;
      Plotly.react(plot, plot.data, layout, settings);
    }
  };
  // #layer=2&iteration=0 opens the page with the sliders there.
  const openAt = () => {
    for (const [name, index] of new URLSearchParams(location.hash.slice(1)))
      for (const run of runs) if (run.sliders[name]) run.move(name, Math.max(0, Math.min(Number(index) || 0, Number(run.sliders[name].input.max))));
  };

  const runs = [...report.compared, ...report.runs].map((run) => new Section(run));
  openAt();
  addEventListener("hashchange", openAt);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => repaint({}));
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
    repaint(PAPER);
  });
  addEventListener("afterprint", () => repaint({ autosize: true }));
  document.documentElement.dataset.drawn = "yes";
})();
