import './store.model.test.ts';
import './foreign-map.test.ts';
