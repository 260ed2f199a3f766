import { expect, it } from 'vitest';
import { makeAccountId } from '../../../src/accounts/ids.ts';
import { bucketToUrl, snapshotToKey } from '../../../src/vault/s3-address.ts';

it.each([
  [null, 'eu-central-1', 'sealed', 'https://sealed.s3.eu-central-1.amazonaws.com/'],
  [null, 'cn-north-1', 'sealed', 'https://sealed.s3.cn-north-1.amazonaws.com.cn/'],
  // No certificate of Amazon's covers a name with dots before its own.
  [null, 'us-east-1', 'sealed.example', 'https://s3.us-east-1.amazonaws.com/sealed.example/'],
  ['https://s3.eu-west-1.amazonaws.com', 'eu-west-1', 'sealed', 'https://sealed.s3.eu-west-1.amazonaws.com/'],
  ['https://sealed.s3.eu-west-1.amazonaws.com', 'x', 'sealed', 'https://sealed.s3.eu-west-1.amazonaws.com/'],
  ['http://127.0.0.1:9000', 'us-east-1', 'sealed', 'http://127.0.0.1:9000/sealed/'],
  ['https://storage.example/v1/s3', 'auto', 'sealed', 'https://storage.example/v1/s3/sealed/'],
  ['https://amazonaws.com.example', 'auto', 'sealed', 'https://amazonaws.com.example/sealed/'],
])('finds the bucket, with endpoint %s and region %s: %s is at %s', (endpoint, region, bucket, url) => {
  expect(bucketToUrl({ bucket, endpoint, region }).href).toBe(url);
});

it('names an object after its account and generation', () => {
  const accountId = makeAccountId();
  expect(snapshotToKey('a/b', { accountId, generation: 7 })).toBe(`a/b/${accountId}/7.vault`);
});
