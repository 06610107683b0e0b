// What a page's own address says: which session it is for, and a token that is not to stay there.

export interface Address {
  session: string | null;
  token: string;
  /** The address without its token, for the address bar, the history and the next reload. */
  clean: string;
}

export function readAddress(href: string): Address {
  const url = new URL(href);
  const token = url.searchParams.get("token") ?? "";
  const session = url.searchParams.get("session") || null;
  url.searchParams.delete("token");
  return { session, token, clean: token ? url.href : href };
}
