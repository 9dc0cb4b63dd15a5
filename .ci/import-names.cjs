// What the names of package.json `imports` and `exports` mean in the sources: './dist/core/index.js' is compiled from 'core/index.ts'.
// dependency-cruiser reads this as a webpack configuration, the one place where it takes aliases.
const { join } = require('node:path');

const root = join(__dirname, '..');
const { exports: entryPoints, imports: names, name: self } = require(join(root, 'package.json'));

const source = (target) => join(root, target.replace(/^\.\/dist\//, '').replace(/\.js$/, '.ts'));
const alias = {};
for (const [name, target] of Object.entries(names)) alias[name.includes('*') ? name : `${name}$`] = source(target);
for (const [name, target] of Object.entries(entryPoints)) if (target.endsWith('.js')) alias[`${self}${name.slice(1)}$`] = source(target);

module.exports = { resolve: { alias } };
