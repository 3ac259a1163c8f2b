#!/bin/sh
# Times ./bench, JAX and PyTorch on the same work, case by case, and prints a table side by side.
#
#     benchmarks/peers/run.sh [--install] [--seconds S] [--threads "1 2"] [--turns N]
#                            [--case TEXT]
#
#   --install   makes a Python virtual environment in build/peers and installs JAX and PyTorch there (some
#               gigabytes); INSTALL=1 in the environment does the same. PIP_ARGS adds arguments for pip
#   --seconds   of measurement per form of a case (0.5; 0.1 is a quick look)
#   --threads   numbers of threads, each measured by itself ("1 2")
#   --turns     in which the three are timed one after the other; the best of each counts, as a machine that is
#               shared changes its rate from minute to minute (3)
#   --case      only the cases whose name contains this text, or =NAME
#
# Every program is pinned to as many processors as it has threads. All rows are in build/peers/results. The
# status is 1 when a program computed other numbers than ours, 2 when something is missing.

cd "$(dirname "$0")/../.." || exit 2
peers=build/peers
bench=${FIRSTMOVER_BIN:-.}/bench
install=${INSTALL:-}
seconds=0.5
threads="1 2"
turns=3
only=

fail() {
    echo "peers: $*" >&2
    exit 2
}

while [ $# -gt 0 ]; do
    case $1 in
    --install) install=1 ;;
    --seconds | --threads | --turns | --case)
        [ $# -ge 2 ] || fail "$1: its value is missing"
        case $1 in
        --seconds) seconds=$2 ;;
        --threads) threads=$2 ;;
        --turns) turns=$2 ;;
        --case) only=$2 ;;
        esac
        shift
        ;;
    --help)
        sed -n '2,18s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    *) fail "unknown flag '$1'; --help lists the flags" ;;
    esac
    shift
done

export PYTHONDONTWRITEBYTECODE=1
python=$peers/bin/python
if ! "$python" -c 'import jax, numpy, torch' >/dev/null 2>&1; then
    [ "$install" = 1 ] || fail "JAX and PyTorch are not in $peers; to install them: make peers INSTALL=1"
    python3 -m venv "$peers" || fail "python3 -m venv $peers failed (Debian: apt install python3-venv)"
    # shellcheck disable=SC2086
    "$peers/bin/pip" install ${PIP_ARGS:-} numpy jax torch || fail "pip failed"
fi
[ -x "$bench" ] || fail "$bench is not there: run make first"

results=$peers/results
mkdir -p "$results" || exit 2
rm -f "$results"/*.csv
# What both need to agree about is written before anything is timed.
"$bench" --check >"$results/check.csv" || exit 2
exact=
case $only in =*) exact=x ;; esac
"$bench" hvp update --list | sed 's/^[a-z0-9]* *//' | grep -"F$exact" -- "${only#=}" >"$results/cases.txt" \
    || fail "no case for '$only'"

status=0
for t in $threads; do
    there=$(getconf _NPROCESSORS_ONLN)
    [ "$t" -le "$there" ] || fail "$t threads on $there processors"
    pin=
    command -v taskset >/dev/null && pin="taskset -c 0-$((t - 1))"
    while IFS= read -r name <&3; do
        echo "$name, threads: $t" >&2
        groups="grad hvp cg10"
        case $name in biac* | stac | *ddpg* | *sac* | ppo | step) groups="update products" ;; esac
        [ "$groups" = "grad hvp cg10" ] || [ "$t" -eq 1 ] || continue
        for _ in $(seq "$turns"); do
            # shellcheck disable=SC2086
            $pin "$bench" $groups --csv --seconds "$seconds" --threads "$t" --case "=$name" \
                >>"$results/ours-$t.csv" || exit 2
            for peer in jax torch; do
                $pin "$python" -W ignore "benchmarks/peers/${peer}_peer.py" --seconds "$seconds" --threads "$t" \
                    --case "=$name" --check "$results/check.csv" >>"$results/peers-$t.csv" || status=1
            done
        done
    done 3<"$results/cases.txt"
done
"$python" benchmarks/peers/table.py "$results" || exit 2
exit $status
