declare const rawName: unique symbol;

declare global {
  interface Buffer {
    // Present in Node since ever, absent from its types; without the encoding's lookup they are twice as fast.
    latin1Slice(start?: number, end?: number): string;
    latin1Write(text: string, offset?: number, length?: number): number;
  }
}

/**
 * Bytes as Linux has them in names and paths, one char code (0–255) per byte.
 * File names need not be UTF-8; a latin1 string is the cheapest exact carrier V8 has,
 * and the brand keeps it from being mixed up with text.
 */
export type RawName = string & { readonly [rawName]: true };

/** @returns the bytes of the UTF-8 encoding of text */
export function rawFromText(text: string): RawName {
  return (isAscii(text) ? text : Buffer.from(text, "utf8").latin1Slice()) as RawName;
}

/** @returns the text, or undefined when the bytes are not valid UTF-8 */
export function textFromRaw(raw: RawName): string | undefined {
  if (isAscii(raw)) return raw;
  try {
    return utf8.decode(Buffer.from(raw, "latin1"));
  } catch {
    return undefined;
  }
}

/** @returns text for messages; bytes that are not UTF-8 show as U+FFFD */
export function printable(raw: RawName): string {
  return isAscii(raw) ? raw : Buffer.from(raw, "latin1").toString("utf8");
}

/** @returns the raw name that buffer[start, end) holds */
export function rawFromBuffer(buffer: Buffer, start = 0, end = buffer.length): RawName {
  return buffer.latin1Slice(start, end) as RawName;
}

/** Joins path components with a slash. */
export function rawJoin(...parts: readonly (RawName | string)[]): RawName {
  return parts.join("/") as RawName;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}
