# shellcheck shell=bash
# Sourced by quickstart.sh: what fits into five minutes, by the seconds that the first look took.
# A step goes by its folder, where a file .done says that it is done.

steps=(data/phantoms data/scans pretrained finetuned evaluation reconstruction)
whole=285   # seconds, a little less than five minutes, and of them
wanted=60   # of pretraining, for which less is evaluated; it is
least=20    # at least so long, and
longest=110 # at most

# plan FIRST_LOOK: sets size, which the work of the steps goes with (so many slices are evaluated in
# each task), and pretraining, its seconds without start and compilation.
plan() {
  first_look="$1"
  for size in 8 4 2; do
    pretraining=0
    pretraining=$((whole - first_look - $(seconds "${steps[@]}")))
    [ "$pretraining" -lt "$wanted" ] || break
  done
  pretraining=$((pretraining > longest ? longest : pretraining < least ? least : pretraining))
}

# seconds STEP...: the time of steps, as planned. Shares are in twentieths of the first look.
seconds() {
  local step share=0 training=0
  for step in "$@"; do
    case "$step" in
      data/phantoms) share=$((share + 3 * size)) ;;
      data/scans) share=$((share + 5)) ;;
      pretrained) share=$((share + 68)) training="$pretraining" ;;
      finetuned) share=$((share + 45 + size)) ;;
      evaluation) share=$((share + 60 + 8 * size)) ;;
      reconstruction) share=$((share + 13)) ;;
    esac
  done
  echo $((share * first_look / 20 + training))
}

# left OUT: the steps that are not done.
left() {
  local step
  for step in "${steps[@]}"; do
    [ -f "$1/$step/.done" ] || echo "$step"
  done
}

minutes() { printf '%d.%02d' $(($1 / 60)) $(($1 % 60 * 100 / 60)); }
