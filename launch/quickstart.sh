#!/usr/bin/env bash
# From a fresh clone to reconstructed scans. First the weights that come along reconstruct scan
# files; then a small MR-IPT is pretrained on generated anatomy, fine-tuned on fastMRI-format
# volumes, evaluated on 20 tasks beside the weights that come along and total variation, and
# reconstructs the same files.
#   bash launch/quickstart.sh [OUT]             (OUT: runs/quickstart)
# About 5 minutes on two CPU cores after the installation: on slower ones it trains for fewer
# updates. Run again, it resumes what was interrupted and skips what is done.
set -euo pipefail
cd "$(dirname "$0")/.."
source launch/environment.sh ""  # no extras
out="${1:-runs/quickstart}"
python=.venv/bin/python
whole=300      # seconds, and
least=60       # of them for pretraining, and
longest=110    # at most; the rest takes
rest_share=9   # times as long as the first look did
SECONDS=0

say() { printf '\n== %s (%d s)\n' "$1" "$SECONDS"; }
minutes() { printf '%d.%02d' $(($1 / 60)) $(($1 % 60 * 100 / 60)); }

say "1/7 reconstructing scans with the weights that come along: $out/first_look"
$python launch/make_phantoms.py --seed=4 --volumes=3 --slices=6 --output="$out/data/new_scans"
[ -f "$out/first_look/phantom_4_002.png" ] ||
  $python launch/reconstruct.py --input="$out/data/new_scans" --output="$out/first_look" \
    --method=unrolled,tv
echo "look at $out/first_look/*.png: zero-filled, unrolled (ours), total variation, reference, error"

rest=$((rest_share * SECONDS))
pretraining=$((whole - SECONDS - rest))
pretraining=$((pretraining > longest ? longest : pretraining < least ? least : pretraining))
echo "the rest takes about $(minutes $((rest + pretraining))) minutes on this machine," \
  "$(minutes $pretraining) of them pretraining"

say "2/7 generating anatomy: $out/data/phantoms"
[ -f "$out/data/phantoms/preview.png" ] ||
  $python launch/prepare_data.py --format=phantom --count=800 --size=128 --seed=1 \
    --output="$out/data/phantoms" --preview

say "3/7 writing fastMRI-format scans: $out/data/scans"
$python launch/make_phantoms.py --seed=2 --volumes=20 --slices=6 --output="$out/data/scans"

say "4/7 pretraining on 20 tasks, after measuring a step: $out/pretrained"
$python launch/train.py --config=configs/mript_tiny.py --workdir="$out/pretrained" \
  --config.data.source=arrayrecord --config.data.path="$out/data/phantoms" \
  --minutes="$(minutes $pretraining)"

say "5/7 fine-tuning on the scans: $out/finetuned"
$python launch/train.py --config=configs/mript_tiny.py --workdir="$out/finetuned" \
  --config.data.source=fastmri --config.data.path="$out/data/scans" \
  --config.init_from="$out/pretrained" --config.total_steps=40 \
  --config.optimizer.learning_rate=2e-4

say "6/7 evaluating all tasks on anatomy that was never trained on: $out/evaluation"
[ -f "$out/evaluation/report.html" ] ||
  $python launch/evaluate.py --checkpoint=small=small --compare="$out/finetuned" \
    --baselines=total_variation --tuning_slices=2 --output="$out/evaluation" \
    --config.data.source=arrayrecord --config.data.path="$out/data/phantoms" \
    --config.evaluation.protocol=mript_paper --config.evaluation.max_slices=8

say "7/7 reconstructing scan files: $out/reconstruction"
[ -f "$out/reconstruction/phantom_4_002.png" ] ||
  $python launch/reconstruct.py --checkpoint="$out/finetuned" --input="$out/data/new_scans" \
    --output="$out/reconstruction"

say "done"
echo "report:     $out/evaluation/report.html"
echo "pictures:   $out/first_look/*.png, $out/reconstruction/*.png"
echo "training:   $out/data/phantoms/preview.png, $out/pretrained/tensorboard"
echo "checkpoint: $out/finetuned"
