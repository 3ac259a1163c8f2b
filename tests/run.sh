#!/bin/sh
# Runs test programs, as many at a time as there are processors (or TEST_JOBS), and sums up:
# tests/run.sh PROGRAM...
#
# A program ends with the line "N passed, N failed". One that ends without it (a crash, a time-out), with a
# bad status though nothing failed, or with no test at all counts as one failed test. The output of programs
# that failed is shown at the end. The last line is the sum; the status is 0 when nothing failed.
# TEST_SECONDS limits each program.

# Milliseconds where the system can tell, otherwise whole seconds.
now() {
    stamp=$(date +%s%3N)
    case $stamp in
    *[!0-9]*) echo "$(($(date +%s) * 1000))" ;;
    *) echo "$stamp" ;;
    esac
}

# run_one PROGRAM: one line of its result; its counts and output go to the folder TEST_RESULTS.
run_one() {
    program=$1
    name=$(basename "$program")
    output=$TEST_RESULTS/$name.out
    limit=
    command -v timeout >/dev/null 2>&1 && limit="timeout ${TEST_SECONDS:-600}"
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
    echo "$passed $failed" >"$TEST_RESULTS/$name.sum"
    if [ "$failed" -eq 0 ]; then rm "$output"; fi
}

if [ "$1" = --one ]; then
    run_one "$2"
    exit 0
fi

TEST_RESULTS=$(mktemp -d) || exit 2
export TEST_RESULTS
trap 'rm -rf "$TEST_RESULTS"' EXIT
trap 'exit 130' INT TERM
jobs=${TEST_JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)}
printf '%s\n' "$@" | xargs -n 1 -P "$jobs" sh "$0" --one || exit 1

for output in "$TEST_RESULTS"/*.out; do
    [ -e "$output" ] || continue
    echo "$(basename "$output" .out):"
    sed 's/^/    | /' "$output"
done
cat "$TEST_RESULTS"/*.sum | awk '{ passed += $1; failed += $2 }
    END { printf "%d passed, %d failed\n", passed, failed; exit failed > 0 }'
