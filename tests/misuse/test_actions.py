"""A program with an action of its own for SIGSEGV, on each library with the handler of guarded samples or of guards in it:
everything that the program sees and does is what it was."""
import os
import subprocess
import unittest

LIBRARIES = [os.environ[name] for name in ("CAPALLOC_STANDARD", "CAPALLOC_REVOKE", "CAPALLOC_HARDEN")]
PROGRAM, AT_ONCE = os.environ["MISUSE_ACTIONS"], os.environ["MISUSE_ACTIONS_AT_ONCE"]
KINDS = ("fresh", "flags", "older", "jumped", "ignored", "vforked", "many")


def act(*command, **environment):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
                          env=dict(os.environ, **environment))
    return done.returncode, done.stdout.splitlines()


class Actions(unittest.TestCase):
    maxDiff = None

    def test_V6_a_program_sees_nothing_of_the_handler(self):
        for kind in KINDS:
            alone = act(PROGRAM, kind)
            self.assertEqual(alone[0], 0, (kind, alone))
            for library in LIBRARIES:
                for options in ("guard-sample=1", ""):
                    with self.subTest(kind=kind, library=library, options=options):
                        self.assertEqual(act(PROGRAM, kind, LD_PRELOAD=library, CAPALLOC_OPTIONS=options), alone)

    def test_V6_a_handler_has_its_own_mask_at_any_moment(self):
        for library in LIBRARIES:
            for options in ("guard-sample=1", ""):
                self.assertEqual(act(AT_ONCE, LD_PRELOAD=library, CAPALLOC_OPTIONS=options), (0, ["0 wrong of some"]), library)


if __name__ == "__main__":
    unittest.main()
