"""What the tests of the drop-in library share: running a program on it, and the proof that it really was on it.

The build tells the test where things are, through the environment: CAPALLOC_PRELOAD and CAPALLOC_SHARED, the libraries;
DROP_IN_PROGRAMS, the folder of the small programs of programs/. DROP_IN_ANSWERS, if any, is a folder for what programs
answer without the library: the tests of all libraries of a build ask for the same, and one does the work. It is empty when
a run of ctest begins.
"""
import fcntl
import os
import pathlib
import pickle
import shutil
import signal
import subprocess
import tempfile
import unittest

PRELOAD = os.environ["CAPALLOC_PRELOAD"]
SHARED = os.environ["CAPALLOC_SHARED"]
PROGRAMS = pathlib.Path(os.environ["DROP_IN_PROGRAMS"])
HERE = pathlib.Path(__file__).resolve().parent
SCRIPTS = HERE / "scripts"
WITNESS = str(PROGRAMS / "witness.so")

# What must not leak in from whoever runs the tests.
CLEAN = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "HOME": "/nonexistent", "TZ": "UTC",
         "PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def program(name):
    """The path of one of our own small programs."""
    return str(PROGRAMS / name)


def need(name):
    """The path of a program of the system; the test is skipped, with the reason, where it is not installed."""
    path = "/usr/bin/" + name
    if not os.path.exists(path):
        path = shutil.which(name)
    if path is None:
        raise unittest.SkipTest(f"{name} is not installed")
    return path


class DropIn(unittest.TestCase):
    """Each test gets an empty folder, self.folder, and a file for witnesses."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="capalloc-drop-in-")
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        self.witnesses = self.folder / "witnesses"
        self.witnesses.touch()

    def environment(self, ours, options="", preload=(), **more):
        """`preload`: libraries that come before ours, in a test that is about them; a LD_PRELOAD replaces it all."""
        result = dict(CLEAN, **more)
        if ours:
            result.setdefault("LD_PRELOAD", ":".join([*preload, PRELOAD, WITNESS]))
            result["WITNESS_FILE"] = str(self.witnesses)
        options = ",".join(filter(None, [os.environ.get("DROP_IN_OPTIONS"), options]))
        if options:
            result["CAPALLOC_OPTIONS"] = options
        return result

    def run_program(self, command, ours=True, input=None, cwd=None, timeout=100, options="", preload=(), limits=None,
                    **more):
        """Runs it to its end; stdout and stderr as bytes. `limits` is called in the child, before exec."""
        command = [str(word) for word in command]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   cwd=cwd or self.folder, preexec_fn=limits, start_new_session=True,
                                   env=self.environment(ours, options=options, preload=preload, **more))
        try:
            out, err = process.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with its children: one that hangs would hold the pipes
            process.communicate()
            self.fail(f"{command}: no end after {timeout} s")
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def good(self, command, **how):
        """The same, and it must succeed; returns stdout as text."""
        done = self.run_program(command, **how)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout[-2000:]!r}\n{done.stderr[-4000:].decode()}")
        return done.stdout.decode(errors="replace")

    def assert_ours(self, executable):
        """Every process that testified used our malloc, and one of them was this program."""
        lines = self.witnesses.read_text().splitlines()
        for line in lines:
            self.assertTrue(line.startswith("ours "), line)
        names = {os.path.basename(line.split()[1]) for line in lines}
        self.assertIn(os.path.basename(os.path.realpath(executable)), names)

    def without(self, name, answer):
        """What answer() returns, which does not depend on the library: from whoever asked first."""
        folder = os.environ.get("DROP_IN_ANSWERS")
        if not folder:
            return answer()
        path = pathlib.Path(folder, f"{self.id()}.{name}")
        with open(f"{path}.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                new = pathlib.Path(f"{path}.new")
                new.write_bytes(pickle.dumps(answer()))
                new.rename(path)
        return pickle.loads(path.read_bytes())

    def same_answer(self, command, **how):
        """With and without the library: same status, same stdout, nothing on stderr that was not there before. Returns
        stdout."""
        self.asked = getattr(self, "asked", 0) + 1
        without = self.without(self.asked, lambda: self.run_program(command, ours=False, **how))
        ours = self.run_program(command, ours=True, **how)
        self.assert_ours(command[0])
        self.assertEqual(ours.stderr.decode(errors="replace"), without.stderr.decode(errors="replace"))
        self.assertEqual(ours.returncode, without.returncode)
        self.assertEqual(ours.stdout, without.stdout)
        return ours.stdout


def main():
    unittest.main(verbosity=2)
