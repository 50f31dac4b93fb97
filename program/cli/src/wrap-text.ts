/** Breaks a line at words; what follows stands below the text and not below its margin. */
export function wrap(
  line: string,
  { columns, indent }: { readonly columns: number; readonly indent: number },
): string[] {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > columns) {
    const at = rest.lastIndexOf(' ', columns);
    // A word longer than a line, such as a digest, stays whole: it can be copied.
    const end = at > indent ? at : rest.indexOf(' ', Math.max(columns, indent + 1));
    if (end < 0) break;
    lines.push(rest.slice(0, end));
    rest = `${' '.repeat(indent)}${rest.slice(end + 1)}`;
  }
  return [...lines, rest];
}
