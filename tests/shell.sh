# What the tests of programs begin with (sourced, from the top folder): $root, that folder; $bin, the folder of
# the programs, which is FIRSTMOVER_BIN; a folder of the test's own, $work, to work in, which goes with it; and
# check, which counts.

root=$(pwd)
bin=$(cd "${FIRSTMOVER_BIN:-.}" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work" || exit 2

passed=0
failed=0

# check WORDS CONDITION...: counts one case; shows the words, and what the last command wrote to the file err,
# when the condition fails.
check() {
    words=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf '  FAILED %s\n' "$words"
        [ ! -s "$work/err" ] || sed 's/^/    stderr: /' "$work/err" | head -n 3
    fi
}
