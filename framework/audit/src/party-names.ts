/** The names of members and users, as their data gave them last; they outlive their rows. */
import { isJsonObject, LedgerError, parseJson, utf8Decode } from '@coco/base';
import { memberInfos } from '@coco/governance';
import { shorten } from './describe-action.ts';
import type { EntryChanges } from './entry-changes.ts';
import { nameIn } from './entry-scene.ts';
import type { Party } from './story.ts';

const userInfosTable = 'public:ccf.gov.users.info';
/** 10,000 certificates, replaced ten times over. */
const namesMax = 100_000;

export class PartyNames {
  readonly #names = new Map<string, string>();

  /** Who comes in with the entry has a name in it. @throws GovernanceRowInvalid */
  begin(changes: EntryChanges): void {
    this.#note(changes, { isNew: true });
  }

  /** Who gets another name with the entry has it from the next one on. */
  end(changes: EntryChanges): void {
    this.#note(changes, { isNew: false });
  }

  #note(changes: EntryChanges, { isNew }: { readonly isNew: boolean }): void {
    for (const { key, before, after } of changes.rows(memberInfos)) {
      if (isNew === (before === undefined)) this.#set(key, nameIn(after?.member_data));
    }
    for (const { key, before, after } of changes.raw(userInfosTable)) {
      const id = utf8Decode(key);
      if (after && isNew === (before === undefined)) this.#set(id, nameIn(userData(after)));
    }
  }

  party(id: string): Party {
    const name = this.#names.get(id);
    return name === undefined ? { id } : { id, name };
  }

  #set(id: string, name: string | undefined): void {
    if (name === undefined || this.#names.size >= namesMax) return;
    this.#names.set(id, shorten(name));
  }
}

function userData(bytes: Uint8Array): ReturnType<typeof parseJson> | undefined {
  try {
    const row = parseJson(bytes);
    return isJsonObject(row) ? row.user_data : undefined;
  } catch (error) {
    if (error instanceof LedgerError) return undefined;
    throw error;
  }
}
