import './audit-service.test.ts';
import './declared-recovery.test.ts';
import './misbehaving-service.test.ts';
import './replay-decision.test.ts';
import './hostile-rows.test.ts';
import './change-rules.test.ts';
import './governed-ledger.test.ts';
