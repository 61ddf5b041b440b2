// Bundles src/index.ts into one module and one style sheet.
// `npm run build` writes the committed files; `npm run build -- FOLDER` writes elsewhere, for comparison.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { minify } from "terser";

const here = path.dirname(fileURLToPath(import.meta.url));
const outdir = path.resolve(process.argv[2] ?? path.join(here, "../relabel_widget/widget/static"));

// Names of ours that no message, no browser object and no string in the sources uses: they may become short.
const OWN = /^(node|subscribe|actions|store|testRow|rankingState|rankingError|selection|queueError|queueAt|notice|onConnection|onRange|onActive|verifiedShare|silent|settle|activate|rowHeight|spare|whyNot|onKey|reveal|openers|onProgress|onSizes|onHeard|onLost|onChoice|onData|panel|listen|since|unanswered|setThreshold|exportTo|setFilling|towards|chosen|refresh|request|shared|update|active|explained|filled|filling|pages|create|range|patch|seed|want|pending|names|training|draw|reset|lineFor|bodyOf|replacing|judging|judge|judged|front|settled|pass|hasMatters|inTurn|drafts|draft|trySet|tryRows|tryLabels|steps|onTrial|tried|stepTo|keepFile|setFirst|dispose|problem|failed|progress|query|count|choose|searching|heard|probe|ask|suspects|trail|peek|picked|sifted|sift|look|takeBack|onPanel|frontOf|pick|mark|scroll|advance|renew|show|load|again|report|resize|lead|stop|askRows|trainQuery|decided|unfold|instead|isShown|onEnd|line|follow)$/;

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
  mangleProps: OWN,
  legalComments: "none",
  logLevel: "warning",
});

// A second pass, for some 3 % that esbuild leaves.
const script = path.join(outdir, "widget.js");
const compress = { passes: 3, ecma: 2020, hoist_funs: true, unsafe_arrows: true, pure_getters: true, booleans_as_integers: false };
const { code } = await minify(await readFile(script, "utf8"), { module: true, compress, mangle: true });
await writeFile(script, `${code}\n`);
