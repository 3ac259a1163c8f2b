#!/bin/sh
# Attacks a run from outside: a full disk, a second process, moved and changed games, damaged files. What a
# folder then holds must be right, or an error must say what is not. FIRSTMOVER_BIN is the folder of the programs.

bin=$(cd "${FIRSTMOVER_BIN:-.}" && pwd) || exit 2
train=$bin/train
play=$bin/play
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work" || exit 2

passed=0
failed=0

# check WORDS CONDITION...: counts one case; shows the words when the command fails.
check() {
    words=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf '  FAILED %s\n' "$words"
        [ ! -s err ] || sed 's/^/    stderr: /' err | head -n 3
    fi
}

# says PART: the last command's messages hold PART.
says() { check "it says '$1'" grep -qF -- "$1" err; }

# ends STATUS WORDS ARGUMENTS...: ./train with these arguments ends with that status.
ends() {
    expected=$1 of=$2
    shift 2
    "$train" "$@" --quiet >out 2>err </dev/null
    status=$?
    check "$of: status $status, expected $expected" [ "$status" -eq "$expected" ]
}

# timeless FILE: a table without the columns of the clock.
timeless() {
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) keep[i] = $i !~ /^seconds/ }
             { line = ""; for (i = 1; i <= NF; i++) if (keep[i]) line = line "," $i; print line }' "$1"
}

# same A B: the folders of two runs hold the same.
same() {
    cmp -s "$1/config.ini" "$2/config.ini" || return 1
    for table in progress.csv result.csv; do
        timeless "$1/$table" >left
        timeless "$2/$table" >right
        cmp -s left right || return 1
    done
    for trial in "$1"/trials/*; do
        cmp -s "$trial/checkpoint.safetensors" "$2/trials/${trial##*/}/checkpoint.safetensors" || return 1
    done
}

# ---- a trial is done when its files are on the disk ----

grid="--algo idqn --env grid --jobs 1 --trials 2 --steps 300"
ends 0 "a run" $grid --out whole
(
    trap '' XFSZ
    ulimit -f 16
    "$train" $grid --out limited --quiet >out 2>err
)
check "a checkpoint that does not fit: status $?" [ $? -eq 2 ]
says "cannot write 'limited/trials/000/"
check "and the trial is not done" [ "$(wc -l <limited/result.csv)" -eq 1 ]
ends 0 "with room again" --resume limited
check "both trials are whole" same whole limited
rm limited/trials/001/checkpoint.safetensors
ends 0 "a checkpoint that is gone" --resume limited
check "is made again" same whole limited

# ---- one process at a time ----

tabular="--algo bilevel-q --env maintain"
mixed=0
for round in 1 2 3 4 5; do
    "$train" $tabular --steps 300 --trials 2 --out pair --quiet >out 2>err &
    pid=$!
    "$train" $tabular --steps 500 --trials 2 --seed 9 --out pair --quiet >out2 2>err2
    second=$?
    wait $pid
    first=$?
    case $first$second in 02) seed=0 ;; 20) seed=9 ;; *) seed=both ;; esac
    grep -q "^seed = $seed\$" pair/config.ini && grep -q "^1,$((seed + 1)),ok," pair/result.csv || mixed=$((mixed + 1))
    rm -r pair
done
check "two runs with one --out: in $mixed of 5 tries not exactly one went on" [ $mixed -eq 0 ]

"$train" $tabular --steps 900000000 --trials 2 --out busy --quiet >out 2>err &
pid=$!
tries=0
while [ ! -d busy/trials/000 ] && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
ends 2 "going on with a run that is under way" --resume busy
says "no run can work in 'busy' now: 'busy/lock' is locked by process $pid"
ends 2 "a second run in its folder" $tabular --out busy
says "is locked by process $pid"
kill -KILL $pid
wait $pid 2>/dev/null
ends 2 "another run in what a killed one left" $tabular --out busy
says "'busy' already holds a run"
"$train" --resume busy --quiet >out 2>err &
pid=$!
sleep 0.5
kill -TERM $pid
wait $pid
check "a killed run does not lock: status $?" [ $? -eq 130 ]
check "and the lock goes at the end" [ ! -e busy/lock ]

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
