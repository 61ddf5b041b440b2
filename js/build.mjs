// Bundles src/index.ts into one module and one style sheet.
// `npm run build` writes the committed files; `npm run build -- FOLDER` writes elsewhere, for comparison.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { minify } from "terser";
import { ownNames } from "./own.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const outdir = path.resolve(process.argv[2] ?? path.join(here, "../relabel_widget/widget/static"));

await build({
  absWorkingDir: here, // paths must not enter the output
  entryPoints: { widget: "src/index.ts" },
  outdir,
  bundle: true,
  minifyWhitespace: true,
  minifySyntax: true, // names are left to the second pass, which has shorter ones
  format: "esm",
  target: "es2022",
  charset: "utf8",
  mangleProps: new RegExp(`^(?:${ownNames(here).join("|")})$`),
  legalComments: "none",
  logLevel: "warning",
});

// A second pass, for some 3 % that esbuild leaves.
const script = path.join(outdir, "widget.js");
const compress = { passes: 3, ecma: 2020, hoist_funs: true, unsafe_arrows: true, pure_getters: true, booleans_as_integers: false };
const { code } = await minify(await readFile(script, "utf8"), { module: true, compress, mangle: true });
await writeFile(script, `${code}\n`);
