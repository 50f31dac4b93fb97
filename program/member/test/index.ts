import './governance-service.test.ts';
import './member-files.test.ts';
import './plan.test.ts';
import './proposal.test.ts';
import './signer.test.ts';
import './signing-request.test.ts';
import './votes.test.ts';
