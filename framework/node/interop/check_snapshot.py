"""What PyPI ccf says of a snapshot's file, with none of Coco's code. Arguments: the file, and
optionally the ledger secret in hex. Prints one JSON line.

The constructor verifies the receipt of a committed file against the service in the snapshot.
"""

import json
import sys

import ccf.ledger
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

path, *secret = sys.argv[1:]
with ccf.ledger.Snapshot(path) as snapshot:
    domain = snapshot.get_public_domain()
    tables = domain.get_tables()
    answer = {
        "committed": snapshot.is_committed(),
        "seqno": domain.get_seqno(),
        "tables": sorted(tables),
        "rows": sum(len(rows) for rows in tables.values()),
    }
if secret:
    raw = open(path, "rb").read()
    end = 8 + int.from_bytes(raw[2:8], "little")
    size = int.from_bytes(raw[36:44], "little")
    public, ciphertext = raw[44 : 44 + size], raw[44 + size : end]
    plain = AESGCM(bytes.fromhex(secret[0])).decrypt(raw[24:36], ciphertext + raw[8:24], public)
    answer["private_bytes"] = len(plain)
print(json.dumps(answer))
