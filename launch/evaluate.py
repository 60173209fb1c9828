"""Measures a checkpoint on every task: results.json, results.csv and report.html.

  python launch/evaluate.py --checkpoint=runs/tiny --output=runs/tiny/evaluation
  python launch/evaluate.py --checkpoint=runs/tiny --output=runs/knee \\
      --config.data.source=fastmri --config.data.path=FOLDER_OF_H5

The data and the tasks are those of the checkpoint's config; --config.a.b=value changes them.
"""
