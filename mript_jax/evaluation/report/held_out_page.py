"""The page of a comparison without references: a slice under every method, and errors by slice."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import NamedTuple

import numpy as np

from mript_jax.evaluation.report.charts import legend, over_slices
from mript_jax.evaluation.report.layout import NO_HELP, WINDOWING, read, short_page, warning, words
from mript_jax.evaluation.report.pictures import (
    error_scale,
    error_uri,
    grey,
    grey_uri,
    white_point,
)
from mript_jax.evaluation.summary import beyond_chance

BODY = Template("""$warnings
<section>
<div class="windowing"><h2>A typical slice, and the worst</h2>
$windowing
</div>
$figures
<p class="hint">Made from all measured samples, on one gray scale, window and level; nobody knows
the reference. Errors are those of the k-space that a model predicts from a part of the samples, at
the others: L2 + L1, relative to these (0: none).</p></section>
<section><h2>Error by slice</h2><ul class="legend">$legend</ul>$chart
<div class="tall">$table</div></section>
<script>
$script
</script>""")


class HeldOutSlice(NamedTuple):
    """A slice of a held-out volume."""

    volume: str
    slice_index: int
    errors: Mapping[str, float]  # of each method, at samples that it was not given


def typical_and_worst(slices: Sequence[HeldOutSlice]) -> list[int]:
    """The numbers of the slice nearest to the median error of the last method, and of the worst."""
    errors = np.array([list(one.errors.values())[-1] for one in slices])
    found = [int(np.argmin(np.abs(errors - np.median(errors)))), int(errors.argmax())]
    return list(dict.fromkeys(found))


def error_fell(slices: Sequence[HeldOutSlice]) -> bool:
    """Return True if the last method's error is lower than the first's by more than chance."""
    first, last = slices[0].errors
    return beyond_chance([one.errors[first] - one.errors[last] for one in slices])


def write_held_out_page(
    path: str | Path,
    title: str,
    slices: Sequence[HeldOutSlice],
    pictures: Mapping[int, Mapping[str, np.ndarray]],
) -> None:
    """Writes one page with everything in it.

    The methods are those of the slices' errors, before and after a change. `pictures` are images
    [H, W] by name, such as "zero_filled" and the methods, of the slices of `typical_and_worst`.
    """
    first, last = slices[0].errors
    means = {name: float(np.mean([one.errors[name] for one in slices])) for name in (first, last)}
    worse = sum(one.errors[last] > one.errors[first] for one in slices)
    warnings = ""
    if not error_fell(slices):
        warnings = warning(f"<b>{NO_HELP.capitalize()}.</b>")
    if worse:
        warnings += warning(
            f"<b>Worse {words(last)} than {words(first)}</b> in {worse} of {len(slices)} slices."
        )
    figures = [
        _figure(told, slices[number], images)
        for told, (number, images) in zip(("Typical", "Worst"), pictures.items(), strict=False)
    ]
    lead = (
        f"Error at samples that were not given to the model, mean of {len(slices)} held-out "
        f"slices: {means[first]:.4f} {words(first)}, <b>{means[last]:.4f} {words(last)}</b>."
    )
    body = BODY.substitute(
        warnings=warnings,
        figures="".join(figures),
        legend=legend((first, last)),
        chart=over_slices([one.errors for one in slices], (first, last)),
        table=_table(slices),
        windowing=WINDOWING,
        script=read("window.js"),
    )
    Path(path).write_text(short_page(title, lead, body), encoding="utf-8")


def _figure(told: str, of: HeldOutSlice, images: Mapping[str, np.ndarray]) -> str:
    """The images side by side, and the change from one method to the other in colors."""
    first, last = of.errors
    brightest = white_point(images[last])
    parts = []
    for name, image in images.items():
        error = f"error {of.errors[name]:.4f}" if name in of.errors else ""
        parts.append(_picture(words(name), error, grey_uri(grey(image, brightest)), "gray"))
    change = np.abs(images[last] - images[first]) / brightest
    scale = error_scale([change])
    text = f"0 (dark) to {scale:g} of white, or more"
    name = f"change from {words(first)} to {words(last)}"
    parts.append(_picture(name, text, error_uri(change, scale), "error"))
    about = f"<b>{told}</b> · {escape(of.volume)}, slice {of.slice_index}"
    row = f'<div class="enlarged">{"".join(parts)}</div>'
    return f"<figure><figcaption>{about}</figcaption>{row}</figure>"


def _picture(name: str, text: str, uri: str, kind: str) -> str:
    image = f'<img class="{kind}" src="{uri}" alt="{name}">'
    return f"<div><p><b>{name}</b><br>{text}</p>{image}</div>"


def _table(slices: Sequence[HeldOutSlice]) -> str:
    """A row for each slice, the largest error of the last method first."""
    first, last = slices[0].errors
    lines = [
        f"<tr><td>{escape(one.volume)}</td><td>{one.slice_index}</td>"
        f"<td>{one.errors[first]:.4f}</td><td>{one.errors[last]:.4f}</td>"
        f"<td>{one.errors[last] - one.errors[first]:+.4f}</td></tr>"
        for one in sorted(slices, key=lambda one: -one.errors[last])
    ]
    names = ("volume", "slice", words(first), words(last), "change")
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join(lines)
    return f'<table class="means"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
