// Names of the browser that playwright-core's types mention. The library "dom" would bring them too, and with it `window`
// and `document` to every file of the workspace, none of which runs in a browser.
interface Node {}
interface Element extends Node {}
interface HTMLElement extends Element {}
interface SVGElement extends Element {}
interface HTMLElementTagNameMap {}
