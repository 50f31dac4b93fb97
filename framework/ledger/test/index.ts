import './audit-ledger.test.ts';
import './entry.test.ts';
import './ledger-files.test.ts';
import './ledger-secrets.test.ts';
import './nonce-guard.test.ts';
import './recover-ledger.test.ts';
import './sequencer.test.ts';
