import { ERRORS } from "@strata/layer-protocol";
import { page, proseHtml } from "./page.ts";

/** Every error of the contract, with the anchor that its body's `url` points to. */
export function errorsPage(): string {
  const rows = Object.entries(ERRORS).map(
    ([id, { code, status, when }]) =>
      `<tr id="${id}"><td><code>${id}</code></td><td>${code}</td><td>${status}</td><td>${proseHtml(when)}</td></tr>`,
  );
  return page(
    "Errors",
    `<p>Every answer that is no success has a JSON body with <code>id</code>, <code>code</code>, <code>message</code>,
<code>url</code> and, where there is more to say, <code>data</code>. Branch on <code>id</code>: it stays; the message may change.
A body that is too long is <code>invalid_request</code> with status 413.</p>
<table>
<thead><tr><th>id</th><th>code</th><th>status</th><th>when</th></tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
</table>
<p><a href="/docs">All endpoints</a></p>`,
  );
}
