#!/bin/sh
# Tests ./bench as a program: its columns, groups, cases, and what it says to bad input. Speed is not tested.

. "$(dirname "$0")/shell.sh"
bench=$bin/bench

# run ARGUMENTS...: output in out and err, status in $status.
run() {
    "$bench" "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
}

# ---- the table ----

run --csv --seconds 0.001
cp "$work/out" "$work/all.csv"
check "all groups: status $status" [ "$status" -eq 0 ]
check "all groups: something on stderr" [ ! -s "$work/err" ]
check "columns" [ "$(head -n 1 "$work/all.csv")" = "group,case,value,unit,limit,share" ]
check "six columns in every row" [ "$(awk -F, 'NF != 6' "$work/all.csv" | wc -l)" -eq 0 ]
groups="peak gemm grad hvp cg10 update products adam replay env train"
# shellcheck disable=SC2046
check "groups in order" [ "$(echo $(tail -n +2 "$work/all.csv" | cut -d, -f1 | uniq))" = "$groups" ]
check "no case twice" [ -z "$(cut -d, -f1,2 "$work/all.csv" | sort | uniq -d)" ]
check "values are positive numbers" \
    [ "$(awk -F, 'NR > 1 && !($3 ~ /^[0-9.e+-]+$/ && $3 > 0)' "$work/all.csv" | wc -l)" -eq 0 ]
check "share is value over limit, or both are empty" [ "$(awk -F, '
    NR > 1 && $5 == "" && $6 != "" { print }
    NR > 1 && $5 != "" { d = $6 - $3 / $5; if (d < 0) d = -d; if (d > 0.001 + 0.01 * $6) print }' \
    "$work/all.csv" | wc -l)" -eq 0 ]

cat >"$work/nets" <<'END'
Q23-256-256-1 relu B100
Q23-256-256-1 relu B256
V17-64-32-1 tanh B4000
V4-64-32-1 tanh B4000
Q7-64-64-1 relu B64
Q7-20-20-1 relu B512
END
for group in grad hvp cg10; do
    grep "^$group," "$work/all.csv" | cut -d, -f2 | cmp -s - "$work/nets"
    check "cases of $group" [ $? -eq 0 ]
    check "cases of $group have limits" [ "$(grep -c "^$group,.*,[0-9.]*,[0-9.]*\$" "$work/all.csv")" -eq 6 ]
done
for case in "gemm,nn 256x256x256" "env,maintain" "env,merge" "env,merge ticks" "train,biac maintain" \
    "update,biac maintain B512" "update,ppo" "update,step" "peak,fma"; do
    check "case $case" grep -q "^$case," "$work/all.csv"
done
cases() { grep "^$1," "$work/all.csv" | cut -d, -f2; }
check "products has the cases of update" [ "$(cases products)" = "$(cases update)" ]

run --list
check "--list: status $status" [ "$status" -eq 0 ]
check "--list names what is measured" [ "$(wc -l <"$work/out")" -eq "$(($(wc -l <"$work/all.csv") - 1))" ]

run adam peak --seconds=0.001 --case L1 --threads 2
check "for people: status $status" [ "$status" -eq 0 ]
check "for people: two lines of what, a blank one, head, two cases" [ "$(wc -l <"$work/out")" -eq 6 ]
check "in 80 columns" [ -z "$(grep '.\{81\}' "$work/out")" ]
check "for people: threads" grep -q '2 threads' "$work/out"

FIRSTMOVER_ISA=portable "$bench" peak --seconds 0.001 --case fma >"$work/out" 2>"$work/err"
check "the instruction set in use is named" grep -q '^portable,' "$work/out"

run --check
check "--check: columns" [ "$(head -n 1 "$work/out")" = "group,case,entry,value" ]
check "--check: finite numbers" [ "$(grep -ciE 'nan|inf' "$work/out")" -eq 0 ]
check "--check: ten steps of each system" [ "$(grep -c '^cg10,.*,steps,10$' "$work/out")" -eq 6 ]

run --csv=yes --case=fma peak
check "--csv=yes is --csv" [ "$(head -n 1 "$work/out")" = "group,case,value,unit,limit,share" ]

run --help
check "--help" grep -q '^usage: .*bench \[GROUP' "$work/out"
run --version
check "--version" grep -q '^firstmover [0-9]' "$work/out"

# ---- bad input ----

# bad PART ARGUMENTS...: status 2, one line on stderr that begins with the program and holds PART, nothing on
# stdout.
bad() {
    part=$1
    shift
    run "$@"
    refused bench "$part" "$@"
}

bad "unknown group 'hpv'; did you mean 'hvp'?" hpv
bad "unknown group 'zzzzzzzz'; --help" grad zzzzzzzz
bad "unknown group ''" ""
bad "unknown flag '--cvs'; did you mean '--csv'?" --cvs
bad "--csv: 'perhaps' is neither true nor false" --csv=perhaps
bad "unexpected '-x'; expected GROUP or --flag value" -x
bad "unknown flag '--only'" --only fma
bad "--seconds: its value is missing" --seconds
bad "--seconds: its value is missing" --seconds --csv
bad "--seconds: 0 is out of range" --seconds 0
bad "--seconds: 'nan' is not a number" --seconds nan
bad "--seconds: '-1x' is not a number" --seconds -1x
bad "--threads: 0 is out of range" --threads 0
bad "--threads: '1.5' is not a whole number" --threads=1.5
bad "no case of these groups contains 'zzzz'" hvp --case zzzz

if [ -w /dev/full ]; then
    "$bench" peak --case fma --seconds 0.001 >/dev/full 2>"$work/err"
    check "a full disk: status $?" [ $? -eq 2 ]
    check "a full disk: says so" grep -q '^bench: cannot write to the standard output: ' "$work/err"
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
