#!/usr/bin/env bash
# Report of a GPU, part by part: speed, memory, energy and correctness, ours and PyTorch's.
#   bash launch/gpu_report.sh all                 (OUT=runs/gpu_report, SCALE=paper)
#   bash launch/gpu_report.sh correctness training_dots_auto
#   bash launch/gpu_report.sh wheels              (with a network: what a bare machine lacks)
# PEER=CHECKOUT of the public MR-IPT and VARNET=FOLDER of fastMRI are compared where they are given.
# A part takes 8 minutes at most; one whose JSON is in OUT is not run again, and one that fails
# leaves its log there and the others run. The end is OUT/report.md. Nothing is downloaded, but for
# `wheels`: build/wheels is used for what the machine lacks.
set -euo pipefail
cd "$(dirname "$0")/.."
python="${PYTHON:-python3}"
out="${OUT:-runs/gpu_report}"
scale="${SCALE:-paper}"
limit="${LIMIT:-480}" # seconds of a part
if [ "$scale" = toy ]; then # most of a dry run is compilation, done quickly as tests/conftest.py does
  quick="--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
  quick+=" --xla_cpu_parallel_codegen_split_count=1"
  quick+=" --xla_backend_extra_options=xla_cpu_disable_new_fusion_emitters"
  export XLA_FLAGS="${XLA_FLAGS:-$quick}"
fi
wheels=build/wheels
site=build/site

if [ "${1:-}" = wheels ]; then
  "$python" -m pip download --dest "$wheels" --only-binary :all: --no-deps \
    absl-py ml_collections PyYAML pillow safetensors threadpoolctl tensorboardX protobuf \
    grain array-record cloudpickle etils importlib_resources zipp fsspec portpicker
  du -sh "$wheels"
  exit
fi

if [ -d "$wheels" ] && [ ! -d "$site" ]; then
  for wheel in "$wheels"/*.whl; do # one of another Python's does not stop the others
    "$python" -m pip install -qq --no-index --no-deps --target "$site" "$wheel" ||
      echo "not installed: $wheel"
  done
fi
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
# The wheels come last: what the machine has of its own is used.
report=("$python" -c 'import sys; sys.path.append(sys.argv.pop(1))
from mript_jax import cli
from mript_jax.benchmarks import accelerator as report
cli.run(report.main, report.define_flags, report.__doc__, "mript benchmark accelerator")'
  "$site" --output="$out" --scale="$scale")

parts=("$@")
if [ "${1:-all}" = all ]; then
  parts=(correctness training_dots_auto training_full_auto training_none_auto
    training_dots_chunked training_full_chunked training_none_chunked training_multicoil
    peer_eager peer_tuned peer_multicoil inference loader long_training long_training_resumed)
fi
mkdir -p "$out"
failed=0
running=""
trap '[ -z "$running" ] || kill "$running"; exit 130' INT TERM # a part does not outlive the script
for part in "${parts[@]}"; do
  if grep -qs "\"scale\": \"$scale\"" "$out/$part.json"; then
    echo "== $part: done before"
    continue
  fi
  echo "== $part"
  timeout --signal=TERM --kill-after=10 "$limit" "${report[@]}" --part="$part" \
    ${PEER:+--peer="$PEER"} ${VARNET:+--varnet="$VARNET"} \
    ${PEER_PYTHON:+--peer_python="$PEER_PYTHON"} >"$out/$part.log" 2>&1 &
  running=$!
  status=0
  wait "$running" || status=$?
  if [ "$status" != 0 ]; then
    failed=$((failed + 1))
    [ "$status" = 124 ] && reason="not done after $limit s" || reason="$(tail -n 1 "$out/$part.log")"
    echo "   failed: $reason"
  fi
done
"${report[@]}" --table
echo "report: $out/report.md ($failed parts failed)"
