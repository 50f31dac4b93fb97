/**
 * Which `iss` a token may have, given the issuer to which its key is bound. An issuer of one
 * organisation must not vouch for another's names (facts: CCF's two checks). Entra serves many
 * tenants with the same keys: there the token's tenant must stand in its issuer.
 */
import type { WebToken } from './json-web-token.ts';

const entraHost = 'login.microsoftonline.com';
const tenantPlaceholder = '{tenantid}';

/** Whether a key of `issuer` may be bound to `constraint`: the same host, or a domain above it. */
export function isConstraintOf(issuer: string, constraint: string): boolean {
  const [own, bound] = [urlOf(issuer)?.hostname, urlOf(constraint)?.hostname];
  if (own === undefined || bound === undefined) return false;
  // An address has no parent, though it ends like one: 1.127.0.0.1 is no name.
  return own === bound || (own.endsWith(`.${bound}`) && !/^[\d.]+$|:/.test(bound));
}

/** Whether a token's issuer, and tenant where it has one, fit the constraint of its key. */
export function agreesWithIssuer(
  token: Pick<WebToken, 'issuer' | 'tenant'>,
  constraint: string,
): boolean {
  const { issuer, tenant } = token;
  if (urlOf(constraint)?.hostname !== entraHost) {
    return issuer === constraint && tenant === undefined;
  }
  if (tenant === undefined) return false;
  // A function, because a text of replacement would be read for patterns.
  if (issuer !== constraint.replace(tenantPlaceholder, () => tenant)) return false;
  // Of the text, not of the parsed URL, which would decode and join segments.
  const [, path = ''] = /^[^:/?#]+:\/\/[^/?#]*([^?#]*)/.exec(issuer) ?? [];
  return path.split('/').find((segment) => segment !== '') === tenant;
}

/** With its host in lower case; undefined for a text that is no URL of a host. */
function urlOf(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url?.protocol === 'https:' || url?.protocol === 'http:' ? url : undefined;
}
