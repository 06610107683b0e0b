// What a page's own address says: which session it is for, and a secret that is not to stay there. A guest's was taken
// by the server already, which knows the guest by a cookie.

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
  const secrets = ["token", "guest_token"].filter((name) => url.searchParams.has(name));
  for (const name of secrets) url.searchParams.delete(name);
  return { session, token, clean: secrets.length > 0 ? url.href : href };
}
