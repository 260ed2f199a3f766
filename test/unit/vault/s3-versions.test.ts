import { expect, it } from 'vitest';
import { parseVersions } from '../../../src/vault/s3-versions.ts';

const entry = (tag: string, key: string, id: string) =>
  `<${tag}><Key>${key}</Key><VersionId>${id}</VersionId><IsLatest>true</IsLatest><Owner><ID>1</ID></Owner></${tag}>`;

it('takes the versions and the marks of one object out of a listing, and none of its neighbours', () => {
  const xml = `<ListVersionsResult><Prefix>a</Prefix><IsTruncated>false</IsTruncated>
    ${entry('DeleteMarker', 'a', 'm1')}${entry('Version', 'a', 'null')}
    ${entry('Version', 'ab', 'other')}</ListVersionsResult>`;
  expect(parseVersions(xml, 'a')).toEqual({ ids: ['m1', 'null'], next: null });
});

it('tells where the next page of a long listing starts', () => {
  const xml = `<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker>
    <NextVersionIdMarker>v1</NextVersionIdMarker>${entry('Version', 'a', 'v1')}</ListVersionsResult>`;
  expect(parseVersions(xml, 'a').next).toEqual({ 'key-marker': 'a', 'version-id-marker': 'v1' });
});
