// Requests to the gateway, with the token where it wants one. The token lasts as long as the tab.

const KEY = "token";

let token = "";
try {
  token = sessionStorage.getItem(KEY) ?? "";
} catch {
  // storage may be forbidden; then it lasts as long as the page
}

/** As `fetch`, with the token if there is one. */
export function request(path, { headers, ...options } = {}) {
  const authorization = token && { authorization: `Bearer ${token}` };
  return fetch(path, { ...options, headers: { ...headers, ...authorization } });
}

export const hasToken = () => token !== "";

/** Use this token from now on; an empty one is none. */
export function useToken(text) {
  token = text;
  try {
    if (token) sessionStorage.setItem(KEY, token);
    else sessionStorage.removeItem(KEY);
  } catch {
    // as above
  }
}
