/** Actions on issuers of JSON web tokens, their keys, and the certificates they are fetched by. */
import { type Action, defineAction } from './action.ts';
import type { jwtActionNames } from './action-names.ts';
import type { CcfGlobal } from './ccf-global.ts';
import {
  checkArguments,
  checkBoolean,
  checkCertificates,
  checkText,
  type Fields,
  optional,
} from './check-arguments.ts';
import { checkKeySet } from './key-set.ts';
import { refuse } from './refuse.ts';
import { hasRow, readJson, removeRow, writeJson } from './rows.ts';
import { caBundleTable, jwtIssuerTable } from './tables.ts';

declare const ccf: CcfGlobal;

const certificatePattern = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** Roots only: a certificate that is not self-signed would be trusted without its issuer. */
function checkRoots(value: unknown, field: string): string {
  const bundle = checkCertificates(value, field);
  const { isValidX509RootCACert: isRoot } = ccf.crypto;
  if (isRoot === undefined) return bundle;
  (bundle.match(certificatePattern) ?? []).forEach((certificate, place) => {
    if (!isRoot(certificate)) {
      refuse(`${field}[${place}] must be a self-signed (root) CA certificate`);
    }
  });
  return bundle;
}

const setCaCertBundle = defineAction(
  (args) => {
    const fields = checkArguments(args);
    const name = checkText(fields.name, 'name');
    return { name, bundle: checkRoots(fields.cert_bundle, 'cert_bundle') };
  },
  ({ name, bundle }) => writeJson(caBundleTable, bundle, name),
);

const removeCaCertBundle = defineAction(
  (args) => checkText(checkArguments(args).name, 'name'),
  (name) => removeRow(caBundleTable, name),
);

/** RFC 3986, appendix B: scheme, authority, path, query, fragment. */
const urlPattern = /^(?:([^:/?#]+):)?(?:\/\/([^/?#]*))?[^?#]*(\?[^#]*)?(#.*)?$/;

/** The issuer is an https URL: its keys and its tokens' `iss` are compared with it. */
function checkIssuer(value: unknown): string {
  const issuer = checkText(value, 'issuer');
  const [, scheme, authority, query, fragment] = urlPattern.exec(issuer) ?? [];
  if (scheme !== 'https' || !authority) refuse('issuer must be a URL starting with https://');
  if ((query ?? '?') !== '?' || (fragment ?? '#') !== '#') {
    refuse('issuer must be a URL without query/fragment');
  }
  return issuer;
}

interface NewIssuer {
  readonly issuer: string;
  /** What stands in the table: the arguments without the keys. */
  readonly metadata: Fields;
  readonly keys: Fields | undefined;
  /** The certificates by which the keys are fetched, where they are refreshed. */
  readonly bundleName: string | undefined;
}

function parseIssuer(args: unknown): NewIssuer {
  const { jwks, ...metadata } = checkArguments(args);
  const issuer = checkIssuer(metadata.issuer);
  const isRefreshed = optional(metadata.auto_refresh, 'auto_refresh', checkBoolean) ?? false;
  const field = 'ca_cert_bundle_name';
  const bundleName = optional(metadata[field], field, checkText);
  const keys = optional(jwks, 'jwks', checkKeySet);
  if (!isRefreshed) return { issuer, metadata, keys, bundleName: undefined };
  if (!bundleName) refuse(`${field} is missing but required if auto_refresh is true`);
  return { issuer, metadata, keys, bundleName };
}

const setJwtIssuer = defineAction(parseIssuer, ({ issuer, metadata, keys, bundleName }) => {
  if (bundleName !== undefined && !hasRow(caBundleTable, bundleName)) {
    refuse(`No CA cert bundle found with name '${bundleName}'`);
  }
  if (keys !== undefined) ccf.setJwtPublicSigningKeys(issuer, metadata, keys);
  writeJson(jwtIssuerTable, metadata, issuer);
});

const setJwtPublicSigningKeys = defineAction(
  (args) => {
    const fields = checkArguments(args);
    const issuer = checkText(fields.issuer, 'issuer');
    return { issuer, keys: checkKeySet(fields.jwks, 'jwks') };
  },
  ({ issuer, keys }) => {
    const metadata = readJson(jwtIssuerTable, issuer) ?? refuse(`issuer ${issuer} not found`);
    ccf.setJwtPublicSigningKeys(issuer, metadata, keys);
  },
);

const removeJwtIssuer = defineAction(
  (args) => checkText(checkArguments(args).issuer, 'issuer'),
  (issuer) => {
    if (!hasRow(jwtIssuerTable, issuer)) return;
    removeRow(jwtIssuerTable, issuer);
    ccf.removeJwtPublicSigningKeys(issuer);
  },
);

export const jwtActions: Readonly<Record<(typeof jwtActionNames)[number], Action>> = {
  set_ca_cert_bundle: setCaCertBundle,
  remove_ca_cert_bundle: removeCaCertBundle,
  set_jwt_issuer: setJwtIssuer,
  set_jwt_public_signing_keys: setJwtPublicSigningKeys,
  remove_jwt_issuer: removeJwtIssuer,
};
