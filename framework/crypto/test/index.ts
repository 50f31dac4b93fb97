import './aead.test.ts';
import './certificate.test.ts';
import './cose-signature.test.ts';
import './digest.test.ts';
import './encryption-key.test.ts';
import './signing-key.test.ts';
import './signing-request.test.ts';
import './token-signature.test.ts';
