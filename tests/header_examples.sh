#!/bin/sh
# Every public header compiles on its own, all of them as C++, and the examples in the headers compile, link and run.
#
# An example stands in the first comment of a header, as an indented block after one of the lines
#  * Example (compiled by the tests):
#  * Example (compiled by the tests, given TYPE NAME, ...):
# It becomes the body of a function in a file that includes the header; #include lines go to the top. The
# first kind passes when the function ends, or returns 0; the second, whose function has these parameters and
# may return, when it compiles. An example includes what it calls. Code in any other indented block fails,
# unless the block is announced as
#  * Outline:
# and only says what stands where.

: "${FIRSTMOVER_COMPILE:=cc -std=c11 -D_POSIX_C_SOURCE=200809L -I. -isystem /usr/include/stb}"
: "${FIRSTMOVER_LINK:=cc -pthread}"
: "${FIRSTMOVER_LIB:=build/cc/libfirstmover.a}"
: "${FIRSTMOVER_LIBS:=-lm}"

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

# judge STATUS WORDS: counts, and shows the log of what failed.
judge() {
    if [ "$1" -eq 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED $2"
        sed 's/^/    /' "$work/log"
    fi
}

# extract HEADER: writes $work/example-1.body, example-2.body, ... and the parameters to example-1.given, ...;
# prints the lines of code that stand in no example.
extract() {
    rm -f "$work"/example-*
    awk -v stem="$work/example-" '
        /^ \*\// { exit }
        /^ \* Example \(compiled by the tests(, given .*)?\):$/ {
            inside = 1
            file = stem (++n) ".body"
            printf "" >file
            if (sub(/^.*, given /, "") && sub(/\):$/, "")) print >(stem n ".given")
            next
        }
        /^ \* Outline:$/ { inside = 1; file = "/dev/null"; next }
        { last = sub(/[ \t]*\*\/[ \t]*$/, "") }
        inside && /^ \*[ \t]*$/ { print "" >file; next }
        inside && /^ \*     / { print substr($0, 8) >file; if (last) exit; next }
        { inside = 0 }
        /^ \*     .*[;{][ \t]*(\/\/.*)?$/ { print FNR ": " $0 }
        last { exit }' "$1"
}

# run_example HEADER BODY: builds and runs one example.
run_example() {
    given=${2%.body}.given
    parameters=void
    if [ -e "$given" ]; then parameters=$(cat "$given"); fi
    {
        echo "#include \"$1\""
        grep '^#include' "$2"
        echo "int example($parameters);"
        echo "int example($parameters) {"
        grep -v '^#include' "$2"
        echo 'return 0; }'
        [ -e "$given" ] || echo 'int main(void) { return example(); }'
    } >"$work/example.c"
    grep -q '[^[:space:]]' "$2" || { echo 'the example is empty'; return 1; }
    # shellcheck disable=SC2086
    $FIRSTMOVER_COMPILE -O0 -Werror=implicit-function-declaration -c "$work/example.c" \
        -o "$work/example.o" || return 1
    [ -e "$given" ] && return 0
    # shellcheck disable=SC2086
    $FIRSTMOVER_LINK "$work/example.o" "$FIRSTMOVER_LIB" -o "$work/example" $FIRSTMOVER_LIBS &&
        "$work/example" && return 0
    echo "(status $?)"
    return 1
}

for header in $(find base autograd nn envs algos training -name "*.h" | sort); do
    case $header in *.inc.h) continue ;; esac # pieces of a source file, no header of their own
    [ -e "$header" ] || continue
    echo "#include \"$header\"" >"$work/alone.c"
    # shellcheck disable=SC2086
    $FIRSTMOVER_COMPILE -Werror -fsyntax-only "$work/alone.c" >"$work/log" 2>&1
    judge $? "$header on its own"
    extract "$header" >"$work/log"
    [ ! -s "$work/log" ]
    judge $? "$header: code that is not marked as an example"
    found=$(grep -c 'Example (compiled by the tests[,)]' "$header")
    for body in "$work"/example-*.body; do
        [ -e "$body" ] || continue
        run_example "$header" "$body" >"$work/log" 2>&1
        judge $? "the example in $header"
        found=$((found - 1))
    done
    # One that stands elsewhere or is spelt differently would be passed over in silence.
    echo "$found examples are announced but were not found in the first comment" >"$work/log"
    [ "$found" -eq 0 ] || judge 1 "the examples of $header"
done

# All of them in one C++ file, where there is such a compiler.
if command -v g++ >/dev/null 2>&1; then
    find base autograd nn envs algos training -name "*.h" ! -name "*.inc.h" |
        sed 's/.*/#include "&"/' >"$work/all.cc"
    includes=$(printf '%s\n' $FIRSTMOVER_COMPILE | grep -A1 -E '^-(I|D|isystem)' | grep -v '^--$' | tr '\n' ' ')
    # shellcheck disable=SC2086
    g++ -std=c++17 -fsyntax-only $includes "$work/all.cc" >"$work/log" 2>&1
    judge $? "all headers as C++"
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
