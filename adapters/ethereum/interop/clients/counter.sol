// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// What Hardhat and Foundry compile and deploy: an event, a reason, an error with arguments.
contract Counter {
    error TooMuch(uint256 asked, uint256 most);

    event Counted(address indexed who, uint256 value);

    uint256 public value;

    function count(uint256 by) external {
        require(by > 0, "nothing to count");
        if (by > 10) revert TooMuch(by, 10);
        value += by;
        emit Counted(msg.sender, value);
    }
}
