#!/bin/sh
# End to end: `capalloc run` between a caller and a program.
#   test_run.sh CAPALLOC LIBRARY FOLDER     FOLDER holds subject_dynamic, subject_static, subject_rival
# LIBRARY may be the test double or the real one: nothing here depends on which.
# shellcheck disable=SC2016 # single quotes: perl's and the inner shell's variables
# Every check prints only when it fails; the last line counts.
set -u
capalloc=$1
library=$2
subjects=$3
dynamic=$subjects/subject_dynamic
work=$(mktemp -d) || exit 1
trap 'chmod -R u+rwx "$work"; rm -rf "$work"' EXIT
checks=0
failures=0
unset LD_PRELOAD CAPALLOC_OPTIONS CAPALLOC_CHANNEL
LC_ALL=C
export LC_ALL
# shellcheck disable=SC3045 # where it is missing, core files are the only harm
ulimit -c 0 2> /dev/null

run() { "$capalloc" run --library "$library" "$@"; }

fail() {
    failures=$((failures + 1))
    echo "FAIL: $1"
    [ -f "$work/err" ] && sed 's/^/    stderr: /' "$work/err"
}

# status WANTED NAME COMMAND...: the exit status; output goes to $work/out and $work/err
status() {
    wanted=$1
    name=$2
    shift 2
    checks=$((checks + 1))
    "$@" > "$work/out" 2> "$work/err"
    got=$?
    [ "$got" -eq "$wanted" ] || fail "$name: status $got, wanted $wanted"
}

says() { # says NAME PATTERN: stderr of the last command
    checks=$((checks + 1))
    grep -q -e "$2" "$work/err" || fail "$1: stderr lacks '$2'"
}

silent() { # silent NAME: the last command left stderr empty
    checks=$((checks + 1))
    [ -s "$work/err" ] && fail "$1: stderr is not empty"
}

same() { # same NAME FILE FILE
    checks=$((checks + 1))
    cmp -s "$2" "$3" || { fail "$1: outputs differ"; diff "$2" "$3" | head -10; }
}

json() { # json NAME PERL-EXPRESSION on $_, the object in $work/err: true
    checks=$((checks + 1))
    perl -MJSON::PP -e 'local $/; open F, "<", $ARGV[0]; $_ = decode_json(<F>); exit !eval $ARGV[1]' \
        "$work/err" "$2" || fail "$1: not so: $2"
}

# Waits until the file has the line; the program under test says when it is ready.
await_line() {
    tries=0
    until grep -q "$2" "$1" 2> /dev/null; do
        tries=$((tries + 1))
        [ $tries -gt 60 ] && { fail "no line '$2' in time"; return 1; }
        sleep 0.05
    done
}

# --- exit status and signals
for code in 0 3 255; do
    status $code "exit $code" run -- "$dynamic" exit $code
    silent "exit $code"
done
status 7 "without --" run "$dynamic" exit 7
status 5 "_exit" run "$dynamic" _exit 5
silent "_exit"
for signal in 15 11 9 6 13; do
    # perl sees how the runner itself ended, where a shell would fold it into 128 + n
    checks=$((checks + 1))
    perl -e 'my $wanted = shift; system(@ARGV); exit(($? & 127) == $wanted && !($? & 128) ? 0 : 1)' \
        $signal "$capalloc" run --library "$library" "$dynamic" signal $signal 2> "$work/err" ||
        fail "death by signal $signal is not passed on"
done
status 143 "death with statistics" run --stats "$dynamic" signal 15
says "death with statistics" "ended by SIGTERM"
status 0 "alarm of the caller" perl -e 'system(@ARGV); exit(($? & 127) == 14 ? 0 : 1)' \
    perl -e 'alarm 1; exec @ARGV' "$capalloc" run --library "$library" sleep 10

# --- the streams are the program's
head -c 300000 /dev/urandom > "$work/bytes"
"$capalloc" run --stats --library "$library" cat < "$work/bytes" > "$work/copy" 2> "$work/err"
same "stdin and stdout" "$work/bytes" "$work/copy"
says "statistics go to stderr" "capalloc: cat (pid [0-9]*) exited with status 0"
"$dynamic" inherited > "$work/plain" 2>&1
run "$dynamic" inherited > "$work/under" 2>&1
same "mask, dispositions, descriptors" "$work/plain" "$work/under"
(trap '' HUP USR1; "$dynamic" inherited) > "$work/plain" 2>&1
(trap '' HUP USR1; run "$dynamic" inherited) > "$work/under" 2>&1
same "ignored signals stay ignored" "$work/plain" "$work/under"
perl -e '$SIG{CHLD} = "IGNORE"; exec @ARGV' "$capalloc" run --library "$library" "$dynamic" exit 3 2> "$work/err"
[ $? -eq 3 ] || fail "SIGCHLD ignored by the caller: status lost"
status 3 "closed streams" sh -c "\"$capalloc\" run --library \"$library\" \"$dynamic\" exit 3 <&- >&- 2>&-"
(run "$dynamic" inherited <&- 2> /dev/null) | grep descriptors > "$work/under"
("$dynamic" inherited <&- 2> /dev/null) | grep descriptors > "$work/plain"
same "closed stdin stays closed" "$work/plain" "$work/under"

# --- arguments
status 0 "empty arguments" run -- "$dynamic" print "" "a b" --stats -- "" '*'
printf '[]\n[a b]\n[--stats]\n[--]\n[]\n[*]\n' > "$work/wanted"
same "empty arguments" "$work/wanted" "$work/out"
# shellcheck disable=SC2046 # the words are the arguments
status 0 "many arguments" run "$dynamic" print $(seq 1 9000)
checks=$((checks + 1))
[ "$(wc -l < "$work/out")" -eq 9000 ] || fail "many arguments: some are lost"

# --- what cannot be started
status 127 "not found" run -- no-such-program-anywhere
says "not found" "^capalloc: not-found: no-such-program-anywhere: no such program in PATH"
status 127 "no such path" run -- "$work/absent"
says "no such path" "^capalloc: not-found: .*absent: no such file"
echo "echo text without a first line" > "$work/plain.sh"
status 126 "not executable" run "$work/plain.sh"
says "not executable" "^capalloc: not-executable: .*Permission denied"
status 126 "a directory" run /tmp
says "a directory" "^capalloc: not-executable: /tmp: Is a directory"
status 127 "a program without a name" run -- ""
says "a program without a name" "^capalloc: not-found: the name of the program is empty"
printf '#!/no/such/interpreter\n' > "$work/orphan"
chmod +x "$work/orphan" "$work/plain.sh"
status 127 "no interpreter" run "$work/orphan"
says "no interpreter" "its interpreter /no/such/interpreter does not exist"
head -c 200 /dev/urandom > "$work/garbage"
printf '\177ELF\000' | cat - "$work/garbage" > "$work/garbage.elf"
chmod +x "$work/garbage.elf"
status 126 "not a program" run "$work/garbage.elf"
status 0 "text without #!" run "$work/plain.sh"
grep -q "text without" "$work/out" || fail "text without #!: not run by the shell"

# --- scripts
printf '#!/bin/sh\necho "$1"; exit 4\n' > "$work/script"
chmod +x "$work/script"
status 4 "script" run "$work/script" hello
grep -qx hello "$work/out" || fail "script: no output"
silent "script"
status 4 "script in PATH" env "PATH=$work:$PATH" "$capalloc" run --library "$library" script hello
printf '#!%s exit\n' "$subjects/subject_static" > "$work/static-script"
chmod +x "$work/static-script"
"$capalloc" run --library "$library" "$work/static-script" 2> "$work/err"
says "script with a static interpreter" "will-not-be-used: .*statically linked"

# --- proof of use
status 3 "static" run "$subjects/subject_static" exit 3
says "static, before" "^capalloc: will-not-be-used: .*statically linked"
says "static, after" "^capalloc: not-in-use: .*subject_static did not use capalloc: it is statically linked"
status 125 "static, required" run --require "$subjects/subject_static" exit 3
status 3 "rival" run "$subjects/subject_rival" exit 3
says "rival" "did not use capalloc: its malloc is .*subject_rival"
status 125 "rival, required" run --require "$subjects/subject_rival" exit 3
status 3 "required and in use" run --require "$dynamic" exit 3
silent "required and in use"
: > "$work/empty.so"
status 3 "unknown reason" run --library "$work/empty.so" "$dynamic" exit 3
says "unknown reason" "did not use capalloc: unknown"
status 125 "unknown, required" run --library "$work/empty.so" --require "$dynamic" exit 3
status 0 "static statistics" run --stats "$subjects/subject_static" exit 0
says "static statistics" "No statistics"
if [ "$(id -u)" -eq 0 ]; then
    mkdir "$work/open" && chmod 755 "$work" "$work/open"
    cp "$dynamic" "$work/open/privileged"
    chown 65534 "$work/open/privileged" && chmod 4755 "$work/open/privileged"
    status 3 "set-user-ID" run "$work/open/privileged" exit 3
    says "set-user-ID" "not-in-use: .*set-user-ID"
fi

# --- descendants do not answer for the program
status 0 "forked child" run --stats=json "$dynamic" fork
json "forked child leaves no final numbers" '$_->{use}{state} eq "unended" && !$_->{stats}{final}'
status 0 "grandchildren" run --stats=json sh -c '/bin/true; /bin/ls / > /dev/null; exit 0'
json "grandchildren" '$_->{use}{used} && $_->{exit}{status} == 0'
status 0 "replaced program" run --stats=json env true
json "replaced program" '$_->{use}{state} eq "finished"'
status 3 "nested" run --require "$capalloc" run --library "$library" --require "$dynamic" exit 3
silent "nested"

# --- statistics
status 0 "text" run --stats perl -e '@a = (1 .. 10000)'
says "text" "allocations .* blocks handed out"
says "text, bars" "####"
says "text, places" "^  ordinary "
checks=$((checks + 1))
awk 'length($0) > 80 { bad = 1 } END { exit bad }' "$work/err" || fail "text: wider than 80 columns"
if locale -a 2> /dev/null | grep -qi 'c.utf-\?8'; then
    status 0 "unicode" env LC_ALL=C.UTF-8 "$capalloc" run --library "$library" --stats perl -e '@a = (1 .. 10000)'
    says "unicode" "█████"
fi
status 5 "text after _exit" run --stats "$dynamic" _exit 5
says "text after _exit" "left by _exit"
status 0 "json" run --stats=json "$dynamic" print "$(printf 'caf\303\251 \377')"
json "json" '$_->{schema} == 1 && $_->{stats}{final} && $_->{stats}{allocations} > 0 && $_->{exit}{max_rss_bytes} > 0'
json "json, places" 'join(",", sort keys %{$_->{stats}{place}}) eq "mustzero,nocaps,ordinary,secret"'
json "json, sizes" '$_->{stats}{size_class}[0]{slot_bytes} == 16'
json "json, arguments" '$_->{program}{arguments}[2] eq "caf\x{e9} \x{fffd}"'
status 0 "json to a file" run --stats=json --output "$work/report" "$dynamic" exit 0
silent "json to a file"
perl -MJSON::PP -e 'local $/; decode_json(<STDIN>)' < "$work/report" || fail "json to a file: does not parse"
status 3 "output implies text" run --output "$work/report" "$dynamic" exit 3
grep -q "exited with status 3" "$work/report" || fail "output implies text: nothing written"
status 125 "output nowhere" run --output /no/such/folder/report "$dynamic" exit 0
[ -c /dev/full ] && status 3 "output on a full disk" run --output /dev/full "$dynamic" exit 3

# --- settings
status 3 "a limit below the least" run --limit=1K --require --stats=json "$dynamic" exit 3
json "a limit below the least" '$_->{use}{used} && $_->{settings}{limit_bytes} == 1024'
status 125 "a limit of nothing" run --limit=0 "$dynamic" exit 3
says "a limit of nothing" "^capalloc: bad-usage: --limit '0': wanted more than nothing"
status 0 "usual spellings" run --limit=1.5GB --decay 10s --stats=json "$dynamic" exit 0
json "usual spellings" '$_->{settings}{limit_bytes} == 1610612736 && $_->{settings}{decay_ms} == 10000'
status 125 "longer than the library keeps memory" run --decay 2h "$dynamic" exit 0
status 0 "settings shown" run --strict --audit --stats=json --output "$work/report" "$dynamic" exit 0
cp "$work/report" "$work/err"
json "settings shown" '$_->{settings}{strict} && $_->{settings}{audit} && !$_->{settings}{helper}'
status 0 "settings shown as text" run --strict --audit --stats "$dynamic" exit 0
says "settings shown as text" "^  settings .*helper off, strict, audit$"
status 0 "limit" run --limit 1536M --decay 77 --helper --stats=json "$dynamic" exit 0
json "limit" '$_->{settings}{limit_bytes} == 1610612736 && $_->{settings}{decay_ms} == 77'
status 0 "merge" env CAPALLOC_OPTIONS=decay=5 "$capalloc" run --library "$library" --strict "$dynamic" env CAPALLOC_OPTIONS
grep -qx "decay=5,strict" "$work/out" || fail "merge: $(cat "$work/out")"
status 0 "no options" run "$dynamic" env CAPALLOC_OPTIONS
grep -qx "(unset)" "$work/out" || fail "no options: $(cat "$work/out")"
cp "$library" "$work/libjemalloc.so"
LD_PRELOAD=$work/libjemalloc.so
export LD_PRELOAD
status 0 "rival preload" run "$dynamic" env LD_PRELOAD
unset LD_PRELOAD
says "rival preload" "rival-preload: .*libjemalloc.so.*jemalloc"
grep -q "^/.*:$work/libjemalloc.so" "$work/out" || fail "rival preload: order is $(cat "$work/out")"

# --- words and numbers agree
status 0 "one" run --stats "$dynamic" exit 0
checks=$((checks + 1))
grep -E '(^|[^0-9,.])1 [a-z]+s\b' "$work/err" && fail "one: a plural behind 1"
says "threads, and when" "^  threads  *[01] at the end, [01] at most"

# --- a program that kills itself leaves no final numbers
status 137 "killed" run --stats=json --output "$work/report" "$dynamic" signal 9
cp "$work/report" "$work/err" # without the shell's word on it
json "killed" '$_->{use}{state} eq "unended" && $_->{exit}{signal} == 9 && !$_->{stats}{final}'
status 137 "killed, as text" run --stats "$dynamic" signal 9
says "killed, as text" "came before the allocator could count to the end"

# --- a full disk behind stdout
if [ -c /dev/full ]; then
    for words in --version help "help run" "help doctor" "help settings" "help json" "run --help" "doctor --help" doctor; do
        checks=$((checks + 1))
        # shellcheck disable=SC2086 # several words
        "$capalloc" $words > /dev/full 2> "$work/err"
        [ $? -eq 125 ] || fail "full disk: $words says nothing"
        says "full disk: $words" "^capalloc: cannot-write: standard output: No space left"
    done
    status 3 "full disk: the program's" sh -c "\"$capalloc\" run --library \"$library\" \"$dynamic\" exit 3 > /dev/full"
    silent "full disk: the program's"
fi

# --- wrong usage
status 125 "unknown option" run --nope "$dynamic"
says "unknown option" "^capalloc: bad-usage: .*'--nope'"
status 125 "wrong size" run --limit 5Q "$dynamic"
says "wrong size" "--limit '5Q'"
status 125 "no program" run --stats
status 125 "no value before the program" sh -c 'cd "$1" && "$2" run --report -- "$3"' sh "$work" "$capalloc" "$dynamic"
says "no value before the program" "^capalloc: bad-usage: option '--report' needs a value"
[ ! -e "$work/--" ] || fail "no value before the program: a file was made"
status 125 "one file for two" run --output "$work/both" --report "$work/both" "$dynamic"
says "one file for two" "^capalloc: bad-usage: --output and --report: "
status 125 "no such library" "$capalloc" run --library /no/such.so true
says "no such library" "^capalloc: no-library: "
mkdir "$work/a b" && cp "$library" "$work/a b/lib.so"
status 125 "library with a space" "$capalloc" run --library "$work/a b/lib.so" true
says "library with a space" "LD_PRELOAD cannot carry"
status 125 "unknown command" "$capalloc" dance
status 125 "no command" "$capalloc"
status 0 "version" "$capalloc" --version
status 0 "help on help" "$capalloc" help --help
status 0 "help" "$capalloc" help run
grep -q -- "--limit SIZE" "$work/out" || fail "help: incomplete"
for topic in "" run doctor top stats map settings json; do
    checks=$((checks + 1))
    # shellcheck disable=SC2086 # no topic is no word
    "$capalloc" help $topic | awk 'length($0) > 80 { bad = 1 } END { exit bad || NR < 5 }' ||
        fail "help $topic: wider than 80 columns"
done
status 125 "no such help" "$capalloc" help dance

# --- found beside the program, and installed
mkdir -p "$work/build" "$work/usr/bin" "$work/usr/lib"
cp "$capalloc" "$work/build/capalloc" && cp "$library" "$work/build/libcapalloc-preload.so"
cp "$capalloc" "$work/usr/bin/capalloc" && cp "$library" "$work/usr/lib/libcapalloc-preload.so"
status 0 "build tree" "$work/build/capalloc" run --require "$dynamic" exit 0
status 0 "installed" "$work/usr/bin/capalloc" run --require "$dynamic" exit 0
rm "$work/build/libcapalloc-preload.so"
status 125 "library missing" "$work/build/capalloc" run true
says "library missing" "^capalloc: no-library: .*--library"

# --- signals sent to the runner reach the program once
"$capalloc" run --library "$library" "$dynamic" await 6 > "$work/signals" 2> "$work/err" &
runner=$!
if await_line "$work/signals" ready; then
    for signal in HUP USR1 USR2 TERM QUIT WINCH; do
        kill -$signal $runner
        await_line "$work/signals" "got $signal"
    done
fi
wait $runner || fail "forwarded signals: the program did not end well"
printf 'ready\ngot HUP\ngot USR1\ngot USR2\ngot TERM\ngot QUIT\ngot WINCH\n' > "$work/wanted"
same "forwarded signals" "$work/wanted" "$work/signals"
status 6 "kill(0) by the program" perl -e 'setpgrp; $SIG{USR1} = "IGNORE"; exit(system(@ARGV) >> 8)' \
    "$capalloc" run --library "$library" "$dynamic" group

# --- job control: the runner stops with the program and goes on with it
"$capalloc" run --library "$library" "$dynamic" stop 20 > "$work/signals" 2> "$work/err" & # 20: SIGTSTP
runner=$!
if await_line "$work/signals" stopping; then
    sleep 0.3
    kill -CONT $runner
    wait $runner
    got=$?
    [ $got -eq 4 ] || fail "stop and continue: status $got"
fi
if command -v script > /dev/null; then
    # An interactive shell with job control: suspended jobs must look like jobs.
    cat > "$work/jobs.sh" << END
set -m
"$capalloc" run --library "$library" "$dynamic" stop 20
echo "stopped with \$?"
fg > /dev/null
echo "ended with \$?"
END
    checks=$((checks + 1))
    script -qec "bash $work/jobs.sh" /dev/null < /dev/null > "$work/out" 2>&1
    if ! grep -q "stopped with 148" "$work/out" || ! grep -q "ended with 4" "$work/out"; then
        fail "job control in a shell"
        cat "$work/out"
    fi
    # What the terminal sends goes to the whole group: the program must not get it a second time from the runner.
    checks=$((checks + 1))
    mkfifo "$work/keys"
    script -qec "\"$capalloc\" run --library \"$library\" \"$dynamic\" group 1; echo ended with \$?" /dev/null \
        < "$work/keys" > "$work/signals" 2>&1 &
    terminal=$!
    exec 9> "$work/keys"
    if await_line "$work/signals" ready; then
        # The runner sleeps until the program has had its signal: two that arrive together would count as one.
        runner=$(sed -n 's/^ready \([0-9]*\).*/\1/p' "$work/signals")
        kill -STOP "$runner"
        printf '\003' >&9
        await_line "$work/signals" interrupted
        kill -CONT "$runner"
        await_line "$work/signals" "ended with"
        grep -q "ended with 6" "$work/signals" || fail "the interrupt key counts twice"
    fi
    exec 9>&-
    wait $terminal
fi

# --- doctor
status 0 "doctor" "$capalloc" doctor --library "$library"
grep -q "ok *interposition" "$work/out" || { fail "doctor: interposition"; cat "$work/out"; }
sed -n '/^The kernel/,$s/^  [a-z]*  *\([A-Za-z0-9_]*\)  *\(present\|absent\).*/\1/p' "$work/out" > "$work/calls"
checks=$((checks + 1))
[ -s "$work/calls" ] || fail "doctor: says nothing about the kernel"
while read -r call; do
    checks=$((checks + 1))
    grep -hv '^#' "${0%/*}/../../src/os/os_linux.c" "${0%/*}/../../src/os/guard.c" | grep -qE "\b(SYS_)?$call\b" ||
        fail "doctor: the library never calls $call"
done < "$work/calls"
# What the library says of its settings, it says to doctor as well; the double knows none.
CAPALLOC_OPTIONS="helper, nonsense=1" "$capalloc" doctor --library "$library" > "$work/out" 2> "$work/err"
if grep -q "setting ignored" "$work/err"; then
    checks=$((checks + 1))
    grep -q "warn *CAPALLOC_OPTIONS" "$work/out" && ! grep -q "All is well" "$work/out" ||
        { fail "doctor: is content with a setting that is ignored"; cat "$work/out"; }
    # Before the table, not in it.
    CAPALLOC_OPTIONS="nonsense=1" "$capalloc" doctor --library "$library" > "$work/out" 2>&1
    checks=$((checks + 1))
    sed '/^The library/q' "$work/out" | grep -q "setting ignored" || { fail "doctor: the table is torn"; cat "$work/out"; }
fi
status 1 "doctor without a library" "$capalloc" doctor --library /no/such.so
grep -q "FAIL *library" "$work/out" || fail "doctor without a library"
status 125 "doctor, unknown option" "$capalloc" doctor --nope
status 125 "stats in two formats" "$capalloc" stats --json --prometheus $$

echo "$checks checks, $failures failures"
[ $failures -eq 0 ]
