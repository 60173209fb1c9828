#!/usr/bin/env bash
# Runs one training as several processes on this machine, joined over the loopback interface.
#
#   PROCESSES=2 bash launch/local.sh --config=configs/mript_tiny.py --workdir=runs/two [...]
#
# PROCESSES  how many (default 2)      PORT  where they meet (default: a free one)
# PYTHON     the interpreter (default: .venv/bin/python)
# All processes end when one fails; at SIGTERM and Ctrl-C all save. Run again, it resumes.
set -euo pipefail
cd "$(dirname "$0")/.."
python="${PYTHON:-.venv/bin/python}"
processes="${PROCESSES:-2}"
port="${PORT:-$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')}"
pids=()

GRACE=10 # seconds that the others have when one has ended, since they would wait for it in vain

end() { kill -TERM "${pids[@]}" 2>/dev/null || true; }

give_up() { # the exit status of the process that ended
  trap - EXIT
  end
  for ((i = 0; i < 5 * GRACE; i++)); do
    kill -0 "${pids[@]}" 2>/dev/null || break
    sleep 0.2
  done
  kill -KILL "${pids[@]}" 2>/dev/null || true
  echo "a process of the run ended with status $1, and the others with it; the same command resumes" >&2
  exit "$1"
}

save() { # the exit status
  trap - EXIT
  trap '' TERM INT # a second one would end the wait
  end
  wait
  exit "$1"
}

trap end EXIT
trap 'save 143' TERM
trap 'save 130' INT
for ((i = 0; i < processes; i++)); do
  "$python" launch/train.py --coordinator="127.0.0.1:$port" --processes="$processes" \
    --process="$i" "$@" &
  pids+=($!)
done
for ((i = 0; i < processes; i++)); do
  wait -n || give_up $?
done
