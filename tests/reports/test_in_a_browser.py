"""Reports as a browser shows them: nothing in the console, and every control moves what it should."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import small_runs
from PIL import Image

import torusflow as tfl

pytest.importorskip("plotly", reason="plotly is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]
EXERCISE = (Path(__file__).parent / "exercise.js").read_text()
# Advice to whoever draws on canvases, which Plotly's script does.
HINT = "willReadFrequently"


def opened(page, tmp_path, *options):
    """What Chromium prints of a page, and the lines of its console; it runs without a display and a network."""
    flags = ["--headless", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    flags += [f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", "--hide-scrollbars"]
    flags += ["--disable-background-networking", "--virtual-time-budget=30000"]
    done = subprocess.run([CHROMIUM, *flags, *options, f"file://{page}"], capture_output=True, text=True, timeout=300)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line and HINT not in line]


def test_every_control_of_every_kind_of_run(tmp_path):
    """One page with all kinds; its console stays empty, and each control changes the plots that it is for."""
    names = ["two.h5", "three.h5", "points.h5", "network.h5", "one.h5"]
    files = [tmp_path / name for name in names]
    small_runs.on_densities(files[0])
    small_runs.on_densities(files[1], (8, 9, 8))
    small_runs.on_points(files[2])
    small_runs.of_network(files[3])
    small_runs.on_densities(files[4], (24,))
    page = tmp_path / "report.html"
    tfl.report(files, page)
    page.write_text(page.read_text().replace("</body>", f"<script>{EXERCISE}</script></body>"))
    shown, console = opened(page, tmp_path, "--dump-dom")
    assert console == []
    moved = json.loads(html.unescape(re.search(r'<pre id="outcome">(.*?)</pre>', shown, re.DOTALL)[1]))
    assert [entry for entry in moved if not entry["changed"]] == []
    of = {(entry["run"], entry["control"]): entry["changed"] for entry in moved}
    assert of["run-0", "layer"] == ["density along the flow", "deformed grid, along the flow"]
    over = {"fitted density, over the training", "fitted − target, over the training", "risk"}
    assert over <= set(of["run-0", "iteration"])
    assert len(of["run-0", "logarithmic"]) == 3
    assert "surface of one density, along the flow" in of["run-1", "layer"] and of["run-1", "level"]
    assert {"slice", "across", "level"} <= {control for run, control in of if run == "run-1"}
    fitted = tfl.load(files[1]).output
    highest = np.unravel_index(np.argmax(fitted), fitted.shape)[2] / 8
    assert of["run-1", "outputs"][0] == f"{360 * ((highest + 0.5) % 1 - 0.5):g}"  # slices begin at the highest point
    assert of["compared", "logarithmic"] == [
        "fitted density of two.h5",
        *(f"fitted density of three.h5, mean over {name}" for name in ("χ1", "ψ", "φ")),
    ]
    assert of["run-2", "layer"] == ["points, along the flow"]
    assert "outputs against targets, over the training" in of["run-3", "iteration"]
    assert of["run-4", "layer"] == ["density along the flow", "the map, along the flow"]
    for i in range(5):
        readout, cursors = of[f"run-{i}", "hover"]
        assert readout.startswith("iteration 1: risk ") and cursors == 2


# The style is that of the screen until it is printed, and drawings of WebGL are not drawn again then.
MEASURE = """setTimeout(() => {
  dispatchEvent(new Event("beforeprint"));
  const style = document.querySelector("style");
  style.textContent = style.textContent.replace("@media print", "@media screen");
  const rooms = [...document.querySelectorAll(".deep .plot")].map((plot) => {
    const room = plot.getBoundingClientRect(), paper = plot.closest("figure").getBoundingClientRect();
    const drawn = plot.querySelector("canvas").getBoundingClientRect();
    return [drawn.left - paper.left, paper.right - drawn.right, drawn.top - room.top, room.bottom - drawn.bottom];
  });
  const chosen = [...document.querySelectorAll(".own select")].map((select) => select.getBoundingClientRect().width);
  document.body.textContent = JSON.stringify({ rooms, chosen });
}, 500);"""


@pytest.mark.parametrize("width", [800, 1300])
def test_drawings_in_space_are_whole_on_paper(width, tmp_path):
    """Nothing of them is outside its panel, and choices are still named."""
    small_runs.on_densities(tmp_path / "three.h5", (8, 9, 8), iterations=1)
    page = tmp_path / "report.html"
    tfl.report(tmp_path / "three.h5", page, seconds=0)
    page.write_text(page.read_text().replace("</body>", f"<script>{MEASURE}</script></body>"))
    shown, console = opened(page, tmp_path, "--dump-dom", f"--window-size={width},900")
    assert console == []
    measured = json.loads(html.unescape(re.search(r"<body>(.*?)</body>", shown, re.DOTALL)[1]))
    assert len(measured["rooms"]) == 3 and min(map(min, measured["rooms"])) > -1
    assert len(measured["chosen"]) == 5 and min(measured["chosen"]) > 20


@pytest.mark.parametrize("dark", [False, True])
def test_a_screenshot(dark, tmp_path):
    """Paper is light or dark as the reader's system is, and the density stands on it in many colours."""
    small_runs.on_densities(tmp_path / "run.h5")
    tfl.report(tmp_path / "run.h5", tmp_path / "report.html", seconds=0)
    picture = tmp_path / "picture.png"
    options = ["--window-size=1100,1400", f"--blink-settings=preferredColorScheme={0 if dark else 1}"]
    _, console = opened(tmp_path / "report.html#layer=1", tmp_path, f"--screenshot={picture}", *options)
    assert console == []
    pixels = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    assert (np.median(pixels) < 60) == dark
    coloured = np.ptp(pixels, axis=2) > 60
    assert 0.03 < coloured.mean() < 0.5
    assert len(np.unique(pixels[coloured], axis=0)) > 100
