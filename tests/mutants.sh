#!/bin/sh
# Tests that cannot fail are worth nothing: seeds one fault at a time into a copy of the tree, and sees that
# the tests named beside it fail. `make mutants`, or tests/mutants.sh NAME ... for some.
#
# tests/mutants.txt has one fault per line: name, file, the sed command that breaks it, and words for T of
# `make test`, separated by tabs. A command that changes nothing, and a fault that does not compile, are
# failures too: the list has to follow the code.

tab=$(printf '\t')
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
passed=0
failed=0

# The tree as it stands, with what is built, so that a fault costs one compilation and a few links.
tar -cf - --exclude=./.git --exclude=./runs . | tar -xf - -C "$work" || exit 2

wanted() {
    name=$1
    shift
    [ $# -eq 0 ] && return 0
    for word in "$@"; do case $name in *"$word"*) return 0 ;; esac; done
    return 1
}

# judge NAME FILE TESTS: the tests must run and fail.
judge() {
    if cmp -s "$work/$2" "$2"; then
        echo 'the command changes nothing'
    elif ! make -C "$work" -s programs >"$work/build.log" 2>&1; then
        grep -m 3 'error' "$work/build.log"
        echo 'the fault does not compile'
    elif make -C "$work" -s test T="$3" >"$work/test.log" 2>&1; then
        echo "it lives: '$3' pass all the same"
    elif ! grep -qE '^[0-9]+ passed, [1-9][0-9]* failed$' "$work/test.log"; then
        tail -n 3 "$work/test.log"
        echo 'the tests do not run'
    else
        return 0
    fi
    return 1
}

while IFS=$tab read -r name file command tests; do
    case $name in '' | '#'*) continue ;; esac
    wanted "$name" "$@" || continue
    sed -e "$command" "$file" >"$work/$file"
    if reason=$(judge "$name" "$file" "$tests"); then
        passed=$((passed + 1))
        printf '%-28s killed by %s\n' "$name" "$tests"
    else
        failed=$((failed + 1))
        printf 'FAILED %-21s %s: %s\n' "$name" "$file" "$reason"
    fi
    cp -p "$file" "$work/$file" && touch "$work/$file"
done <tests/mutants.txt

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
