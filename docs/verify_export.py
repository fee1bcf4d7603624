#!/usr/bin/env python3
"""Verifies an export or a proof of Muster with nothing but the public key: a second verifier, written from docs/audit-format.md.

    verify_export.py --export history.jsonl --key digest-key.pem [--kept digest.json ...] [--complete] [--json]
    verify_export.py --proof proof.json --key digest-key.pem

Needs Python 3.9 and the package `cryptography`. Exits with 0 when everything is as it was written, with 1 when not, and with 2 when
that cannot be said: there is no such file, or no key in it.
"""
import argparse
import base64
import hashlib
import json
import re
import sys
import uuid

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

GENESIS = "0" * 64
EVENT_IDS = uuid.UUID("6d757374-6572-5000-8000-6576656e7400")
LONGEST_LINE = 4 * 1024 * 1024
DEEPEST = 127
MOST_LISTED = 1000


class Malformed(Exception):
    pass


class Unusable(Exception):
    """A file without which nothing can be said."""


# JSON


def no_constant(name):
    raise Malformed(f"{name} is no JSON")


def whole_number(digits):
    # Minus nothing is not written as a whole number is.
    return -0.0 if digits == "-0" else int(digits)


def parsed(data):
    """What these bytes say, if nothing in it lies deeper than it may."""
    written = data.decode()
    if written.count("{") + written.count("[") > DEEPEST:
        depth = 0
        for bracket in re.findall(r"[\[\]{}]", re.sub(r'"(?:[^"\\]|\\.)*"', "", written)):
            depth += 1 if bracket in "[{" else -1
            if depth > DEEPEST:
                raise Malformed(f"nested deeper than {DEEPEST}")
    return json.loads(written, parse_constant=no_constant, parse_int=whole_number)


# Canonical JSON (RFC 8785)


def number(value):
    if isinstance(value, int) and abs(value) <= 2**53:
        return str(value)
    value = float(value)
    if value != value or value in (float("inf"), float("-inf")):
        raise Malformed("a number that is not finite")
    if value == 0:
        return "0"
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits, point = whole + fraction.rstrip("0"), len(whole) + int(exponent or 0)
    point -= len(digits) - len(digits.lstrip("0"))
    digits = digits.lstrip("0").rstrip("0") or "0"
    sign = "-" if value < 0 else ""
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    rest = "." + digits[1:] if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{rest}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def canonical_text(value):
    if value is None or isinstance(value, (bool, str)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, list):
        return "[" + ",".join(map(canonical_text, value)) + "]"
    names = sorted(value, key=lambda name: name.encode("utf-16-be"))
    return "{" + ",".join(canonical_text(name) + ":" + canonical_text(value[name]) for name in names) + "}"


def canonical(value):
    return canonical_text(value).encode()


def without(content, *names):
    return {name: value for name, value in content.items() if name not in names}


# Hashes, trees, signatures


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).hexdigest()


def node(left, right):
    return sha256(b"\x01", bytes.fromhex(left), bytes.fromhex(right))


def leaf_hash(content):
    return sha256(b"\x00", canonical({name: content[name] for name in ("hash", "stream", "version")}))


def commit_hash(commit):
    return sha256(bytes.fromhex(commit["prev_hash"]), canonical(without(commit, "hash", "prev_hash")))


class Tree:
    """A Merkle tree that leaves are added to: it holds a hash for each complete subtree."""

    def __init__(self):
        self.leaves, self.complete, self.faulty = 0, [], False

    def push(self, leaf):
        rest = self.leaves
        while rest & 1:
            leaf, rest = node(self.complete.pop(), leaf), rest >> 1
        self.complete.append(leaf)
        self.leaves += 1

    def root(self):
        if not self.complete:
            return sha256()
        root = self.complete[-1]
        for left in reversed(self.complete[:-1]):
            root = node(left, root)
        return root


def root_of_path(leaf, index, leaves, path):
    """RFC 9162, 2.1.3.2."""
    if index >= leaves:
        return None
    last, root = leaves - 1, leaf
    for beside in path:
        if last == 0:
            return None
        if index & 1 or index == last:
            root = node(beside, root)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            root = node(root, beside)
        index, last = index >> 1, last >> 1
    return root if last == 0 else None


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def keys_of(text):
    keys = {}
    for pem in re.findall("-----BEGIN PUBLIC KEY-----.*?(?:-----END PUBLIC KEY-----|$)", text, re.DOTALL):
        try:
            key = load_pem_public_key(pem.encode())
            written = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
            is_right = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
        except (ValueError, UnsupportedAlgorithm):
            is_right = False
        if not is_right or "".join(pem.split()) != "".join(written.split()):
            raise Unusable("not P-256 public keys in PEM (-----BEGIN PUBLIC KEY----- …)")
        x, y = (base64url(part.to_bytes(32, "big")) for part in (key.public_numbers().x, key.public_numbers().y))
        jwk = f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'
        keys[base64url(hashlib.sha256(jwk.encode()).digest())] = key
    if not keys:
        raise Unusable("there is no public key in PEM (-----BEGIN PUBLIC KEY----- …)")
    return keys


def is_signed(digest, keys):
    try:
        signature = base64.b64decode(digest["signature"] + "==", b"-_", validate=True)
        if base64url(signature) != digest["signature"] or len(signature) != 64:
            return False
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        key, message = keys[digest["key"]], canonical(without(digest, "signature"))
        key.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
        return digest["format"] == "muster-digest-1"
    except (InvalidSignature, KeyError, ValueError):
        return False


# The shape of lines


def has_only(content, *names):
    for name in content:
        if name not in names:
            raise Malformed(f"there is a member {name}")


def text(content, name):
    if not isinstance(content.get(name), str):
        raise Malformed(f"{name} is not a text")
    return content[name]


def hexadecimal(content, name):
    if not re.fullmatch("[0-9a-f]{64}", text(content, name)):
        raise Malformed(f"{name} is no hash")
    return content[name]


def whole(content, name, least=0):
    value = content.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 2**53:
        raise Malformed(f"{name} is not a whole number from {least} on")
    return value


def signed_digest(content):
    """The shape of a digest."""
    has_only(content, "format", "key", "leaves", "previous", "root", "sequence", "signature", "taken_at")
    for name in ("format", "key", "signature", "taken_at"):
        text(content, name)
    for name in ("previous", "root"):
        hexadecimal(content, name)
    whole(content, "leaves")
    whole(content, "sequence", 1)
    return content


# An export


class History:
    def __init__(self, name):
        self.name, self.version, self.head = name, 0, GENESIS
        self.commits = self.events = self.digested = 0
        self.awaited = self.fault = None


class Verifier:
    def __init__(self, keys, kept, complete):
        self.keys, self.kept = keys, {digest["sequence"]: sha256(canonical(without(digest, "signature"))) for digest in kept}
        self.section, self.number, self.so_far = "header", 0, hashlib.sha256()
        self.history, self.trees, self.last, self.last_hash = None, {}, 0, GENESIS
        self.counts = dict.fromkeys(("streams", "commits", "events", "digests", "leaves"), 0)
        self.undigested, self.undigested_histories, self.more_undigested = 0, [], 0
        self.complete, self.ended, self.last_digest = complete, True, None
        self.findings, self.more_findings = [], 0

    def finding(self, code, reason, stream=None, version=None, digest=None):
        found = {"code": code, "line": self.number, "stream": stream, "version": version, "digest": digest, "reason": reason}
        return {name: value for name, value in found.items() if value is not None}

    def find(self, *what, **about):
        self.add(self.finding(*what, **about))

    def add(self, finding):
        if len(self.findings) < MOST_LISTED:
            self.findings.append(finding)
        else:
            self.more_findings += 1

    def line(self, line):
        """The next line, with its line feed; None for one that is longer than any of an export."""
        self.number += 1
        if line is None:
            return self.find("malformed", "the line is longer than any of an export can be")
        before = self.so_far.copy().hexdigest()
        self.so_far.update(line)
        self.ended = line.endswith(b"\n")
        line = line[:-1] if self.ended else line
        if self.section == "ended":
            return self.find("malformed", "there is a line after the last one")
        try:
            try:
                value = parsed(line)
                if canonical(value) != line:
                    raise Malformed("not in the canonical form")
            except (ValueError, OverflowError, RecursionError) as error:
                raise Malformed(f"not JSON: {error}") from None
            if not isinstance(value, dict) or len(value) != 1:
                raise Malformed("not a line of an export")
            ((kind, content),) = value.items()
            if not isinstance(content, dict):
                raise Malformed("not a line of an export")
            if self.section == "header" and kind != "header":
                self.find("malformed", "the first line is not the header")
                self.section = "histories"
            if kind == "header":
                self.header(content)
            elif kind == "commit":
                self.commit(content)
            elif kind == "leaf":
                self.leaf(content)
            elif kind == "digest":
                self.digest(content)
            elif kind == "end":
                self.end(content, before)
            else:
                raise Malformed(f"{kind} is no kind of line")
        except Malformed as error:
            self.find("malformed", str(error))

    def header(self, content):
        complete = False
        if text(content, "format") == "muster-export-2":
            has_only(content, "complete", "format")
            complete = content.get("complete")
        elif content["format"] == "muster-export-1":
            has_only(content, "format")
        else:
            raise Malformed("not the header of an export")
        if not isinstance(complete, bool) or self.section != "header":
            raise Malformed("not the header of an export")
        self.section = "histories"
        self.complete = self.complete or complete

    def commit(self, content):
        if not isinstance(content.get("stream"), dict):
            raise Malformed("stream is not an object")
        name = text(content["stream"], "type") + "#" + text(content["stream"], "id")
        version, digest, events = whole(content, "version", 1), hexadecimal(content, "hash"), content.get("events")
        previous = hexadecimal(content, "prev_hash")
        if not isinstance(events, list) or not events:
            raise Malformed("the commit has no events")
        if not self.enter(name, version):
            return
        self.counts["commits"] += 1
        self.counts["events"] += len(events)
        history = self.history
        history.commits += 1
        history.events += len(events)
        expected = history.version + 1
        if history.fault:
            # What was missing has come: it was moved, and not removed.
            if history.fault["code"] == "removed" and history.fault["version"] == version:
                history.fault.update(code="moved", reason=f"the events from version {version} on stand in another place")
        elif version > expected:
            history.fault = self.finding("removed", f"version {expected} is expected and {version} found", name, expected)
        elif version < expected:
            history.fault = self.finding("inserted", f"version {expected} is expected and {version} found", name, version)
        elif history.awaited:
            by, awaited = history.awaited
            reason = f"digest {by} has a head at version {awaited}, where no commit ends"
            history.fault = self.finding("rewritten", reason, name, awaited, by)
        elif previous != history.head:
            history.fault = self.finding("link", "the commit does not continue the one before it", name, version)
        elif commit_hash(content) != digest:
            history.fault = self.finding("changed", "the commit's content does not give its hash", name, version)
        else:
            history.version += len(events)
            history.head = digest

    def leaf(self, content):
        has_only(content, "digest", "hash", "index", "stream", "version")
        by, index, version = whole(content, "digest", 1), whole(content, "index"), whole(content, "version", 1)
        head, stream = hexadecimal(content, "hash"), text(content, "stream")
        if not self.enter(stream, version):
            return
        self.counts["leaves"] += 1
        tree = self.trees.setdefault(by, Tree())
        if not tree.faulty and index == tree.leaves:
            tree.push(leaf_hash(content))
        elif not tree.faulty:
            tree.faulty = True
            if index > tree.leaves:
                self.find("leaf_removed", f"a head of digest {by} is missing before that of {stream}", digest=by)
            else:
                self.find("leaf_inserted", f"digest {by} has another head at place {index}", stream, digest=by)
        history = self.history
        if history.fault or history.awaited:
            return
        if version > history.version:
            history.awaited = (by, version)
        elif version < history.version:
            history.fault = self.finding("order", "the head does not stand after its commit", stream, version, by)
        elif head == history.head:
            history.digested = history.events
        else:
            history.fault = self.finding("rewritten", f"digest {by} has another head", stream, version, by)

    def digest(self, content):
        signed_digest(content)
        sequence, leaves, previous, root = (content[name] for name in ("sequence", "leaves", "previous", "root"))
        if self.section == "histories":
            self.end_history()
            self.section = "digests"
        self.counts["digests"] += 1
        own = sha256(canonical(without(content, "signature")))
        if not is_signed(content, self.keys):
            self.find("digest_forged", "the digest is not signed by a key that is known", digest=sequence)
        if sequence <= self.last:
            return self.find("digest_moved", f"digest {sequence} comes after digest {self.last}", digest=sequence)
        if sequence > self.last + 1:
            self.find("digest_removed", f"digest {sequence} comes after digest {self.last}", digest=self.last + 1)
        elif previous != self.last_hash:
            self.find("digest_chain", "the digest does not follow the one before it", digest=sequence)
        if self.kept.get(sequence, own) != own:
            self.find("digest_replaced", "the digest is another than the one that was kept", digest=sequence)
        tree = self.trees.pop(sequence, None) or Tree()
        if not tree.faulty:
            if tree.leaves < leaves:
                self.find("leaf_removed", f"{leaves} heads are expected, and {tree.leaves} are there", digest=sequence)
            elif tree.leaves > leaves:
                self.find("leaf_inserted", f"{leaves} heads are expected, and {tree.leaves} are there", digest=sequence)
            elif tree.root() != root:
                self.find("leaf_changed", "the tree of the heads has another root", digest=sequence)
        self.last, self.last_hash = sequence, own
        self.last_digest = {"sequence": sequence, "taken_at": content["taken_at"], "hash": own}

    def end(self, content, so_far):
        names = ("commits", "digests", "events", "leaves", "streams")
        has_only(content, "sha256", *names)
        said, said_sha256 = {name: whole(content, name) for name in names}, hexadecimal(content, "sha256")
        self.end_history()
        self.section = "ended"
        if said != self.counts or said_sha256 != so_far:
            self.find("end", "the last line says something else than what is there")

    def enter(self, name, version):
        if self.section == "digests":
            self.find("order", "a line of a history stands among the digests", name, version)
            return False
        if self.history is None or self.history.name != name:
            before = self.end_history()
            self.history = History(name)
            if before is not None and name.encode() <= before.encode():
                self.history.fault = self.finding("order", f"{name} stands after {before}", name, version)
        return True

    def end_history(self):
        history, self.history = self.history, None
        if history is None:
            return None
        self.counts["streams"] += history.commits > 0
        undigested, after = history.events - history.digested, history.digested + 1
        self.undigested += undigested
        if undigested and len(self.undigested_histories) < MOST_LISTED:
            self.undigested_histories.append({"stream": history.name, "from": after})
        elif undigested:
            self.more_undigested += 1
        if history.fault:
            self.add(history.fault)
        elif history.awaited:
            by, awaited = history.awaited
            reason = f"the history ends at version {history.version}, and digest {by} has its version {awaited}"
            self.find("truncated", reason, history.name, history.version, by)
        elif undigested and self.complete:
            self.find("undigested", f"from version {after} on it is under no digest", history.name, after)
        return history.name

    def finish(self):
        if self.section != "ended":
            self.end_history()
            self.find("cut", "the last line is missing")
        elif not self.ended:
            self.find("cut", "the line feed of the last line is missing")
        for sequence in sorted({*self.trees, *self.kept}):
            if sequence > self.last:
                self.find("digest_removed", f"digest {sequence} is missing", digest=sequence)
        if not self.counts["digests"]:
            self.find("no_digest", "there is no digest: that nothing is missing cannot be shown")
        names = ("undigested", "undigested_histories", "more_undigested", "complete", "last_digest", "findings", "more_findings")
        return {**self.counts, **{name: getattr(self, name) for name in names}}


def verify_export(lines, keys, kept=(), complete=False):
    """Verifies an export, of which `lines` gives the lines with their line feeds."""
    verifier = Verifier(keys, kept, complete)
    for line in lines:
        verifier.line(line)
    return verifier.finish()


def bounded(file):
    """The lines of a file, with their line feeds; None in place of one that is longer than any may be."""
    while line := file.readline(LONGEST_LINE):
        if line.endswith(b"\n") or len(line) < LONGEST_LINE:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(LONGEST_LINE)
        yield None


# A proof


PROOF = ("commits", "digest", "event_id", "format", "index", "path", "stream", "version")
COMMIT = ("actor", "causation_id", "command_id", "correlation_id", "events", "fingerprint", "hash", "prev_hash", "recorded_at")


def is_list(content, name):
    if not isinstance(content.get(name), list):
        raise Malformed(f"{name} is not a list")
    return content[name]


def proof_commit(content):
    """The shape of a commit in a proof."""
    has_only(content, "stream", "version", *COMMIT)
    for name in set(COMMIT) - {"actor", "causation_id", "events"}:
        text(content, name)
    hexadecimal(content, "hash"), hexadecimal(content, "prev_hash"), whole(content, "version", 1)
    has_only(content["stream"], "id", "type")
    text(content["stream"], "id"), text(content["stream"], "type")
    for event in is_list(content, "events"):
        has_only(event, "data", "schema", "type")
        text(event, "type"), whole(event, "schema")
    return content


def verify_proof(proof, keys):
    """What is wrong with a proof; None when it proves its event."""
    try:
        has_only(proof, *PROOF)
        if text(proof, "format") != "muster-proof-1":
            return "the proof is of another format"
        stream, version, index = text(proof, "stream"), whole(proof, "version", 1), whole(proof, "index")
        commits, digest = [proof_commit(commit) for commit in is_list(proof, "commits")], signed_digest(proof["digest"])
        path = [hexadecimal({"path": beside}, "path") for beside in is_list(proof, "path")]
        first, before = commits[0], None
        inside = first["version"] <= version < first["version"] + len(first["events"])
        own_id = str(uuid.uuid5(EVENT_IDS, f"{stream}@{version}"))
        if not inside or stream != "{type}#{id}".format(**first["stream"]) or text(proof, "event_id") != own_id:
            return "the first commit does not hold the event that the proof names"
        for commit in commits:
            if before:
                end = before["version"] + len(before["events"])
                if (commit["stream"], commit["version"], commit["prev_hash"]) != (first["stream"], end, before["hash"]):
                    return f"the commit at version {commit['version']} does not follow the one before it"
            if not commit["events"] or commit_hash(commit) != commit["hash"]:
                return f"the commit at version {commit['version']} was changed"
            before = commit
        head = {"stream": stream, "version": before["version"] + len(before["events"]) - 1, "hash": before["hash"]}
        if root_of_path(leaf_hash(head), index, digest["leaves"], path) != digest["root"]:
            return "the path does not lead to the root that the digest has"
        return None if is_signed(digest, keys) else "the digest is not signed by a key that is known"
    except (AttributeError, KeyError, TypeError, ValueError, IndexError, OverflowError, RecursionError, Malformed) as error:
        return f"not a proof: {error!r}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--export", metavar="FILE", help="an export of `muster export`")
    what.add_argument("--proof", metavar="FILE", help="a proof of `muster prove`")
    parser.add_argument("--key", metavar="FILE", required=True, help="the public key, or several, in PEM")
    parser.add_argument("--kept", metavar="FILE", action="append", default=[], help="a digest that you kept")
    parser.add_argument("--complete", action="store_true", help="every event must be under a digest")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()
    try:
        return answer(args)
    except Unusable as error:
        print(f"verify_export.py: {error}", file=sys.stderr)
    except OSError as error:
        print(f"verify_export.py: cannot use {error.filename}: {error.strerror}", file=sys.stderr)
    return 2


def read(path):
    with open(path, "rb") as file:
        return file.read()


def answer(args):
    # What stands between the keys does not matter, nor how it is encoded.
    keys = keys_of(read(args.key).decode("utf-8", "replace"))
    if args.proof:
        data = read(args.proof)
        try:
            wrong = verify_proof(parsed(data), keys)
        except (ValueError, RecursionError, Malformed) as error:
            wrong = f"not a proof: {error}"
        print(f"NOT PROVEN  {wrong}" if wrong else "proven")
        return int(wrong is not None)
    kept = []
    for path in args.kept:
        data = read(path)
        try:
            kept.append(signed_digest(parsed(data)))
        except (ValueError, TypeError, AttributeError, RecursionError, Malformed) as error:
            raise Unusable(f"{path}: not a digest: {error}") from None
    with open(args.export, "rb") as file:
        verified = verify_export(bounded(file), keys, kept, args.complete)
    if args.json:
        print(json.dumps(verified))
    else:
        for found in verified["findings"]:
            about = "  ".join(f"{name} {found[name]}" for name in ("stream", "version", "digest") if name in found)
            print(f"TAMPERED  line {found['line']}  {found['code']}  {about}  {found['reason']}")
        if verified["more_findings"]:
            print(f"and {verified['more_findings']} findings more")
        if not verified["complete"]:
            for history in verified["undigested_histories"]:
                print(f"UNDIGESTED  {history['stream']}  from version {history['from']}")
            if verified["more_undigested"]:
                print(f"and {verified['more_undigested']} histories more under no digest")
        print("{events} events in {commits} commits of {streams} streams, {digests} digests".format(**verified))
    return int(bool(verified["findings"]))


if __name__ == "__main__":
    sys.exit(main())
