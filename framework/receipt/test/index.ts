import './certificate.test.ts';
import './service-endorsement.test.ts';
import './verify-receipt.test.ts';
