#!/usr/bin/env bash
# examples/demo.sh: runs real programs on capalloc and shows what happened; `make demo` builds and calls it.
# Takes some ten seconds. Exits with 1 when something is not as it should be. What stands behind a $ is what it runs: `show`
# prints the very words of the command in `run`, and they can be typed again.
set -euo pipefail
cd "$(dirname "$0")/.."

capalloc=build/release/capalloc
folder=build/demo
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi' EXIT
rm -rf "$folder" && mkdir -p "$folder"

say() { printf '%s\n' "$@"; }
title() { printf '\n--- %s %s\n\n' "$1" "$(printf '%*s' $((74 - ${#1})) '' | tr ' ' -)"; }
wrong() { say "" "demo: this is wrong: $*" >&2; exit 1; }

# What `capalloc run` says at the end, in short: the lines that begin with one of these words.
report() { sed -nE "s/^  ($1)  */  \1	/p" "$folder/report" | expand -t 16; }

# How a program is run on capalloc, with the demand that it really was.
on_capalloc=("$capalloc" run --require --stats --output "$folder/report" --)

run=() # a command, perhaps with settings of the environment in front
show() { printf '$'; printf ' %s' "${run[@]@Q}" | sed -E "s/'([][A-Za-z0-9_.,:=+\/-]+)'/\1/g"; printf '\n'; }

[ -x "$capalloc" ] || wrong "$capalloc is not there; run make first"
say "capalloc takes the place of malloc in programs that know nothing of it." \
    "It checks every pointer that is given back, and keeps its own books elsewhere."

title "1. A program in an interpreted language"
for interpreter in /usr/bin/python3 python3 perl; do
    command -v "$interpreter" >"$folder/path" && break
done || wrong "neither python3 nor perl is installed"
case $interpreter in *perl) script=examples/words.pl ;; *) script=examples/words.py ;; esac
PYTHONMALLOC=malloc "$interpreter" "$script" >"$folder/expected"
[[ $script = *.pl ]] || say "Python takes its memory from malloc only when PYTHONMALLOC says so." ""
run=(PYTHONMALLOC=malloc "${on_capalloc[@]}" "$interpreter" "$script")
show && say ""
env "${run[@]}" >"$folder/answer" || wrong "the program failed"
cat "$folder/answer"
if [[ $script = *.py ]]; then
    cmp -s "$folder/answer" "$folder/expected" || wrong "another answer than without capalloc"
    say "" "The same answer as without capalloc. What the allocator did:" ""
else
    say "" "What the allocator did:" ""
fi
report 'time|resident|allocations|returned|violations'
grep -q '^  violations  *none' "$folder/report" || wrong "violations in a good program"

title "2. A server under load"
if command -v redis-server >"$folder/path" && command -v redis-benchmark >"$folder/path"; then
    run=("${on_capalloc[@]}" redis-server --port 0 --dir "$folder" --unixsocket socket --save '')
    show
    "${run[@]}" >"$folder/redis.log" 2>&1 &
    server=$!
    for ((i = 0; i < 100; i++)); do
        redis-cli -s "$folder/socket" ping >"$folder/pong" 2>&1 && break
        sleep 0.1
    done
    grep -q PONG "$folder/pong" || wrong "redis-server does not answer: $(tail -n 3 "$folder/redis.log")"
    run=(redis-benchmark -s "$folder/socket" -q -n 100000 -P 16 -r 20000 -d 100 -t set,get,lpush,hset)
    show && say ""
    "${run[@]}" |
        tr '\r' '\n' | sed -nE 's/^([A-Z]+.*requests per second).*/  \1/p'
    redis-cli -s "$folder/socket" shutdown nosave >"$folder/pong" 2>&1 || true
    status=0
    wait "$server" || status=$?
    server=
    [ "$status" = 0 ] || wrong "redis-server ended with status $status"
    say "" "Every one of its blocks came from capalloc. (INFO says jemalloc: that is what Debian's" \
        "was compiled for, a word in the program.)" ""
    report 'resident|allocations|returned|threads|violations'
else
    say "redis-server and redis-benchmark are not installed: left out."
fi

title "3. A bug: the same block given back twice"
say "examples/double_free.c frees a block, another one, and the first again." \
    "With the C library's malloc:" ""
run=("${CC:-cc}" -O0 -w -o "$folder/double_free" examples/double_free.c)
show && "${run[@]}"
run=("$folder/double_free")
show && say ""
status=0
"${run[@]}" >"$folder/answer" 2>&1 || status=$?
if [ "$status" = 0 ]; then
    sed 's/^/  /' "$folder/answer"
    say "" "Two owners, one block, and nobody noticed. On capalloc:" ""
else
    sed 's/^/  /' "$folder/answer"
    say "" "This C library noticed. On capalloc:" ""
fi
run=("$capalloc" run -- "$folder/double_free")
show && say ""
status=0
("${run[@]}"; exit $?) >"$folder/answer" 2>&1 || status=$?
grep "^capalloc: double-free" "$folder/answer" | sed "s/, found/,\n      found/; s/^/  /" ||
    wrong "the double free was not found"
[ "$status" != 0 ] || wrong "the program went on after the double free"
say "" "The second free was refused before anything was changed, and the program ended."

title "4. A program that says what it means"
say "examples/tour.c is a page of code that uses capalloc's own interface. It says" \
    "what each block is for, and the compiler and the library hold it to that." ""
run=("${CC:-cc}" -O2 -Iinclude examples/tour.c build/release/libcapalloc.a -pthread -o "$folder/tour")
show
"${run[@]}" || wrong "examples/tour.c does not compile"
run=("$folder/tour")
show && say ""
"${run[@]}" >"$folder/answer" || wrong "the tour failed"
sed 's/^/  /' "$folder/answer"
grep -q 'still live 0, violations 1' "$folder/answer" || wrong "the tour left something behind"
say "" "2: each intention has a range of addresses of its own, and the key is gone before" \
    "its memory is. 3: a block given back twice, on purpose; a handler was asked and let" \
    "the program go on. 6: a part of the program may take so much and no more. 7: nothing" \
    "is left behind."

say "" "Try your own: $capalloc run --stats -- PROGRAM ARGUMENTS"
