/** All tests of the room, in one process. */
import './api-version.test.ts';
import './attempt-token.test.ts';
import './attempt-certificate.test.ts';
import './authenticate.test.ts';
import './caller-value.test.ts';
import './error-response.test.ts';
import './issuer-constraint.test.ts';
import './open-api.test.ts';
import './path-template.test.ts';
import './placement.test.ts';
import './registry.test.ts';
import './transaction-endpoints.test.ts';
import './transaction-status.test.ts';
