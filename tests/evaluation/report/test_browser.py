"""The page in headless Chromium: its controls do what they say, on a phone too.

clicks.js is added to a copy of the page; it clicks through it and sends claims and whether they
held to the frame around it, whose DOM Chromium prints.
"""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next((path for path in map(shutil.which, NAMES) if path), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium here to open the page with")

FRAME = """<!doctype html><pre id="claims"></pre>
<iframe src="copy.html" style="width:{width}px;height:900px;border:0"></iframe>
<script>addEventListener("message", (event) => {{
  document.getElementById("claims").textContent = event.data;
}});</script>"""

CLICKS = Path(__file__).with_name("clicks.js")


@pytest.mark.parametrize("width", (1280, 360))
def test_clicking_through_the_page(page, tmp_path, width):
    copy = page.read_text().replace("</body>", f"<script>{CLICKS.read_text()}</script></body>")
    (tmp_path / "copy.html").write_text(copy)
    (tmp_path / "frame.html").write_text(FRAME.format(width=width))
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1400,1000", "--dump-dom"]
    run = subprocess.run(
        [*command, (tmp_path / "frame.html").as_uri()], capture_output=True, text=True, timeout=60
    )
    printed = re.search(r'<pre id="claims">(.*?)</pre>', run.stdout, re.DOTALL)[1]
    claims = json.loads(html.unescape(printed))
    assert len(claims) > 20
    assert [text for text, held in claims.items() if not held] == []
