// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

/// The title to a cargo: whoever holds the token may collect it.
contract BillOfLading is ERC721 {
    address public immutable carrier;
    mapping(uint256 => string) public cargoOf;

    error OnlyCarrier(address caller);

    constructor() ERC721("Bill of Lading", "BOL") {
        carrier = msg.sender;
    }

    function issue(address shipper, uint256 id, string calldata cargo) external {
        if (msg.sender != carrier) revert OnlyCarrier(msg.sender);
        cargoOf[id] = cargo;
        _mint(shipper, id);
    }
}
