"""The pages in headless Chromium: their controls do what they say, on a phone too.

clicks.js is added to a copy of the page; it clicks through it and sends claims and whether they
held to the frame around it, whose DOM Chromium prints.
"""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mript_jax.evaluation.report import write_held_out_page
from mript_jax.evaluation.report.held_out_page import HeldOutSlice

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next((path for path in map(shutil.which, NAMES) if path), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium here to open the page with")

FRAME = """<!doctype html><pre id="claims"></pre>
<iframe src="copy.html" style="width:{width}px;height:900px;border:0"></iframe>
<script>addEventListener("message", (event) => {{
  document.getElementById("claims").textContent = event.data;
}});</script>"""

CLICKS = Path(__file__).with_name("clicks.js")

WINDOWING = """
const gray = document.querySelector(".gray"), error = document.querySelector(".error");
const before = getComputedStyle(gray).filter, slider = document.querySelector("[name=window]");
slider.value = 0.5;
slider.dispatchEvent(new Event("input"));
addEventListener("load", () => parent.postMessage(JSON.stringify({
  "the window changes gray pictures": getComputedStyle(gray).filter !== before,
  "and no color of errors": getComputedStyle(error).filter === "none",
}), "*"));
"""


def claims_of(page: str, clicks: str, folder: Path, width: int) -> dict[str, bool]:
    copy = page.replace("</html>", f"<script>{clicks}</script></html>")
    (folder / "copy.html").write_text(copy)
    (folder / "frame.html").write_text(FRAME.format(width=width))
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000"]
    command += [f"--user-data-dir={folder / 'profile'}", "--window-size=1400,1000", "--dump-dom"]
    run = subprocess.run(
        [*command, (folder / "frame.html").as_uri()], capture_output=True, text=True, timeout=60
    )
    printed = re.search(r'<pre id="claims">(.*?)</pre>', run.stdout, re.DOTALL)[1]
    return json.loads(html.unescape(printed))


@pytest.mark.parametrize("width", (1280, 360))
def test_clicking_through_the_page(page, tmp_path, width):
    claims = claims_of(page.read_text(), CLICKS.read_text(), tmp_path, width)
    assert len(claims) > 20
    assert [text for text, held in claims.items() if not held] == []


def test_window_of_a_page_without_references(tmp_path):
    image = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    slices = [HeldOutSlice("knee", 0, {"before": 0.5, "fine_tuned": 0.4})]
    images = {"zero_filled": image, "before": 0.9 * image, "fine_tuned": image}
    write_held_out_page(tmp_path / "report.html", "Ours", slices, {0: images})
    claims = claims_of((tmp_path / "report.html").read_text(), WINDOWING, tmp_path, 1280)
    assert len(claims) == 2 and all(claims.values()), claims
