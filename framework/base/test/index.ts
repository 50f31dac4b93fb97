import './bytes.test.ts';
import './cbor.test.ts';
import './errors.test.ts';
import './json.test.ts';
import './memory-disk.test.ts';
import './ports.test.ts';
import './reader-writer.test.ts';
import './transaction-id.test.ts';
