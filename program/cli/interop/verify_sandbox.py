"""Verifies a copied ledger folder and COSE receipts with PyPI ccf alone.

Standard input: JSON {"ledger": folder, "receipts": [{"cose": hex, "service": PEM, "claims": hex}]}
Standard output, last line: JSON {"committed": id, "uncommitted": id, "receipts": count}
"""

import contextlib
import io
import json
import sys

import ccf.ledger
import ccf.read_ledger
import ccf.receipt
from cryptography import x509


def verify(folder, uncommitted):
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        is_fine = ccf.read_ledger.run(
            [folder],
            ccf.read_ledger.PrintMode.Quiet,
            uncommitted=uncommitted,
            verification_level=ccf.ledger.VerificationLevel.FULL,
        )
    last = text.getvalue().strip().splitlines()[-1]
    if not is_fine or "until" not in last:
        sys.exit(f"not verified: {last}")
    return last.rsplit("until ", 1)[1]


request = json.load(sys.stdin)
for receipt in request["receipts"]:
    key = x509.load_pem_x509_certificate(receipt["service"].encode()).public_key()
    ccf.receipt.verify_cose(bytes.fromhex(receipt["cose"]), key, bytes.fromhex(receipt["claims"]))
print(
    json.dumps(
        {
            "committed": verify(request["ledger"], False),
            "uncommitted": verify(request["ledger"], True),
            "receipts": len(request["receipts"]),
        }
    )
)
