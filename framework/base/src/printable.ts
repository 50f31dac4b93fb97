/**
 * Text from outside as a terminal may show it: lines stay, and nothing moves the cursor, changes
 * colours or hides a part of a line (control characters, and those of text direction).
 */
export function printable(text: string): string {
  return text.replaceAll(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '�');
}
