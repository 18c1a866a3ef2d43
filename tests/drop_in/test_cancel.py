"""No function is a cancellation point: a thread that has been cancelled comes out of every call, and leaves no lock."""
import os
import re
import signal
import subprocess
import unittest

import drop_in
from drop_in import program

# What the C library ends a cancelled thread in, but for streams: pthreads(7), and its own additions.
POINTS = set("""accept accept4 aio_suspend clock_nanosleep close connect copy_file_range creat epoll_pwait epoll_wait
    fallocate fcntl fdatasync fsync getrandom lockf mq_receive mq_send mq_timedreceive mq_timedsend msgrcv msgsend msync
    nanosleep open openat open_by_handle_at pause poll ppoll pread preadv preadv2 pselect pthread_cond_clockwait
    pthread_cond_timedwait pthread_cond_wait pthread_join pthread_testcancel pthread_timedjoin_np pwrite pwritev pwritev2
    read readv recv recvfrom recvmmsg recvmsg select sem_clockwait sem_timedwait sem_wait send sendmmsg sendmsg sendto
    sigpause sigsuspend sigtimedwait sigwait sigwaitinfo sleep splice sync_file_range system tcdrain tee thrd_join
    thrd_sleep usleep vmsplice wait wait3 wait4 waitid waitpid write writev""".split())
STREAMS = re.compile(r"_?_?v?d?f?(printf|scanf)(_chk)?|f(write|read|puts|putc|flush|close|open|gets|getc|seek)|puts|perror")


def called(library):
    table = subprocess.run(["readelf", "-W", "--dyn-syms", library], capture_output=True, text=True, check=True).stdout
    return {re.sub("64$", "", name) for name in re.findall(r" UND (\w+)", table)}


class Cancellation(drop_in.DropIn):
    def test_D8_calls_no_cancellation_point(self):
        for library in (drop_in.PRELOAD, drop_in.SHARED):
            self.assertEqual(called(library) & POINTS, set(), library)

    def test_D8_streams_are_for_malloc_info(self):
        """Which switches cancellation off."""
        streams = {name for name in called(drop_in.PRELOAD) if STREAMS.fullmatch(name)}
        self.assertLessEqual(streams, {"fprintf", "__fprintf_chk", "fwrite", "snprintf", "__snprintf_chk"})
        self.assertEqual({name for name in called(drop_in.SHARED) if STREAMS.fullmatch(name)}, set())

    def test_D8_a_cancelled_thread_comes_out_of_every_function(self):
        if not os.path.exists(program("cancel")):
            raise unittest.SkipTest("no C++ compiler when this was built")
        self.good([program("cancel")])
        self.assert_ours(program("cancel"))

    def test_D8_V1_a_cancelled_thread_reports_its_violation(self):
        if not os.path.exists(program("cancel")):
            raise unittest.SkipTest("no C++ compiler when this was built")
        done = self.run_program([program("cancel"), "report"])
        self.assertEqual(done.returncode, -signal.SIGABRT)
        self.assertRegex(done.stderr.decode(), r"\Acapalloc: double-free: free\(0x[0-9a-f]+\): .*\n\Z")


if __name__ == "__main__":
    drop_in.main()
