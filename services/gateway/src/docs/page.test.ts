import { expect } from "chai";
import { page, proseHtml } from "./page.ts";

describe("page", () => {
  it("shows text as text, whatever it holds", () => {
    expect(proseHtml('`a<b>` & "c"')).to.equal("<code>a&lt;b&gt;</code> &amp; &quot;c&quot;");
    expect(page("<script>", "<p>body</p>")).to.include("<title>&lt;script&gt;</title>").and.include("<p>body</p>");
  });
});
