#!/bin/sh
# The layouts of capalloc beside Rust's: both answer the same questions, every answer must be equal.
#   test_layout.sh CASES ANSWERS FOLDER     programs layout_cases and layout_answers; a folder to work in
# RUSTC: the compiler, rustc by default. EMULATOR: what starts the two programs, if anything. Status 77: not run.
set -u
cases=$1
answers=$2
work=$3
source=$(dirname "$0")/layout.rs
rustc=${RUSTC:-rustc}
seed=0x5eed
random=20000
LC_ALL=C
export LC_ALL

skip() {
    echo "SKIPPED: $1"
    exit 77
}

fail() {
    echo "FAIL: $1"
    exit 1
}

# Since 1.95 the methods asked here are stable, and repeat does not pad the last element.
version=$("$rustc" --version 2> /dev/null) || skip "no rustc"
minor=$(echo "$version" | sed -n 's/^rustc 1\.\([0-9]*\)\..*/\1/p')
[ "${minor:-0}" -ge 95 ] || skip "$version, the contract speaks of 1.95"

# padding_needed_for is unstable in 1.95; where the compiler does not know it as 1.95 does, it is not asked.
padding=padding
if ! RUSTC_BOOTSTRAP=1 "$rustc" -O --edition 2021 --check-cfg 'cfg(padding)' --cfg padding -o "$work/layout" "$source" \
    2> "$work/rustc.log"; then
    padding=
    "$rustc" -O --edition 2021 --check-cfg 'cfg(padding)' -o "$work/layout" "$source" 2> "$work/rustc.log" || {
        cat "$work/rustc.log"
        fail "$version does not compile layout.rs"
    }
fi

# Asks, and compares: status 0 when all answers are equal. Differences are shown as QUESTION | RUST | CAPALLOC.
test_L5_same_answers_as_rust() {
    "$work/layout" < "$work/cases" > "$work/rust" || fail "layout.rs stopped"
    ${EMULATOR:-} "$answers" < "$work/cases" > "$work/capalloc" || fail "layout_answers stopped"
    paste -d '|' "$work/cases" "$work/rust" "$work/capalloc" | awk -F '|' '
        $2 != $3 { if (++wrong <= 10) print "differs: " $1 " | " $2 " | " $3 }
        { split($1, word, " "); asked[word[1]]++; if ($2 == "error" || $2 == "ffffffffffffffff") refused[word[1]]++ }
        END {
            for (question in asked) {
                printf "%-8s %7d asked, %7d refused\n", question, asked[question], refused[question]
                if (refused[question] == 0 || refused[question] == asked[question]) wrong++
            }
            printf "%d questions, %d differences\n", NR, wrong
            exit NR < 200000 || wrong > 0
        }'
}

# shellcheck disable=SC2086 # EMULATOR may be several words, padding none
${EMULATOR:-} "$cases" "$seed" "$random" $padding > "$work/cases" || fail "layout_cases stopped"
echo "$version, seed $seed (CAPALLOC_TEST_SEED=${CAPALLOC_TEST_SEED:-})"
[ -n "$padding" ] || echo "padding_needed_for: not asked, this compiler does not have it as 1.95 does"
test_L5_same_answers_as_rust || fail "capalloc and Rust disagree"
