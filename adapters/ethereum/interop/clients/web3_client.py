"""web3.py, unmodified: COCO_URL, COCO_KEY, COCO_TOKEN (abi and bytecode of the test token)."""

import json
import os

from eth_account import Account
from web3 import Web3
from web3.exceptions import (
    ContractCustomError,
    ContractLogicError,
    ContractPanicError,
    TransactionNotFound,
    Web3RPCError,
)
from web3.middleware import SignAndSendRawMiddlewareBuilder

OTHER = Web3.to_checksum_address("0x" + "44" * 20)

w3 = Web3(Web3.HTTPProvider(os.environ["COCO_URL"]))
account = Account.from_key(os.environ["COCO_KEY"])
w3.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(account), layer=0)
w3.eth.default_account = account.address
with open(os.environ["COCO_TOKEN"], encoding="utf8") as file:
    token = json.load(file)


def receipt_of(sent):
    receipt = w3.eth.wait_for_transaction_receipt(sent, timeout=30, poll_latency=0.05)
    assert receipt["status"] == 1, receipt
    return receipt


def refusal(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} is raised")


assert w3.is_connected()
assert w3.eth.chain_id == 2017
factory = w3.eth.contract(abi=token["abi"], bytecode=token["bytecode"])
address = receipt_of(factory.constructor(1000).transact())["contractAddress"]
contract = w3.eth.contract(address=address, abi=token["abi"])

receipt = receipt_of(contract.functions.transfer(OTHER, 7).transact())
(event,) = contract.events.Transfer().process_receipt(receipt)
assert event["args"]["value"] == 7
assert contract.functions.balanceOf(OTHER).call() == 7
logs = contract.events.Transfer().get_logs(
    from_block=receipt["blockNumber"], argument_filters={"to": OTHER}
)
assert [log["args"]["value"] for log in logs] == [7]

error = refusal(ContractLogicError, contract.functions.failWithReason().call)
assert "not today" in str(error), error
error = refusal(ContractCustomError, contract.functions.failWithError(9).call)
assert error.data.endswith("9".zfill(64)), error.data
refusal(ContractPanicError, contract.functions.panic(0).call)
refusal(ContractCustomError, lambda: contract.functions.transfer(OTHER, 10_000).transact())
refusal(TransactionNotFound, lambda: w3.eth.get_transaction("0x" + "77" * 32))

assert w3.eth.gas_price == 0
fees = w3.eth.fee_history(4, "latest", [25, 75])
assert len(fees["reward"]) == len(fees["gasUsedRatio"])
assert w3.eth.max_priority_fee >= 0

nonce = w3.eth.get_transaction_count(account.address)
transfer = {"to": OTHER, "value": 1, "gas": 21_000, "maxFeePerGas": 0, "maxPriorityFeePerGas": 0}
signed = [
    account.sign_transaction({**transfer, "chainId": 2017, "nonce": nonce + step}).raw_transaction
    for step in (2, 0, 1, 3)
]
for hash in [w3.eth.send_raw_transaction(raw) for raw in signed]:
    receipt_of(hash)
assert w3.eth.get_transaction_count(account.address) == nonce + 4
late = account.sign_transaction({**transfer, "chainId": 2017, "nonce": nonce, "value": 2})
error = refusal(Web3RPCError, lambda: w3.eth.send_raw_transaction(late.raw_transaction))
assert "nonce too low" in str(error), error
block = w3.eth.get_block("latest", full_transactions=True)
assert block["number"] == w3.eth.block_number or w3.eth.block_number > block["number"]
print("web3.py", w3.api)
