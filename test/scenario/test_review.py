"""`sallyport review`: the page, read as strictly as a browser's and a screen reader's needs ask."""
import html.parser
import json
import os
import re

from harness import Scenario, manifest, sallyport, write

VOID = {"meta", "br", "rect"}  # rect: written as <rect …/>, which SVG allows
LANDMARKS = {"header", "main", "footer"}


class Page(html.parser.HTMLParser):
    """A page's elements, each (name, attributes, text), and what is wrong with its form."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.wrong = [], [], []
        self.feed(text)
        self.close()
        self.wrong += [f"<{element[0]}> is not closed" for element in self.open]

    def handle_starttag(self, tag, attrs):
        if len(dict(attrs)) != len(attrs):
            self.wrong.append(f"<{tag}> has an attribute twice")
        element = (tag, dict(attrs), [])
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        if not self.open or self.open[-1][0] != tag:
            self.wrong.append(f"</{tag}> closes nothing, at {self.getpos()}")
        else:
            self.open.pop()

    def handle_data(self, data):
        for element in self.open:
            element[2].append(data)

    def all(self, *names):
        return [(tag, attrs, "".join(text)) for tag, attrs, text in self.elements if tag in names]

    def text(self, name):
        return self.all(name)[0][2]


def luminance(colour):
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def schemes(style):
    """The three sets of colours: light, dark, print."""
    light, dark, paper = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
                          for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL)]
    return {"light": light, "dark": dark, "print": paper}


def record(number, host, verdict):
    return json.dumps({
        "time": f"2026-01-0{number % 9 + 1}T03:04:05.678901Z", "event": "decision", "id": str(number),
        "app": "orders", "environment": "production", "installation": None, "client": "127.0.0.1:1",
        "method": "CONNECT", "scheme": "https", "host": host, "port": 443, "verdict": verdict,
        "reason": "undeclared" if verdict == "deny" else "declared", "rule": None})


class Review(Scenario):
    def review(self, old, new, *arguments):
        """The page, its text and the exit status of a comparison of two lists of addresses."""
        paths = [self.path("versions/1.4/manifest.yml"), self.path("new.yml"), self.path("page.html")]
        write(paths[0], manifest(old))
        write(paths[1], manifest(new))
        done = sallyport("review", paths[0], paths[1], "--html", paths[2], *arguments)
        self.assertEqual((done.stdout, done.stderr), ("", ""))
        with open(paths[2], encoding="utf-8") as file:
            text = file.read()
        return Page(text), text, done.returncode

    def rich(self):
        log = self.path("decisions.log")
        write(log, "\n".join(record(i, "gone.example" if i % 3 else "more.orders.example",
                                    "allow" if i % 3 else "deny") for i in range(90)) + "\n")
        return self.review(["gone.example", "api.orders.example"],
                           ["*.orders.example", "*.github.io", "203.0.113.7", "bücher.example"],
                           "--log", log, "-a", "orders", "-e", "production", "--policy", "policy",
                           "--number", "2.1")

    def test_is_well_formed_and_asks_nobody_for_anything(self):
        page, text, status = self.rich()
        self.assertEqual((page.wrong, status), ([], 3))
        self.assertEqual(page.all("script", "link", "img", "iframe", "object", "form", "base"), [])
        for tag, attrs, _ in page.all(*{element[0] for element in page.elements}):
            for name, value in attrs.items():
                self.assertFalse(name.startswith("on") or name in ("style", "src", "srcset"), tag)
                if name == "href":
                    self.assertTrue(value.startswith("#"), value)
        self.assertNotIn("url(", text)
        self.assertNotIn("@import", text)
        policies = [attrs["content"] for _, attrs, _ in page.all("meta")
                    if attrs.get("http-equiv") == "Content-Security-Policy"]
        self.assertEqual(policies, ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"])

    def test_can_be_read_by_keyboard_and_screen_reader(self):
        page, text, _ = self.rich()
        self.assertTrue(text.startswith("<!DOCTYPE html>\n<html lang=\"en\">"))
        self.assertTrue(page.text("title").startswith("Review: orders / production: Needs approval"))
        for landmark in LANDMARKS:
            self.assertEqual(len(page.all(landmark)), 1, landmark)
        levels = [int(tag[1]) for tag, _, _ in page.all("h1", "h2", "h3")]
        self.assertEqual((levels[0], levels.count(1)), (1, 1))
        for before, after in zip(levels, levels[1:]):
            self.assertLessEqual(after, before + 1)
        ids = [attrs["id"] for _, attrs, _ in page.all("section", "h2", "h3", "article", "li")
               if "id" in attrs]
        self.assertEqual(len(ids), len(set(ids)))
        for _, attrs, _ in page.all("section", "article"):
            self.assertIn(attrs["aria-labelledby"], ids)
        for _, attrs, words in page.all("a"):
            self.assertIn(attrs["href"][1:], ids)
            self.assertTrue(words.strip())
        self.assertTrue(page.all("table"))
        self.assertEqual(len(page.all("caption")), len(page.all("table")))
        for _, attrs, words in page.all("th"):
            self.assertIn(attrs.get("scope"), ("row", "col"))
            self.assertTrue(words.strip())
        for _, attrs, _ in page.all("svg"):
            drawn = attrs.get("role") == "img" and attrs.get("aria-label", "").strip()
            self.assertTrue(drawn or attrs.get("aria-hidden") == "true")

    def test_has_contrast_in_every_scheme(self):
        page, _, _ = self.rich()
        style = page.text("style")
        rules = re.findall(r"([^{}]+)\{([^{}]*)\}", style)
        for name, colours in schemes(style).items():
            colours = {**schemes(style)["light"], **colours}
            checked = 0
            for selector, body in rules:
                ink = re.search(r"(?<![\w-])color: var\(--([\w-]+)\)", body)
                ground = re.search(r"background: var\(--([\w-]+)\)", body)
                grounds = [ground.group(1)] if ground else ["paper", "card"]
                for on in grounds if ink else []:
                    checked += 1
                    self.assertGreaterEqual(contrast(colours[ink.group(1)], colours[on]), 4.5,
                                            f"{name}: {selector.strip()} on {on}")
            self.assertGreater(checked, 15)
            for mark in ("let", "ref", "add", "remove", "warn"):  # what is drawn: WCAG 1.4.11
                for on in ("paper", "card"):
                    self.assertGreaterEqual(contrast(colours[mark], colours[on]), 3, f"{name} {mark}")
        # No colour stands outside the three schemes.
        rest = re.sub(r":root \{.*?\}", "", style, flags=re.DOTALL)
        self.assertEqual(re.findall(r"#[0-9a-fA-F]{3,8}|rgba?\(|hsl", rest), [])

    def test_tells_what_diff_tells(self):
        page, text, status = self.rich()
        told = sallyport("diff", self.path("versions/1.4/manifest.yml"), self.path("new.yml"),
                         "--format", "json")
        self.assertEqual(told.returncode, status)
        found = json.loads(told.stdout)
        main = page.text("main")
        for reach in found["added"] + found["removed"]:
            self.assertIn(reach["address"], main)
            self.assertIn(f'{reach["file"]}:{reach["line"]}:{reach["column"]}', main)
        for change in found["changes"]:
            self.assertIn(change["rule"], main)
            self.assertIn(change["message"], main)
        self.assertIn("1.4 → 2.1", page.text("dl"))
        self.assertIn("--environment production", page.text("pre"))
        self.assertIn("--version 2", page.text("pre"))
        self.assertIn("60 let out", main)
        self.assertIn("prefers-color-scheme: dark", text)
        self.assertIn("@media print", text)

    def test_needs_no_approval_where_less_can_leave(self):
        page, _, status = self.review(["a.example", "b.example"], ["a.example"])
        self.assertEqual((page.wrong, status, page.all("pre")), ([], 0, []))
        self.assertIn("Nothing more becomes reachable", page.text("h1"))

    def test_shows_hostile_values_as_text(self):
        new = self.path("hostile.yml")
        page = self.path("hostile.html")
        write(new, manifest([]).replace("backend: []", "backend: []\n      client:\n"
              r'        - address: "slack://</code><script>alert(1)</script>"' "\n"
              r'        - address: "slack://\"onload=\"x\u202e\u2066"' "\n"))
        for app in ("orders", "<b>"):
            done = sallyport("review", new, new, "--html", page, "--app", app)
            self.assertEqual(done.returncode, 0 if app == "orders" else 2, done.stderr)
        old = self.path("old.yml")
        write(old, manifest([]))
        done = sallyport("review", old, new, "--html", page)
        self.assertEqual((done.stderr, done.returncode), ("", 3))
        with open(page, encoding="utf-8") as file:
            text = file.read()
        read = Page(text)
        self.assertEqual((read.wrong, read.all("script", "b")), ([], []))
        self.assertFalse(re.search("[\u202a-\u202e\u2066-\u2069]", text))
        self.assertIn("slack://</code><script>alert(1)</script>", read.text("main"))
        self.assertIn(r'slack://"onload="x\u{202e}\u{2066}', read.text("main"))

    def test_leaves_the_old_page_when_it_cannot_write_a_new_one(self):
        page = self.path("page.html")
        write(page, "old")
        old, broken = self.path("old.yml"), self.path("broken.yml")
        write(old, manifest(["a.example"]))
        write(broken, manifest(["a b"]))
        done = sallyport("review", old, broken, "--html", page)
        self.assertEqual(done.returncode, 2)
        self.assertIn(f"sallyport: {broken}:7:20: ", done.stderr)
        with open(page, encoding="utf-8") as file:
            self.assertEqual(file.read(), "old")
        done = sallyport("review", old, old, "--html", os.path.join(page, "page.html"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("page.html/page.html: cannot be written: Not a directory", done.stderr)
        self.assertEqual(sorted(name for name in os.listdir(os.path.dirname(page))
                                if name.startswith("page.html")), ["page.html"])

    def test_is_written_by_a_deploy_before_it_deploys(self):
        policy = os.path.dirname(self.path("policy/x"))
        new, page = self.path("new.yml"), self.path("page.html")
        deploy = ("deploy", "--policy", policy, "-a", "orders", "-e", "production", new, "--review")
        write(new, manifest(["a.example"]))
        done = sallyport(*deploy, page)
        self.assertEqual((done.returncode, os.path.exists(page)), (0, False))
        self.assertIn("nothing to be compared with", done.stdout)
        write(new, manifest(["a.example", "b.example"]))
        done = sallyport(*deploy, self.path("missing") + "/page.html")
        self.assertEqual(done.returncode, 2)
        self.assertFalse(os.path.exists(self.path("policy/orders/production/versions") + "/2.1"))
        done = sallyport(*deploy, page)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(os.path.exists(self.path("policy/orders/production/versions") + "/2.1"))
        with open(page, encoding="utf-8") as file:
            read = Page(file.read())
        self.assertEqual(read.wrong, [])
        self.assertIn("1.1 → 2.1", read.text("dl"))
        self.assertIn(f"--policy {policy}", read.text("pre"))
        self.assertIn("--app orders --environment production", read.text("pre"))
        self.assertIn("--version 2 ", read.text("pre"))

    def test_says_that_a_log_could_not_be_read(self):
        old = self.path("old.yml")
        write(old, manifest(["a.example"]))
        done = sallyport("review", old, old, "--html", "-", "--log", self.path("missing.log"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("missing.log: cannot be opened", done.stderr)
        self.assertEqual(Page(done.stdout).wrong, [])
