#!/bin/sh
# The crates of bindings/rust, built and tested offline.
#   test_crates.sh stable|nightly|user CHECKOUT LIBRARIES FOLDER
# stable, nightly: all tests and doc tests, linked to the archives in LIBRARIES. user: a crate outside of the checkout that
# depends on it by path; that one builds the C library itself. FOLDER: to work in. Status 77: not run.
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

case $what in
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
    *) fail "stable, nightly or user, not $what" ;;
esac
