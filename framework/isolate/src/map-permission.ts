/**
 * Which maps a script may touch: privacy by namespace by context, as in CCF 7 (facts on CCF,
 * section 2). `ccf.gov.` and Coco's own `coco.gov.` are the consortium's: written by what it
 * accepted, and by nothing else.
 */
import type { ScriptContext } from './script.ts';

export type MapPermission = 'none' | 'read' | 'write' | 'read-write';

const publicPrefix = 'public:';
const governancePrefixes = ['ccf.gov.', 'coco.gov.'];
const internalPrefix = 'ccf.internal.';
/** No app and no constitution makes maps in the frameworks' own namespaces. */
const reservedPrefixes = ['ccf.', 'coco.'];

const governancePermission: Readonly<Record<ScriptContext, MapPermission>> = {
  'governance-read': 'read',
  'governance-write': 'read-write',
  'app-read': 'read',
  'app-write': 'read',
};
/** An action may hand values to an app; what it decides by must be governance alone. */
const appPermission: Readonly<Record<ScriptContext, (isPublic: boolean) => MapPermission>> = {
  'governance-read': () => 'none',
  'governance-write': (isPublic) => (isPublic ? 'write' : 'none'),
  'app-read': () => 'read',
  'app-write': () => 'read-write',
};

export function mapPermission(name: string, context: ScriptContext): MapPermission {
  const isPublic = name.startsWith(publicPrefix);
  const bare = isPublic ? name.slice(publicPrefix.length) : name;
  if (governancePrefixes.some((prefix) => bare.startsWith(prefix))) {
    return isPublic ? governancePermission[context] : 'none';
  }
  if (bare.startsWith(internalPrefix)) return isPublic ? 'read' : 'none';
  if (reservedPrefixes.some((prefix) => bare.startsWith(prefix))) return 'none';
  return appPermission[context](isPublic);
}
