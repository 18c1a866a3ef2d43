"""rust: the crates of bindings/rust are as cargo fmt writes them and clippy has nothing to say, on each of the channels
stable and nightly that there are. Without cargo nothing is looked at, and that is said."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

CRATES = "bindings/rust"


def cargo():
    """The program, or None."""
    home = pathlib.Path.home() / ".cargo/bin"
    return shutil.which("cargo") or shutil.which("cargo", path=str(home))


def run(tree, *words):
    # No C library is needed to read Rust: with a folder named, the build script compiles none.
    environment = {**os.environ, "CAPALLOC_LIB_DIR": "/nonexistent", "CARGO_NET_OFFLINE": "true", "CARGO_TERM_COLOR": "never",
                   "PATH": f"{pathlib.Path(cargo()).parent}:{os.environ.get('PATH', '')}"}
    return subprocess.run([cargo(), *words], cwd=tree.root / CRATES, env=environment, capture_output=True, text=True, check=False)


def channels(tree):
    """The options that choose each channel there is, with the features to look at."""
    known = [channel for channel in ("stable", "nightly") if run(tree, f"+{channel}", "--version").returncode == 0]
    if not known:
        return [((), ())]  # no rustup: the only one
    return [((f"+{channel}",), ("--all-features",) if channel == "nightly" else ()) for channel in known]


def clippy(tree, target):
    for channel, features in channels(tree):
        done = run(tree, *channel, "clippy", "--offline", "--workspace", "--all-targets", *features, "--target-dir", target,
                   "--message-format", "json", "--", "-D", "warnings")
        found = False
        for line in done.stdout.splitlines():
            message = json.loads(line).get("message") or {}
            if message.get("spans"):
                found = True
                span = message["spans"][0]
                yield f"{CRATES}/{span['file_name']}:{span['line_start']}: {message['message']}"
        if done.returncode and not found:
            yield f"{CRATES}:1: clippy: {done.stderr.strip().splitlines()[-1]}"


def check(tree, write=False):
    if not (tree.root / CRATES / "Cargo.toml").is_file():
        return
    if cargo() is None or run(tree, "clippy", "--version").returncode or run(tree, "fmt", "--version").returncode:
        print("rust: not looked at, there is no cargo with clippy and fmt", file=sys.stderr)
        return
    done = run(tree, "fmt", "--all", *([] if write else ["--check", "--", "-l"]))
    for line in done.stdout.splitlines():
        if line.endswith(".rs"):
            yield f"{os.path.relpath(line, tree.root)}:1: not as cargo fmt writes it"
    with tempfile.TemporaryDirectory() as target:
        yield from dict.fromkeys(clippy(tree, target))
