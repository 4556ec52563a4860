"""The process guards itself: what can be seen of it from outside, and that it still does its work."""
import glob
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import unittest

from harness import ROOT, SALLYPORT, STATIC, Scenario, is_instrumented, manifest, wait_until, write
from origins import ok

IS_ROOT = os.geteuid() == 0
NOBODY = pwd.getpwnam("nobody")
ONLY_ROOT = unittest.skipUnless(IS_ROOT, "only root can become somebody else")
AS_NOBODY = ["setpriv", f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups"]
PTRACE_SEIZE = 0x4206
# Without these AddressSanitizer would stop the process at its end, to look for leaks, and give
# back stacks for signals at each thread's: what the filter forbids. ThreadSanitizer asks for nothing,
# and has a thread of its own.
UNDER_SANITIZER = ["env", "ASAN_OPTIONS=use_sigaltstack=0:detect_leaks=0"] \
    if is_instrumented(b"__asan_init", b"__tsan_init") else []
OTHER_THREADS = int(is_instrumented(b"__tsan_init"))


def fields(path):
    """A /proc/…/status file: name → words."""
    with open(path, encoding="ascii") as file:
        return {name: value.split() for name, value in (line.split(":", 1) for line in file)}


def threads(proxy):
    return [fields(path) for path in glob.glob(f"/proc/{proxy.process.pid}/task/*/status")]


class Guarded(Scenario):
    def given(self, wrapper=(), process=None, **options):
        self.server = self.http_origin(lambda request: ok(b"ok"))
        self.base = f"http://origin.test:{self.server.port}"
        if UNDER_SANITIZER:
            process = {"sandbox": "on", **(process or {})}
        return self.prepare(allow=[self.base], wrapper=[*UNDER_SANITIZER, *wrapper], process=process or {}, **options)

    def start(self, proxy):
        self.addCleanup(self.end, proxy)
        return proxy.start()

    def give(self, proxy):
        """What PROXY keeps in its directory is nobody's from now on."""
        for path, directories, files in os.walk(proxy.directory):
            for name in [".", *directories, *files]:
                os.chown(os.path.join(path, name), NOBODY.pw_uid, NOBODY.pw_gid)

    def as_nobody(self, **options):
        proxy = self.given(process={"user": "nobody"}, **options)
        self.give(proxy)
        return self.start(proxy)

    def serves(self, proxy):
        with proxy.connect() as client:
            self.assertEqual(client.get(self.base + "/").status, 200)

    def fails(self, proxy, status, *words):
        self.addCleanup(lambda: proxy.process.poll() is None and proxy.process.kill())
        self.assertEqual(proxy.launch().join(), status)
        for word in words:
            self.assertIn(word, "\n".join(proxy.stderr))


@unittest.skipIf(is_instrumented() and not UNDER_SANITIZER, "the sandbox is off where coverage is counted")
class FromOutside(Guarded):
    def test_every_thread_has_given_up_capabilities_and_privileges(self):
        proxy = self.start(self.given())
        self.serves(proxy)
        found = threads(proxy)
        self.assertEqual(len(found), 4 + OTHER_THREADS)  # the main one, two workers, the log's writer
        for thread in found:
            for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                self.assertEqual(int(thread[name][0], 16), 0, name)
            if IS_ROOT:
                self.assertEqual(int(thread["CapBnd"][0], 16), 0)
                self.assertEqual(thread["Groups"], [])
            self.assertEqual(thread["NoNewPrivs"], ["1"])

    def test_every_thread_is_under_the_filter_for_all_and_its_own(self):
        proxy = self.start(self.given())
        self.serves(proxy)
        found = threads(proxy)
        self.assertEqual({word for thread in found for word in thread["Seccomp"]}, {"2"})
        without = [thread for thread in found if thread.get("Seccomp_filters", ["2"]) != ["2"]]
        self.assertLessEqual(len(without), OTHER_THREADS)

    def test_core_dumps_are_off(self):
        proxy = self.start(self.given())
        with open(f"/proc/{proxy.process.pid}/limits", encoding="ascii") as file:
            [line] = [line for line in file if line.startswith("Max core file size")]
        self.assertEqual(line.split()[4:6], ["0", "0"])

    def test_off_leaves_out_the_filter_and_nothing_else(self):
        proxy = self.start(self.given(process={"sandbox": "off"}))
        self.serves(proxy)
        for thread in threads(proxy):
            self.assertEqual(thread["Seccomp"], ["0"])
            self.assertEqual(thread["NoNewPrivs"], ["1"])
            self.assertEqual(int(thread["CapEff"][0], 16), 0)

    def attach(self, proxy):
        """What a process of the proxy's own user gets when it wants to trace it and to read it."""
        program = (
            "import ctypes, os, sys\n"
            "libc = ctypes.CDLL(None, use_errno=True)\n"
            f"seized = libc.ptrace({PTRACE_SEIZE}, int(sys.argv[1]), None, None) == 0\n"
            "try:\n"
            "    read = bool(open(f'/proc/{sys.argv[1]}/environ', 'rb').read(1))\n"
            "    os.close(os.open(f'/proc/{sys.argv[1]}/mem', os.O_RDWR))\n"
            "except PermissionError:\n"
            "    read = False\n"
            "print(seized, read)\n")
        done = subprocess.run([*(AS_NOBODY if IS_ROOT else []), "/usr/bin/python3", "-c", program,
                               str(proxy.process.pid)], capture_output=True, text=True, check=True)
        return done.stdout.split()

    def of_nobody(self, sandbox):
        proxy = self.given(wrapper=AS_NOBODY if IS_ROOT else (), process={"sandbox": sandbox})
        if IS_ROOT:
            self.give(proxy)
        return self.start(proxy)

    def test_nobody_of_its_own_user_can_trace_it_or_read_its_memory(self):
        proxy = self.of_nobody("on")
        self.assertEqual(self.attach(proxy), ["False", "False"])
        self.serves(proxy)

    def test_that_it_could_be_traced_without_a_sandbox(self):
        attached = self.attach(self.of_nobody("off"))
        if attached != ["True", "True"]:
            self.skipTest(f"this machine forbids it to everybody: {attached}")

    @unittest.skipIf(is_instrumented(), "a build for sanitizers or coverage is not hardened")
    def test_the_program_is_hardened_by_compiler_and_linker(self):
        done = subprocess.run([os.path.join(ROOT, "test", "check_hardening"), SALLYPORT],
                              capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)

    def test_the_check_finds_a_program_that_is_not(self):
        if shutil.which("gcc") is None:
            self.skipTest("not installed: gcc")
        source = self.path("soft.c")
        write(source, "int main(void) { return 0; }\n")
        subprocess.run(["gcc", "-no-pie", "-fcf-protection=none", "-Wl,-z,norelro,-z,execstack",
                        "-o", self.path("soft"), source], check=True, capture_output=True)
        done = subprocess.run([os.path.join(ROOT, "test", "check_hardening"), self.path("soft")],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        for word in ("PIE", "RELRO", "BIND_NOW", "NX", "stack protector", "FORTIFY"):
            self.assertIn(word, done.stdout)


class Works(Guarded):
    """Whatever the proxy does again later it can still do."""

    def test_takes_a_policy_directory_that_is_a_link_switched_to_another_release(self):
        proxy = self.given(policy={"watch": False})
        policy = proxy.configuration["policy"]["path"]
        first, second = (os.path.join(proxy.directory, "releases", name) for name in "12")
        os.makedirs(os.path.dirname(first))
        shutil.move(policy, first)
        os.symlink(first, policy)
        self.start(proxy)
        self.serves(proxy)
        write(os.path.join(second, "demo", "development", "manifest.yml"), manifest([]))
        os.symlink(second, policy + ".new")
        os.rename(policy + ".new", policy)
        proxy.signal(signal.SIGHUP)
        proxy.wait_log(event="policy_loaded")
        with proxy.connect() as client:
            self.assertDenied(client.get(self.base + "/"), "undeclared")

    def test_reads_a_hosts_file_that_was_replaced(self):
        proxy = self.start(self.given(hosts={"origin.test": "127.0.0.9"}))
        with proxy.connect() as client:
            self.assertEqual(client.get(self.base + "/").status, 502)
        write(os.path.join(proxy.directory, "hosts"), "127.0.0.1 origin.test\n")

        def is_served():
            with proxy.connect() as client:
                return client.get(self.base + "/").status == 200
        wait_until(is_served, "the new file counts")

    def test_asks_by_tcp_for_an_answer_that_is_long(self):
        server = self.keep(socket.create_server(("0.0.0.0", 0)))
        authority = f"long.example:{server.getsockname()[1]}"
        names = self.name_server({"long.example": [f"127.0.0.{n}" for n in range(1, 61)]})
        proxy = self.start(self.given(network={"resolvers": [f"127.0.0.1:{names.port}"]},
                                      timeouts={"drain_seconds": 0.5}))
        proxy.declare(["http://" + authority])
        wait_until(lambda: proxy.log(event="policy_loaded"), "it is declared")
        with proxy.connect() as client:
            self.assertEqual(client.tunnel(authority).status, 200)

    def test_logs_to_what_standard_output_is(self):
        proxy = self.start(self.given(log={"decisions": "/dev/stdout"}))
        self.serves(proxy)
        wait_until(lambda: any('"decision"' in line for line in proxy.stdout), "a line")

    def test_removes_its_sockets_at_the_end(self):
        path = self.path("sockets", "proxy.sock")
        admin = self.path("sockets", "admin.sock")
        proxy = self.given(listeners=[{"address": "127.0.0.1:0", "identity": STATIC},
                                      {"address": "unix:" + path, "identity": STATIC}],
                           admin={"address": "unix:" + admin})
        self.start(proxy)
        self.assertTrue(stat.S_ISSOCK(os.stat(path).st_mode))
        proxy.stop()
        self.assertEqual(os.listdir(os.path.dirname(path)), [])


class Users(Guarded):
    @ONLY_ROOT
    def test_becomes_the_user_with_no_group_but_its_own(self):
        proxy = self.as_nobody()
        self.serves(proxy)
        for thread in threads(proxy):
            self.assertEqual(thread["Uid"], [str(NOBODY.pw_uid)] * 4)
            self.assertEqual(thread["Gid"], [str(NOBODY.pw_gid)] * 4)
            self.assertEqual(thread["Groups"], [])

    @ONLY_ROOT
    def test_reloads_and_opens_a_rotated_log_as_the_user(self):
        proxy = self.as_nobody(policy={"watch": False})
        self.serves(proxy)
        proxy.wait_log(event="close")
        os.rename(proxy.log_path, proxy.log_path + ".1")
        proxy.declare([self.base, "https://other.example"])
        proxy.signal(signal.SIGHUP)
        wait_until(lambda: os.path.exists(proxy.log_path), "a new log")
        self.serves(proxy)
        proxy.wait_log(event="decision")
        self.assertEqual(os.stat(proxy.log_path).st_uid, NOBODY.pw_uid)
        self.assertEqual(proxy.metrics()['sallyport_policy_reloads_total{result="loaded"}'], 1)

    @ONLY_ROOT
    def test_binds_a_low_port_and_reads_a_key_of_roots_alone_before(self):
        authority = self.authority()
        certificate, key = authority.issue("proxy.test")
        os.chmod(key, 0o600)
        port = self.low_port()
        proxy = self.as_nobody(listeners=[{"address": f"127.0.0.1:{port}", "identity": STATIC,
                                           "tls": {"certificate": certificate, "key": key}}])
        self.assertEqual(proxy.port, port)
        with proxy.connect() as client:
            client.start_tls("proxy.test", authority.certificate)
            self.assertEqual(client.get(self.base + "/").status, 200)

    def low_port(self):
        for port in range(700, 1000):
            try:
                socket.create_server(("127.0.0.1", port)).close()
                return port
            except OSError:
                continue
        self.skipTest("no port below 1000 is free")
        return 0

    @ONLY_ROOT
    def test_says_which_manifest_the_user_may_not_read(self):
        proxy = self.given(process={"user": "nobody"})
        self.give(proxy)
        os.chmod(proxy.policy_path(), 0o600)
        os.chown(proxy.policy_path(), 0, 0)
        self.fails(proxy, 2, "demo/development/manifest.yml: ", "Permission denied")

    @ONLY_ROOT
    def test_says_that_the_user_may_not_read_the_policy(self):
        proxy = self.given(process={"user": "nobody"})
        self.give(proxy)
        os.chmod(proxy.configuration["policy"]["path"], 0o700)
        os.chown(proxy.configuration["policy"]["path"], 0, 0)
        self.fails(proxy, 1, "process.user nobody may not read policy.path /", "Permission denied")

    @ONLY_ROOT
    def test_says_that_the_user_may_not_write_the_log(self):
        proxy = self.given(process={"user": "nobody"})
        self.fails(proxy, 1, "process.user nobody may not write log.decisions /", "Permission denied")

    @ONLY_ROOT
    def test_root_is_told_that_it_stays_root_once(self):
        proxy = self.start(self.given())
        self.assertEqual(len([line for line in proxy.stderr if "process.user" in line]), 1)

    def test_a_user_that_is_none_is_1_and_named(self):
        self.fails(self.given(process={"user": "no-such-user"}), 1, "no-such-user")

    def test_who_is_not_root_is_told_so(self):
        proxy = self.given(process={"user": "daemon"}, wrapper=AS_NOBODY if IS_ROOT else ())
        self.fails(proxy, 1, "cannot become process.user daemon: not started as root")
