import { ArchiveError } from "./entry.js";

/** Records of a pax extended header (POSIX, pax(1)), by keyword; both are bytes as in RawName. */
export type PaxRecords = Map<string, string>;

/** @returns the records as bytes: `LENGTH KEYWORD=VALUE\n`, in which the length counts itself */
export function encodePax(records: ReadonlyMap<string, string>): Buffer {
  let text = "";
  for (const [keyword, value] of records) text += encodeRecord(keyword, value);
  return Buffer.from(text, "latin1");
}

function encodeRecord(keyword: string, value: string): string {
  const rest = ` ${keyword}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}

/**
 * Adds what an extended header says to records; an empty value takes one back.
 * Keywords that may come several times (GNU.sparse.offset, GNU.sparse.numbytes) are joined by commas.
 * @throws ArchiveError for what is no such header
 */
export function decodePax(bytes: Buffer, records: PaxRecords): void {
  const text = bytes.latin1Slice();
  for (let at = 0; at < text.length; ) {
    // Some writers fill up with zeros.
    if (text.charCodeAt(at) === 0) return;
    const space = text.indexOf(" ", at);
    const length = space < 0 ? Number.NaN : Number(text.slice(at, space));
    const equals = text.indexOf("=", space);
    const end = at + length;
    if (!(length > 0) || equals < 0 || end > text.length || equals >= end || text[end - 1] !== "\n")
      throw new ArchiveError("a damaged extended header (pax)");
    add(records, text.slice(space + 1, equals), text.slice(equals + 1, end - 1));
    at = end;
  }
}

function add(records: PaxRecords, keyword: string, value: string): void {
  if (keyword === "GNU.sparse.offset" || keyword === "GNU.sparse.numbytes") {
    const before = records.get("GNU.sparse.map");
    records.set("GNU.sparse.map", before === undefined ? value : `${before},${value}`);
  } else if (value === "") records.delete(keyword);
  else records.set(keyword, value);
}

/** @returns seconds since the epoch as a decimal fraction */
export function timeText(seconds: number, ns: number): string {
  if (ns === 0) return String(seconds);
  const whole = seconds < 0 ? -seconds - 1 : seconds;
  const part = seconds < 0 ? 1_000_000_000 - ns : ns;
  const fraction = String(part).padStart(9, "0").replace(/0+$/, "");
  return `${seconds < 0 ? "-" : ""}${whole}.${fraction}`;
}

/** @returns seconds, and nanoseconds of the next one. @throws ArchiveError */
export function parseTime(text: string): { readonly seconds: number; readonly ns: number } {
  const match = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text);
  if (match === null) throw new ArchiveError(`a damaged time (${JSON.stringify(text)})`);
  const whole = Number(match[2]);
  const ns = Number((match[3] ?? "").slice(0, 9).padEnd(9, "0"));
  if (match[1] === "") return { seconds: whole, ns };
  return ns === 0 ? { seconds: -whole, ns } : { seconds: -whole - 1, ns: 1_000_000_000 - ns };
}
