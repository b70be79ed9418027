import { createHash } from "node:crypto";

const script = `
const element = (name, text, className) => {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
};
const get = async (path) => (await fetch(path)).json();
async function refresh() {
  const [stats, { devices }] = await Promise.all([get("/stats"), get("/devices?page_size=30")]);
  const flat = { devices: stats.devices, ...stats.pushes, ...stats.receipts };
  document.querySelector("#stats").replaceChildren(
    ...Object.entries(flat).filter(([, value]) => typeof value === "number").map(([name, value]) => {
      const tile = element("div", "", "tile");
      tile.append(element("b", value.toLocaleString()), element("span", name.replaceAll("_", " ")));
      return tile;
    }),
  );
  document.querySelector("#devices").replaceChildren(...devices.map((device) => {
    const phone = element("article", "");
    phone.append(element("h2", device.token), element("p", device.received_count + " received, " + device.shown_count + " shown"));
    for (const push of device.shown.slice(-3).reverse()) {
      const note = element("div", "", "note");
      note.append(element("b", push.title ?? "(no title)"), element("p", push.text ?? ""),
        element("small", push.protocol + " · " + (push.user_id ?? "") + " · " + push.received_at));
      phone.append(note);
    }
    return phone;
  }));
}
const tick = () => refresh().catch(() => {}).finally(() => setTimeout(tick, 1000));
tick();`;

const style = `
:root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
#stats, #devices { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); margin: 1rem 0; }
#devices { grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); }
.tile, article { border: 1px solid #8885; border-radius: .75rem; padding: .75rem; }
.tile b { display: block; font-size: 1.4rem; }
h2 { font: 12px ui-monospace, monospace; margin: 0; overflow: hidden; text-overflow: ellipsis; }
.note { background: #8882; border-radius: .5rem; margin-top: .5rem; padding: .5rem; } .note p { margin: 0; }`;

const hashed = (source: string) => `'sha256-${createHash("sha256").update(source).digest("base64")}'`;

/** What each device got, refreshed every second. Push texts are set as text, never as HTML, and only this script may run. */
export const page = {
  policy: `default-src 'none'; connect-src 'self'; script-src ${hashed(script)}; style-src ${hashed(style)}`,
  html: `<!doctype html><html lang="en"><meta charset="utf-8"><title>Strata: the local phone</title>
<meta name="viewport" content="width=device-width"><style>${style}</style>
<h1>The local phone</h1><p>What FCM and APNs would have shown. Control: <a href="/stats">/stats</a>, <a href="/devices">/devices</a>,
<a href="/faults">/faults</a>.</p><section id="stats" aria-live="polite"></section><section id="devices"></section>
<script>${script}</script></html>`,
};
