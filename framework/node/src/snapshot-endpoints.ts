/**
 * GET /node/snapshot and /node/snapshot/{name}: snapshots for nodes and operators, as CCF serves
 * them: the first redirects to the newest one, the second gives a part of a file. As in CCF a
 * range's end is exclusive, unlike RFC 9110's, and every answer is a part (206): a client goes on
 * where `content-range` ends. Files are encrypted where they hold what is private, but tell much in
 * clear: trusted nodes read them, and whoever the operator opens them to on an interface.
 */

import { emptyBytes, LedgerError } from '@coco/base';
import { type Call, type CommandEndpoint, endpointError, type Response } from '@coco/endpoint';
import { formatSnapshotName, type SnapshotFiles } from '@coco/ledger';

/** One answer; the interface's own budget of bytes bounds how many there are at once. */
const partBytesMax = 8 * 1024 * 1024;

export function snapshotEndpoints(files: SnapshotFiles): readonly CommandEndpoint[] {
  const endpoint = (
    method: 'GET' | 'HEAD',
    path: string,
    handle: CommandEndpoint['handle'],
  ): CommandEndpoint => ({
    method,
    path,
    summary: 'Snapshot of the state',
    authentication: ['node_cert'],
    operatorFeature: 'SnapshotRead',
    mode: 'command',
    handle,
  });
  const named = '/node/snapshot/{name}';
  return [
    endpoint('GET', '/node/snapshot', (call) => redirectToNewest(files, call)),
    endpoint('HEAD', '/node/snapshot', (call) => redirectToNewest(files, call)),
    endpoint('GET', named, (call) => partOf(files, call)),
    endpoint('HEAD', named, (call) => headOf(files, call)),
  ];
}

function redirectToNewest(files: SnapshotFiles, call: Call): Response {
  const since = call.request.query.get('since') ?? '0';
  if (!/^\d{1,15}$/.test(since)) {
    const message = `Query parameter 'since' (${since}) is not a seqno`;
    throw endpointError('InvalidQueryParameterValue', message);
  }
  const newest = files.newest(Number(since));
  if (!newest) {
    const message = 'This node has no snapshot, or none that is recent enough.';
    throw endpointError('ResourceNotFound', message);
  }
  // CCF names host and scheme; without them the answer holds on plain HTTP and behind a proxy, too.
  const location = `/node/snapshot/${formatSnapshotName(newest)}`;
  return { status: 308, headers: { location }, body: emptyBytes };
}

async function headOf(files: SnapshotFiles, call: Call): Promise<Response> {
  const { name, size } = await fileOf(files, call);
  const headers = { ...headersOf(name), 'content-length': String(size) };
  return { status: 200, headers, body: emptyBytes };
}

async function partOf(files: SnapshotFiles, call: Call): Promise<Response> {
  const { name, size } = await fileOf(files, call);
  const { from, to } = rangeOf(call.request.headers.get('range'), size);
  const end = Math.min(to, from + partBytesMax);
  const body = await files.read(name, { offset: from, length: end - from });
  const range = { 'content-range': `bytes ${from}-${end}/${size}` };
  return { status: 206, headers: { ...headersOf(name), ...range }, body };
}

function headersOf(name: string): Readonly<Record<string, string>> {
  return {
    'content-type': 'application/octet-stream',
    'accept-ranges': 'bytes',
    'x-ms-ccf-snapshot-name': name,
  };
}

async function fileOf(
  files: SnapshotFiles,
  call: Call,
): Promise<{ readonly name: string; readonly size: number }> {
  const name = call.parameters.get('name') ?? '';
  try {
    return { name, size: await files.size(name) };
  } catch (cause) {
    if (!(cause instanceof LedgerError) || cause.code !== 'EntryNotFound') throw cause;
    const message = `This node does not have a snapshot named ${name}`;
    throw endpointError('ResourceNotFound', message, {}, cause);
  }
}

/** `bytes=<from>-<to>`, `bytes=<from>-` or `bytes=-<count>`. @throws InvalidHeaderValue */
function rangeOf(
  text: string | undefined,
  size: number,
): { readonly from: number; readonly to: number } {
  if (text === undefined) return { from: 0, to: size };
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(text) ?? [];
  if (first === '' && last === '') {
    throw endpointError('InvalidHeaderValue', `Invalid format, cannot parse range in ${text}`);
  }
  const from = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const to = first === '' || last === '' ? size : Math.min(Number(last), size);
  if (from < to) return { from, to };
  const message = `Invalid range: ${text} of a file of ${size} bytes`;
  throw endpointError('InvalidHeaderValue', message);
}
