// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

/// Title against money, in one transaction: both change hands, or neither does.
contract DeliveryVersusPayment {
    using SafeERC20 for IERC20;

    struct Offer {
        address seller;
        address buyer;
        uint256 price;
    }

    IERC20 public immutable money;
    IERC721 public immutable title;
    mapping(uint256 => Offer) public offers;

    event Offered(uint256 indexed id, address indexed seller, address indexed buyer, uint256 price);
    event Settled(uint256 indexed id, address indexed seller, address indexed buyer, uint256 price);

    error NoOffer(uint256 id);
    error NotTheBuyer(address caller);

    constructor(IERC20 money_, IERC721 title_) {
        money = money_;
        title = title_;
    }

    /// The seller places the title in escrow and names buyer and price.
    function offer(uint256 id, address buyer, uint256 price) external {
        offers[id] = Offer(msg.sender, buyer, price);
        title.transferFrom(msg.sender, address(this), id);
        emit Offered(id, msg.sender, buyer, price);
    }

    /// The buyer pays, and receives the title.
    function settle(uint256 id) external {
        Offer memory agreed = offers[id];
        if (agreed.seller == address(0)) revert NoOffer(id);
        if (agreed.buyer != msg.sender) revert NotTheBuyer(msg.sender);
        delete offers[id];
        money.safeTransferFrom(msg.sender, agreed.seller, agreed.price);
        title.transferFrom(address(this), msg.sender, id);
        emit Settled(id, agreed.seller, msg.sender, agreed.price);
    }
}
