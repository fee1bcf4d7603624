/**
 * The web app draws every page itself: a path that names no file is answered with its one page. A function at the edge does that, and not the
 * distribution's error pages: those would also take the place of the API's own answers.
 */
export const SINGLE_PAGE = `function handler(event) {
  var request = event.request;
  var last = request.uri.slice(request.uri.lastIndexOf("/") + 1);
  if (last.indexOf(".") === -1) request.uri = "/index.html";
  return request;
}
`;
