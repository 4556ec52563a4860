#!/usr/bin/python3
"""Measures how long an approval takes to be in force: from the return of `sallyport installation
approve` until the running proxy, watching its policy directory, lets the site out.

    test/bench/approval.py [--apps N] [--sites N] [--rounds N] [--ledger off|warn|require]

Each round approves at another app's site and asks until the answer is 200; a denial in between costs
about a millisecond, by which the figures may be too high. Median and worst go to standard output.
"""
import argparse
import base64
import hashlib
import os
import shutil
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenario"))
import harness  # noqa: E402: the line above shows the way
import origins  # noqa: E402

ENVIRONMENT, SITE, SECRET = "production", "site-000000", "a-sites-secret"
FIELD = "Proxy-Authorization: Basic "


def manifest(app, hosts, more=()):
    return harness.manifest([f"api-{i}.app-{app}.example" for i in range(hosts)] + list(more))


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def write_app(policy, app, sites, pending):
    """1.1 and a wider 2.1, which is deployed; the first site has approved 1.1, the others this or that."""
    place = os.path.join(policy, f"app-{app}", ENVIRONMENT)
    wider = manifest(app, 20, [pending])
    write(os.path.join(place, "manifest.yml"), wider)
    write(os.path.join(place, "versions/1.1/manifest.yml"), manifest(app, 10))
    write(os.path.join(place, "versions/2.1/manifest.yml"), wider)
    write(os.path.join(place, "installations.yml"), "installations:\n" + "".join(
        f"  - {{id: site-{i:06}, approved: {i % 2 + 1}}}\n" for i in range(sites)))


def credentials(apps):
    digest = hashlib.sha256(SECRET.encode()).hexdigest()
    return "".join(f"- {{app: app-{app}, environment: {ENVIRONMENT}, installation: {SITE}, "
                   f"sha256: {digest}}}\n" for app in apps)


def start(directory, policy, apps, ledger):
    write(os.path.join(directory, "credentials.yml"), credentials(apps))
    write(os.path.join(directory, "hosts"), "127.0.0.1 pending.test\n")
    proxy = harness.Proxy(directory, {
        "listeners": [{"address": "127.0.0.1:0",
                       "identity": {"basic": os.path.join(directory, "credentials.yml")}}],
        "policy": {"path": policy, "plain_http": True, "ledger": ledger},
        "network": {"allow_ranges": ["127.0.0.0/8"], "hosts_file": os.path.join(directory, "hosts")},
        "log": {"decisions": os.path.join(directory, "decisions.log")},
        "admin": {"address": "127.0.0.1:0"}, "workers": 1})
    return proxy.start()


def ask(proxy, app, target):
    word = base64.b64encode(f"app-{app}/{ENVIRONMENT}/{SITE}:{SECRET}".encode()).decode()
    with proxy.connect() as client:
        return client.tunnel(target, FIELD + word).status


def command(*arguments):
    done = harness.sallyport(*arguments, timeout=600)
    if done.returncode != 0:
        sys.exit(f"{arguments}: {done.stderr}")


def approve(proxy, policy, app, target):
    """(seconds until it is in force, seconds of the main thread and workers)."""
    if ask(proxy, app, target) != 403:
        sys.exit("what waits for approval is let out")
    used = proxy.processor_seconds()
    command("installation", "approve", "--policy", policy, "-a", f"app-{app}", "-e", ENVIRONMENT,
            "--plain-http", "--id", SITE, "--version", "2", "--by", "Ann", "--why", "a measurement")
    returned = time.monotonic()
    while ask(proxy, app, target) != 200:
        if time.monotonic() - returned > 60:
            sys.exit("the approval does not come into force")
    return time.monotonic() - returned, proxy.processor_seconds() - used


def measure(directory, options):
    policy = os.path.join(directory, "policy")
    origin = origins.Origin(lambda wire: wire.rest())
    target = f"pending.test:{origin.port}"
    for app in range(options.apps):
        write_app(policy, app, options.sites, f"http://{target}")
    command("ledger", "record", policy, "--why", "the sample")
    chosen = [app * options.apps // options.rounds for app in range(options.rounds)]
    began = time.monotonic()
    proxy = start(directory, policy, chosen, options.ledger)
    print(f"apps {options.apps} x {options.sites} installations, policy.ledger {options.ledger}: "
          f"ready in {time.monotonic() - began:.2f} s", flush=True)
    took = []
    for app in chosen:
        time.sleep(0.5)  # what was just written rests, as between two approvals in life
        took.append(approve(proxy, policy, app, target))
    proxy.stop()
    origin.close()
    seconds, processor = zip(*took)
    print(f"an approval is in force after its command's return: median "
          f"{statistics.median(seconds) * 1e3:.1f} ms, worst {max(seconds) * 1e3:.1f} ms "
          f"({options.rounds} approvals; {statistics.mean(processor) * 1e3:.0f} ms of a processor each)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--apps", type=int, default=1000)
    parser.add_argument("--sites", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--ledger", choices=("off", "warn", "require"), default="require")
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="sallyport-approval-")
    os.chmod(directory, 0o755)
    try:
        measure(directory, options)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
