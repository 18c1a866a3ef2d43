"""Allocates as Python programs do: json, regular expressions, threads, subprocesses, sqlite3, ctypes, big integers."""
import collections
import ctypes
import hashlib
import json
import re
import sqlite3
import subprocess
import sys
import threading
import zlib

digest = hashlib.sha256()


def note(name, value):
    digest.update(repr((name, value)).encode())
    print(name, hashlib.sha256(repr(value).encode()).hexdigest()[:16])


documents = [{"id": i, "name": f"name {i}", "tags": [str(j) * (j % 7) for j in range(i % 30)],
              "deep": {"x": [i, i / 3, None, True], "text": "äöü" * (i % 50)}} for i in range(3000)]
text = json.dumps(documents, sort_keys=True)
note("json", json.loads(text) == documents)
note("text", zlib.crc32(text.encode()))
words = collections.Counter(re.findall(r"[a-z]+|\d{2,}", text))
note("regex", sorted(words.items())[:100])
note("replace", zlib.crc32(re.sub(r"(\w+) (\w+)", r"\2-\1", text).encode()))
note("compress", len(zlib.decompress(zlib.compress(text.encode()))))

database = sqlite3.connect(":memory:")
database.execute("create table t (a integer primary key, b text, c real)")
database.executemany("insert into t values (?, ?, ?)", ((i, "row" * (i % 40), i / 7) for i in range(20000)))
database.execute("create index i on t (b, c)")
note("sql", database.execute("select b, count(*), round(sum(c), 3) from t group by b order by b").fetchall())

results = {}


def work(number):
    local = {}
    for i in range(20000):
        local[i % 997] = [number] * (i % 64)
    results[number] = sum(len(value) for value in local.values())


threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
note("threads", sorted(results.items()))

children = [subprocess.run([sys.executable, "-c", f"print(sum(x * {n} for x in range(1000)))"], capture_output=True,
                           check=True).stdout for n in range(3)]
note("children", children)

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
libc.strdup.restype = ctypes.c_void_p
blocks = [libc.malloc(ctypes.c_size_t(n)) for n in range(1000)]
copy = libc.strdup(b"a string of the C library")
note("ctypes", (all(blocks), ctypes.string_at(copy)))
for block in blocks + [copy]:
    libc.free(block)

note("integer", pow(3, 20000) % 10 ** 50)
print(digest.hexdigest())
