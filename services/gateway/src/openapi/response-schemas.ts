import { z } from "zod";

export const ResponsesView = z
  .strictObject({
    responses: z.array(
      z.strictObject({
        node_id: z.string().meta({ description: "Which part of the message asks: the last segment of its id" }),
        name: z.string().meta({ description: "Under which name it keeps answers, such as `selection`" }),
        total: z.number().int().meta({ description: "How many users answered" }),
        counts: z.array(z.strictObject({ value: z.unknown(), count: z.number().int() })),
        answers: z.array(
          z.strictObject({ id: z.string(), user_id: z.string().nullable(), values: z.array(z.unknown()) }),
        ),
      }),
    ),
  })
  .meta({
    id: "Responses",
    example: {
      responses: [
        {
          node_id: "2f8a1c1e-0b7d-4e0e-9b7f-3f6a5f1d2c11",
          name: "selection",
          total: 2,
          counts: [
            { value: "tea", count: 1 },
            { value: "coffee", count: 1 },
          ],
          answers: [
            { id: "layer:///identities/ann", user_id: "ann", values: ["tea"] },
            { id: "layer:///identities/bob", user_id: "bob", values: ["coffee"] },
          ],
        },
      ],
    },
  });
