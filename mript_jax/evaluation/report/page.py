"""Puts the page together: `write_report(path, results, examples)`."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path, PurePath
from string import Template
from typing import Any

import numpy as np

from mript_jax.evaluation.evaluate import BASELINE, SliceResult, gain
from mript_jax.evaluation.paths import without_folders
from mript_jax.evaluation.protocols import get_protocol
from mript_jax.evaluation.report.cases import make_cases, typical_case
from mript_jax.evaluation.report.charts import curves, legend, spectra
from mript_jax.evaluation.report.layout import NO_HELP, WINDOWING, page_style, read, warning, words
from mript_jax.evaluation.report.tables import has, heat_map, results_table, volume_sections
from mript_jax.evaluation.results import Results, by_task, gains
from mript_jax.evaluation.summary import METRICS, beyond_chance

SCALES = {  # what slices were divided by before the model saw them
    "target": "maximum of the reference, which only a study knows",
    "zero_filled": "maximum of the zero-filled image, which a scanner knows too",
}
MODEL_NAMES = {  # where the name in code is no word
    "mript": "MR-IPT",
    "recon_vit": "ViT",
    "simmim": "SimMIM",
    "unet": "U-Net",
    "unrolled": "unrolled MR-IPT",
}
DATA_NAMES = {"phantom": "phantoms", "generated": "generated objects"}
SPECTRUM = "frequency_error"
BANDS_HINT = "Bands are 95 % intervals of the mean, from drawing volumes again (bootstrap)."
TABS = {name: name.upper() for name in METRICS} | {
    "hfen": "HFEN",
    "sharpness": "Sharpness",
    SPECTRUM: "k-space",
}
HINTS = dict.fromkeys(METRICS, BANDS_HINT) | {
    "hfen": f"Error of edges and fine structure, less is better. {BANDS_HINT}",
    "sharpness": f"How much of the reference's edges is there: 1 all, less is blur. {BANDS_HINT}",
    SPECTRUM: "Error relative to the signal at each distance from the center of k-space.",
}


def write_report(
    path: str | Path, results: Results, examples: Sequence[SliceResult], over: str = BASELINE
) -> None:
    """Writes report.html: one page with everything in it (styles, script, pictures).

    Gains are counted from the method `over`: zero-filling, or what there was before a change.
    """
    rows = results["rows"]
    methods = list(dict.fromkeys(row["method"] for row in rows))
    methods.sort(key=lambda name: name == BASELINE)
    main, baseline = methods[0], over if over in methods[1:] else None
    cases = make_cases(examples, methods, main)
    fields = {
        "title": escape(_title(results)),
        "lead": _lead(results, examples, main, baseline),
        "warning": _warnings(examples, main, baseline),
        "pictured": _pictured(examples, main, over),
        "provenance": _provenance(results),
        "methods": _methods(results),
        "legend": legend(methods),
        "tabs": _tabs(rows),
        "curves": _curves(rows, methods),
        "grid": _grid(rows, methods, baseline),
        "table": results_table(rows),
        "volumes": volume_sections(examples, methods, main, baseline),
        "cases": _script_json(
            {
                "methods": methods,
                "main": main,
                "over": over,
                "cases": cases,
                "typical": typical_case(examples, main),
                "total": len(examples),
            }
        ),
        "windowing": WINDOWING,
        "style": page_style(),
        "script": read("window.js") + read("report.js"),
    }
    Path(path).write_text(Template(read("report.html")).substitute(fields), encoding="utf-8")


def _title(results: Results) -> str:
    """The methods and the data in words; where the data lies is told further down."""
    models = [MODEL_NAMES.get(name, _words(name)) for name in results["model"].split(" + ")]
    source, _, where = results["dataset"].partition(" with ")[0].partition(":")
    data = _words(PurePath(where).name) or DATA_NAMES.get(source, _words(source))
    return f"{' and '.join(models)}: {data}, {results['split']} split"


def _lead(
    results: Results, examples: Sequence[SliceResult], main: str, baseline: str | None
) -> str:
    """The outcome in a sentence or two."""
    tasks = by_task(results["rows"])
    ours = [of_task[main] for of_task in tasks.values() if main in of_task]
    psnr, ssim = (np.mean([row[metric] for row in ours]) for metric in ("psnr", "ssim"))
    of = f"on average over {len(tasks)} tasks" if len(tasks) > 1 else "in one task"
    text = f"<b>{words(main)}</b> reaches {psnr:.2f} dB PSNR and {ssim:.4f} SSIM {of}"
    if baseline:
        above = gains(results["rows"], main, baseline)
        worst = min(above, key=lambda task: above[task])
        text += f", {np.mean(list(above.values())):+.2f} dB over {_than(baseline)}"
        if baseline != BASELINE:
            worse = sum(gain(example, main, baseline) < 0 for example in examples)
            text += f"; worse in {worse} of {len(examples)} slices"
            text += " and tasks" if len(tasks) > 1 else ""
        if len(above) > 1:
            text += f"; the least in {words(worst[0])} {worst[1]:g}× ({above[worst]:+.2f} dB)"
    return text + "."


def _warnings(examples: Sequence[SliceResult], main: str, baseline: str | None) -> str:
    """Warnings of a change that did not help, and of slices that a method made worse."""
    if baseline is None:
        return ""
    text = ""
    if baseline != BASELINE:
        changes = [gain(example, main, baseline) for example in examples]
        if not beyond_chance(changes):
            text = warning(f"<b>{NO_HELP.capitalize()}.</b>")
    for over in dict.fromkeys((baseline, BASELINE)):
        harmed = [example for example in examples if gain(example, main, over) < 0]
        if harmed:
            most = -min(gain(example, main, over) for example in harmed)
            see = _where_to_see(harmed) if over == baseline else ""
            text += warning(
                f"<b>Worse than {words(over)}</b> in {len(harmed)} of {len(examples)} "
                f"slices and tasks, by up to {most:.2f} dB{see}."
            )
    return text


def _where_to_see(harmed: Sequence[SliceResult]) -> str:
    shown = sum(example.pictures is not None for example in harmed)
    them = "them" if shown == len(harmed) else f"the worst {shown} of them"
    return f": order the pictures by least gain to see {them}" if shown else ""


def _pictured(examples: Sequence[SliceResult], main: str, over: str) -> str:
    """Which slices have pictures, so that nobody takes them for all."""
    shown = sum(example.pictures is not None for example in examples)
    if shown == len(examples):
        return f"All {shown} slices and tasks have pictures."
    return (
        f"{shown} of the {len(examples)} slices and tasks have pictures: in each task the first "
        f"slices of some volumes, those with the lowest PSNR of {words(main)}, and those "
        f"furthest below {_than(over)}; and of all tasks the one nearest to the median. All "
        "figures are of all slices."
    )


def _provenance(results: Results) -> str:
    """The facts on an evaluation: model, dataset, protocol."""
    fields = {key: value for key, value in results.items() if key not in ("rows", "methods")}
    fields["protocol"] = f"{results['protocol']}: {get_protocol(results['protocol']).about}"
    if results.get("scale") in SCALES:
        fields["scale"] = SCALES[results["scale"]]
    return "".join(
        f"<div><dt>{escape(key.replace('_', ' '))}</dt><dd>{escape(_text(value))}</dd></div>"
        for key, value in fields.items()
    )


def _methods(results: Results) -> str:
    """The provenance of each of several methods: folded up, since it is long."""
    sections = []
    for name, told in results.get("methods", {}).items():
        told = told | {"scale": SCALES.get(told.get("scale"), told.get("scale"))}
        text = "; ".join(f"{_words(key)}: {_text(value)}" for key, value in told.items())
        sections.append(f"<div><dt>{words(name)}</dt><dd>{escape(text)}</dd></div>")
    if not sections:
        return ""
    return (
        '<details class="methods"><summary>What the methods are</summary>'
        f'<dl class="provenance">{"".join(sections)}</dl></details>'
    )


def _words(name: str) -> str:
    return name.replace("_", " ")


def _than(name: str) -> str:
    """A method that others are compared with, in HTML."""
    return escape(name.replace("_", "-"))


def _tabs(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(
        f'<button type="button" role="tab" id="tab-{name}" aria-controls="curves-{name}">'
        f"{label}</button>"
        for name, label in TABS.items()
        if has(rows, name)
    )


def _curves(rows: Sequence[Mapping[str, Any]], methods: Sequence[str]) -> str:
    return "".join(
        f'<div class="curves" id="curves-{name}" role="tabpanel" aria-labelledby="tab-{name}">'
        f"{spectra(rows, methods) if name == SPECTRUM else curves(rows, name, methods)}"
        f'<p class="hint">{HINTS[name]}</p></div>'
        for name in TABS
        if has(rows, name)
    )


def _grid(rows: Sequence[Mapping[str, Any]], methods: Sequence[str], baseline: str | None) -> str:
    """A heat map for each method, all in the same colors; one is seen at a time."""
    if baseline:
        values = {name: gains(rows, name, baseline) for name in methods if name != baseline}
        caption = f"PSNR gain of {{}} over {baseline.replace('_', '-')}, dB"
    else:
        values = {
            name: {
                (r["pattern"], r["acceleration"]): r["psnr"] for r in rows if r["method"] == name
            }
            for name in methods
        }
        caption = "PSNR of {}, dB"
    span = [value for of_method in values.values() for value in of_method.values()]
    maps = "".join(
        f'<div data-method="{escape(name)}"{" hidden" if i else ""}>'
        f"{heat_map(of_method, caption.format(name), baseline is not None, span)}</div>"
        for i, (name, of_method) in enumerate(values.items())
    )
    if len(values) == 1:
        return maps
    options = "".join(f"<option>{escape(name)}</option>" for name in values)
    chooser = f'<label>Method <select id="grid-method">{options}</select></label>'
    return f'<div class="filters">{chooser}</div>{maps}'


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return without_folders(text)


def _script_json(value: Any) -> str:
    """JSON that can stand inside a script element."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
