"""Certificates of origins, good and bad ones, made with the openssl command."""
import os
import subprocess

from harness import write
from origins import Daemon, free_port

EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
SERVER = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
CLIENT = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n"
AUTHORITY = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"


def openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Pki:
    """A root authority in DIRECTORY; what it and its intermediates sign."""

    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory, exist_ok=True)
        openssl("req", "-x509", *EC, "-subj", "/CN=Test root", "-days", "30", "-addext",
                "keyUsage=critical,keyCertSign,cRLSign", "-keyout", self.file("root.key"),
                "-out", self.file("root.pem"))
        self.root = self.file("root.pem")

    def file(self, name):
        return os.path.join(self.directory, name)

    def issue(self, label, *names, issuer="root", days=30, extensions=SERVER):
        """(certificate, key) paths; the certificate's file holds an intermediate behind it."""
        alternatives = ",".join(("IP:" if name[0].isdigit() or ":" in name else "DNS:") + name
                                for name in names)
        text = extensions + (f"subjectAltName={alternatives}\n" if names else "")
        certificate, key = self.file(label + ".pem"), self.file(label + ".key")
        write(self.file(label + ".ext"), text)
        openssl("req", "-new", *EC, "-subj", f"/CN={label}", "-keyout", key, "-out", self.file("csr"))
        openssl("x509", "-req", "-in", self.file("csr"), "-CA", self.file(issuer + ".pem"), "-CAkey",
                self.file(issuer + ".key"), "-CAcreateserial", "-days", str(days), "-extfile",
                self.file(label + ".ext"), "-out", certificate)
        return certificate, key

    def chain(self, pair, issuer):
        """The same certificate with its issuer's behind it."""
        path = pair[0].replace(".pem", "-chain.pem")
        with open(pair[0], encoding="ascii") as leaf, open(self.file(issuer + ".pem"), encoding="ascii") as up:
            write(path, leaf.read() + up.read())
        return path, pair[1]

    def self_signed(self, label, name):
        certificate, key = self.file(label + ".pem"), self.file(label + ".key")
        openssl("req", "-x509", *EC, "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
                "-days", "30", "-keyout", key, "-out", certificate)
        return certificate, key

    def staple(self, pair, status, days="1"):
        """An OCSP response about the certificate of PAIR: "R" revoked, "V" valid."""
        serial = openssl("x509", "-in", pair[0], "-noout", "-serial").strip().split("=")[1]
        write(self.file("ocsp.index"),
              f"{status}\t391231235959Z\t{'200101000000Z' if status == 'R' else ''}\t{serial}\tunknown\t/CN=x\n")
        request, response = self.file("request.der"), pair[0].replace(".pem", f".{status}.der")
        openssl("ocsp", "-issuer", self.root, "-cert", pair[0], "-no_nonce", "-reqout", request)
        openssl("ocsp", "-index", self.file("ocsp.index"), "-CA", self.root, "-rsigner", self.root,
                "-rkey", self.file("root.key"), "-reqin", request, "-ndays", days, "-respout", response)
        return response


class Server:
    """`openssl s_server`, which answers any GET with a page."""

    def __init__(self, directory, pair, *options):
        for _ in range(10):
            self.port = free_port()
            self.daemon = Daemon(["openssl", "s_server", "-accept", f"127.0.0.1:{self.port}", "-www",
                                  "-cert", pair[0], "-key", pair[1], *options],
                                 os.path.join(directory, f"s_server-{self.port}.out"))
            if self.daemon.wait_port(self.port):
                return
            self.daemon.close()
        raise RuntimeError("s_server did not start: " + self.daemon.output())

    def close(self):
        self.daemon.close()
