// Bundles src/index.ts into one module and one style sheet.
// `npm run build` writes the committed files; `npm run build -- FOLDER` writes elsewhere, for comparison.
import { build } from "esbuild";
import { fileURLToPath } from "node:url";
import path from "node:path";

const here = path.dirname(fileURLToPath(import.meta.url));
const outdir = path.resolve(process.argv[2] ?? path.join(here, "../relabel_widget/widget/static"));

await build({
  absWorkingDir: here, // paths must not enter the output
  entryPoints: { widget: "src/index.ts" },
  outdir,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
});
