/** Somebody who is asked for instructions in an application's place. */
export interface Delegate {
  /** `http(s):`, or `ws(s):` for a control channel; its fragment sets limits, as everywhere. */
  readonly url: string;
  readonly method: 'GET' | 'POST';
  /** Told with the request as parameters `Config_<name>`, in this order. */
  readonly attributes: readonly { readonly name: string; readonly value: string }[];
}

/** Delegates of applications, in the order in which they are asked; the same on all nodes. */
export interface DelegateStore {
  /** As this process knows them: none for most applications. */
  get(accountSid: string, applicationSid: string): readonly Delegate[];
  /** An empty list: none. Read back at once here, shortly after on other nodes. @throws DelegateError */
  put(accountSid: string, applicationSid: string, delegates: readonly Delegate[]): Promise<void>;
  /** With the application itself. Of one that has none: nothing happens. @throws DelegateError */
  remove(accountSid: string, applicationSid: string): Promise<void>;
}
