// The worker of a relayed page, a bundle of its own that `wire.ts` holds as text.
import type { Line } from "./wire_work.ts";
import { work } from "./wire_work.ts";

work(self as unknown as Line, () => self.close());
