/** A Hardhat project whose only network is the one that the test put into COCO_URL. */
import ignition from '@nomicfoundation/hardhat-ignition';

export default {
  plugins: [ignition],
  solidity: '0.8.28',
  networks: {
    coco: { type: 'http', url: process.env.COCO_URL, accounts: [process.env.COCO_KEY] },
  },
};
