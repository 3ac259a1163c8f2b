#!/bin/sh
# Tests ./reproduce: the list, the columns, the cheap items against what is known of them, files, bad input.

. "$(dirname "$0")/shell.sh"
reproduce=$bin/reproduce
# Sanitized and double-precision builds are many times slower, and lie elsewhere.
slow=no
[ "${FIRSTMOVER_BIN:-.}" = . ] || slow=yes

# bad PART ARGUMENTS...: status 2, one line on stderr that begins with the program and holds PART, no rows on
# stdout, nothing left behind.
bad() {
    part=$1
    shift
    refused_here reproduce "$part" "$@" --quiet
}

header=item,row,metric,paper,ours,lo,hi,trials

# value FILE ROW METRIC COLUMN: a field of the table.
value() { awk -F, -v r="$2" -v m="$3" -v c="$4" '$2 == r && $3 == m { print $c }' "$1"; }

# near A B TOLERANCE
near() { awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { exit !(a != "" && a - b <= t && b - a <= t) }'; }

# ---- the list ----

"$reproduce" --list >list 2>err
check "--list: status $?" [ $? -eq 0 ]
for item in biac/fig2 biac/table2 biac/fig4 biac/table3 biac/fig5 biac/table4 biac/fig7 biac/grid biac/oligopoly \
    stac/fig1 stac/fig2 stac/cartpole stac/pendulum stac/mountaincar step/fig5 step/table1 step/figB2 \
    step/fig7 step/fig8 step/fig9 oracles/games oracles/inner-loop oracles/hidden oracles/phase oracles/reset \
    oracles/timing oracles/mspm oracles/es oracles/allocation; do
    check "--list names $item once" [ "$(grep -c "^$item " list)" -eq 1 ]
done
for flag in --help --version; do
    "$reproduce" $flag >out 2>err
    check "$flag: status 0 and something to read" [ $? -eq 0 -a -s out -a ! -s err ]
done

# ---- fig2, with few games ----

games=60
"$reproduce" biac/fig2 --trials $games --csv --out one --quiet >out 2>err
check "fig2: status $?" [ $? -eq 0 ]
check "--quiet says nothing on stderr" [ ! -s err ]
check "the columns are as promised" [ "$(head -n 1 out)" = "$header" ]
check "every row has 8 fields" [ "$(awk -F, 'NF != 8' out | wc -l)" -eq 0 ]
check "rows.csv holds the same" cmp -s out one/biac/fig2/rows.csv
check "the paper gives no numbers" [ "$(awk -F, 'NR > 1 && $4 != ""' out | wc -l)" -eq 0 ]
# Exact measurements of 20,000 games; 60 games are within four standard errors (0.6 to 0.7 a game) of them.
check "SE leader at c = 0.9" near "$(value out '10x10 c=0.9' 'SE leader' 5)" 2.471 0.35
check "mean NE follower at c = 0.5" near "$(value out '10x10 c=0.5' 'mean NE follower' 5)" 1.752 0.35
check "common interest: both get the same" \
    [ "$(value out '10x10 c=1' 'SE leader' 5)" = "$(value out '10x10 c=1' 'SE follower' 5)" ]
check "equilibria of 100x100 with common interest: 10000 / 199" \
    near "$(value out '100x100 c=1' equilibria 5)" 50.25 4
check "the intervals enclose the means" \
    [ "$(awk -F, 'NR > 1 && $6 != "" && ($6 > $5 + 1e-9 || $7 < $5 - 1e-9)' out | wc -l)" -eq 0 ]
check "the figure's numbers and script are there" [ -s one/biac/fig2/fig2.csv -a -s one/biac/fig2/fig2.gp ]
drawn=$(awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
    $1 == 0.9 { print $at["SE leader 10x10"], $at["SE leader 10x10 lo"], $at["SE leader 10x10 hi"] }' \
    one/biac/fig2/fig2.csv)
rows=$(for column in 5 6 7; do value out '10x10 c=0.9' 'SE leader' $column; done)
check "its bands are the intervals of the rows" [ -n "$drawn" -a "$drawn" = "$(echo $rows)" ]
if command -v gnuplot >/dev/null 2>&1; then
    check "and its drawing" grep -q '<svg' one/biac/fig2/fig2.svg
    check "in which nothing is missing" [ "$(grep -c "title 'mean NE leader'" one/biac/fig2/fig2.gp)" -ge 5 ]
    check "with one legend" [ "$(grep -c '>mean NE leader<' one/biac/fig2/fig2.svg)" -eq 1 ]
fi
mkdir empty
(
    PATH=$work/empty
    export PATH
    "$reproduce" biac/fig2 --trials 2 --csv --out bare --quiet >bare_out 2>err
)
check "without gnuplot: status $?" [ $? -eq 0 ]
check "the script is written in any case" [ -s bare/biac/fig2/fig2.gp -a ! -e bare/biac/fig2/fig2.svg ]
"$reproduce" biac/fig2 --trials $games --csv --quiet >again 2>err
check "a repeated call gives the same rows" cmp -s out again
check "without --out: runs/reproduce" [ -s runs/reproduce/biac/fig2/rows.csv ]
"$reproduce" biac/fig2 --trials 2 --quiet >people 2>err
check "the next free one" [ -s runs/reproduce-2/biac/fig2/rows.csv ]
check "for a person: paper and ours" grep -q 'paper  *ours  *95 % interval' people

# ---- games of one state ----

"$reproduce" stac/fig1 stac/fig2 --quick --csv --out toys --quiet >out 2>err
check "stac/fig1 and fig2: status $?" [ $? -eq 0 ]
check "stac/fig1: three rows of ten updates" [ "$(grep -c '^stac/fig1,.*@' out)" -eq 90 ]
# Measured by an independent program, to all digits that it printed.
while read -r row metric number tolerance; do
    check "stac/fig1: $row $metric" near "$(value out "$row" "$metric" 5)" "$number" "$tolerance"
done <<'END'
individual theta@1 -0.99 5e-7
individual error@100 0.605403 5e-7
individual theta@49999 -0.0733256 5e-8
individual w@49999 -0.0003886 5e-8
stackelberg theta@10 -1.032111 5e-7
stackelberg w@5000 0.048231 5e-7
stackelberg error@49999 0.0316359 5e-8
END
check "stac/fig1: lambda" near "$(value out 'stackelberg lambda=0.04' error@1000 5)" 0.105493 5e-7
for k in 2000:nearer 5000:further 10000:further 20000:nearer; do
    check "stac/fig1: lambda = 0.04 after $k" [ "$(awk -F, -v m="error@${k%:*}" '$3 == m { e[$2] = $5 } END {
        print e["stackelberg lambda=0.04"] < e["stackelberg"] ? "nearer" : "further" }' out)" = "${k#*:}" ]
done
check "stac/fig1: three fields" [ "$(grep -c 'vectors' toys/stac/fig1/fig1.gp)" -ge 3 ]
check "stac/fig2: the program alone" near "$(value out 'individual published' 'error@100 median' 5)" 0.776 0.015
check "stac/fig2: the program's policy" near "$(value out 'stackelberg published' 'std@2000 mean' 5)" 0.488 0.015
check "stac/fig2: matched samples" near "$(value out 'stackelberg matched' 'error@250 median' 5)" 0.316 0.025
check "stac/fig2: the paper's reward" near "$(value out stackelberg 'error@500 median' 5)" 0.109 0.015

# ---- items with training ----

# The rows are compared with what the trials left, so that few decisions do; the curves of fig4 must be learned.
"$reproduce" biac/grid biac/table3 --steps 700 --trials 1 --csv --out two --quiet >out 2>err
check "grid and table3: status $?" [ $? -eq 0 ]
check "one header" [ "$(grep -c "^$header" out)" -eq 1 ]
check "grid: the outcomes sum up" \
    [ "$(awk -F, '$2 == "I-DQN" && $3 ~ /^greedy: (both|neither)/ { s += $5 } END { print s }' out)" = 100 ]
for row in Bi-AC I-DQN; do
    folder=two/biac/grid/$(echo $row | tr A-Z a-z)
    loss=$(awk -F, 'NR == 2 { print 20 - $6 }' "$folder/result.csv")
    check "grid: $row misses exact play by $loss" [ "$(value out $row 'greedy: loss of A to exact play' 5)" = "$loss" ]
    without=0
    [ "$loss" != 0 ] || without=100
    check "grid: $row plays exactly or not" [ "$(value out $row 'greedy: starts without a loss %' 5)" = $without ]
done
"$bin/play" two/biac/grid/bi-ac >people 2>err
check "its policies can be played" grep -q '^biac, trial 0 of' people
check "table3: 12 rows of 3 metrics" [ "$(grep -c '^biac/table3,' out)" -eq 36 ]
check "table3: the paper's numbers" \
    [ "$(value out MADDPG 'leader return' 4)" = 12 -a "$(value out Bi-AC 'A-X %' 4)" = 100 ]
for row in Bi-AC MADDPG Lenient-DQN; do
    folder=two/biac/table3/$(echo $row | tr A-Z a-z)
    share=$(awk -F, 'NR == 2 { print $8 == "A" && $9 == "X" ? 100 : 0 }' "$folder/result.csv")
    check "table3: $row ends at A-X or not" [ "$(value out $row 'A-X %' 5)" = "$share" ]
    check "table3: $row returns what its trial did" \
        [ "$(value out $row 'leader return' 5)" = "$(sed -n 2p "$folder/result.csv" | cut -d, -f6)" ]
done
check "table3: a run per row" [ -s two/biac/table3/lenient-dqn-published/result.csv ]
check "table3: of as many decisions" [ "$(sed -n 2p two/biac/table3/i-dqn/result.csv | cut -d, -f4)" = 700 ]
"$reproduce" biac/table3 --steps 700 --trials 1 --csv --out two --quiet --resume >again 2>err
check "--resume finds everything done" [ "$(grep '^biac/table3,' out)" = "$(tail -n +2 again)" ]
"$reproduce" oracles/hidden oracles/timing --steps 100000 --trials 1 --csv --out asked --quiet >out 2>err
check "oracles: status $?" [ $? -eq 0 ]
check "hidden: an exact follower" \
    [ "$(value out modified_prisoners_dilemma 'tables against which the follower is exact' 5)" = 8 ]
check "hidden: who is asked in the open leads, who is not does not" \
    [ "$(value out observed 'argmax leader sum' 5)-$(value out hidden 'argmax leader sum' 5)" = 20-10 ]
check "timing: each leader chooses the row that it must" \
    [ "$(awk -F, '/ share / && $(NF - 4) != $(NF - 3)' out | wc -l)" -eq 0 ]
check "timing: eight leaders" [ "$(grep -c 'share of leaders' out)" -eq 8 ]
check "timing: a figure of four series with one x" \
    [ "$(head -n 1 asked/oracles/timing/timing.csv | tr , '\n' | wc -l)" -eq 13 ]
check "hidden: a curve ends where the leader does" \
    near "$(tail -n 1 asked/oracles/hidden/hidden.csv | cut -d, -f2)" 20 1
check "hidden: and the other one" near "$(tail -n 1 asked/oracles/hidden/hidden.csv | cut -d, -f5)" 10 1
"$reproduce" oracles/mspm --steps 200000 --trials 1 --seed 1000 --csv --out sold --quiet >out 2>err
check "mspm: status $?" [ $? -eq 0 ]
while IFS=: read -r market random best; do
    alone="$market without messages"
    check "mspm: $market: a random leader" near "$(value out "$alone" 'random leader' 5)" "$random" 1e-6
    check "mspm: $market: the published optimum" near "$(value out "$alone" 'no-message optimum' 4)" "$best" 1e-6
    check "mspm: $market: ours" near "$(value out "$alone" 'no-message optimum' 5)" "$best" 1e-6
    [ "$market" = PI ] || check "mspm: $market: is reached" \
        near "$(value out "$alone" 'distance closed %' 5)" 100 0.01
    loss=$(value out "$market with two messages" 'trained leader' 5)
    closed=$(awk -v l="$loss" -v r="$random" -v b="$best" 'BEGIN { print 100 * (l - r) / (b - r) }')
    check "mspm: $market: the distance" \
        near "$(value out "$market with two messages" 'distance closed %' 5)" "$closed" 0.01
    check "mspm: $market: messages are worth more than the best without: $closed" [ "${closed%.*}" -gt 100 ]
done <<'END'
k = 3:-0.0972222:-0.0555556
k = 4:-0.125:-0.0416667
PI:-0.1656:-0.06
END
"$reproduce" oracles/es --trials 2 --csv --out evolved --quiet >out 2>err
check "es: status $?" [ $? -eq 0 ]
check "es: hidden questions are no hindrance" \
    [ "$(value out 'es observed' 'argmax leader sum' 5)-$(value out 'es hidden' 'argmax leader sum' 5)" = 20-20 ]
check "es: but to who learns from single decisions" [ "$(value out 'ppo hidden' 'argmax leader sum' 5)" = 10 ]
"$reproduce" oracles/allocation --steps 100000 --trials 1 --csv --out given --quiet >out 2>err
check "allocation: status $?" [ $? -eq 0 ]
for leader in ppo reinforce; do
    for messages in 1 2 3; do
        check "allocation: $leader serves as many types as there are messages, $messages" \
            near "$(value out "$leader messages $messages" 'argmax leader reward' 5)" \
            "$(awk "BEGIN { print $messages / 3 }")" 1e-5
    done
done
"$reproduce" oracles/games --steps 500 --trials 1 --csv --out few --quiet >out 2>err
check "games: without an exact follower there is nothing to lead" [ $? -eq 2 ]
check "games: says so" grep -q 'prisoners_dilemma: no follower became exact' err

if [ $slow = no ]; then
    "$reproduce" biac/fig4 --quick --trials 1 --csv --out two --quiet >out 2>err
    check "fig4: status $?" [ $? -eq 0 ]
    check "fig4: rows of both variants" \
        [ "$(grep -c '^biac/fig4,Bi-AC,' out)" -eq "$(grep -c '^biac/fig4,Bi-AC published,' out)" ]
    check "fig4: curves" [ "$(wc -l <two/biac/fig4/fig4.csv)" -gt 500 -a -s two/biac/fig4/fig4-published.gp ]
    check "fig4: Q2(C,Z) converges to the payoff" \
        near "$(value out Bi-AC 'Q2(C-Z) at the end (payoff: 30)' 5)" 30 1.5
    "$reproduce" biac/fig5 --steps 1000 --trials 2 --csv --out five --quiet >out 2>err
    check "fig5: status $?" [ $? -eq 0 ]
    check "fig5: a panel of areas and one of lines for each of three learners" \
        [ "$(grep -c '^# panel' five/biac/fig5/fig5.gp)" -eq 6 ]
    check "fig5: shares add up to 1, inside their intervals" \
        [ "$(awk -F, 'NR > 1 { for (k = 0; k < 3; k++) { sum = 0; first = 2 + 28 * k
            for (i = first; i < first + 27; i += 3) {
                sum += $i
                if ($(i + 1) == "" && $(i + 2) == "") continue # both trials alike: no interval
                if ($(i + 1) > $i + 1e-9 || $(i + 2) < $i - 1e-9 || $(i + 1) < 0 || $(i + 2) > 1) bad++ }
            if (sum < 0.999999 || sum > 1.000001) bad++ } } END { print (NR > 400 ? bad + 0 : "few rows") }' \
            five/biac/fig5/fig5.csv)" = 0 ]
    check "fig5: the curves end where the rows say" \
        near "$(tail -n 1 five/biac/fig5/fig5.csv | cut -d, -f2)" \
        "$(value out Bi-AC 'A-X % of the last 100 steps' 5 | awk '{ print $1 / 100 }')" 1e-9
    # An epoch's mean return is that of a window of its episodes; without the implicit term STAC is AC.
    "$reproduce" stac/cartpole --steps 8000 --trials 1 --csv --out poles --quiet >out 2>err
    check "stac/cartpole: status $?" [ $? -eq 0 ]
    check "stac/cartpole: eleven learners" [ "$(grep -c '^stac/cartpole,.*,area,' out)" -eq 11 ]
    run=poles/stac/cartpole/ac-m-1
    n=$(awk -F, 'NR == 2 { n = $3 } NR == 3 { print $3 - n }' $run/progress.csv)
    "$bin/train" --config $run/config.ini --window "$n" --out window --quiet >people 2>err
    first=$(sed -n 2p $run/progress.csv | cut -d, -f4)
    last=$(sed -n 3p window/progress.csv | cut -d, -f4)
    check "stac/cartpole: the last epoch" near "$(value out 'AC m=1' 'last epoch' 5)" "$last" 1e-9
    check "stac/cartpole: the area" near "$(value out 'AC m=1' area 5)" \
        "$(awk "BEGIN { print ($first + $last) / 2 }")" 1e-3
    dropped=$(sed -n 3p poles/stac/cartpole/stac-m-1--mx---0/progress.csv | cut -d, -f4)
    check "stac/cartpole: Mx = 0" [ "$dropped" = "$(sed -n 3p $run/progress.csv | cut -d, -f4)" ]
    "$reproduce" stac/cartpole --steps 8000 --trials 1 --csv --out poles --resume --quiet >again 2>err
    check "stac/cartpole: --resume finds everything done" cmp -s out again
    "$reproduce" stac/pendulum --steps 1200 --trials 1 --csv --out swings --quiet >out 2>err
    check "stac/pendulum: status $?" [ $? -eq 0 ]
    check "stac/pendulum: fourteen learners" [ "$(grep -c '^stac/pendulum,.*,area,' out)" -eq 14 ]
    check "stac/pendulum: of ten tests" [ "$(grep -c '^stac/pendulum,.*,test return@' out)" -eq 140 ]
    for row in DDPG STDDPG-CL STSAC-AL; do
        tests=$(awk -F, 'NR > 1 { sum += $6 } END { print sum / 10 }' \
            "swings/stac/pendulum/$(echo $row | tr A-Z a-z)/progress.csv")
        check "stac/pendulum: the area of $row" near "$(value out $row area 5)" "$tests" 0.01
    done
    "$reproduce" step/fig8 --quick --trials 1 --csv --out ramp --quiet >out 2>err
    check "step/fig8: status $?" [ $? -eq 0 ]
    run=ramp/step/onramp/step-density-2
    cp $run/result.csv before
    "$reproduce" step/fig9 --quick --trials 1 --csv --out ramp --quiet >again 2>err
    check "step/fig9: status $?" [ $? -eq 0 ]
    check "step/fig9: nothing is trained twice" cmp -s before $run/result.csv
    check "step/fig8: the return that its evaluation had" near "$(value out 'STEP density=2' return 5)" \
        "$(awk -F, 'NR == 2 { print ($6 + $7 + $8) / 3 }' before)" 1e-3
    "$bin/play" $run --episodes 2 --csv >people
    check "step/fig9: the mean speed of two episodes" near "$(value again 'STEP density=2' 'speed m/s' 5)" \
        "$(awk -F, 'NR == 1 { for (k = 1; k <= NF; k++) column[$k] = k; next }
            $2 > 0 { sum[$1] += ($column["speed_0"] + $column["speed_1"] + $column["speed_2"]) / 3; n[$1]++ }
            END { print (sum[0] / n[0] + sum[1] / n[1]) / 2 }' people)" 1e-3
fi

# ---- going on ----

"$reproduce" biac/grid --trials 1 --seed 5 --out parts >out 2>err &
pid=$!
tries=0
while [ ! -d parts/biac/grid/bi-ac/trials/000 ] && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
kill -TERM $pid
wait $pid
status=$?
check "interrupted: status $status, expected 130" [ $status -eq 130 ]
check "says how to go on" grep -q -- 'the same command with --resume --out parts' err
"$reproduce" biac/grid --trials 2 --seed 5 --out parts --resume --quiet >out 2>err
check "another run is not gone on with" [ $? -eq 2 ]
check "and its folder is named" grep -q "'parts/biac/grid/bi-ac' holds another run" err

# ---- bad input ----

bad "which item? --list names them"
bad "did you mean 'biac/table2'" biac/tabel2
bad "did you mean 'biac/fig2'" fig2
bad "unknown item 'zzzzzzzz'; --list names them" zzzzzzzz
bad "did you mean '--trials'" biac/fig2 --trails 3
bad "--trials: -1 is out of range" biac/fig2 --trials -1
bad "--jobs: 'x' is not a whole number" biac/fig2 --jobs x
bad "its value is missing" biac/fig2 --out
bad "it is a file" biac/fig2 --out /dev/null
bad "/proc/nowhere" biac/fig2 --out /proc/nowhere/below
bad "is there already" biac/fig2 --out "$work/one"
if [ -e /dev/full ]; then
    "$reproduce" --list >/dev/full 2>err
    check "stdout that is full: status 2" [ $? -eq 2 ]
fi

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
