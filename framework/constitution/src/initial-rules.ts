/**
 * The rules that this constitution begins with. They count until the consortium votes for others
 * with set_rules; a new constitution begins with its own again.
 */
import type { RulesDocument } from './rules-document.ts';

export const initialRules: RulesDocument = {
  format: 'coco-rules/1',
  version: 1,
  title: 'Simple majority',
  description: 'More than half of the active members carry every action.',
  rules: [
    {
      name: 'Every action',
      actions: ['*'],
      thresholds: [{ more_than: '1/2' }],
    },
  ],
};
