import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseApiVersion } from '../src/api-version.ts';
import { requestTo } from './endpoint-fixture.ts';

suite('api version', () => {
  test('both versions are served', () => {
    for (const version of ['2023-06-01-preview', '2024-07-01']) {
      assert.equal(parseApiVersion(requestTo(`/gov/x?api-version=${version}`)), version);
    }
  });

  test('a missing version is refused in the words of CCF', () => {
    assert.throws(() => parseApiVersion(requestTo('/gov/service/info')), {
      code: 'MissingApiVersionParameter',
      status: 400,
      message:
        'The api-version query parameter (?api-version=) is required for all requests. The supported api-versions are: 2023-06-01-preview, 2024-07-01',
    });
  });

  test('a version that the endpoint does not serve is refused in the words of CCF', () => {
    assert.throws(() => parseApiVersion(requestTo('/gov/x?api-version=1999-01-01')), {
      code: 'UnsupportedApiVersionValue',
      message:
        "Unsupported api-version '1999-01-01'. The supported api-versions are: 2023-06-01-preview, 2024-07-01",
    });
    const request = requestTo('/gov/x?api-version=2023-06-01-preview');
    assert.throws(() => parseApiVersion(request, ['2024-07-01']), {
      code: 'UnsupportedApiVersionValue',
      message:
        "Unsupported api-version '2023-06-01-preview'. The supported api-versions are: 2024-07-01",
    });
  });
});
