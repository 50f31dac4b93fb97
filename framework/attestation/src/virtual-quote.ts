/**
 * The quote of the virtual platform: CCF's JSON {host_data, measurement, report_data}, format
 * Insecure_Virtual. It proves nothing by itself: see virtual-platform.ts for who signs it.
 */
import {
  encodeJson,
  fromBase64,
  isJsonObject,
  LedgerError,
  parseJson,
  toBase64,
  toHex,
  utf8Encode,
} from '@coco/base';
import { refuseEvidence } from './errors.ts';

export const virtualFormat = 'Insecure_Virtual';
/** A quote has some 250 bytes. */
const quoteBytesMax = 4096;
const measurementTextMax = 256;

export interface VirtualQuote {
  /** Names the code that runs; for Coco the lower-case hex of a digest of its files. */
  readonly measurement: string;
  /** 64 lower-case hex digits: a digest of what the host configured, here the launcher. */
  readonly hostData: string;
  /** 32 or 64 bytes; the first 32 are the digest of the node's key. */
  readonly reportData: Uint8Array;
}

/** @throws EvidenceMalformed when a part is out of its form. */
export function encodeVirtualQuote(quote: VirtualQuote): Uint8Array {
  assertForm(quote);
  return encodeJson({
    host_data: quote.hostData,
    measurement: quote.measurement,
    report_data: toBase64(quote.reportData),
  });
}

/** @throws EvidenceMalformed */
export function parseVirtualQuote(bytes: Uint8Array): VirtualQuote {
  try {
    const value = parseJson(bytes, { bytesMax: quoteBytesMax, depthMax: 1 });
    const {
      measurement,
      host_data: hostData,
      report_data: reportData,
    } = isJsonObject(value) ? value : {};
    if (
      typeof measurement !== 'string' ||
      typeof hostData !== 'string' ||
      typeof reportData !== 'string'
    ) {
      throw refuseEvidence('EvidenceMalformed', 'A part of the virtual quote is missing.');
    }
    const quote = { measurement, hostData, reportData: fromBase64(reportData) };
    assertForm(quote);
    return quote;
  } catch (cause) {
    if (!(cause instanceof LedgerError) || cause.code === 'EvidenceMalformed') throw cause;
    throw refuseEvidence('EvidenceMalformed', 'The bytes are not a virtual quote.', {}, cause);
  }
}

function assertForm(quote: VirtualQuote): void {
  const { measurement, hostData, reportData } = quote;
  const isMeasurement = measurement.length > 0 && measurement.length <= measurementTextMax;
  const isHostData = /^[0-9a-f]{64}$/.test(hostData);
  if (!isMeasurement || !isHostData || (reportData.length !== 32 && reportData.length !== 64)) {
    throw refuseEvidence('EvidenceMalformed', 'A part of the virtual quote has the wrong form.');
  }
}

/** The measurement as GET /node/quotes/self shows it: hex of its text (CCF's way). */
export function virtualMeasurementHex(quote: VirtualQuote): string {
  return toHex(utf8Encode(quote.measurement));
}
