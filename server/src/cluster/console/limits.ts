/** Accounts that one process tells of. */
export const MAX_ACCOUNTS = 2000;
