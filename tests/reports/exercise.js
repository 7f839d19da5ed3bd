// Moves every control of the page, and writes down which plots have changed.
(async () => {
  const soon = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
  const picture = (plot) => plot.querySelector("canvas") ? Plotly.toImage(plot, { format: "png", width: 150, height: 150 }) : plot.innerHTML;
  const title = (plot) => plot.closest("figure").querySelector("b").textContent;
  const moved = [];
  await soon(200);
  for (const section of document.querySelectorAll("section")) {
    const plots = [...section.querySelectorAll(".plot")];
    const outputs = [...section.querySelectorAll(".own output")].map((output) => output.textContent);
    if (outputs.length) moved.push({ run: section.id, control: "outputs", changed: outputs });
    for (const control of section.querySelectorAll("input, select")) {
      const own = control.closest("figure");
      const watched = own ? [own.querySelector(".plot")] : plots;
      const before = await Promise.all(watched.map(picture));
      const was = control.value;
      const set = (value) => {
        if (control.type === "checkbox") return control.click();
        control.value = value;
        control.dispatchEvent(new Event(control.tagName === "SELECT" ? "change" : "input"));
      };
      const ends = control.tagName === "SELECT" ? [control.options[0].value, control.options[control.options.length - 1].value] : [control.min, control.max];
      set(was === ends[0] ? ends[1] : ends[0]);
      await soon(50);
      const after = await Promise.all(watched.map(picture));
      const changed = watched.filter((_, i) => before[i] !== after[i]).map(title);
      moved.push({ run: section.id, control: control.name, changed });
      set(was);
      await soon(50);
    }
    const risk = plots.find((plot) => title(plot) === "risk");
    if (!risk) continue;
    risk.emit("plotly_hover", { points: [{ x: 1 }] });
    await soon(50);
    const cursors = plots.map((plot) => plot.layout.shapes || []).filter((shapes) => shapes.length === 1 && shapes[0].x0 === 1);
    moved.push({ run: section.id, control: "hover", changed: [section.querySelector(".readout").textContent, cursors.length] });
  }
  document.body.replaceChildren(Object.assign(document.createElement("pre"), { id: "outcome", textContent: JSON.stringify(moved) }));
})();
