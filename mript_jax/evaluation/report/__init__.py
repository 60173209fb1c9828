"""Reports: a self-contained page for looking at results, worst cases first, and one of a study."""

from mript_jax.evaluation.report.cases import save_typical_row
from mript_jax.evaluation.report.page import write_report
from mript_jax.evaluation.report.study_page import write_study_chart, write_study_page

__all__ = ["save_typical_row", "write_report", "write_study_chart", "write_study_page"]
