import { createHash } from 'node:crypto';

const STYLE = `
  body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1c2733 }
  h2 { margin-top: 2rem; text-transform: capitalize }
  details { border: 1px solid #d5dce4; border-radius: 6px; margin: .4rem 0; padding: .4rem .8rem }
  summary { cursor: pointer }
  code { font: 13px ui-monospace, monospace }
  .method { display: inline-block; width: 4.5rem; font-weight: 600; text-transform: uppercase }
  pre { background: #f3f6f9; padding: .6rem; overflow: auto; font-size: 12px }
  @media (prefers-color-scheme: dark) { body { background: #11161c; color: #d8e0e8 } pre { background: #1b232c } }
`;

/** Builds the page from the description that the service itself gives; text goes in as text, never as HTML. */
const SCRIPT = `
  const element = (tag, text, name) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (name !== undefined) made.className = name;
    return made;
  };
  const show = (api) => {
    document.title = api.info.title;
    const main = document.querySelector('main');
    main.append(element('h1', api.info.title + ' ' + api.info.version));
    const groups = new Map();
    for (const [path, methods] of Object.entries(api.paths))
      for (const [method, operation] of Object.entries(methods)) {
        const tag = (operation.tags || ['other'])[0];
        groups.set(tag, [...(groups.get(tag) || []), { path, method, operation }]);
      }
    for (const [tag, operations] of groups) {
      main.append(element('h2', tag));
      for (const { path, method, operation } of operations) {
        const details = element('details');
        const summary = element('summary');
        summary.append(element('span', method, 'method'), element('code', path), ' ', operation.summary || '');
        details.append(summary);
        for (const [status, answer] of Object.entries(operation.responses))
          details.append(element('div', status + '  ' + answer.description));
        details.append(element('pre', JSON.stringify(operation, null, 2)));
        main.append(details);
      }
    }
    main.append(element('h2', 'schemas'));
    main.append(element('pre', JSON.stringify(api.components && api.components.schemas, null, 2)));
  };
  fetch('openapi.json').then((answer) => answer.json()).then(show);
`;

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Nothing comes from elsewhere, and nothing but these two texts runs or styles. */
export const DOCS_POLICY = `default-src 'none'; script-src ${hashOf(SCRIPT)}; style-src ${hashOf(STYLE)}; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'`;

export const DOCS_PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>anchore-engine</title>
<style>${STYLE}</style></head>
<body><main></main><script>${SCRIPT}</script></body>
</html>
`;
