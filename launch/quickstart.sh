#!/usr/bin/env bash
# From a fresh clone to reconstructed scans: a small MR-IPT is pretrained on generated anatomy,
# fine-tuned on fastMRI-format volumes, evaluated on 20 tasks, and reconstructs a scan file.
#   bash launch/quickstart.sh [OUT]             (OUT: runs/quickstart)
# Run again, it resumes what was interrupted and skips what is done.
set -euo pipefail
cd "$(dirname "$0")/.."
source launch/environment.sh ""  # no extras
out="${1:-runs/quickstart}"
python=.venv/bin/python
SECONDS=0

say() { printf '\n== %s (%d s)\n' "$1" "$SECONDS"; }

say "1/6 generating anatomy: $out/data/phantoms"
[ -f "$out/data/phantoms/preview.png" ] ||
  $python launch/prepare_data.py --format=phantom --count=1600 --size=128 --seed=1 \
    --output="$out/data/phantoms" --preview

say "2/6 writing fastMRI-format scans: $out/data/scans, $out/data/new_scans"
$python launch/make_phantoms.py --seed=2 --volumes=20 --slices=6 --output="$out/data/scans"
$python launch/make_phantoms.py --seed=4 --volumes=3 --slices=6 --output="$out/data/new_scans"

say "3/6 pretraining on 20 tasks: $out/pretrained"
$python launch/train.py --config=configs/mript_tiny.py --workdir="$out/pretrained" \
  --config.data.source=arrayrecord --config.data.path="$out/data/phantoms"

say "4/6 fine-tuning on the scans: $out/finetuned"
$python launch/train.py --config=configs/mript_tiny.py --workdir="$out/finetuned" \
  --config.data.source=fastmri --config.data.path="$out/data/scans" \
  --config.init_from="$out/pretrained" --config.total_steps=70 --config.optimizer.learning_rate=2e-4

say "5/6 evaluating all tasks on anatomy that was never trained on: $out/evaluation"
[ -f "$out/evaluation/report.html" ] ||
  $python launch/evaluate.py --checkpoint="$out/finetuned" --output="$out/evaluation" \
    --config.data.source=arrayrecord --config.data.path="$out/data/phantoms" \
    --config.evaluation.max_slices=32

say "6/6 reconstructing scan files: $out/reconstruction"
[ -f "$out/reconstruction/phantom_4_002.png" ] ||
  $python launch/reconstruct.py --checkpoint="$out/finetuned" --input="$out/data/new_scans" \
    --output="$out/reconstruction"

say "done"
echo "report:     $out/evaluation/report.html"
echo "pictures:   $out/reconstruction/*.png (training data: $out/data/phantoms/preview.png)"
echo "checkpoint: $out/finetuned"
