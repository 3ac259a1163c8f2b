#!/bin/sh
# Tests ./train as a person meets it: bad input, files, determinism, resuming, interruption, a full disk.

. "$(dirname "$0")/shell.sh"
train=$bin/train

# A small run that every algorithm finishes at once.
small="--algo biac --env maintain --steps 300 --quiet"

# bad PART ARGUMENTS...: status 2, one line on stderr that begins with the program and holds PART, nothing
# on stdout, nothing left behind.
bad() {
    part=$1
    shift
    refused_here train "$part" "$@"
}

# ---- names and values ----

bad "expected --algo NAME --env NAME"
bad "did you mean 'biac'" --algo baic --env maintain
bad "--list" --algo zzzzzzzz --env maintain
bad "did you mean 'maintain'" --algo biac --env mantain
bad "unknown environment 'zzzzzzzz'" --algo biac --env zzzzzzzz
bad "did you mean '--trials'" --algo biac --env maintain --trails 3
bad "unknown flag '--zzzzzzzz'" --algo biac --env maintain --zzzzzzzz 3
bad "unexpected 'maintain'" --algo biac maintain
bad "did you mean 'covariance'" --algo biac --env random-matrix --set covarianse=0
bad "unknown option 'zzzzzzzz'" --algo biac --env maintain --set zzzzzzzz=3
bad "k: 5 is out of range" --algo biac --env penalty --set k=5
bad "k: 'abc' is not a number" --algo biac --env penalty --set k=abc
bad "k: 'nan' is not a number" --algo biac --env penalty --set k=nan
bad "k: '1e400' is not a number" --algo biac --env penalty --set k=1e400
bad "its value is missing" --algo biac --env penalty --set k=
bad "expected key=value" --algo biac --env penalty --set k
bad "--set: its value is missing" --algo biac --env penalty --set
bad "--algo: its value is missing" --env penalty --algo
bad "--seed: its value is missing" --algo biac --env maintain --seed --quiet
bad "--trials: 0 is out of range" --algo biac --env maintain --trials 0
bad "--trials: -3 is out of range" --algo biac --env maintain --trials -3
bad "--trials: '2.5' is not a whole number" --algo biac --env maintain --trials 2.5
bad "--jobs: 'many' is not a whole number" --algo biac --env maintain --jobs many
bad "--steps: '' is not a whole number" --algo biac --env maintain --steps=
bad "'--copies' is now '--num_envs'" --algo biac --env maintain --copies 4
bad "no preset 'zzzzzzzz'" --algo biac --env maintain --preset zzzzzzzz
bad "discrete actions" --algo idqn --env duopoly

# The first option of the algorithm, whatever it is called, with one letter too many.
key=$("$train" --help --algo biac --env maintain |
    sed -n '/^options of biac/{n;s/^ *\([a-z_0-9]*\).*/\1/p;q;}')
bad "did you mean '$key'" --algo biac --env maintain --set "${key}x=1"
bad "--set $key=" --algo biac --env maintain "--$key" 1

# ---- game files ----

# game TEXT: writes a game file.
game() { printf '%s\n' "$1" >game.nfg; }

good_game='NFG 1 R "t" { "L" "F" } { 2 2 } 1 2 3 4 5 6 7 8'
bad "nowhere.nfg" --algo biac --env ../nowhere.nfg
mkdir folder.nfg
bad "folder.nfg" --algo biac --env ../folder.nfg
game 'this is no game'
bad "line 1" --algo biac --env ../game.nfg
game 'NFG 1 R "t" { "L" "F" } { 2 2 }
1 2 3 4
5 6 x 8'
bad "line 3" --algo biac --env ../game.nfg
game 'NFG 1 R "t" { "A" "B" "C" } { 1 1 1 } 1 2 3'
bad "3" --algo biac --env ../game.nfg
game 'NFG 1 R "t" { "L" "F" } { 2 0 }'
bad "line 1" --algo biac --env ../game.nfg
game 'NFG 1 R "t" { "L" "F" } { 2 2 } 1 2 3 4 nan 6 7 8'
bad "nan" --algo biac --env ../game.nfg
game 'NFG 1 R "t" { "L" "F" } { 2 2 } 1 2 3 4 1e400 6 7 8'
bad "1e400" --algo biac --env ../game.nfg
game 'NFG 1 R "t" { "L" "F" } { 2 2 } 1 2 3 4 5 6 7'
bad "game.nfg" --algo biac --env ../game.nfg
: >game.nfg
bad "game.nfg" --algo biac --env ../game.nfg

# ---- configuration files ----

printf '[run]\nalgo = biac\nenv = maintain\ntrails = 3\n' >bad.ini
bad "bad.ini: line 4: unknown option 'trails'; did you mean 'trials'" --config ../bad.ini
printf '[run]\nalgo = biac\nenv = maintain\n[algo]\nzzzzzzzz = 1\n' >bad.ini
bad "bad.ini: line 5: unknown option 'zzzzzzzz'" --config ../bad.ini
printf 'algo = biac\n' >bad.ini
bad "line 1" --config ../bad.ini
bad "nowhere.ini" --config ../nowhere.ini
bad "config.ini" --resume ../nowhere

# ---- folders that cannot be ----

: >file
bad "it is a file" $small --out ../file
bad "file" $small --out ../file/below
bad "/dev/full" $small --out /dev/full
bad "/proc/nowhere" $small --out /proc/nowhere/below
bad "at most" $small --out "$(printf '%01000d' 0)"

# ---- a run ----

"$train" $small --trials 5 --jobs 1 --out one >out 2>err
check "a run: status $?" [ $? -eq 0 ]
check "a quiet run says nothing on stderr" [ ! -s err ]
check "the table names the Stackelberg point" grep -q '^A-X .*Stackelberg' out
check "the files are there" \
    [ -s one/config.ini -a -s one/progress.csv -a -s one/trials/004/checkpoint.safetensors ]
check "no state is left of finished trials" [ ! -e one/trials/004/state.safetensors ]
check "no temporary file is left" [ -z "$(find one -name '*.tmp')" ]
check "result.csv begins as promised" \
    grep -q '^trial,seed,status,steps,seconds,return_0,return_1,action_0,action_1,' one/result.csv
check "progress.csv begins as promised" grep -q '^trial,step,episodes,return_0,return_1,length,outcome_A-X,' one/progress.csv
check "and ends with the seconds" grep -q ',seconds,seconds_env,seconds_act,seconds_update$' one/progress.csv
check "result.csv has a row per trial" [ "$(wc -l <one/result.csv)" -eq 6 ]

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

"$train" $small --trials 5 --jobs 2 --out two >/dev/null 2>err
check "--jobs 2 gives the files of --jobs 1" same one two
"$train" $small --trials 5 --jobs 2 --out three >/dev/null 2>err
check "a repeated run gives the same files" same two three
"$train" --config one/config.ini --quiet --out four >/dev/null 2>err
check "config.ini repeats the run" same one four
"$train" $small --trials 5 --seed 1 --out five >/dev/null 2>err
check "another seed gives other files" [ "$(timeless one/progress.csv)" != "$(timeless five/progress.csv)" ]
check "trial k of seed s is trial 0 of seed s + k" \
    [ "$(timeless one/result.csv | sed -n 3p | cut -d, -f4-)" = \
    "$(timeless five/result.csv | sed -n 2p | cut -d, -f4-)" ]

# column FILE NAME: the column of that name.
column() { awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i } NR > 1 { print $c }' "$1"; }

"$train" $small --trials 5 --eval-every 100 --out judged >/dev/null 2>err
for name in return_0 return_1 length outcome_A-X; do
    check "evaluations leave the column $name as it was" \
        [ "$(column one/progress.csv $name)" = "$(column judged/progress.csv $name)" ]
done
check "and the results" [ "$(timeless one/result.csv)" = "$(timeless judged/result.csv)" ]
check "no evaluation, no column" [ -z "$(head -n 1 one/progress.csv | grep eval_)" ]
check "nothing is shown before the first one" [ -z "$(column judged/progress.csv eval_return_0 | head -n 1)" ]
check "the last one is at the end" \
    [ "$(column judged/progress.csv eval_return_0 | sed -n 20p)" = "$(column judged/result.csv return_0 | head -n 1)" ]
"$train" --algo bilevel-q --env maintain --num-envs 3 --steps 300 --out dashes --quiet >/dev/null 2>err
"$train" --algo bilevel_q --env maintain --num_envs 3 --steps 300 --out scores --quiet >/dev/null 2>err
check "- and _ are the same in names" same dashes scores

"$train" $small --out one >out 2>err
check "a folder with a run is refused" [ $? -eq 2 ]
check "and --resume is named" grep -q -- '--resume one' err
"$train" --resume one --quiet >out 2>err
check "resuming a finished run shows it again" grep -q '^A-X .*Stackelberg' out
check "and changes nothing" same one two
"$train" $small >/dev/null 2>err
"$train" $small >/dev/null 2>err
check "without --out the next free folder is taken" \
    [ -s runs/biac-maintain-s0/result.csv -a -s runs/biac-maintain-s0-2/result.csv ]
printf '%s\n' "$good_game" >own.nfg
"$train" --algo biac --env own.nfg --steps 200 --quiet >out 2>err
check "a game file can be played" [ -s runs/biac-own-s0/result.csv ]
"$train" $small --trials 2 --out loud >out 2>err
check "stdout holds no progress" [ "$(grep -c 'steps/s' out)" -eq 1 ]
for flag in --help --list --version; do
    "$train" $flag >out 2>err
    check "$flag: status 0 and something to read" [ $? -eq 0 -a -s out -a ! -s err ]
done
if [ -e /dev/full ]; then
    "$train" --help >/dev/full 2>err
    check "stdout that is full: status 2" [ $? -eq 2 ]
fi

# ---- interruption ----

long="--algo biac --env maintain --trials 2 --jobs 2 --quiet"

# The uninterrupted run: long enough, on this machine and in this build, to be interrupted.
steps=1000
spent=0
while [ $spent -lt 3 ]; do
    rm -rf whole
    steps=$((steps * 2))
    began=$(date +%s)
    "$train" $long --steps $steps --out whole >/dev/null 2>err || break
    spent=$(($(date +%s) - began))
done
"$train" $long --steps $steps --out parts >out 2>err &
pid=$!
tries=0
while [ ! -d parts/trials/001 ] && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
sleep 0.3
kill -TERM $pid
wait $pid
status=$?
check "an interrupted run: status $status, expected 130" [ $status -eq 130 ]
check "says how to go on" grep -q "train: interrupted; to go on: $train --resume parts" err
check "saves where it stands" [ -s parts/trials/000/state.safetensors ]
check "marks the trials" grep -q '^0,0,interrupted,' parts/result.csv
bad "only --jobs" --resume ../parts --seed 3
status=130
rounds=0
while [ $status -eq 130 ] && [ $rounds -lt 3 ]; do
    "$train" --resume parts --quiet >out 2>err
    status=$?
    rounds=$((rounds + 1))
done
check "the rest: status $status" [ $status -eq 0 ]
check "interrupted and resumed equals uninterrupted" same whole parts
check "the state is gone at the end" [ ! -e parts/trials/000/state.safetensors ]

"$train" $long --steps 900000000 --out twice >out 2>err &
pid=$!
tries=0
while [ ! -d twice/trials/001 ] && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
kill -KILL $pid
wait $pid 2>/dev/null
tries=0
while left=$(ps -ef 2>/dev/null | grep -c '[-]-steps 900000000 --out twice') && [ $tries -lt 50 ]; do
    sleep 0.2
    tries=$((tries + 1))
done
check "$left children live on after their parent was killed" [ "$left" -eq 0 ]

# ---- a damaged state, a full disk ----

cp -r parts broken
printf 'not a tensor' >broken/trials/000/state.safetensors
rm broken/sums.csv
"$train" --resume broken --quiet >out 2>err
check "a damaged state: status 2" [ $? -eq 2 ]
check "and its file is named" grep -q 'broken/trials/000/state.safetensors' err

(
    trap '' XFSZ
    ulimit -f 8
    "$train" $small --trials 200 --out full >out 2>err
)
check "a full disk: status 2" [ $? -eq 2 ]
check "and the file is named" grep -q "train: cannot write 'full/" err
check "one message" [ "$(wc -l <err)" -eq 1 ]
[ ! -s full/result.csv ] || check "rows are whole" [ -z "$(tail -c 1 full/result.csv)" ]

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
