#!/bin/sh
# Tests what a person sees: texts as wide as the terminal, options as they are typed, programs under the names
# that they are installed by, what the end of a run says, and policies and scripts that are played.

. "$(dirname "$0")/shell.sh"
unset COLUMNS

has() { grep -qF -- "$2" "$1"; }

# fits WIDTH PROGRAM ARGUMENTS...: status 0, and no line is longer.
fits() {
    width=$1
    program=$2
    shift 2
    COLUMNS=$width ./$program "$@" >out 2>err
    check "$program $*: status" [ $? -eq 0 ]
    check "$program $* in $width columns: $(LC_ALL=C.UTF-8 grep ".\{$((width + 1))\}" out | head -n 1)" \
        [ -s out -a -z "$(LC_ALL=C.UTF-8 grep ".\{$((width + 1))\}" out)" ]
}

for name in train play solve reproduce bench; do ln -s "$bin/$name" $name; done

# ---- a run of each kind ----

./train --algo bilevel_q --env maintain --steps 2000 --trials 6 --jobs 1 --out matrix --quiet >end 2>err
check "an interval of Wilson's, not of no width" has end "6 of 6    61 to 100 %  <- Stackelberg point"
check "equal returns are called that" grep -q '^Leader  *20  *all equal  *20  *0$' end
check "the next command" has end "to see it play: ./play matrix"
./train --algo biac --env duopoly --steps 600 --set learning_starts=64 --out "my boxes" --quiet >boxes 2>err
check "actions stand beside the closed form" \
    grep -q '^greedy action  *mean  *Stackelberg$' boxes
check "of each agent" [ "$(sed -n '/^greedy action/,/^$/p' boxes | grep -c '^leader .* 6$\|^follower .* 3$')" -eq 2 ]
check "a folder with a blank can be copied into a shell" has boxes "./play 'my boxes'"
./train --algo idqn --env merge --steps 300 --trials 3 --jobs 1 --out merge --quiet >outcomes 2>err
check "no share of three trials is certain" [ -z "$(grep -E ' 0 to 0 %| 100 to 100 %' outcomes)" ]
./train --algo ddpg --env pendulum --steps 200 --out alone --quiet >out 2>err
check "a single agent has no leader" [ -z "$(grep -i 'leader\|follower\|stackelberg' out)" ]

# ---- widths ----

for width in 60 80 200; do
    for program in train play solve reproduce bench; do fits $width $program --help; done
    for program in train solve reproduce; do fits $width $program --list; done
    fits $width train --algo biac --env merge --help
    fits $width play --env onramp --help
    for folder in matrix "my boxes" merge alone; do fits $width train --resume "$folder"; done
    fits $width solve maintain
    fits $width solve random-matrix
    fits $width play --env random-matrix --set rows=40 cols=40 --actions 30/30
    check "the chosen cell of a large game is in sight" grep -q '\[.*\]' out
    check "in two pictures of at most 28 lines each" [ "$(wc -l <out)" -le 68 ]
done
check "more of it in a wide terminal" grep -q "columns [0-9]* to [0-9]* of 40" out
printf 'NFG 1 R "far" { "L" "F" } { 2 1 }\n1000000020 1000000015 1000000010 1000000005\n' >far.nfg
./train --algo bilevel_q --env far.nfg --steps 100 --out far --quiet >out 2>err
check "payoffs far from zero are told apart" grep -q ' 1000000020  *1000000015  *1 of 1 ' out
for word in --steps --num_envs --out --set --resume; do
    ./train --help >out 2>err
    check "help writes $word as it is typed" grep -q "^  $word " out
done

# ---- names ----

make -s -C "$root" install DESTDIR="$work/a place" PREFIX=/usr >out 2>err
check "an install into a path with a space: status $?" [ $? -eq 0 ]
check "has the programs" [ -x 'a place/usr/bin/firstmover-train' ]
check "and the headers, and nothing beside it" [ -f 'a place/usr/include/firstmover/nn/nn.h' -a ! -e a ]
"a place/usr/bin/firstmover-train" --algo bilevel_q --env maintain --steps 9 --out spaced --quiet >out 2>err
next=$(sed -n 's/^to see it play: //p' out)
eval "$next" >out 2>err
check "whose next command can be typed: $next" has out "bilevel_q, trial 0 of spaced"
for name in train play; do ln -s "$bin/$name" firstmover-$name; done
PATH=$work:$PATH
firstmover-train --help >out 2>err
check "an installed program's usage" has out "usage: firstmover-train --algo NAME"
firstmover-train --resume matrix >out 2>err
check "and the next command" has out "to see it play: firstmover-play matrix"
firstmover-train --algo baic --env maintain >out 2>err
check "and its errors" grep -q "^firstmover-train: unknown algorithm 'baic'" err
mkdir none
firstmover-play none >out 2>err
check "and others in them" has err "firstmover-play: 'none' holds no run: it has no config.ini; firstmover-train leaves"
./train --algo bilevel-q --env random_matrix --num-envs=2 --eval-mode greedy --set game-seed=3 --steps 20 \
    --out dashes --quiet >out 2>err
check "- and _ in names of algorithms, environments, flags and options" [ $? -eq 0 ]
./train --algo stac --env cartpole --set init=fan-in --steps 20 --out choice --quiet >out 2>err
check "in choices" [ $? -eq 0 ]
./play --env onramp --actions lane-left/LANE-RIGHT >out 2>err
check "and in actions" [ $? -eq 0 ]
./solve random_matrix --set game-seed=3 >out 2>err
check "and in ./solve" [ $? -eq 0 ]

# ---- a run that goes on, and a policy that is not finished ----

./train --algo biac --env maintain --steps 40000000 --out parts >out 2>err &
pid=$!
tries=0
while [ ! -d parts/trials/000 ] && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
sleep 0.3
kill -TERM $pid
wait $pid
./play parts >out 2>err
check "an unfinished policy is called that" \
    grep -q '^biac, trial 0 of parts; unfinished: trained for [0-9,]* of 40,000,000 decisions$' out
done=$(sed -n 's/.*trained for \([0-9,]*\) of.*/\1/p' out)
./play matrix >out 2>err
check "a finished one is not" has out "bilevel_q, trial 0 of matrix"
check "at all" [ -z "$(grep unfinished out)" ]
./train --resume parts >out 2>err &
pid=$!
sleep 1
kill -TERM $pid
wait $pid
check "a resumed run says where it began: $(head -n 1 out)" \
    grep -q "^biac on maintain: 1 trial of 40,000,000 decisions, from $done to [0-9,]*, [0-9.]* s" out
./train --resume matrix >out 2>err
check "one with nothing to do says so" grep -q 'decisions; nothing was left to do$' out

# ---- scripts ----

./play --env maintain --actions A/X,B/Y >out 2>err
check "a second decision in a one-shot game: status 2" [ $? -eq 2 ]
check "and why" has err "decision 2 is never played: an episode of maintain has at most 1"
./play --env maintain --set rounds=2 --actions A/X,B/Y >out 2>err
check "in two rounds it is played" [ $? -eq 0 ]

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
