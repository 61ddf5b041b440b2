// Which property names of the sources may be shortened, by the types that TypeScript gives them.
//
// A name is our own if, wherever it stands, it means a property that the sources declare: not one of the browser's or
// of the language, not one that travels (`wire.ts` and `protocol.ts`) or that the page exports, and none of an object
// that is read by names made at run time (indexed by a variable, or passed on as a dictionary or as any object at all).
// Assertions (`as`) are believed: what comes from outside is asserted to be of a type of those two files.
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { SyntaxKind as Kind } from "typescript/unstable/ast";
import { API, TypeFlags } from "typescript/unstable/sync";

const TRAVELS = ["wire.ts", "protocol.ts"];
const NOTHING = TypeFlags.Undefined | TypeFlags.Null | TypeFlags.Void;
const DECLARES = new Set([Kind.PropertySignature, Kind.MethodSignature, Kind.PropertyDeclaration, Kind.MethodDeclaration]);

/** All nodes of a tree. */
function* nodesOf(node) {
  yield node;
  const parts = [];
  node.forEachChild((part) => void parts.push(part));
  for (const part of parts) yield* nodesOf(part);
}

export function ownNames(folder) {
  const api = new API({ cwd: folder });
  const [project] = api.updateSnapshot({ openProjects: [path.join(folder, "tsconfig.json")] }).getProjects();
  const { program, checker } = project;
  const canonical = (file) => file.replaceAll("\\", "/").toLowerCase(); // TypeScript has it so where the file system takes any case
  const sources = canonical(path.join(folder, "src/"));
  const [used, others] = [new Set(), new Set()];

  const parts = (type) => {
    if (type === undefined || type.flags & NOTHING) return [];
    return type.isUnionType() ? type.getTypes().flatMap(parts) : [type.isTypeParameter() ? type : (checker.getApparentType(type) ?? type)];
  };
  const isOwn = ({ declarations }) => declarations.length > 0 && declarations.every(({ path: file }) => canonical(file).startsWith(sources) && !TRAVELS.includes(path.basename(file)));
  const judge = (name, symbol) => (symbol !== undefined && isOwn(symbol) ? used : others).add(name);
  const judgeIn = (name, type) => parts(type).forEach((part) => judge(name, checker.getPropertyOfType(part, name)));
  /** Whether the names of what is expected here are not known before run time: those of a dictionary, or of any object. */
  const isOpen = (type) => checker.getIndexInfosOfType(type).length > 0 || (!type.isTypeParameter() && checker.getPropertiesOfType(type).length === 0);
  const propertiesOf = (type) => parts(type).filter((part) => !checker.isArrayLikeType(part)).flatMap((part) => checker.getPropertiesOfType(part));
  const exclude = (type) => propertiesOf(type).forEach(({ name }) => others.add(name));
  /** By an index into an object: by those names that its type is made of, else by any. */
  const readBy = (index, type) => {
    const names = index.isUnionType() ? index.getTypes() : [index];
    if (names.every((one) => one.isStringLiteralType())) names.forEach(({ value }) => others.add(value));
    else if (!names.every((one) => one.flags & TypeFlags.NumberLike)) exclude(type);
  };
  /** What is passed on as something else has that one's names, too. */
  const pass = (type, expected) => {
    if (parts(expected).some(isOpen)) return exclude(type);
    const known = new Set(propertiesOf(expected).map(({ name }) => name));
    for (const symbol of propertiesOf(type)) if (known.has(symbol.name)) judge(symbol.name, symbol);
  };

  function look(node) {
    if (node.kind === Kind.PropertyAccessExpression) judge(node.name.text, checker.getSymbolAtLocation(node.name));
    else if (DECLARES.has(node.kind) && node.name.kind === Kind.Identifier) judge(node.name.text, checker.getSymbolAtLocation(node.name));
    else if (node.kind === Kind.ObjectBindingPattern) {
      for (const { propertyName, name, dotDotDotToken } of node.elements) if (!dotDotDotToken) judgeIn((propertyName ?? name).text, checker.getTypeAtLocation(node));
    } else if (node.kind === Kind.ElementAccessExpression) {
      readBy(checker.getTypeAtLocation(node.argumentExpression), checker.getTypeAtLocation(node.expression));
    } else if (node.kind === Kind.ComputedPropertyName) {
      readBy(checker.getTypeAtLocation(node.expression), checker.getContextualType(node.parent.parent));
    } else if (node.kind === Kind.ObjectLiteralExpression) {
      const expected = parts(checker.getContextualType(node));
      const names = node.properties.flatMap(({ name }) => (name?.kind === Kind.Identifier ? [name.text] : []));
      names.forEach((name) => used.add(name));
      for (const one of expected) {
        for (const name of names) {
          const symbol = checker.getPropertyOfType(one, name);
          if (symbol !== undefined) judge(name, symbol);
          else if (isOpen(one)) others.add(name);
        }
        if (isOpen(one)) for (const { kind, expression } of node.properties) if (kind === Kind.SpreadAssignment) exclude(checker.getTypeAtLocation(expression));
      }
    } else if (node.kind === Kind.ExportAssignment) {
      exclude(checker.getTypeAtLocation(node.expression)); // anywidget reads it
    } else if (node.kind === Kind.CallExpression) {
      for (const each of node.arguments) if (each.kind !== Kind.ObjectLiteralExpression) pass(checker.getTypeAtLocation(each), checker.getContextualType(each));
    }
  }

  for (const file of program.getSourceFileNames()) {
    if (!canonical(file).startsWith(sources)) continue;
    for (const node of nodesOf(program.getSourceFile(file))) look(node);
  }
  api.close();
  return [...used].filter((name) => !others.has(name)).sort();
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) console.log(ownNames(path.dirname(fileURLToPath(import.meta.url))).join("\n"));
