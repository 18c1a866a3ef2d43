"""Real programs give the same answers on the drop-in library as without it."""
import os
import socket
import subprocess
import time
import unittest

import drop_in
from drop_in import SCRIPTS, need

DATES = {"GIT_AUTHOR_DATE": "2001-02-03T04:05:06Z", "GIT_COMMITTER_DATE": "2001-02-03T04:05:06Z",
         "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "A",
         "GIT_COMMITTER_EMAIL": "a@example.org", "GIT_CONFIG_NOSYSTEM": "1"}


class Interpreters(drop_in.DropIn):
    def test_D1_python_same_answer(self):
        self.same_answer([need("python3"), SCRIPTS / "work.py"])

    def test_D1_perl_same_answer(self):
        self.same_answer([need("perl"), SCRIPTS / "work.pl"])

    def test_D1_lua_same_answer(self):
        self.same_answer([need("lua5.4"), SCRIPTS / "work.lua"])

    def test_D1_node_same_answer(self):
        self.same_answer([need("node"), SCRIPTS / "work.js"])

    def test_D1_bash_same_answer(self):
        self.same_answer([need("bash"), SCRIPTS / "work.sh"])

    def test_D1_sqlite_same_answer(self):
        script = (SCRIPTS / "work.sql").read_bytes()
        self.same_answer([need("sqlite3"), ":memory:"], input=script)


C_FUNCTION = """
struct s%(i)d { int a; double b[%(m)d]; struct s%(i)d *next; };
static int f%(i)d(struct s%(i)d *p, int n)
{
    int sum = %(i)d;
    for (int i = 0; i < n; i++) {
        switch ((i ^ sum) %% %(m)d) { case 0: sum += p->a; break; case 1: sum -= i; break; default: sum ^= n << 2; }
        p->b[i %% %(m)d] = sum / 3.0;
    }
    return p->next ? sum + f%(i)d(p->next, n / 2) : sum;
}
int g%(i)d(struct s%(i)d *p) { return f%(i)d(p, %(i)d) + f%(i)d(p, %(m)d); }
"""
CXX_FUNCTION = """
template <int N> struct T%(i)d { static int get(const std::map<std::string, std::vector<int>> &m)
    { int n = N; for (const auto &e : m) n += static_cast<int>(e.second.size() * e.first.size()); return n; } };
int h%(i)d(const std::map<std::string, std::vector<int>> &m) { return T%(i)d<%(m)d>::get(m) + T%(i)d<0>::get(m); }
"""


class Compilers(drop_in.DropIn):
    def compile(self, compiler, source, *flags):
        """The object file and the assembly, byte for byte."""
        def outputs(ours):
            results = []
            for output, flag in (("x.o", "-c"), ("x.s", "-S")):
                self.good([compiler, *flags, f"-fdebug-prefix-map={self.folder}=.", flag, "-o", output, source], ours=ours)
                results.append((self.folder / output).read_bytes())
            return results

        self.assertEqual(outputs(True), self.without("outputs", lambda: outputs(False)))
        self.assert_ours(compiler)

    def test_D1_gcc_same_object(self):
        text = "".join(C_FUNCTION % {"i": i, "m": i % 9 + 2} for i in range(120))
        (self.folder / "x.c").write_text(text)
        self.compile(need("gcc"), "x.c", "-O2", "-g")
        self.assertIn("/cc1\n", self.witnesses.read_text())

    def test_D1_gxx_same_object(self):
        text = "#include <map>\n#include <string>\n#include <vector>\n"
        text += "".join(CXX_FUNCTION % {"i": i, "m": i % 9 + 2} for i in range(60))
        (self.folder / "x.cc").write_text(text)
        self.compile(need("g++"), "x.cc", "-O1")
        self.assertIn("/cc1plus\n", self.witnesses.read_text())


class Tools(drop_in.DropIn):
    def git(self, ours):
        git = need("git")
        repository = self.folder / f"repository-{ours}"
        repository.mkdir()

        def run(*words):
            return self.good([git, "-c", "pack.threads=1", "-c", "init.defaultBranch=main", "-c", "gc.auto=0", *words],
                             cwd=repository, ours=ours, **DATES)

        run("init", "-q")
        for i in range(500):
            (repository / f"file-{i:03}").write_text(f"{i}\n" * (i * 7 % 400) + "common line\n" * 20)
        run("add", ".")
        run("commit", "-q", "-m", "five hundred files")
        for i in range(0, 500, 9):
            (repository / f"file-{i:03}").write_text(f"changed {i}\n" * (i % 100))
        run("commit", "-q", "-a", "-m", "a change")
        run("gc", "-q", "--aggressive")
        return [run("rev-parse", "HEAD"), run("log", "--stat", "--format=fuller"), run("fsck", "--full", "--strict"),
                run("cat-file", "--batch-check", "--batch-all-objects"), run("diff", "HEAD~1", "--word-diff")]

    def test_D1_git_same_hashes(self):
        self.assertEqual(self.git(True), self.without("answers", lambda: self.git(False)))
        self.assert_ours(need("git"))

    def data(self):
        path = self.folder / "data"
        path.write_text("".join(f"{i * 7919 % 100003} line {i}\n" * (i % 3 + 1) for i in range(60000)))
        return path

    def test_D1_sort_same_answer(self):
        self.same_answer([need("sort"), "--parallel=4", "-S", "8M", "-n", self.data()])

    def test_D1_xz_same_answer(self):
        packed = self.same_answer([need("xz"), "-T2", "--block-size=200KiB", "-2", "-c", self.data()])
        self.same_answer([need("xz"), "-d", "-c"], input=packed)

    def test_D1_tar_same_answer(self):
        for i in range(300):
            (self.folder / f"file-{i}").write_text(str(i) * i)
        names = "\n".join(f"file-{i}" for i in range(300)).encode()
        self.same_answer([need("tar"), "--mtime=@0", "--format=gnu", "-c", "-T", "-"], input=names)

    def test_D1_find_grep_awk_same_answer(self):
        self.same_answer([need("bash"), "-c", "find /usr/include -name 's*.h' | sort | xargs grep -h define | "
                          "awk '{ n[$2]++ } END { for (k in n) print k, n[k] }' | sort"])


class Redis(drop_in.DropIn):
    """Debian's redis-server links the shared jemalloc and calls its malloc under the plain name: a preloaded library comes
    first, while the server still reports its compiled-in allocator in INFO. The witness says whose malloc it is."""

    LOAD = """
        for i = 1, 20000 do redis.call('set', 'key:' .. i, string.rep('v', i % 200)) end
        for i = 1, 20000 do redis.call('hset', 'hash:' .. (i % 500), 'field' .. i, i) end
        for i = 1, 20000 do redis.call('rpush', 'list:' .. (i % 100), 'element ' .. i) end
        for i = 1, 5000 do redis.call('zadd', 'ranks', i % 77, 'member ' .. i) end
        for i = 1, 20000, 3 do redis.call('del', 'key:' .. i) end
        return redis.call('dbsize')"""

    def serve(self, ours, folder):
        folder.mkdir(exist_ok=True)
        server = subprocess.Popen(
            [need("redis-server"), "--port", "0", "--unixsocket", str(folder / "socket"), "--dir", str(folder), "--save", "",
             "--enable-debug-command", "yes"],
            env=self.environment(ours), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        for _ in range(200):
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(str(folder / "socket")) == 0:
                    return server
            time.sleep(0.05)
        self.fail("redis-server does not answer")

    def ask(self, folder, *words):
        return self.good([need("redis-cli"), "-s", folder / "socket", *words], ours=False)

    def session(self, ours):
        """Load, save in a forked child, save, shut down, start again on the file: the digests of the content."""
        folder = self.folder / f"redis-{ours}"
        server = self.serve(ours, folder)
        if ours:
            with open(f"/proc/{server.pid}/maps", encoding="ascii") as maps:
                self.assertIn("capalloc-preload", maps.read())
        answers = [self.ask(folder, "eval", self.LOAD, "0"), self.ask(folder, "get", "key:199")]
        self.ask(folder, "bgsave")
        for _ in range(200):
            if "rdb_bgsave_in_progress:0" in self.ask(folder, "info", "persistence"):
                break
            time.sleep(0.05)
        self.assertIn("rdb_last_bgsave_status:ok", self.ask(folder, "info", "persistence"))
        answers.append(self.ask(folder, "debug", "digest"))
        self.ask(folder, "memory", "purge")
        self.ask(folder, "save")
        self.ask(folder, "shutdown", "nosave")
        self.assertEqual(server.wait(timeout=20), 0)
        server = self.serve(ours, folder)
        answers.append(self.ask(folder, "debug", "digest"))
        self.ask(folder, "flushall")
        self.ask(folder, "shutdown", "nosave")
        self.assertEqual(server.wait(timeout=20), 0)
        return answers

    def test_D1_redis_same_answer(self):
        server = need("redis-server")
        need("redis-cli")
        if "malloc" not in subprocess.run(["nm", "-D", "--undefined-only", os.path.realpath(server)], capture_output=True,
                                          check=True, text=True).stdout.split():
            raise unittest.SkipTest("this redis-server has its allocator inside: nothing to interpose")
        self.assertEqual(self.session(True), self.without("answers", lambda: self.session(False)))
        self.assert_ours(server)


if __name__ == "__main__":
    drop_in.main()
