import { log } from "../base/log.js";
import { invalid } from "./errors.js";
import type { Info } from "./types.js";

const trace = log("store");

/** What filters see of a snapshot. */
export type Filterable = Pick<Info, "kind" | "key" | "parent" | "labels">;

/** One condition of a filter. */
interface Selector {
  readonly path: readonly string[];
  readonly operator: "" | "==" | "!=" | "~=";
  readonly value: string;
}

/**
 * Compiles filters in containerd's syntax (containerd, pkg/filters/parser.go): strings are alternatives, selectors separated
 * by commas must all match.
 * @returns whether a snapshot matches; everything does without a filter
 * @throws StoreError InvalidArgument, with the place of the mistake
 */
export function compileFilters(filters: readonly string[]): (info: Filterable) => boolean {
  const compiled = filters.map((filter) => new Parser(filter).parse().map(compile));
  if (compiled.length === 0) return () => true;
  return (info) => compiled.some((selectors) => selectors.every((matches) => matches(info)));
}

function compile(selector: Selector): (info: Filterable) => boolean {
  const { path, operator, value } = selector;
  if (operator === "") return (info) => field(info, path) !== undefined;
  if (operator === "==") return (info) => field(info, path) === value;
  if (operator === "!=") return (info) => (field(info, path) ?? "") !== value;
  const pattern = expression(value);
  return (info) => pattern?.test(field(info, path) ?? "") === true;
}

function expression(source: string): RegExp | undefined {
  try {
    return new RegExp(source, "u");
  } catch (error) {
    // As containerd: what cannot be compiled matches nothing.
    trace("filter: %s", error);
    return undefined;
  }
}

function field(info: Filterable, path: readonly string[]): string | undefined {
  const [first, ...rest] = path;
  if (first === "name") return info.key;
  if (first === "parent") return info.parent ?? "";
  if (first === "kind") return info.kind;
  return first === "labels" && rest.length > 0 ? info.labels[rest.join(".")] : undefined;
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
  "/": "/",
  "|": "|",
};

class Parser {
  private at = 0;

  constructor(private readonly text: string) {}

  parse(): Selector[] {
    if (this.text === "") return [];
    const selectors = [this.selector()];
    while (this.at < this.text.length) {
      this.skipSpace();
      if (!this.take(",")) this.fail("a comma or the end");
      selectors.push(this.selector());
    }
    return selectors;
  }

  private selector(): Selector {
    const path = [this.field()];
    while (this.take(".")) path.push(this.field());
    const rest = this.at;
    this.skipSpace();
    const operator = (["==", "!=", "~="] as const).find((candidate) => this.take(candidate));
    if (operator === undefined) {
      this.at = rest;
      return { path, operator: "", value: "" };
    }
    this.skipSpace();
    return { path, operator, value: this.value(operator === "~=") };
  }

  private field(): string {
    this.skipSpace();
    if (this.text[this.at] === '"') return this.quoted('"');
    const word = this.match(/[A-Za-z0-9_]+/y);
    return word ?? this.fail("a field");
  }

  private value(isPattern: boolean): string {
    const quote = this.text[this.at];
    if (quote === '"' || (isPattern && (quote === "/" || quote === "|"))) return this.quoted(quote);
    return this.match(/[^\s,\p{C}]+/uy) ?? this.fail("a value");
  }

  private quoted(quote: string): string {
    const start = this.at++;
    let out = "";
    for (;;) {
      const next = this.text[this.at];
      if (next === undefined) {
        this.at = start;
        this.fail(`a closing ${quote}`);
      }
      this.at++;
      if (next === quote) return out;
      // In a pattern, escapes belong to the pattern, but for that of its quote.
      if (next === "\\" && (quote === '"' || this.text[this.at] === quote)) out += this.escape();
      else out += next;
    }
  }

  private escape(): string {
    const code =
      this.match(/x[0-9A-Fa-f]{2}/y) ?? this.match(/u[0-9A-Fa-f]{4}/y) ?? this.match(/U[0-9A-Fa-f]{8}/y);
    if (code !== undefined) return String.fromCodePoint(Number.parseInt(code.slice(1), 16));
    const octal = this.match(/[0-7]{3}/y);
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
    const simple = SIMPLE_ESCAPES[this.text[this.at] ?? ""];
    if (simple === undefined) return this.fail("an escape");
    this.at++;
    return simple;
  }

  private skipSpace(): void {
    this.match(/\s+/y);
  }

  private take(token: string): boolean {
    if (!this.text.startsWith(token, this.at)) return false;
    this.at += token.length;
    return true;
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  private fail(expected: string): never {
    throw invalid(
      `the filter ${this.text} is not understood: ${expected} is expected at position ${this.at + 1}`,
    );
  }
}
