"""Real programs as workloads: an interpreter, a database, a compiler, a server with its clients.

Each entry of PROGRAMS prepares its input once, in the scratch folder, and returns the program that must use the
allocator and a function library -> Sample."""
import atexit
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import allocators
import measure

SCRIPTS = Path(__file__).resolve().parents[1] / "programs"


def run(argv, env=()):
    """A program that runs once; what it prints must be the same under every allocator."""
    def prepare(bin_dir, scratch, divide):
        program, *rest = argv(scratch, divide)
        expected = []

        def job(library):
            sample, out = measure.run(bin_dir, [program, *rest], library, env)
            expected.append(out)
            if out != expected[0]:
                raise measure.Failed(f"{program} prints something else with {library}")
            return sample
        return program, job
    return prepare


def python(_, divide):
    """Not isolated: it would take no notice of PYTHONMALLOC."""
    return ["/usr/bin/python3", "-s", SCRIPTS / "documents.py", 16000 // divide]


def lua(_, divide):
    return [shutil.which("lua5.4"), SCRIPTS / "tables.lua", 180000 // divide]


def perl(_, divide):
    return [shutil.which("perl"), SCRIPTS / "words.pl", 10000 // divide]


def sqlite(scratch, divide):
    script = scratch / "shop.sql"
    script.write_text((SCRIPTS / "shop.sql").read_text().replace("AMOUNT", str(200000 // divide)))
    return [shutil.which("sqlite3"), "-init", script, ":memory:", ".quit"]


def compiler(scratch, divide):
    """cc1 itself: the gcc that starts it hardly allocates. The source: many functions of a few shapes."""
    source = ["struct node { struct node *next; int key; double weight; };"]
    for i in range(200 // divide):
        source.append(f"""
static int table_{i}[{i % 17 + 3}];
int walk_{i}(struct node *n, int limit) {{
    int sum = {i};
    for (int i = 0; n && i < limit; i++, n = n->next) {{
        switch (n->key & 7) {{
        case 0: sum += n->key * {i + 3}; break;
        case 1: sum ^= table_{i}[(unsigned)n->key % {i % 17 + 3}]; break;
        case 2: n->weight = n->weight * {i}.5 + sum; break;
        case {i % 4 + 3}: table_{i}[i % {i % 17 + 3}] = sum; continue;
        default: sum -= {f"walk_{i - 1}(n->next, limit - 1)" if i else "1"};
        }}
        while (sum > {i + 1000}) sum /= {i % 5 + 2};
    }}
    return sum;
}}""")
    (scratch / "generated.c").write_text("\n".join(source))
    cc1 = subprocess.run(["gcc", "-print-prog-name=cc1"], text=True, stdout=subprocess.PIPE, check=True).stdout.strip()
    return [shutil.which(cc1), "-quiet", "-O1", scratch / "generated.c", "-o", "/dev/null"]


def wait_for(address, family=socket.AF_UNIX):
    """Until somebody listens at the socket; at most five seconds, then the client will say what is wrong."""
    for _ in range(500):
        with socket.socket(family) as attempt:
            if attempt.connect_ex(address) == 0:
                return
        time.sleep(0.01)


def server_sample(pid, ns, share=1):
    """What a server took until now: of its processor time that share."""
    status = Path(f"/proc/{pid}/status").read_text()
    on_cpu = [int(task.read_text().split()[0]) for task in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    return measure.Sample(int(ns), int(sum(on_cpu) * share), int(re.search(r"VmHWM:\s*(\d+)", status)[1]))


def redis(bin_dir, scratch, divide):
    """Time is what redis-benchmark needed for its requests; memory and cpu time are the server's."""
    server, client = shutil.which("redis-server"), shutil.which("redis-benchmark")
    requests = 100000 // divide
    load = [client, "-s", scratch / "redis.sock", "-P", "32", "-c", "20", "-n", requests, "-r", "50000", "-d", "100",
            "--csv", "-t", "set,get,incr,lpush,rpop,sadd,hset,zadd"]

    def job(library):
        (scratch / "redis.sock").unlink(missing_ok=True)
        child = subprocess.Popen([server, "--port", "0", "--unixsocket", scratch / "redis.sock", "--save", "",
                                  "--appendonly", "no", "--dir", scratch], env=os.environ | {"LD_PRELOAD": library},
                                 stdout=subprocess.DEVNULL, stderr=open(scratch / "redis.stderr", "w"))
        try:
            wait_for(str(scratch / "redis.sock"))
            if library not in Path(f"/proc/{child.pid}/maps").read_text():
                raise allocators.NotInUse(f"{server} does not map {library}")
            done = subprocess.run([str(word) for word in load], text=True, stdout=subprocess.PIPE)
            rates = [float(rate) for rate in re.findall(r'^"[^"]*","([\d.]+)"', done.stdout, re.M)]
            if done.returncode != 0 or not rates or child.poll() is not None:
                raise measure.Failed(f"redis with {library}: server {child.poll()}, client {done.returncode}")
            return server_sample(child.pid, sum(requests / rate for rate in rates) * 1e9)
        finally:
            child.kill()
            child.wait()
            measure.said = (scratch / "redis.stderr").read_text()
    return server, job


NGINX = """daemon off; master_process off; worker_processes 1; pid {0}/nginx.pid; error_log {0}/nginx.stderr;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/fastcgi;
    uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi;
    gzip on; gzip_comp_level 1; gzip_types text/plain; gzip_min_length 256;
    server {{
        listen {1};
        location / {{ root {0}/pages; default_type text/plain; }}
        location /passed/ {{ proxy_pass http://{1}/; }}
    }}
}}
"""
ASK = """local paths, n = {"/page", "/passed/page", "/missing"}, 0
function request() n = n + 1; return wrk.format("GET", paths[n % 3 + 1], {["Accept-Encoding"] = "gzip"}) end
"""


def nginx(_, scratch, divide):
    """Time is that of 50000 requests of wrk, by the rate of some seconds: a page that is compressed, the same through
    a proxy, which is nginx once more, and one that is not there. Memory and processor time are nginx's. What it says
    on stderr it moves into its log."""
    server, client = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"), shutil.which("wrk")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = free.getsockname()
    at = "%s:%d" % address
    (scratch / "pages").mkdir()
    (scratch / "pages/page").write_text("".join(f"{i} {i * i} {i * 7919 % 10007:x}\n" for i in range(400)))
    (scratch / "nginx.conf").write_text(NGINX.format(scratch, at))
    (scratch / "ask.lua").write_text(ASK)
    load = [client, "-t", "1", "-c", "32", "-d", f"{max(4 // divide, 1)}s", "-s", scratch / "ask.lua",
            f"http://{at}/"]

    def job(library):
        (scratch / "nginx.stderr").unlink(missing_ok=True)
        child = subprocess.Popen([server, "-e", scratch / "nginx.stderr", "-p", scratch, "-c", scratch / "nginx.conf"],
                                 env=os.environ | {"LD_PRELOAD": library}, stdout=subprocess.DEVNULL,
                                 stderr=open(scratch / "nginx.said", "w"))
        try:
            wait_for(address, socket.AF_INET)
            if library not in Path(f"/proc/{child.pid}/maps").read_text():
                raise allocators.NotInUse(f"{server} does not map {library}")
            done = subprocess.run([str(word) for word in load], text=True, stdout=subprocess.PIPE)
            count = re.search(r"(\d+) requests in", done.stdout)
            rate = re.search(r"Requests/sec:\s*([\d.]+)", done.stdout)
            errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", done.stdout)
            if done.returncode != 0 or not rate or errors and any(map(int, errors.groups())) or child.poll() is not None:
                raise measure.Failed(f"nginx with {library}: server {child.poll()}, client {done.returncode}")
            return server_sample(child.pid, 50000 / float(rate[1]) * 1e9, 50000 / int(count[1]))
        finally:
            child.terminate()
            child.wait()
            measure.said = (scratch / "nginx.said").read_text() + (scratch / "nginx.stderr").read_text()
    return server, job


# name -> what must be installed, how to prepare it
PROGRAMS = {
    "python": (["/usr/bin/python3"], run(python, ["PYTHONMALLOC=malloc", "PYTHONHASHSEED=0"])),
    "lua": (["lua5.4"], run(lua)),
    "perl": (["perl"], run(perl, ["PERL_HASH_SEED=0"])),
    "sqlite": (["sqlite3"], run(sqlite)),
    "gcc": (["gcc"], run(compiler)),
    "redis": (["redis-server", "redis-benchmark"], redis),
}


def jobs(bin_dir, wanted, divide, libraries):
    """name -> function(library) -> Sample, for what is wanted and installed, each library asserted in each program."""
    scratch = Path(tempfile.mkdtemp(prefix="capalloc-bench-"))
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    found = {}
    for name, (needs, prepare) in PROGRAMS.items():
        if not wanted(name):
            continue
        missing = [program for program in needs if not shutil.which(program)]
        if missing:
            print(f"left out: {name}, for want of {', '.join(missing)}", file=sys.stderr)
            continue
        program, found[name] = prepare(bin_dir, scratch, divide)
        for library in libraries:
            allocators.check_program(program, library)
    return found
