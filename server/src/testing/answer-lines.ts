import { createInterface } from 'node:readline';

/** Prints an object as a line of JSON: how a program under load speaks to who measures it. */
function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Prints `hello`, then an answer to each line of standard input; resolves with `quit` or the end of the input. */
export async function answerLines(hello: object, answer: () => object): Promise<void> {
  say(hello);
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'quit') return;
    say(answer());
  }
}
