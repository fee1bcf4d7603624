/**
 * The API's address is another one than people see, so a function at the edge says which name was called: pages of that name, whichever it
 * is, may use the cookie. The Lambdas believe it of CloudFront alone (`lib/origin-secret.ts`).
 */
export const FORWARDED_HOST = `function handler(event) {
  var request = event.request;
  request.headers["x-forwarded-host"] = { value: request.headers.host.value };
  return request;
}
`;
