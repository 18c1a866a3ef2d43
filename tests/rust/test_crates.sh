#!/bin/sh
# The crates of bindings/rust, built and tested offline.
#   test_crates.sh stable|nightly|user|alloctests CHECKOUT LIBRARIES FOLDER
# stable, nightly: all tests and doc tests, linked to the archives in LIBRARIES. user: a crate outside of the checkout that
# depends on it by path; that one builds the C library itself. alloctests: Rust's own tests of its library alloc, with capalloc
# as the global allocator, where their source is: Debian's rust-web-src, the component rust-src, or CAPALLOC_RUST_LIBRARY, a
# folder named library. FOLDER: to work in. Status 77: not run.
set -u
what=$1
checkout=$2
libraries=$3
work=$4
crates=$checkout/bindings/rust
minor=81 # rust-version of the crates
PATH=$PATH:${HOME:-/nonexistent}/.cargo/bin
export PATH CARGO_NET_OFFLINE=true CARGO_TERM_COLOR=never RUST_BACKTRACE=0

skip() {
    echo "SKIPPED: $1"
    exit 77
}

fail() {
    echo "FAIL: $1"
    exit 1
}

# The cargo of a channel in $cargo, or status 77. Without rustup, the only one counts.
find_cargo() {
    command -v cargo > /dev/null || skip "no cargo"
    cargo=cargo
    if command -v rustup > /dev/null; then
        rustup toolchain list 2> /dev/null | grep -q "^$1" && cargo="cargo +$1"
    fi
    # shellcheck disable=SC2086 # a command and its option
    version=$($cargo rustc --version 2> /dev/null || $cargo --version) || skip "cargo does not start"
    case $1:$version in
        nightly:*nightly*) ;;
        nightly:*) skip "$version is no nightly" ;;
    esac
    has=$(echo "$version" | sed -n 's/^[a-z]* 1\.\([0-9]*\)\..*/\1/p')
    [ "${has:-0}" -ge $minor ] || skip "$version, the crates need 1.$minor"
    echo "$version"
}

# All tests of both crates; prints their number.
run_tests() {
    export CAPALLOC_LIB_DIR="$libraries"
    log=$work/$what.log
    # shellcheck disable=SC2086
    $cargo test --offline --locked --manifest-path "$crates/Cargo.toml" --target-dir "$work/target-$what" \
        --no-fail-fast --workspace "$@" > "$log" 2>&1 || {
        cat "$log"
        fail "tests of the crates"
    }
    awk '/^test result/ { passed += $4; ignored += $8 }
        END { print passed " passed, " ignored + 0 " ignored"; exit !(passed > 50 && ignored + 0 == 0) }' "$log" ||
        fail "tests are missing"
    grep -q '^warning' "$log" && {
        cat "$log"
        fail "warnings"
    }
    return 0
}

# A program of somebody else, in a fresh folder. Nothing in the checkout may change.
test_RS2_a_crate_elsewhere_builds_offline_and_leaves_the_checkout_alone() {
    unset CAPALLOC_LIB_DIR
    rm -rf "$work/user"
    mkdir -p "$work/user/src" || fail "no folder"
    cat > "$work/user/Cargo.toml" <<EOF
[package]
name = "user"
version = "0.1.0"
edition = "2021"

[dependencies]
capalloc = { path = "$crates/capalloc" }
EOF
    cp "$checkout/tests/rust/user.rs" "$work/user/src/main.rs" || fail "no source"
    tree > "$work/before"
    # shellcheck disable=SC2086
    (cd "$work/user" && $cargo run --offline --quiet > "$work/said" 2> "$work/user.log") || {
        cat "$work/user.log"
        fail "cargo run --offline"
    }
    tree > "$work/after"
    cat "$work/said"
    diff "$work/before" "$work/after" || fail "the checkout was written to"
    grep -qx 'user: 6 places, 0 words wrong' "$work/said" || fail "the program says something else"
}

# Every file and folder that cargo could write to, with its time.
tree() {
    find "$crates" "$checkout/src" "$checkout/include" -printf '%p %T@ %s\n' | LC_ALL=C sort
    find "$checkout" -maxdepth 1 ! -name build ! -name .git ! -path "$checkout" -printf '%p %T@\n' | LC_ALL=C sort
}

# One of the two programs of Rust's tests. $1: its name, $2: its source, the rest: more options.
compile_alloctests() {
    name=$1
    from=$2
    shift 2
    (cd "$library/alloctests" && RUSTC_BOOTSTRAP=1 $rustc --test --edition 2024 -A warnings -Zunstable-options \
        --crate-name alloctests --extern rand="$own/librand.rlib" --extern rand_xorshift="$own/librand_xorshift.rlib" -L "$own" \
        "$@" -o "$own/$name" "$from") > "$own/$name.log" 2>&1
}

# A test that fails must fail without capalloc as well: then the source does not fit the compiler there.
test_RS2_rusts_own_tests_of_alloc_pass() {
    own=$work/alloctests
    mkdir -p "$own"
    export CAPALLOC_LIB_DIR="$libraries"
    rustc=$(echo "$cargo" | sed 's/^cargo/rustc/')
    source=$checkout/tests/rust/alloctests
    # shellcheck disable=SC2086
    {
        $cargo build --offline --locked --release --manifest-path "$crates/Cargo.toml" --target-dir "$own" --package capalloc &&
            $rustc --edition 2021 --crate-type lib -O --crate-name rand -o "$own/librand.rlib" "$source/rand.rs" &&
            $rustc --edition 2021 --crate-type lib -O --crate-name rand_xorshift --extern rand="$own/librand.rlib" \
                -o "$own/librand_xorshift.rlib" "$source/rand_xorshift.rs" &&
            $rustc --edition 2021 --crate-type lib -O --crate-name global --extern capalloc="$own/release/libcapalloc.rlib" \
                -L dependency="$own/release/deps" -o "$own/libglobal.rlib" "$source/global.rs"
    } > "$own/log" 2>&1 || {
        cat "$own/log"
        fail "what the tests are linked with"
    }
    passed=0
    for from in lib.rs tests/lib.rs; do
        name=$(echo "$from" | tr / - | sed 's/\.rs//')
        compile_alloctests "$name" "$from" --extern force:global="$own/libglobal.rlib" -L dependency="$own/release/deps" ||
            skip "$library does not fit $version: $(grep -m1 '^error' "$own/$name.log")"
        nm "$own/$name" | grep -q ' ca_malloc$' || fail "capalloc is not in $name"
        "$own/$name" > "$own/$name.said" 2>&1
        grep -E '^test result' "$own/$name.said" || fail "$name stopped: $(tail -3 "$own/$name.said")"
        passed=$((passed + $(sed -n 's/^test result.* \([0-9]*\) passed.*/\1/p' "$own/$name.said")))
        failed=$(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "$own/$name.said")
        [ -n "$failed" ] || continue
        compile_alloctests "$name-plain" "$from" || fail "$name does not compile without capalloc"
        for test in $failed; do
            "$own/$name-plain" --exact "$test" > /dev/null 2>&1 && fail "$test fails with capalloc alone"
            echo "fails without capalloc, too: $test"
        done
    done
    echo "$passed of Rust's own tests passed on capalloc"
    [ "$passed" -gt 1000 ] || fail "so few"
}

case $what in
    alloctests)
        library=${CAPALLOC_RUST_LIBRARY:-$(echo /usr/src/rustc-*/library)}
        find_cargo nightly
        [ -d "$library/alloctests" ] || library=$(rustc +nightly --print sysroot 2> /dev/null)/lib/rustlib/src/rust/library
        [ -d "$library/alloctests" ] || skip "no source of Rust's library: Debian's rust-web-src, or CAPALLOC_RUST_LIBRARY"
        test_RS2_rusts_own_tests_of_alloc_pass
        ;;
    stable)
        find_cargo stable
        run_tests
        ;;
    nightly)
        find_cargo nightly
        run_tests --features capalloc/nightly
        ;;
    user)
        find_cargo stable
        test_RS2_a_crate_elsewhere_builds_offline_and_leaves_the_checkout_alone
        ;;
    *) fail "stable, nightly, user or alloctests, not $what" ;;
esac
