import './service-endorsement.test.ts';
import './verify-receipt.test.ts';
