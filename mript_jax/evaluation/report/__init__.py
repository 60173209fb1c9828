"""Reports: self-contained pages of an evaluation, of one without references, and of a study."""

from mript_jax.evaluation.report.cases import save_typical_row
from mript_jax.evaluation.report.held_out_page import write_held_out_page
from mript_jax.evaluation.report.page import write_report
from mript_jax.evaluation.report.study_page import write_study_chart, write_study_page

__all__ = [
    "save_typical_row",
    "write_held_out_page",
    "write_report",
    "write_study_chart",
    "write_study_page",
]
