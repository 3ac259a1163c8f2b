#!/bin/sh
# Attacks a run from outside: a full disk, a second process, moved and changed games, damaged files. What a
# folder then holds must be right, or an error must say what is not.

. "$(dirname "$0")/shell.sh"
train=$bin/train
play=$bin/play

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
    grep -q "^seed = $seed\$" pair/config.ini &&
        grep -q "^1,$((seed + 1)),ok," pair/result.csv || mixed=$((mixed + 1))
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
    printf 'NFG 1 R "a \\"title\\"" { "L" "F" } { { "A" "B" } { "X" "Y" } }\n"words"\n\n%s 15 30 0 0 1 10 5\n' \
        "$1" >games/own.nfg
}

game 20.25
long="--algo bilevel-q --env games/own.nfg --trials 2"
ends 0 "a game file" $long --steps 3000 --rows 5 --out moved/own
"$play" moved/own --csv >before 2>err
game 7 # a file of the old name, but another game
ends 0 "config.ini from another folder, beside another game of that name" \
    --config moved/own/config.ini --out again
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

# ---- damage that parses ----

# flip FILE BYTE: changes one bit of the byte.
flip() {
    old=$(od -An -tu1 -j "$2" -N 1 "$1")
    new=$(printf '%03o' $((old ^ 1)))
    printf "\\$new" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# size FILE: its bytes.
size() { wc -c <"$1"; }

# sound STATUS: what the resume of a damaged run may be: an error that names a file of it, or the undamaged
# results. The comments above the checksum of config.ini may say anything.
sound() {
    if [ "$1" -ne 0 ]; then grep -q "hurt/" err; else cp base/config.ini hurt/config.ini && same base hurt; fi
}

# A run that is done, and one that was interrupted.
"$train" $tabular --steps 3000 --trials 3 --rows 3 --out base --quiet >out 2>err
"$train" $tabular --steps 900000000 --rows 3 --out state --quiet >out 2>err &
pid=$!
tries=0
while [ ! -d state/trials/000 ] && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
kill -TERM $pid
wait $pid

bad=0
tried=0
for file in config.ini progress.csv result.csv sums.csv trials/001/checkpoint.safetensors; do
    n=$(size base/$file)
    for part in 1 3 5 7 9 11 13 15; do
        rm -rf hurt
        cp -r base hurt
        flip hurt/$file $((n * part / 16))
        "$train" --resume hurt --quiet >out 2>err
        sound $? || bad=$((bad + 1))
        tried=$((tried + 1))
    done
done
check "$bad of $tried flipped bits changed a result in silence" [ $bad -eq 0 ]

bad=0
n=$(size state/trials/000/state.safetensors)
for part in 1 3 5 7 9 11 13 15; do
    rm -rf hurt
    cp -r state hurt
    flip hurt/trials/000/state.safetensors $((n * part / 16))
    "$train" --resume hurt --quiet >out 2>err
    [ $? -eq 2 ] && grep -q "delete 'hurt/trials/000/state.safetensors'" err || bad=$((bad + 1))
done
check "$bad of 8 flipped bits in a state went unseen" [ $bad -eq 0 ]

# restore: a sound folder again.
restore() {
    rm -rf hurt
    cp -r base hurt
}

# again FILE: what the message says mends the run.
again() {
    says "delete 'hurt/$1'"
    ends 2 "the damage stays" --resume hurt
    rm "hurt/$1"
    ends 0 "the remedy" --resume hurt
    check "makes the run whole" same base hurt
}

restore
sed '/^1,1,/s/20/30/' base/result.csv >hurt/result.csv
rm hurt/trials/002/checkpoint.safetensors
ends 2 "another number in result.csv" --resume hurt
says "trial 1 (seed 1) is damaged: its row in 'hurt/result.csv' is not what was written"
check "the other trials went on" \
    cmp -s base/trials/002/checkpoint.safetensors hurt/trials/002/checkpoint.safetensors
again trials/001/checkpoint.safetensors
restore
sed 3d base/progress.csv >hurt/progress.csv
ends 2 "a row that is gone" --resume hurt
says "trial 0 (seed 0) is damaged: its rows in 'hurt/progress.csv' are not what was written"
again trials/000/checkpoint.safetensors
restore
cp base/trials/000/checkpoint.safetensors hurt/trials/001/
"$play" hurt --trial 1 >out 2>err
check "./play refuses another trial's checkpoint: status $?" [ $? -eq 2 ]
says "delete that file, then $bin/train --resume hurt"
ends 2 "another trial's checkpoint" --resume hurt
says "it was saved with the seed 0, not 1"
again trials/001/checkpoint.safetensors
restore
"$train" $tabular --steps 3000 --trials 3 --rows 3 --set gamma=0.5 --out other --quiet >out 2>err
cp other/trials/000/checkpoint.safetensors hurt/trials/000/
"$play" hurt >out 2>err
check "./play refuses another run's checkpoint: status $?" [ $? -eq 2 ]
says "it was saved with 'gamma = 0.5', the run says 'gamma = "
ends 2 "another run's checkpoint" --resume hurt
restore
sed -n '1,/^trials/p' base/config.ini >hurt/config.ini
for how in --config=hurt/config.ini --resume=hurt; do
    ends 2 "a config.ini that is cut, $how" $how
    says "hurt/config.ini: the file is damaged or was changed"
done
for bytes in 0 40; do
    head -c $bytes base/config.ini >hurt/config.ini
    for how in --config=hurt/config.ini --resume=hurt; do
        ends 2 "a config.ini of $bytes bytes, $how" $how
        says "hurt/config.ini: it names no algorithm; the file is cut off, or was changed"
    done
done
sed -n '1,/^trials/p' base/config.ini | sed '/^# checksum/d' >hurt/config.ini
"$train" --config hurt/config.ini --env maintain --steps 200 --out edited --quiet >out 2>err
check "without its checksum it is anybody's: status $?" [ $? -eq 0 ]
rm base/sums.csv
"$train" --resume base --quiet >out 2>err
check "without sums all trials are done again: status $?" [ $? -eq 0 ]

# ---- headers, tables of another run ----

"$train" $tabular --steps 3000 --trials 3 --rows 3 --out base2 --quiet >out 2>err
restore_from() {
    rm -rf hurt
    cp -r "$1" hurt
}
restore_from base2
for table in progress.csv result.csv sums.csv; do
    sed '1s/^t/T/' base2/$table >hurt/$table
    ends 2 "a damaged first line of $table" --resume hurt
    says "hurt/$table: line 1 is damaged"
    says "delete that line and resume"
    sed 1d base2/$table >hurt/$table
    ends 0 "its remedy" --resume hurt
    check "makes the run whole" same base2 hurt
done
"$train" $tabular --steps 3000 --trials 3 --rows 3 --set gamma=0.4 --out other2 --quiet >out 2>err
cp other2/*.csv hurt/
ends 2 "all tables of another run" --resume hurt
says "its row in 'hurt/result.csv' is not what was written"

# ---- instruction sets ----

FIRSTMOVER_ISA=foo "$train" $tabular --steps 100 --out foo --quiet >out 2>err
check "FIRSTMOVER_ISA=foo is wrong input: status $?" [ $? -eq 2 ]
says "FIRSTMOVER_ISA: there is no instruction set 'foo' here; this machine and build have: portable"
check "and leaves no folder" [ ! -e foo ]
net="--algo idqn --env maintain --steps 1500 --set learning_starts=100"
ends 0 "portable" $net --isa portable --out portable
check "config.ini says so" grep -q '^isa = portable$' portable/config.ini
ends 0 "this machine's widest" $net --out widest
rm portable/trials/000/checkpoint.safetensors
cp -r portable portable2
ends 0 "going on keeps it" --resume portable
ends 0 "and so does" $net --isa portable --out third_isa
check "the same files" same portable third_isa
FIRSTMOVER_ISA=portable "$play" widest >out 2>err
check "./play takes the run's own: status $?" [ $? -eq 0 ]
"$play" widest --isa portable >out 2>err
check "or another: status $?" [ $? -eq 0 ]

# ---- temporary files, a disk that cannot be written ----

restore_from base2
touch hurt/config.ini.4711.tmp hurt/trials/001/state.safetensors.99.tmp
rm hurt/trials/001/checkpoint.safetensors
ends 0 "what a killed writer left" --resume hurt
check "is cleared away" [ -z "$(find hurt -name '*.tmp')" ]
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null 2>&1; then
    nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
else
    nobody=
fi
chmod 755 . && chmod -R a+rX,a-w base2
$nobody "$train" --resume base2 >out 2>err
check "a finished run that cannot be written is shown: status $?" [ $? -eq 0 ]
check "with its table" grep -q 'results: base2' out
chmod u+w base2/trials/002 && rm base2/trials/002/checkpoint.safetensors
$nobody "$train" --resume base2 >out 2>err
check "one that is not finished is an error: status $?" [ $? -eq 2 ]
says "'base2' cannot be written, and 1 of its trials are not done"
chmod -R u+w base2

# ---- a signal is obeyed whatever the network's size ----

# An update of some seconds; sanitizers are many times slower.
rows=16384
case ${FIRSTMOVER_BUILD:-} in *-san*) rows=512 ;; esac
wide="--algo idqn --env maintain --jobs 1 --steps 100000 --set hidden=512,512 --set batch_size=$rows"
"$train" $wide --set learning_starts=1 --out slow --quiet >out 2>err &
pid=$!
tries=0
while [ ! -d slow/trials/000 ] && [ $tries -lt 1200 ]; do sleep 0.05; tries=$((tries + 1)); done
sleep 1
began=$(date +%s)
kill -TERM $pid
wait $pid
status=$?
spent=$(($(date +%s) - began))
check "SIGTERM: status $status, expected 130" [ $status -eq 130 ]
check "after $spent s" [ $spent -le 4 ] # two, but for a loaded machine
rm -rf slow

# Before there is a folder, while the memory of a trial is measured in a process of its own.
width=4096
case ${FIRSTMOVER_BUILD:-} in *-san*) width=1024 ;; esac
for signal in TERM HUP; do # of a shell's background commands SIGINT is ignored
    "$train" --algo idqn --env maintain --set hidden=$width,$width --steps 1 --out measured >out 2>err &
    pid=$!
    tries=0
    while [ $tries -lt 200 ] && ! ps -A -o ppid= | grep -qw $pid; do sleep 0.01; tries=$((tries + 1)); done
    kill -$signal $pid
    wait $pid
    status=$?
    check "SIG$signal while measuring: status $status, expected 130" [ $status -eq 130 ]
    says "train: interrupted before anything was begun; to start again: the same command"
    check "no folder" [ ! -e measured ]
done

# ---- memory ----

# small WORDS ARGUMENTS...: a run that fits into 2 GB of address space, and whose trial needs less than is
# worth a word. Sanitizers live in terabytes of address space; what a trial needs is measured there too.
small() {
    of=$1
    shift
    (
        case ${FIRSTMOVER_BUILD:-} in *-san*) ;; *) ulimit -v 2000000 ;; esac
        "$train" "$@" --quiet
    ) >out 2>err
    check "$of: status $?" [ $? -eq 0 ]
    check "$of: more than a GB" [ -z "$(grep 'a trial needs' err)" ]
}

case ${FIRSTMOVER_BUILD:-} in
*-san*) ;;
*)
    (
        ulimit -v 2000000
        "$train" --algo idqn --env grid --steps 90000000 --set buffer_size=90000000 --out vast --quiet
    ) >out 2>err
    check "a replay beyond the limit: status $?" [ $? -eq 2 ]
    says "a trial needs more than 2.0 GB of memory"
    check "and leaves no folder" [ ! -e vast ]
    ;;
esac
small "a replay no larger than a run of 10 steps needs" \
    --algo idqn --env grid --steps 10 --set buffer_size=90000000 --out small
awk 'BEGIN { n = 4096; print "NFG 1 R \"wide\" { \"L\" \"F\" } { 1 " n " }"
             for (k = 0; k < n; k++) print k % 7, k * 37 % n }' >wide.nfg
small "deviations of 4,096 actions in pieces" \
    --algo biac --env wide.nfg --steps 60 --set learning_starts=59 --set batch_size=8 --out deviations
case ${FIRSTMOVER_BUILD:-} in # minutes under the sanitizers
*-san*) ;;
*)
    awk 'BEGIN { n = 4096; print "NFG 1 R \"long\" { \"L\" \"F\" } { " n " 1 }"
                 for (k = 0; k < n; k++) print k * 37 % n, k % 7 }' >long.nfg
    small "a leader's 4,096 actions, in rounds, in pieces" --algo biac --env long.nfg --steps 60 --out tries \
        --set rounds=3 --set learning_starts=59 --set batch_size=8
    ;;
esac

# ---- names ----

printf 'NFG 1 R "t\033[31m" { " L" "F " } { { " A " "B\007" } { "X " " Y" } }\n20 15 30 0 0 1 10 5\n' \
    >'odd game .nfg'
ends 0 "names with blanks at their ends, control characters" \
    --algo bilevel-q --env 'odd game .nfg' --steps 2000 --trials 2 --out 'odd run '
rm 'odd run /trials/001/checkpoint.safetensors'
"$train" --resume 'odd run ' >out 2>err
check "go on: status $?" [ $? -eq 0 ]
"$play" 'odd run ' >out2 2>>err
check "and play: status $?" [ $? -eq 0 ]
check "nothing reaches the terminal as it is" [ "$(cat out out2 err | tr -cd '\033\007' | wc -c)" -eq 0 ]
check "it is shown" grep -qF 't\x1b[31m' out2

# ---- kills at random, for long by `make attack` ----

rounds=${ATTACK_ROUNDS:-2}
"$train" $tabular --steps 60000 --trials 4 --jobs 2 --rows 3 --out calm --quiet >out 2>err
bad=0
for round in $(seq "$rounds"); do
    "$train" $tabular --steps 60000 --trials 4 --jobs 2 --rows 3 --out killed --quiet >out 2>err &
    pid=$!
    sleep "0.$((round * 37 % 90 + 10))"
    [ $((round % 2)) -eq 0 ] && kill -KILL $pid 2>/dev/null || kill -TERM $pid 2>/dev/null
    wait $pid 2>/dev/null
    if [ -e killed/config.ini ]; then
        sleep 0.3 # the children of a killed parent end at their next word
        "$train" --resume killed --quiet >out 2>err
        same calm killed || bad=$((bad + 1))
    fi
    rm -rf killed
done
check "$bad of $rounds killed runs ended otherwise" [ $bad -eq 0 ]

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
