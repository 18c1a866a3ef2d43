#!/usr/bin/env python3
"""What bash, zsh and fish offer behind `capalloc`, each asked itself; and each option of the help is one that the program takes.
CAPALLOC: the program. COMPLETION: the folder with the files of tools/completion. Exit status 77 where a shell is missing."""
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

CAPALLOC, FOLDER = os.environ.get("CAPALLOC"), os.environ.get("COMPLETION")
BASH_COMPLETION = pathlib.Path("/usr/share/bash-completion/bash_completion")
MISSING = [shell for shell in ("bash", "zsh", "fish") if not shutil.which(shell)]
MISSING += [] if BASH_COMPLETION.exists() else ["bash-completion"]

# What is typed, what must be offered, and what must not.
ROWS = [
    ("capalloc ", {"run", "doctor", "top", "stats", "map", "help"}, {"doctor-probe"}),
    ("capalloc d", {"doctor"}, {"run"}),
    ("capalloc help ", {"run", "doctor", "top", "stats", "map", "settings", "json"}, set()),
    ("capalloc run --", {"--stats", "--limit", "--require", "--trust-tokens", "--help"}, {"--version"}),
    ("capalloc doctor --", {"--library", "--help"}, {"--limit"}),
    ("capalloc stats --", {"--json", "--prometheus", "--help"}, {"--limit"}),
    ("capalloc top --", {"--once", "--help"}, {"--json"}),
    ("capalloc run --limit 5M --st", {"--stats", "--strict"}, {"--limit"}),
    ("capalloc run --stats capalloc-x", {"capalloc-xyzzy"}, set()),
    ("capalloc run --output some-", {"some-file"}, set()),
    ("capalloc run --stats=json -- capalloc-xyzzy some-", {"some-file"}, set()),
]


class Shells(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = pathlib.Path(folder.name)
        (self.home / "bin").mkdir()
        (self.home / "some-file").touch()
        program = self.home / "bin/capalloc-xyzzy"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        (self.home / "bin/capalloc").symlink_to(CAPALLOC)
        self.environment = {"PATH": f"{self.home}/bin:/usr/bin:/bin", "HOME": folder.name, "LC_ALL": "C.UTF-8", "TERM": "dumb"}

    def run_shell(self, *command):
        return subprocess.run(command, cwd=self.home, env=self.environment, capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL)

    def compare(self, typed, offered, wanted, unwanted):
        self.assertLessEqual(wanted, offered, typed)
        self.assertFalse(unwanted & offered, typed)

    @unittest.skipIf({"bash", "bash-completion"} & set(MISSING), "bash-completion is not installed")
    def test_bash(self):
        script = f"""source {BASH_COMPLETION}; source {FOLDER}/capalloc
            COMP_LINE=$1 COMP_POINT=${{#1}} COMP_TYPE=9 COMP_KEY=9; shift
            COMP_WORDS=("$@"); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
            compopt() {{ :; }}
            _capalloc capalloc "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD - 1]}}"
            printf '%s\\n' "${{COMPREPLY[@]}}"
            """
        for typed, wanted, unwanted in [*ROWS, ("capalloc run --stats=", {"text", "json"}, {"--stats=text"}),
                                        ("capalloc run --stats=j", {"json"}, {"text"})]:
            # As readline splits a line: the equals sign is a word.
            words = re.findall(r"=|[^\s=]+", typed) + ([""] if typed[-1] == " " else [])
            result = self.run_shell("bash", "--norc", "-c", script, "bash", typed, *words)
            self.assertEqual(result.stderr, "", typed)
            self.compare(typed, set(result.stdout.split()), wanted, unwanted)

    @unittest.skipIf("fish" in MISSING, "fish is not installed")
    def test_fish(self):
        for typed, wanted, unwanted in [*ROWS, ("capalloc run --stats=", {"--stats=text", "--stats=json"}, set())]:
            result = self.run_shell("fish", "--no-config", "-c", f"source {FOLDER}/capalloc.fish; complete -C '{typed}'")
            self.assertEqual(result.stderr, "", typed)
            self.compare(typed, {line.split("\t")[0] for line in result.stdout.splitlines()}, wanted, unwanted)

    @unittest.skipIf("zsh" in MISSING, "zsh is not installed")
    def test_zsh(self):
        """In a terminal, as its completion works nowhere else: the list is what appears behind the key TAB."""
        (self.home / ".zshrc").write_text(f"fpath=({FOLDER} $fpath); autoload -Uz compinit; compinit -u -d {self.home}/dump\n"
                                          "PS1='>> '; unsetopt prompt_sp zle_bracketed_paste; LISTMAX=1000\n"
                                          "zstyle ':completion:*' insert-tab false; setopt list_ambiguous; COLUMNS=200\n"
                                          "zstyle ':completion:*' menu no; unsetopt auto_menu\n")
        rows = [*ROWS, ("capalloc run --stats=", {"text", "json"}, set())]
        for (typed, wanted, unwanted), shown in zip(rows, self.type_into_zsh([row[0] for row in rows])):
            # What is the only one stands on the line; a list has words with a text behind each.
            offered = set(re.findall(r"(?<![\w/.-])(?:--)?[\w][\w.-]*", shown.replace("=", " ").replace(typed.replace("=", " "), " ")))
            offered |= {word for word in shown.split() if len(wanted) == 1 and word in wanted}
            self.compare(typed, offered, wanted, unwanted)

    def type_into_zsh(self, lines):
        """Each into one of its own, and what that shows; all at once, as it takes a while until nothing more comes."""
        terminals, children = [], []
        try:
            for _ in lines:
                child, terminal = pty.fork()
                if child == 0:
                    os.chdir(self.home)
                    os.execvpe("zsh", ["zsh", "-i"], self.environment)
                children.append(child)
                terminals.append(terminal)
                self.read_until([terminal], ">> ")
            for terminal, typed in zip(terminals, lines):
                os.write(terminal, (typed + "\t").encode())
            first = self.read_until(terminals)
            for terminal in terminals:
                os.write(terminal, b"\t")
            return [a + b for a, b in zip(first, self.read_until(terminals))]
        finally:
            for terminal in terminals:
                os.close(terminal)
            for child in children:
                os.waitpid(child, 0)

    def read_until(self, terminals, text=None):
        """Until the text appears, or each has shown something and nothing more comes for a while."""
        shown, end = dict.fromkeys(terminals, ""), time.monotonic() + 20
        while time.monotonic() < end:
            ready = select.select(terminals, [], [], 0.7 if all(shown.values()) and not text else 20)[0]
            for terminal in ready:
                shown[terminal] += os.read(terminal, 65536).decode(errors="replace")
            if not ready or (text and all(text in each for each in shown.values())):
                break
        return [re.sub(r"\x1b\[[\d;?]*[a-zA-Z]|[\x00-\x08\r]|\x1b[=>]", "", each) for each in shown.values()]


class Help(unittest.TestCase):
    def test_options_of_the_help_are_those_of_the_program(self):
        for command in ("run", "doctor"):
            text = subprocess.run([CAPALLOC, "help", command], capture_output=True, text=True, check=True).stdout
            options = re.findall(r"^  --([\w-]+)( [A-Z]+)?", text, re.MULTILINE)
            self.assertGreater(len(options), 1)
            for name, argument in options:
                value = {" SIZE": "1G", " TIME": "1s", " N": "8", " FILE": "/absent/file"}.get(argument)
                needs = {"trace-sweeps": ["--revoke"]}.get(name, [])
                words = [CAPALLOC, command, f"--{name}", *([value] if value else []), *needs,
                         *(["/absent/program"] if command == "run" else [])]
                result = subprocess.run(words, capture_output=True, text=True)
                self.assertNotIn("unknown", result.stderr, words)
                self.assertNotIn("bad-usage", result.stderr, words)


if __name__ == "__main__":
    if not CAPALLOC or not FOLDER:
        print("skipped: there is no program and no completion of it in this build")
        sys.exit(77)
    result = unittest.main(exit=False).result
    sys.exit(not result.wasSuccessful() or (77 if MISSING else 0))
