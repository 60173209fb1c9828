"""The report: one self-contained page for looking at results, worst cases first."""

from mript_jax.evaluation.report.page import write_report

__all__ = ["write_report"]
