import type { CallTrace, TraceEntry, TraceHead } from '@hookswitch/shared';

export interface LadderOptions {
  /** Characters a line may have (default 120). Too few for the columns: one line an entry, without columns. */
  readonly width?: number;
  /** Whole messages below their arrows (default false). */
  readonly full?: boolean;
}

const TIME_WIDTH = 11;
/** Room for half a column's label beside the outermost lines. */
const EDGE = 11;
const MIN_GAP = 18;
const MAX_GAP = 46;

/** A ladder diagram as text, one string a line. Pure. What came from outside cannot control the terminal. */
export function renderLadder(trace: CallTrace, options: LadderOptions = {}): string[] {
  const width = Math.max(40, options.width ?? 120);
  const columns = layout(trace, width);
  const lines = columns === undefined ? [] : heads(trace, columns);
  for (const entry of trace.entries) {
    lines.push(...(columns === undefined ? listed(trace, entry) : drawn(entry, columns)));
    if (options.full === true && entry.detail !== undefined) lines.push(...detailOf(entry.detail));
  }
  return [...summaryOf(trace), '', ...lines.map((line) => line.trimEnd())];
}

/** Without control characters, which a SIP peer may have sent to whoever reads the trace. */
function plain(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '?');
}

function summaryOf(trace: TraceHead): string[] {
  const { id, title, from, to, status, accountSid, callSids } = trace;
  const started = new Date(trace.startedAt).toISOString();
  const seconds = `${(trace.durationMs / 1000).toFixed(3)} s`;
  return [
    plain(`${id}  ${title}  ${from} -> ${to}  ${status}  ${seconds}`),
    plain(`started ${started}${accountSid === undefined ? '' : `  account ${accountSid}`}`),
    ...callSids.slice(1).map((sid, at) => `leg ${at + 2}  ${sid}`),
  ];
}

interface Layout {
  readonly width: number;
  /** Where each party's line is. */
  readonly at: ReadonlyMap<string, number>;
  readonly gap: number;
}

function layout({ parties }: CallTrace, width: number): Layout | undefined {
  const room = width - TIME_WIDTH - 2 * EDGE;
  const gap = parties.length < 2 ? MAX_GAP : Math.min(MAX_GAP, Math.floor(room / (parties.length - 1)));
  if (gap < MIN_GAP) return undefined;
  return { width, gap, at: new Map(parties.map(({ id }, index) => [id, TIME_WIDTH + EDGE + index * gap])) };
}

function heads({ parties }: CallTrace, columns: Layout): string[] {
  const row = (texts: readonly (string | undefined)[]): string => {
    const line = blank(columns.width);
    texts.forEach((text, index) => {
      if (text === undefined) return;
      const shown = cut(plain(text), Math.min(columns.gap - 2, 2 * EDGE));
      put(line, (columns.at.get(parties[index]?.id ?? '') ?? 0) - Math.floor(shown.length / 2), shown);
    });
    return line.join('');
  };
  const notes = parties.map(({ note }) => note);
  const labels = row(parties.map(({ label }) => label));
  return [labels, ...(notes.some((note) => note !== undefined) ? [row(notes)] : []), lifelines(columns).join('')];
}

function drawn(entry: TraceEntry, columns: Layout): string[] {
  const from = columns.at.get(entry.from) ?? TIME_WIDTH + EDGE;
  const to = entry.to === undefined ? undefined : columns.at.get(entry.to);
  const lines = to === undefined ? note(entry, from, columns) : arrow(entry, { from, to }, columns);
  const [first = []] = lines;
  put(first, 0, time(entry));
  return lines.map((line) => line.join(''));
}

function note(entry: TraceEntry, at: number, columns: Layout): string[][] {
  const line = lifelines(columns);
  const text = ` ${entry.kind === 'gap' ? '~~' : '*'} ${labelOf(entry)}`;
  // Far to the right there is no room: then it begins at the left edge.
  const room = columns.width - at - 1;
  const start = room >= 40 ? at + 1 : TIME_WIDTH + 1;
  put(line, start, cut(`${text} `, columns.width - start));
  return [line];
}

function arrow(entry: TraceEntry, { from, to }: { from: number; to: number }, columns: Layout): string[][] {
  const [left, right] = from < to ? [from, to] : [to, from];
  const room = right - left - 7;
  const whole = labelOf(entry);
  const fits = whole.length <= room;
  const label = fits ? whole : cut(titleOf(entry), room);
  const line = lifelines(columns);
  put(line, left + 1, '-'.repeat(right - left - 1));
  put(line, from < to ? right - 1 : left + 1, from < to ? '>' : '<');
  put(line, left + Math.max(3, Math.floor((right - left - label.length - 2) / 2)), ` ${label} `);
  if (fits || entry.summary === '') return [line];
  return [
    line,
    ...wrap(plain(entry.summary), right - left - 3).map((text) => {
      const more = lifelines(columns);
      for (let x = left + 1; x < right; x++) more[x] = ' ';
      put(more, left + 2, text);
      return more;
    }),
  ];
}

/** One line an entry, for narrow terminals. */
function listed({ parties }: CallTrace, entry: TraceEntry): string[] {
  const name = (id: string | undefined): string => plain(parties.find((party) => party.id === id)?.label ?? '');
  const who = entry.to === undefined ? '*' : `${name(entry.from)} > ${name(entry.to)}`;
  return [`${time(entry)}${who}  ${labelOf(entry)}`];
}

function detailOf(detail: string): string[] {
  return [
    ...detail
      .trimEnd()
      .split(/\r?\n/)
      .map((line) => `${' '.repeat(TIME_WIDTH)}  ${plain(line)}`),
    '',
  ];
}

const time = ({ offsetMs }: TraceEntry): string => `${offsetMs.toFixed(3).padStart(TIME_WIDTH - 1)} `;

const titleOf = ({ title, repeats }: TraceEntry): string =>
  plain(title) + (repeats === undefined ? '' : ` (x${repeats})`);

function labelOf(entry: TraceEntry): string {
  const title = titleOf(entry);
  if (entry.summary === '') return title;
  return entry.to === undefined ? `${title}  ${plain(entry.summary)}` : `${title} (${plain(entry.summary)})`;
}

function lifelines(columns: Layout): string[] {
  const line = blank(columns.width);
  for (const x of columns.at.values()) line[x] = '|';
  return line;
}

const blank = (width: number): string[] => new Array<string>(width).fill(' ');

function put(line: string[], at: number, text: string): void {
  for (let i = 0; i < text.length; i++) {
    const x = at + i;
    if (x >= 0 && x < line.length) line[x] = text.charAt(i);
  }
}

const cut = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1))}…`;

/** At most three lines; the last one says that there was more. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  const shown = lines.slice(0, 3).map((each) => cut(each, width));
  if (lines.length > 3) shown[2] = cut(`${shown[2] ?? ''}…`, width);
  return shown;
}
