// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// Money that the bank issues to the buyer; two decimals, as an account statement has.
contract TradeMoney is ERC20 {
    constructor(address holder, uint256 amount) ERC20("Trade Euro", "TEUR") {
        _mint(holder, amount);
    }

    function decimals() public pure override returns (uint8) {
        return 2;
    }
}
