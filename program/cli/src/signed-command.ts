/**
 * The course of every command that a member signs: what it will do is shown, then confirmed, then
 * signed and submitted; or written out for a signature made elsewhere, and finished later.
 */
import { printable } from '@coco/base';
import type { Certificate } from '@coco/crypto';
import type { MemberRequest, SignedRequest, Submitted } from '@coco/member';
import type { Flag, Given } from './command-line.ts';
import { confirm, confirmationFlags } from './confirmation.ts';
import { cliError } from './errors.ts';
import { uninterrupted } from './interruption.ts';
import { type Network, networkFlags } from './network.ts';
import { note, outputFlags, show } from './output.ts';
import {
  certificateOf,
  finishFromFile,
  identityFlags,
  readSigningRequest,
  signRequest,
  twoStepFlags,
  writeSigningRequest,
} from './signing.ts';

export const signedFlags: Readonly<Record<string, Flag>> = {
  ...identityFlags,
  ...twoStepFlags,
  ...networkFlags,
  ...confirmationFlags,
  ...outputFlags,
};

/** Something that a member is about to sign. */
export interface Intent {
  readonly request: MemberRequest;
  /** Shown before it is signed. */
  readonly preview: string;
  /** Asked before it is signed; undefined where it changes nothing that matters. */
  readonly question: string | undefined;
}

export interface Signed extends Submitted {
  /** Of the member who signed. */
  readonly certificate: Certificate;
}

/**
 * Undefined when the request was only prepared; then the person was told how to go on.
 * @throws NotConfirmed, WrongUsage, and what signing and submitting throw
 */
export async function submitSigned(
  given: Given,
  network: Network,
  act: {
    readonly type: MemberRequest['type'];
    /** Not called where a prepared request is finished: there it stands already. */
    readonly plan: (certificate: Certificate) => Promise<Intent>;
    /** What of a prepared request a person must see before it goes out, and what is asked. */
    readonly review: (request: MemberRequest) => Promise<Omit<Intent, 'request'>>;
  },
): Promise<Signed | undefined> {
  const prepared = given.text('finish');
  if (prepared !== undefined) {
    const waiting = await readSigningRequest(prepared);
    if (waiting.request.type !== act.type) {
      const message = `${prepared} holds a request of type ${waiting.request.type}, not ${act.type}.`;
      throw cliError('WrongUsage', message);
    }
    const request = await finishFromFile(given, waiting);
    const { preview, question } = await act.review(waiting.request);
    say(given, preview);
    if (question !== undefined) await confirm(given, question);
    const { certificate } = waiting;
    return { ...(await submit(network, request)), certificate };
  }
  const certificate = await certificateOf(given);
  const { request, preview, question } = await act.plan(certificate);
  say(given, preview);
  const path = given.text('prepare');
  if (path !== undefined) {
    await uninterrupted('Writing', () => writeSigningRequest(path, certificate, request));
    showPrepared(given, path);
    return undefined;
  }
  if (question !== undefined) await confirm(given, question);
  const signed = await signRequest(given, request);
  return { ...(await submit(network, signed)), certificate };
}

function submit(network: Network, request: SignedRequest): Promise<Submitted> {
  return uninterrupted('What was signed', () => network.governance.submit(request));
}

function say(given: Given, text: string): void {
  if (text === '') return;
  if (given.isSet('json')) note(text);
  else console.log(printable(text));
}

/** Tells how to go on behind --prepare. */
export function showPrepared(given: Given, path: string): void {
  const document = { prepared: path, toBeSigned: `${path}.tbs` };
  const text = [
    `Prepared in ${path}; nothing was sent. Sign the bytes of ${path}.tbs where the key is, then`,
    'run the same command again with:',
    `  --finish ${path} --signature SIGNATURE_FILE`,
  ];
  show(given, document, text.join('\n'));
}
