import './map-permission.test.ts';
