#!/bin/sh
# Tests ./play as a person meets it: published trajectories, policies, scripts, tables, bad input.

. "$(dirname "$0")/shell.sh"
play=$bin/play
train=$bin/train

# bad PART ARGUMENTS...: status 2, one line on stderr that begins with the program and holds PART, nothing on
# stdout.
bad() {
    part=$1
    shift
    "$play" "$@" >out 2>err </dev/null
    status=$?
    refused play "$part" "$@"
}

# ---- the published trajectories of merge: both cars at 39 m/s, the same joint action all the time ----

merge="--env merge --set speed0=39 --set speed1=39"

# ends ACTIONS TICK X0 X1 Y1 HEADING1 REWARD0 REWARD1: the last row of the table is this, within 0.0005.
ends() {
    "$play" $merge --actions "$1" --csv >out 2>err
    tail -n 1 out | awk -F, -v want="$2,$3,$4,$5,$6,$7,$8" '
        function off(a, b) { return a - b > 0.0005 || b - a > 0.0005 }
        { split(want, w, ","); ok = NF == 20 && $7 == 1 && $8 == 0 && $9 == w[1] && !off($10, w[2]) && !off($11, 4) &&
          !off($15, w[3]) && !off($16, w[4]) && !off($17, w[5]) && $5 == w[6] && $6 == w[7] &&
          $20 == (w[6] < 0) }
        END { exit !ok }'
    check "$1 ends otherwise: $(tail -n 1 out)" [ $? -eq 0 ]
}

ends IDLE/IDLE 31 297.0822 296.4039 5.9123 -0.13847 -5 -5
ends FASTER/IDLE 30 313.6181 293.7690 6.3099 -0.14978 50 10
ends IDLE/FASTER 30 294.4175 312.9817 5.1519 -0.07632 10 50
ends SLOWER/IDLE 37 285.2146 312.3096 4.3057 -0.04975 10 50
ends IDLE/SLOWER 36 310.4086 283.1339 7.1399 -0.28917 50 10
ends FASTER/FASTER 28 305.9416 305.3395 5.8755 -0.10023 -5 -5
ends SLOWER/SLOWER 38 286.6056 285.8053 6.3379 -0.28472 -5 -5

# ---- the table ----

"$play" $merge --actions IDLE/IDLE --csv >idle 2>err
check "the header is as promised" [ "$(head -n 1 idle)" = "episode,step,action_0,action_1,reward_0,reward_1,terminated,\
truncated,tick,x_0,y_0,heading_0,speed_0,lane_0,x_1,y_1,heading_1,speed_1,lane_1,crashed" ]
check "the start is step 0 without actions" [ "$(sed -n 2p idle | cut -d, -f1-10)" = "0,0,,,0,0,0,0,0,215" ]
check "actions are labels" [ "$(sed -n 3p idle | cut -d, -f1-8)" = "0,1,IDLE,IDLE,0,0,0,0" ]
check "a row per decision" [ "$(wc -l <idle)" -eq 5 ]
for same in 0/0 idle/Idle IDLE/0,0/IDLE; do
    "$play" $merge --actions $same --csv >out 2>err
    check "$same is IDLE/IDLE" cmp -s idle out
done
"$play" --env=merge --set env.speed0=39 --set speed1=39 --actions=IDLE/IDLE --csv >out 2>err
check "--flag=VALUE and env.key" cmp -s idle out
"$play" --env grid --actions down/down,down/down,stay/left,stay/left --csv >out 2>err
check "a meeting on the square of 10" [ "$(tail -n 1 out)" = "0,4,stay,left,10,10,1,0,0,0,0,0,10" ]
"$play" --env grid --actions stay/stay --csv >out 2>err
check "the horizon truncates" [ "$(tail -n 1 out | cut -d, -f1-8)" = "0,8,stay,stay,0,0,0,1" ]
"$play" --env triopoly --actions 6/3/1.5 --csv >out 2>err
check "numbers of boxes" [ "$(tail -n 1 out | cut -d, -f3-10)" = "6,3,1.5,9,4.5,2.25,1,0" ]
"$play" --env duopoly --actions 6/12 --csv >out 2>err
"$play" --env duopoly --actions 6/99 --csv >other 2>err
check "a number outside a box is shown as it was chosen" [ "$(tail -n 1 other | cut -d, -f3,4)" = "6,99" ]
check "and played at its bound" \
    [ "$(tail -n 1 other | cut -d, -f5-)" = "$(tail -n 1 out | cut -d, -f5-)" ]
"$play" --env merge --actions 3/0 --csv --episodes 3 --seed 7 >out 2>err
"$play" --env merge --actions 3/0 --csv --episodes 3 --seed 7 >again 2>err
"$play" --env merge --actions 3/0 --csv --episodes 3 --seed 8 >other 2>err
check "a seed repeats its episodes" cmp -s out again
check "another seed has other ones" [ "$(sed -n 2p out)" != "$(sed -n 2p other)" ]
check "three episodes, counted from 0" [ "$(grep -c '^[012],0,' out)" -eq 3 ]

# ---- pictures ----

"$play" --env maintain --actions A/X >out 2>err
check "the chosen cell is marked" grep -qF '[20, 15]' out
check "returns are said" grep -q '^episode 0: A-X after 1 decision; returns: Leader 20, Follower 15$' out
"$play" $merge --actions FASTER/IDLE >out 2>err
check "the road has the start and a picture per decision" [ "$(grep -c '^  main lane' out)" -eq 3 ]
check "who is first is said" grep -q 'leader first after 2 decisions' out
"$play" --env merge --actions 3/0 --episodes 4 >out 2>err
check "several episodes are summed up" grep -q '^4 episodes; mean returns: leader 50, follower 10$' out
"$play" --help --env merge >out 2>err
check "--help shows the environment's options" [ $? -eq 0 -a -n "$(grep speed0 out)" -a ! -s err ]
"$play" --version >out 2>err
check "--version" grep -q '^firstmover ' out

# ---- policies ----

"$train" --algo biac --env merge --steps 400 --trials 2 --eval-episodes 6 --out run --quiet >out 2>err
check "a run to play" [ $? -eq 0 ]
for trial in 0 1; do
    "$play" run --trial $trial --episodes 6 --csv >out 2>err
    for agent in 0 1; do
        mean=$(awk -F, -v c=$((5 + agent)) 'NR > 1 { s += $c } END { print s / 6 }' out)
        table=$(awk -F, -v t=$trial -v c=$((6 + agent)) 'NR > 1 && $1 == t { print $c + 0 }' run/result.csv)
        check "trial $trial, agent $agent: $mean, in its evaluation $table" \
            awk -v a="$mean" -v b="$table" 'BEGIN { exit !(a - b < 0.001 && b - a < 0.001) }'
    done
done
"$play" run --set speed0=39 speed1=39 --csv >out 2>err
check "the situation can be set" [ "$(sed -n 2p out)" = "$(sed -n 2p idle)" ]
"$train" --algo maddpg --env merge --steps 300 --eval-mode sample --eval-episodes 20 --out noisy --quiet >out 2>err
check "a run that is evaluated as it acts" [ $? -eq 0 -a -n "$(grep 'sampled return' out)" ]
"$play" noisy --sample --episodes 20 --csv >out 2>err
mean=$(awk -F, 'NR > 1 { s += $5 } END { print s / 20 }' out)
table=$(awk -F, 'NR == 2 { print $6 + 0 }' noisy/result.csv)
check "--sample: $mean, in its evaluation $table" \
    awk -v a="$mean" -v b="$table" 'BEGIN { exit !(a - b < 0.001 && b - a < 0.001) }'
"$play" noisy --episodes 20 --csv >other 2>err
check "greedy play is something else" [ "$(cut -d, -f3,4 out)" != "$(cut -d, -f3,4 other)" ]
"$play" run >out 2>err
check "a policy's pictures" grep -q '^biac, trial 0 of run$' out

# ---- bad input ----

bad "expected FOLDER, or --env"
bad "did you mean 'merge'" --env mereg --actions 0/0
bad "unknown environment 'zzzzzzzz'" --env zzzzzzzz --actions 0/0
bad "--actions is missing" --env merge
bad "did you mean 'FASTER'" --env merge --actions FASTR/IDLE
bad "decision 2: merge: '5'" --env merge --actions 0/0,5/0
bad "'FASTER' is for 1 agent; merge has 2: expected leader/follower" --env merge --actions FASTER
bad "is for 3 agents" --env merge --actions 0/0/0
bad "decision 2 is empty" --env merge --actions 0/0,
bad "decision 1 is empty" --env merge --actions=
bad "its value is missing" --env merge --actions
bad "'inf' is not a number" --env duopoly --actions 6/inf
bad "exclude each other" --env duopoly --actions 6/3 --sample
bad "'x' is not a number" --env duopoly --actions x/3
bad "'nan' is not a number" --env duopoly --actions nan/3
bad "holds 2 numbers" --env duopoly --actions 6:1/3
bad "did you mean 'speed0'" --env merge --set sped0=39 --actions 0/0
bad "out of range" --env merge --set speed0=-4 --actions 0/0
bad "expected key=value" --env merge --set speed0 --actions 0/0
bad "its value is missing" --env merge --set speed0= --actions 0/0
bad "did you mean '--episodes'" --env merge --actions 0/0 --episode 3
bad "--episodes: 0 is out of range" --env merge --actions 0/0 --episodes 0
bad "unknown flag '--zzzzzzzz'" --env merge --actions 0/0 --zzzzzzzz
bad "exclude each other" run --actions 0/0
bad "exclude each other" run --env merge
bad "one folder at a time" run run
bad "there is no folder 'nowhere'" nowhere
mkdir empty
bad "holds no run" empty
bad "2 trials, counted from 0" run --trial 2
bad "did you mean 'speed0'" run --set sped0=39
bad "a policy plays as it was trained" run --set algo.batch=3
mkdir -p young/trials/000
cp run/config.ini young/config.ini
bad "no policy yet" young
cp -r run edited
sed 's/^hidden = .*/hidden = 16,16/' run/config.ini >edited/config.ini
bad "edited/config.ini: the file is damaged or was changed" edited
sed -i '/^# checksum/d' edited/config.ini
bad "checkpoint.safetensors: it was saved with 'hidden = " edited
check "and the other setting is named" grep -q "the run says 'hidden = 16,16'" err
printf 'not a tensor' >edited/trials/000/checkpoint.safetensors
bad "edited/trials/000/checkpoint.safetensors" edited
sed '/^# checksum/d; s/^env = .*/env = mereg/' run/config.ini >edited/config.ini
bad "did you mean 'merge'" edited
if [ -e /dev/full ]; then
    "$play" --env merge --actions 0/0 >/dev/full 2>err
    check "stdout that is full: status 2" [ $? -eq 2 ]
fi

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
