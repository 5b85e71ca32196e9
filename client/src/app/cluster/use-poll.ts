import { useCallback, useEffect, useRef, useState } from 'react';

/** What is read again and again. */
export interface Polled<T> {
  /** The last that was read; undefined: nothing yet. */
  readonly value: T | undefined;
  /** Why it could not be read the last time. */
  readonly problem: string | undefined;
  /** Reads at once. */
  readonly refresh: () => Promise<void>;
}

/**
 * Reads every so often while the page is looked at, the next time only after an answer.
 *
 * @param read another function is read at once
 * @param onRefused the key is not good (any more)
 */
export function usePoll<T>(read: () => Promise<T>, everyMs: number, onRefused: (why: string) => void): Polled<T> {
  const [value, setValue] = useState<T>();
  const [problem, setProblem] = useState<string>();
  const current = useRef(read);
  const refused = useRef(onRefused);
  refused.current = onRefused;
  const refresh = useCallback(async () => {
    try {
      const answer = await read();
      if (current.current !== read) return;
      setValue(answer);
      setProblem(undefined);
    } catch (error) {
      if (current.current !== read) return;
      if (!(error instanceof Error)) setProblem(String(error));
      else if ('isRefused' in error && error.isRefused === true) refused.current(error.message);
      else setProblem(error.message);
    }
  }, [read]);
  useEffect(() => {
    current.current = read;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    const again = async (): Promise<void> => {
      if (!document.hidden) await refresh();
      if (!isOver) timer = setTimeout(() => void again(), everyMs);
    };
    void again();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [read, refresh, everyMs]);
  return { value, problem, refresh };
}
