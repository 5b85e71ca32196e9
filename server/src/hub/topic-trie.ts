interface Node<T> {
  readonly children: Map<string, Node<T>>;
  /** Values whose pattern ends here. */
  values: Set<T> | undefined;
}

const newNode = <T>(): Node<T> => ({ children: new Map(), values: undefined });

/**
 * Values by topic pattern (`*` one token, a last `>` one or more). Matching costs the number of nodes on the paths that
 * fit, not the number of patterns. Patterns and topics are normalised.
 */
export class TopicTrie<T> {
  readonly #root: Node<T> = newNode();
  #size = 0;

  /** Number of pattern-value pairs. */
  get size(): number {
    return this.#size;
  }

  add(pattern: string, value: T): void {
    let node = this.#root;
    for (const token of pattern.split('.')) {
      let next = node.children.get(token);
      if (next === undefined) node.children.set(token, (next = newNode()));
      node = next;
    }
    node.values ??= new Set();
    if (node.values.has(value)) return;
    node.values.add(value);
    this.#size += 1;
  }

  /** Whether the pair was there. Branches that became empty are removed. */
  remove(pattern: string, value: T): boolean {
    const path: { readonly parent: Node<T>; readonly token: string }[] = [];
    let node = this.#root;
    for (const token of pattern.split('.')) {
      const next = node.children.get(token);
      if (next === undefined) return false;
      path.push({ parent: node, token });
      node = next;
    }
    if (node.values?.delete(value) !== true) return false;
    this.#size -= 1;
    if (node.values.size === 0) node.values = undefined;
    for (let at = path.pop(); at !== undefined; at = path.pop()) {
      if (node.values !== undefined || node.children.size > 0) break;
      at.parent.children.delete(at.token);
      node = at.parent;
    }
    return true;
  }

  /** Calls `visit` for every value whose pattern matches; a value under two matching patterns is visited twice. */
  match(topic: string, visit: (value: T) => void): void {
    this.#walk(this.#root, topic.split('.'), 0, visit);
  }

  /** Every value, for closing. */
  forEach(visit: (value: T) => void): void {
    const stack = [this.#root];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      node.values?.forEach(visit);
      stack.push(...node.children.values());
    }
  }

  #walk(node: Node<T>, tokens: readonly string[], at: number, visit: (value: T) => void): void {
    const token = tokens[at];
    if (token === undefined) {
      node.values?.forEach(visit);
      return;
    }
    node.children.get('>')?.values?.forEach(visit);
    const exact = node.children.get(token);
    if (exact !== undefined) this.#walk(exact, tokens, at + 1, visit);
    const any = node.children.get('*');
    if (any !== undefined) this.#walk(any, tokens, at + 1, visit);
  }
}
