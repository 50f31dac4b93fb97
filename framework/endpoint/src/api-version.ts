/** The api-version query parameter of the /gov endpoints (CCF). */
import { endpointError } from './errors.ts';
import type { Request } from './request.ts';

export type ApiVersion = '2023-06-01-preview' | '2024-07-01';

const apiVersions: readonly ApiVersion[] = ['2023-06-01-preview', '2024-07-01'];

/**
 * The version that the request names, if the endpoint serves it.
 * @throws MissingApiVersionParameter, UnsupportedApiVersionValue
 */
export function parseApiVersion(
  request: Request,
  supported: readonly ApiVersion[] = apiVersions,
): ApiVersion {
  const value = request.query.get('api-version');
  const list = `The supported api-versions are: ${supported.join(', ')}`;
  if (value === undefined) {
    throw endpointError(
      'MissingApiVersionParameter',
      `The api-version query parameter (?api-version=) is required for all requests. ${list}`,
    );
  }
  const version = supported.find((candidate) => candidate === value);
  if (!version) {
    throw endpointError(
      'UnsupportedApiVersionValue',
      `Unsupported api-version '${value}'. ${list}`,
    );
  }
  return version;
}
