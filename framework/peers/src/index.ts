/** The door of @coco/peers. */
export { peersError } from './errors.ts';
export { PeerChannel, type PeerListen } from './peer-channel.ts';
export { PeerJournal, type PeerReport } from './peer-journal.ts';
export type { LinkMeasures, Peer } from './peer-link.ts';
export { keyIdOf } from './peer-tls.ts';
export { keyExchangeGroups, type TlsIdentity } from './tls-identity.ts';
