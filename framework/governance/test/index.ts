/** All tests of the room, in one process. */
import './acknowledgement.test.ts';
import './genesis.test.ts';
import './governance-model.test.ts';
import './governance-request.test.ts';
import './lifecycle.test.ts';
import './native-functions.test.ts';
import './proposals.test.ts';
import './recovery-share.test.ts';
import './recovery.test.ts';
import './rekey-ledger.test.ts';
import './replay-window.test.ts';
import './reshare.model.test.ts';
import './service-endpoints.test.ts';
import './tables.test.ts';
import './certificate-functions.test.ts';
import './certificate-time.test.ts';
import './standing-permissions.test.ts';
