"""What the interop test asks PyPI ccf about a ledger. Reads one JSON request from standard input,
answers one JSON line. Uses none of Coco's code.

  {"verify": folder, "uncommitted": bool}        -> {"ok": bool, "last": "<view>.<seqno>" or error text}
  {"changes": folder, "list": [[file, at, bit]]} -> {"noticed": [bool]}   (FULL, uncommitted, and "until")
  {"folders": [folder]}                          -> {"verdicts": [{"ok": bool, "last": text}]}
  {"receipts": [[file, claims hex]], "certificate": pem file} -> {"transactions": [signature ids]}
  {"decrypt": folder, "secrets": [[from seqno, hex]]} -> {"entries": count}
"""

import contextlib
import hashlib
import hmac
import io
import json
import os
import shutil
import sys
import tempfile

import ccf.ledger
import ccf.read_ledger
import ccf.receipt
from cryptography import x509
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def verify(folder, uncommitted):
    text = io.StringIO()
    level = ccf.ledger.VerificationLevel["FULL"]
    with contextlib.redirect_stdout(text):
        try:
            ok = ccf.read_ledger.run(
                [folder],
                ccf.read_ledger.PrintMode.Quiet,
                uncommitted=uncommitted,
                verification_level=level,
            )
        except Exception as error:
            return False, f"{type(error).__name__}: {error}"
    lines = text.getvalue().strip().splitlines()
    last = lines[-1] if lines else ""
    return bool(ok), last.rsplit("until ", 1)[-1] if "until " in last else last


def changes(folder, changed):
    _, last = verify(folder, True)
    noticed = []
    for name, at, bit in changed:
        with tempfile.TemporaryDirectory() as scratch:
            copy = os.path.join(scratch, "copy")
            shutil.copytree(folder, copy)
            path = os.path.join(copy, name)
            with open(path, "r+b") as file:
                file.seek(at)
                byte = file.read(1)[0]
                file.seek(at)
                file.write(bytes([byte ^ (1 << bit)]))
            ok, until = verify(copy, True)
            noticed.append(not ok or until != last)
    return noticed


def receipts(listed, certificate):
    with open(certificate, "rb") as file:
        key = x509.load_pem_x509_certificate(file.read()).public_key()
    transactions = []
    for name, claims in listed:
        with open(name, "rb") as file:
            raw = file.read()
        digest = bytes.fromhex(claims)
        header = ccf.receipt.verify_cose(raw, key, digest)
        transactions.append(header["ccf.v1"]["txid"])
        wrong = [(raw, bytes(31) + b"\1")]
        for at in (20, len(raw) // 2, len(raw) - 5):
            flipped = bytearray(raw)
            flipped[at] ^= 1
            wrong.append((bytes(flipped), digest))
        for changed, claim in wrong:
            try:
                ccf.receipt.verify_cose(changed, key, claim)
            except Exception:
                continue
            raise AssertionError(f"a changed receipt passes: {name}")
    return transactions


def decrypt(folder, secrets):
    count = 0
    for entry in ccf.ledger.Ledger([folder], committed_only=False).transactions():
        raw = entry.get_raw_tx()
        size = int.from_bytes(raw[36:44], "little")
        public, ciphertext = raw[44 : 44 + size], raw[44 + size :]
        seqno = int.from_bytes(raw[24:32], "little")
        key = bytes.fromhex([secret for start, secret in secrets if start <= seqno][-1])
        AESGCM(key).decrypt(raw[24:36], ciphertext + raw[8:24], public)
        text = str(entry.get_txid())
        commit_key = hmac.digest(key, b"Commit S", "sha256")
        nonce = hmac.digest(commit_key, text.encode(), "sha256").hex()
        digest = hashlib.sha256(f"ce:{text}:{nonce}".encode()).digest()
        assert digest == entry.get_public_domain().get_commit_evidence_digest(), text
        count += 1
    return count


request = json.load(sys.stdin)
if "verify" in request:
    ok, last = verify(request["verify"], request["uncommitted"])
    answer = {"ok": ok, "last": last}
elif "changes" in request:
    answer = {"noticed": changes(request["changes"], request["list"])}
elif "folders" in request:
    verdicts = [verify(folder, True) for folder in request["folders"]]
    answer = {"verdicts": [{"ok": ok, "last": last} for ok, last in verdicts]}
elif "receipts" in request:
    answer = {"transactions": receipts(request["receipts"], request["certificate"])}
else:
    answer = {"entries": decrypt(request["decrypt"], request["secrets"])}
print(json.dumps(answer))
