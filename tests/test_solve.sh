#!/bin/sh
# Tests ./solve as a person meets it, on iterated games: tables for programs and for people, bad input.

. "$(dirname "$0")/shell.sh"
solve=$bin/solve

# bad PART ARGUMENTS...: status 2, one line on stderr that holds PART, nothing on stdout.
bad() {
    part=$1
    shift
    "$solve" "$@" >out 2>err </dev/null
    status=$?
    refused solve "$part" "$@"
}

# The published list of the prisoner's dilemma with its 32 tables.
leader="10 11 10 11 10 11 10 11 19 15 15 15 19 15 15 15 10 13 10 13 10 20 10 20 30 31 25 25 30 20 19 20"
follower="40 38 40 38 40 38 40 38 31 30 30 30 31 30 30 30 40 37 40 37 40 20 40 20 30 28 25 25 30 20 22 20"
"$solve" iterated --tables --csv --set game=prisoners_dilemma --set memory=joint --set horizon=10 >out 2>err
check "tables: status" [ $? -eq 0 ]
check "tables: header" [ "$(head -n 1 out)" = table,leader,follower,leader_weak ]
check "tables: index" [ "$(sed 1d out | cut -d, -f1 | tr '\n' ' ')" = "$(seq 0 31 | tr '\n' ' ')" ]
check "tables: leader" [ "$(sed 1d out | cut -d, -f2 | tr '\n' ' ')" = "$leader " ]
check "tables: follower" [ "$(sed 1d out | cut -d, -f3 | tr '\n' ' ')" = "$follower " ]
check "tables: ties on three" [ "$(sed 1d out | awk -F, '$2 != $4' | wc -l)" -eq 3 ]

"$solve" iterated --set game=hero --set memory=joint --set horizon=10 >out 2>err
check "people: status" [ $? -eq 0 ]
check "people: strong" grep -q '^stackelberg-strong  *40  *30  *4  *D C D D C  |  C C C C C$' out
check "people: weak" grep -q '^stackelberg-weak  *40  *30' out
"$solve" iterated --set offset=0 horizon=5 memory=small --csv >out 2>err
check "the offset does not matter" [ "$(sed -n 2p out)" = "stackelberg-strong,16,13,D C D,C C C" ]
"$solve" iterated --set offset=7 horizon=5 memory=small --csv >again 2>err
check "the offset does not matter at all" cmp -s out again
"$solve" iterated --tables --set memory=small >out 2>err
check "tables for people" grep -q '^    5  D C D  *31  *28  *31   C C C$' out
"$solve" --list >out
check "the list has them" grep -q '^iterated ' out

# Cells from 1e-6 to 1e25: beyond what is promised, and said so.
cells='7e14 7e1 9e20 8e-5 2e16 -3e25 1e-1 -2e15 -7e-1 -9e0 8e-4 -4e-6 -3e10 -2e-5 1e10 4e6 8e-6 -2e-4'
printf 'NFG 1 R "far" { "L" "F" } { 3 3 }\n%s\n' "$cells" >far.nfg
"$solve" far.nfg --csv >out 2>err
check "a game beyond the promise is solved: status $?" [ $? -eq 0 -a "$(wc -l <out)" -gt 1 ]
check "and doubted" grep -q '^solve: warning: the payoffs differ too much' err

bad "did you mean 'hero'" iterated --set game=her
bad "joint|small|none" iterated --set memory=long
bad "horizon: 0 is out of range" iterated --set horizon=0
bad "'k'" iterated --set k=2
bad "'escape' has no tables" escape --tables

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
