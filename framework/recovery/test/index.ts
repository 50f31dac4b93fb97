import './backup.test.ts';
import './decide-recovery.test.ts';
import './judge-copies.model.test.ts';
import './judge-copies.test.ts';
import './ledger-mark.test.ts';
