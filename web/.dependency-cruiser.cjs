/** The layers of the client: a folder may import itself and the folders before it. */
const layers = ['core', 'data', 'notes', 'state', 'render', 'tools', 'ui', 'app'];

const upward = layers.slice(0, -1).map((layer, index) => ({
  name: `${layer}-imports-only-down`,
  severity: 'error',
  from: { path: `^src/${layer}/` },
  to: { path: `^src/(${layers.slice(index + 1).join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...upward,
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'cornerstone-behind-one-adapter',
      comment: 'Only render and tools may know Cornerstone3D and vtk.js',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(render|tools)/' },
      to: { path: 'node_modules/@(cornerstonejs|kitware)/' },
    },
    {
      name: 'react-only-in-ui-and-app',
      severity: 'error',
      from: { path: '^src/(core|data|notes|state|render|tools)/' },
      to: { path: 'node_modules/(react|react-dom|@mantine|@tabler)/' },
    },
    {
      name: 'not-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '\\?worker' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'default'],
    },
  },
};
