import './merkle-tree.test.ts';
