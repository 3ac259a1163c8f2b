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
    [ ! -e "$1/game.nfg" ] || cmp -s "$1/game.nfg" "$2/game.nfg" || return 1
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

# ---- the game is part of the run ----

# game PAYOFF: a game file, maintain's but for the first payoff.
game() {
    mkdir -p games
    printf 'NFG 1 R "a \\"title\\"" { "L" "F" } { { "A" "B" } { "X" "Y" } }\n"words"\n\n%s 15 30 0 0 1 10 5\n' "$1" >games/own.nfg
}

game 20.25
long="--algo bilevel-q --env games/own.nfg --trials 2"
ends 0 "a game file" $long --steps 3000 --rows 5 --out moved/own
"$play" moved/own --csv >before 2>err
game 7 # a file of the old name, but another game
ends 0 "config.ini from another folder, beside another game of that name" --config moved/own/config.ini --out again
check "repeats the run" same moved/own again
game 20.25
ends 0 "the same game file" $long --steps 3000 --rows 5 --out third
check "makes the same run" same moved/own third
rm -r games
mkdir -p deep/er
mv moved/own deep/er/run
(cd deep && "$play" er/run --csv >../after 2>../err)
check "a folder that was moved, its game gone: plays the same" cmp -s before after
rm deep/er/run/trials/001/checkpoint.safetensors
(cd deep && "$train" --resume er/run --quiet >../out 2>../err)
check "and goes on from anywhere: status $?" [ $? -eq 0 ]
check "with the same results" same again deep/er/run
printf "\n  \n" >>again/game.nfg
ends 0 "a copy with other blanks" --config again/config.ini --out fourth
sed 's/20.25/7/' again/game.nfg >changed && mv changed again/game.nfg
for how in --config=again/config.ini --resume=again; do
    ends 2 "a copy that was changed, $how" $how
    says "again/game.nfg: the game was changed: its checksum is"
done
"$play" again >out 2>err
check "./play refuses it: status $?" [ $? -eq 2 ]
says "the game was changed"
rm again/game.nfg
ends 2 "a copy that is gone" --resume again
says "again/game.nfg"
ends 0 "another game beside the settings" --config fourth/config.ini --env third/game.nfg --out fifth
ends 0 "a repeated game" --algo bilevel-q --env third/game.nfg --set rounds=3 --steps 300 --out repeated
ends 0 "and it repeats" --config repeated/config.ini --out repeated2
check "with the same files" same repeated repeated2

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
