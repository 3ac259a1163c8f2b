#!/bin/sh
# Runs test programs one after the other and sums up: tests/run.sh PROGRAM...
#
# A program ends with the line "N passed, N failed". One that ends without it (a crash, a time-out), with a
# bad status though nothing failed, or with no test at all counts as one failed test. The output of a program
# is shown when it failed. The last line is the sum; the status is 0 when nothing failed. TEST_SECONDS limits
# each program.

output=$(mktemp) || exit 2
trap 'rm -f "$output"' EXIT
trap 'exit 130' INT TERM

limit=
command -v timeout >/dev/null 2>&1 && limit="timeout ${TEST_SECONDS:-600}"

# Milliseconds where the system can tell, otherwise whole seconds.
now() {
    stamp=$(date +%s%3N)
    case $stamp in
    *[!0-9]*) echo "$(($(date +%s) * 1000))" ;;
    *) echo "$stamp" ;;
    esac
}

all_passed=0
all_failed=0
for program in "$@"; do
    name=$(basename "$program")
    case $program in
    *.sh) shell=sh ;;
    */*) shell= ;;
    *) shell= program=./$program ;;
    esac
    start=$(now)
    # shellcheck disable=SC2086
    $limit $shell "$program" >"$output" 2>&1 </dev/null
    status=$?
    spent=$(($(now) - start))

    sum=$(tail -n 1 "$output" | grep -E '^[0-9]+ passed, [0-9]+ failed$')
    passed=${sum%% *}
    failed=${sum##*, }
    failed=${failed%% *}
    reason=
    if [ -z "$sum" ]; then
        passed=0 failed=1 reason="ended early, status $status"
        if [ "$status" -eq 124 ] && [ -n "$limit" ]; then reason="stopped after ${TEST_SECONDS:-600} s"; fi
    elif [ "$((passed + failed))" -eq 0 ]; then
        failed=1 reason="has no tests"
    elif [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
        failed=1 reason="status $status"
    fi
    printf '%-28s %4d passed %4d failed %4d.%d s%s\n' "$name" "$passed" "$failed" \
        $((spent / 1000)) $((spent % 1000 / 100)) "${reason:+  ($reason)}"
    [ "$failed" -eq 0 ] || sed 's/^/    | /' "$output"
    all_passed=$((all_passed + passed))
    all_failed=$((all_failed + failed))
done

echo "$all_passed passed, $all_failed failed"
[ "$all_failed" -eq 0 ]
