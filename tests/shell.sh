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

# refused PROGRAM PART ARGUMENTS...: the command with these arguments, whose output is in the files out and err
# and whose end in $status, ended with status 2, and one line on stderr that begins with the program and holds
# PART; nothing on stdout.
refused() {
    program=$1
    part=$2
    shift 2
    check "'$*': status $status, expected 2" [ "$status" -eq 2 ]
    check "'$*': more or less than one line" [ "$(wc -l <"$work/err")" -eq 1 ]
    check "'$*': says '$part'" grep -qF -- "$part" "$work/err"
    check "'$*': begins with '$program: '" grep -q "^$program: " "$work/err"
    check "'$*': nothing on stdout" [ ! -s "$work/out" ]
}

# refused_here PROGRAM PART ARGUMENTS...: runs it in an empty folder, in which nothing may be left behind.
refused_here() {
    rm -rf here
    mkdir here
    (
        program=$1
        shift 2
        cd here && "$bin/$program" "$@" >../out 2>../err </dev/null
    )
    status=$?
    refused "$@"
    check "nothing left" [ -z "$(ls -A here)" ]
}
