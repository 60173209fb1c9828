"""The files that pages are made of, and the frame of the short pages."""

from html import escape
from importlib import resources
from string import Template

# Moved by window.js.
WINDOWING = """<label>Level
<input type="range" name="level" min="0.1" max="1" step="0.01" value="0.5"></label>
<label>Window
<input type="range" name="window" min="0.1" max="1" step="0.01" value="1"></label>"""
NO_HELP = "it did not help: keep the weights that you started from"
FRAME = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>$style</style>
<div class="bar"><h1>$title</h1></div>
<p class="lead">$lead</p>
$body
</html>
""")


def short_page(title: str, lead: str, body: str) -> str:
    """A page with everything in it; `title` is text, the others are HTML."""
    return FRAME.substitute(title=escape(title), style=page_style(), lead=lead, body=body)


def warning(text: str) -> str:
    """A paragraph that stands out; `text` is HTML."""
    return f'<p class="warning">{text}</p>'


def page_style() -> str:
    """The CSS of every page, with that of its charts."""
    return read("charts.css") + read("report.css")


def read(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def words(name: str) -> str:
    """A name in code as words, in HTML."""
    return escape(name.replace("_", " "))
