#!/usr/bin/env bash
# Makes .venv if there is none, installs the test extras, checks style and types, runs the tests.
#   bash launch/test.sh [pytest arguments]      (--slow: the long tests too)
# EXTRAS=test,convert,nifti,dicom,docs bash launch/test.sh: the tests of optional parts too.
set -euo pipefail
cd "$(dirname "$0")/.."
source launch/environment.sh "${EXTRAS:-test}"
echo "== ruff"
.venv/bin/ruff check .
.venv/bin/ruff format --check .
echo "== mypy"
.venv/bin/mypy
echo "== pytest $*"
exec .venv/bin/python -m pytest "$@"
