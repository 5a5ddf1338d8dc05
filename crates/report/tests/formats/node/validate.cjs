// JSON against a schema: node validate.cjs NODE_MODULES SCHEMA < documents, one on each line; prints what is wrong, a line each.
//
// SCHEMA is a file, which may refer to its neighbours by their names, or `har` for that of the package har-schema.
'use strict';
const fs = require('fs');
const path = require('path');

const [modules, schema] = process.argv.slice(2);
const load = name => require(path.join(modules, name));

function validator() {
  if (schema !== 'har') {
    const Ajv = load('ajv/dist/2020').default;
    // `strict` refuses misspelt keywords; that each part of a schema repeats its type is not asked for.
    const ajv = new Ajv({ allErrors: true, strict: true, strictTypes: false });
    load('ajv-formats').default(ajv);
    const folder = path.dirname(schema);
    const neighbours = fs.readdirSync(folder).filter(name => name.endsWith('.schema.json'));
    const read = name => JSON.parse(fs.readFileSync(path.join(folder, name)));
    for (const name of neighbours) ajv.addSchema(read(name));
    return ajv.getSchema(read(path.basename(schema)).$id);
  }
  const Ajv = load('ajv').default;
  // Its schemas have keywords of their own (`optional`, `min`), which JSON Schema ignores.
  const ajv = new Ajv({ allErrors: true, strict: false });
  ajv.addMetaSchema(load('ajv/lib/refs/json-schema-draft-06.json'));
  load('ajv-formats').default(ajv);
  for (const part of Object.values(load('har-schema'))) ajv.addSchema(part);
  return ajv.getSchema('har.json#');
}

const validate = validator();
const lines = fs.readFileSync(0, 'utf8').split('\n').filter(line => line);
lines.forEach((line, index) => {
  if (validate(JSON.parse(line))) return;
  for (const error of validate.errors.slice(0, 20)) {
    console.log(`line ${index + 1}: ${error.instancePath} ${error.message} ${JSON.stringify(error.params)} in ${line.slice(0, 200)}`);
  }
});
console.log(`${lines.length} checked`);
