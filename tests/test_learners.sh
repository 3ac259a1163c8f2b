#!/bin/sh
# Tests --learner as a person meets it: who plays whom, bad input, the folder, repeating, resuming, playing.

. "$(dirname "$0")/shell.sh"
train=$bin/train
play=$bin/play

# bad PART ARGUMENTS...: status 2, one line on stderr that holds PART, nothing on stdout, nothing left behind.
bad() {
    part=$1
    shift
    refused_here train "$part" "$@"
}

# run ARGUMENTS...: must succeed.
run() {
    "$train" "$@" --quiet >out 2>err
    check "'$*' succeeds" [ $? -eq 0 ]
}

# Everything in two folders that does not tell the time is the same.
without_times() {
    sed -n '1s/,seconds.*//p' "$1/progress.csv"
    columns=$(sed -n '1s/,seconds.*//p' "$1/progress.csv" | tr , '\n' | wc -l)
    cut -d, -f1-"$columns" "$1/progress.csv"
    cut -d, -f1-4,6- "$1/result.csv"
    cat "$1"/trials/*/checkpoint.safetensors | cksum
}
same() {
    without_times "$1" >one
    without_times "$2" >two
    check "$1 and $2 are the same" cmp -s one two
}

small="--env maintain --steps 600 --eval-every 200"
run --algo bilevel_q $small --steps 4000 --trials 2 --out old

# ---- bad input ----

bad "'maintain' has no agent 'Folower'; did you mean 'Follower'" --algo idqn $small --learner Folower=ppo
bad "has no agent 'zzzzzzzz'" --algo idqn $small --learner zzzzzzzz=ppo
bad "expected AGENT=ALGORITHM" --algo idqn $small --learner ppo
bad "expected AGENT=ALGORITHM" --algo idqn $small --learner Follower=
bad "there is no such folder, and an unknown algorithm 'idqm'; did you mean 'idqn'" \
    --algo idqn $small --learner Follower=idqm
bad "there is no folder './zzz'" --algo idqn $small --learner Follower=./zzz
bad "holds no run" --algo idqn $small --learner Follower="$work/here"
bad "trial 2: the run in" --algo idqn $small --learner Follower="$work/old" --set Follower.trial=2
bad "play: 'lr'" --algo idqn $small --learner Follower="$work/old" --set Follower.play=lr
bad "unknown option 'lr'" --algo idqn $small --learner Follower="$work/old" --set Follower.lr=0.1
bad "--set Follower.lr: -7 is out of range" --algo idqn $small --learner Follower=ppo --set Follower.lr=-7
bad "did you mean 'clip_range'" --algo idqn $small --learner Follower=ppo --set Follower.clip_rang=0.1
bad "ppo has no preset 'zzz'" --algo idqn $small --learner Follower=ppo --set Follower.preset=zzz
bad "'Follower' has no learner of its own" --algo idqn $small --set Follower.lr=0.1
bad "has no agent 'follower'; did you mean 'Follower'" --algo idqn $small --set follower.lr=0.1
bad "the learner of 'Follower', which sees that agent alone: biac" --algo idqn $small --learner Follower=biac
bad "beside the other learners: biac" --algo biac $small --learner Follower=idqn
bad "none left" --algo idqn $small --learner Follower=ppo --learner Leader=ppo
bad "trained in 'maintain', and this run is in 'escape'" \
    --algo idqn --env escape --learner Follower="$work/old"
run --algo idqn --env grid --steps 200 --out grid
bad "'grid' with horizon = 8; this run has 9" --algo idqn --env grid --set horizon=9 --learner B="$work/grid"

# ---- who plays ----

run --algo idqn $small --learner Follower=old --set Follower.trial=1 --num-envs 2 --out frozen
check "the copy" cmp -s old/trials/001/checkpoint.safetensors frozen/learners/1/trials/001/checkpoint.safetensors
check "config.ini names the copy" grep -qx "from = learners/1" frozen/config.ini
check "and has its checksum" grep -qx "checksum = [0-9a-f]*" frozen/config.ini
run --algo idqn $small --learner Follower=hysteretic --set Follower.lr=0.02 lr=0.01 --num-envs 2 --out both
check "settings of one" [ "$(grep -cx 'lr = 0.02' both/config.ini)" -eq 1 ]
check "settings of the other" [ "$(grep -cx 'lr = 0.01' both/config.ini)" -eq 1 ]
check "columns of both" grep -q ",loss_0,.*,epsilon,loss_1,.*,epsilon_1," both/progress.csv

# ---- again, after an interruption, and on the screen ----

interrupted() {
    "$train" --config $1/config.ini --steps 40000 --out $1-cut --quiet >out 2>err &
    pid=$!
    tries=0
    while [ ! -d $1-cut/trials/000 ] && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
    sleep 0.2
    kill -TERM $pid
    wait $pid
    check "$1: interrupted" [ $? -eq 130 ]
}

rm -rf old # the runs have copies of what they need
for what in frozen both; do
    run --config $what/config.ini --out $what-again
    same $what $what-again
    run --config $what/config.ini --steps 40000 --out $what-long
    interrupted $what
    mv $what-cut $what-moved
    run --resume $what-moved
    same $what-long $what-moved
    "$play" $what-moved --episodes 2 >out 2>err
    check "$what: can be played" grep -q "Follower" out
done
"$play" frozen/learners/1 --trial 1 >out 2>err
check "the copy can be played" grep -q "bilevel_q, trial 1" out

run --config frozen/config.ini --learner Follower=ppo --out replaced
check "the command line wins over what a file says of the same agent" grep -qx "from = ppo" replaced/config.ini

run --config frozen/config.ini --isa portable --out portable
check "a policy is played by any instruction set" grep -qx "isa = portable" portable/config.ini

# A frozen policy may be of a run that has one itself.
run --algo idqn $small --learner Leader=frozen --out nested
check "the copies of copies" [ -s nested/learners/0/learners/1/trials/001/checkpoint.safetensors ]
run --config nested/config.ini --out nested-again
same nested nested-again

# ---- followers that know the context, and their certificate ----

# The mean regret is the gap of an evaluation that takes every table once.
tables="--env follower-pomdp --set game=prisoners_dilemma memory=small horizon=5"
run --algo reinforce --preset published $tables --steps 2100 --set tables=each --eval-episodes 8 --trials 2 --out few
gap=$(awk '/^follower/ { print $NF }' out)
check "regrets in a file" [ "$(wc -l <few/regret.csv)" -eq 17 ]
awk -F, -v gap="$gap" 'NR > 1 { sum += $3 } END { exit !(gap > 0 && (sum / 16 - gap) ^ 2 < 1e-10) }' few/regret.csv
check "their mean is the gap to the best answers" [ $? -eq 0 ]
check "and those who are not exact are named" grep -q "^trial 0: exact against [0-7] of 8 tables; mean" out
run --algo reinforce $tables --steps 200000 --out exact
check "a follower that is trained to the end is exact" grep -q "^trial 0: exact against 8 of 8 tables$" out
leader="--env leader-pomdp --set oracle=contextual game=prisoners_dilemma memory=small horizon=5"
run --algo ppo $leader --learner follower=exact --out led
check "its leader finds the Stackelberg point" grep -q "^leader .* 0$" out
bad "the policy was trained in another game: contexts of iterated game=prisoners_dilemma memory=small horizon=5" \
    --algo ppo $leader --set horizon=6 --learner "follower=$work/exact"

# ---- damage ----

refused() {
    part=$1
    shift
    "$train" "$@" --quiet >out 2>err
    check "'$*' is refused" [ $? -eq 2 ]
    check "'$*' says '$part'" grep -qF -- "$part" err
}
printf x >>frozen/learners/1/trials/001/checkpoint.safetensors
refused "frozen/learners/1/trials/001" --config frozen/config.ini
cp nested/learners/0/trials/000/checkpoint.safetensors frozen-again/learners/1/trials/001/checkpoint.safetensors
refused "not the policy of trial 1" --config frozen-again/config.ini
run --algo idqn --env grid --steps 200 --learner B=grid --out with-grid
run --algo idqn --env grid --steps 201 --out grid-new
rm -rf with-grid/learners/1
cp -r grid-new with-grid/learners/1
refused "the policy was changed: its checksum is" --config with-grid/config.ini
rm -rf with-grid/learners
refused "there is no folder" --config with-grid/config.ini

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
