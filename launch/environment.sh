# shellcheck shell=bash
# Sourced by the scripts beside it: makes .venv and installs the package with the extras named.
# Nothing is installed again while setup.cfg, constraints.txt and the extras stay as they are, and
# nothing outside the checkout is written.

export XDG_CACHE_HOME="$PWD/.venv/cache" XDG_CONFIG_HOME="$PWD/.venv/config"
stamp=".venv/.installed-${1:-base}"
if [ ! -x .venv/bin/python ]; then
  echo "== making .venv"
  python3 -m venv .venv
fi
if [ ! -f "$stamp" ] || [ setup.cfg -nt "$stamp" ] || [ constraints.txt -nt "$stamp" ]; then
  echo "== installing mript_jax${1:+[$1]}"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-cache-dir \
    --constraint constraints.txt --editable ".${1:+[$1]}"
  touch "$stamp"
fi
