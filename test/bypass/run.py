#!/usr/bin/python3
"""Tries to get what nobody declared past the proxies, and counts how often they held.

    test/bypass/run.py [--only sallyport,squid,tinyproxy] [--kind KIND,…] [--name TEXT] [-v]
    test/bypass/run.py --write          writes the table into test/bypass/README.md too

Ends with `N of N` for ours, which has to be all of them. The peers run in a network of their own
(unshare, so as root); where that cannot be had they are left out, and said to be.
"""
import argparse
import concurrent.futures
import os
import queue
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import cases  # noqa: E402  pylint: disable=wrong-import-position
import proxies  # noqa: E402  pylint: disable=wrong-import-position
import verdict  # noqa: E402  pylint: disable=wrong-import-position
import world  # noqa: E402  pylint: disable=wrong-import-position

BEGIN, END = "<!-- the table: make bypass -->\n", "<!-- end of the table -->\n"


def is_asked(case, proxy):
    return proxy == "sallyport" or case.get("only") is None


def try_case(place, case):
    """What is wrong; a case that cannot be tried is wrong as well."""
    try:
        return verdict.Trial(place, case).run()
    except (OSError, ValueError, KeyError, AssertionError) as error:
        return [f"{type(error).__name__}: {error}"]


def run_all(proxy, chosen, at_once):
    """[(case, what is wrong with it)] in the order of CHOSEN."""
    directory = tempfile.mkdtemp(prefix="sallyport-bypass-")
    os.chmod(directory, 0o755)
    places, made = queue.Queue(), []
    try:
        for number in range(at_once):
            home = os.path.join(directory, str(number))
            os.makedirs(home)
            made.append(world.World(proxies.PROXIES[proxy], home))
            places.put(made[-1])

        def work(case):
            place = places.get()
            try:
                return case, try_case(place, case)
            finally:
                places.put(place)
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(work, chosen))
    finally:
        for place in made:
            place.close()
        shutil.rmtree(directory, ignore_errors=True)


def in_a_network_of_its_own():
    """Runs this again behind unshare, for the peers; True here if that is where we are."""
    if os.environ.get("SALLYPORT_BYPASS_NETWORK"):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return True
    return False


def have_networks():
    return os.geteuid() == 0 and subprocess.run(
        ["unshare", "--net", "--mount", "true"], capture_output=True, check=False).returncode == 0


def report(proxy, results, verbose):
    """kind → (held, asked); says what did not hold."""
    counts = {}
    for case, wrong in results:
        held, asked = counts.get(case.kind, (0, 0))
        counts[case.kind] = (held + (not wrong), asked + 1)
        if wrong and (verbose or proxy == "sallyport"):
            print(f"{proxy}: {case.kind}: {case.name}")
            for line in wrong:
                print(f"    {line}")
    return counts


def table(headings, counts):
    names = list(counts)
    lines = ["| kind | " + " | ".join(proxies.PROXIES[name].title for name in names) + " |",
             "| --- |" + " ---: |" * len(names)]
    for kind, heading in headings.items():
        cells = [counts[name].get(kind, (0, 0)) for name in names]
        if not any(asked for _, asked in cells):
            continue
        lines.append(f"| {heading} | " + " | ".join(
            f"{held} of {asked}" if asked else "–" for held, asked in cells) + " |")
    lines.append("| **all** | " + " | ".join(f"**{total(counts[name])}**" for name in names) + " |")
    return "\n".join(lines) + "\n"


def total(counts):
    held, asked = (sum(pair[at] for pair in counts.values()) for at in (0, 1))
    return f"{held} of {asked}"


def write_table(text):
    path = os.path.join(HERE, "README.md")
    with open(path, encoding="utf-8") as file:
        whole = file.read()
    before, rest = whole.split(BEGIN)
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + BEGIN + text + END + rest.split(END)[1])


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(proxies.PROXIES))
    parser.add_argument("--kind", default="")
    parser.add_argument("--name", default="", help="cases whose name holds this")
    parser.add_argument("-j", type=int, default=4)
    parser.add_argument("-v", action="store_true", help="say of the peers, too, what did not hold")
    parser.add_argument("--write", action="store_true")
    return parser.parse_args()


def main():
    options = parse()
    wanted = [name for name in options.only.split(",") if name in proxies.PROXIES]
    peers = [name for name in wanted if name != "sallyport"]
    if peers and not in_a_network_of_its_own():
        if have_networks():
            os.environ["SALLYPORT_BYPASS_NETWORK"] = "1"
            os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, *sys.argv])
        print("left out, for want of a network of their own (root and unshare): " + ", ".join(peers))
        wanted = [name for name in wanted if name == "sallyport"]
    kinds = {kind: found for kind, found in cases.kinds().items()
             if not options.kind or kind in options.kind.split(",")}
    chosen = [case for _, found in kinds.values() for case in found if options.name in case.name]
    counts = {}
    for name in wanted:
        asked = [case for case in chosen if is_asked(case, name)]
        counts[name] = report(name, run_all(name, asked, options.j), options.v)
    text = table({kind: heading for kind, (heading, _) in kinds.items()}, counts)
    print(text)
    if options.write:
        write_table(text)
    for name in wanted:
        print(f"{proxies.PROXIES[name].title}: {total(counts[name])}")
    ours = counts.get("sallyport", {})
    return 0 if all(held == asked for held, asked in ours.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
