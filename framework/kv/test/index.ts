import './store.model.test.ts';
