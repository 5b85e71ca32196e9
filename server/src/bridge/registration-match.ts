/** Whether an identity is named by a target: itself, or by `prefix/*` when it lies below the prefix. */
export function targetMatches(target: string, identity: string): boolean {
  return target.endsWith('/*') ? identity.startsWith(target.slice(0, -1)) : identity === target;
}
