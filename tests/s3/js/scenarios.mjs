// What people do with the AWS SDK for JavaScript, against a running server.
// Prints one JSON object: scenario -> "ok" or what went wrong.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { lookup } from "node:dns";
import http from "node:http";
import { Readable } from "node:stream";

import * as s3 from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const { ENDPOINT, DOMAIN, BUCKET: Bucket } = process.env;
const options = { endpoint: ENDPOINT, region: "us-east-1", maxAttempts: 1 };
const client = new s3.S3Client({ ...options, forcePathStyle: true });
const send = (command) => client.send(command);

const put = (Key, Body, more = {}) => send(new s3.PutObjectCommand({ Bucket, Key, Body, ...more }));
const get = (Key, more = {}) => send(new s3.GetObjectCommand({ Bucket, Key, ...more }));
const text = async (answer) => answer.Body.transformToString();

const scenarios = {
  async objects() {
    const put1 = await put("plain", "hello", { ContentType: "text/x-a", Metadata: { who: "me" } });
    const found = await get("plain");
    assert.equal(await text(found), "hello");
    assert.deepEqual([found.ETag, found.ContentType, found.Metadata], [put1.ETag, "text/x-a", { who: "me" }]);
    assert.equal(await text(await get("plain", { Range: "bytes=1-2" })), "el");
    await send(new s3.DeleteObjectCommand({ Bucket, Key: "plain" }));
    await assert.rejects(get("plain"), s3.NoSuchKey);
    await assert.rejects(send(new s3.HeadObjectCommand({ Bucket, Key: "plain" })), s3.NotFound);
  },

  async keys() {
    const keys = ["a b+c", "a//b", "ünï/🚰", "%2F", "q?x=1&y#z", "quote'\"<>", "dir/"];
    for (const key of keys) await put(`keys/${key}`, key);
    for (const key of keys) assert.equal(await text(await get(`keys/${key}`)), key);
    const listed = await send(new s3.ListObjectsV2Command({ Bucket, Prefix: "keys/" }));
    assert.deepEqual(new Set(listed.Contents.map((one) => one.Key)), new Set(keys.map((key) => `keys/${key}`)));
  },

  async pages() {
    for (let number = 0; number < 7; number += 1) await put(`pages/${number}`, "x");
    const found = [];
    const asked = { Bucket, Prefix: "pages/", MaxKeys: 3 };
    for await (const page of s3.paginateListObjectsV2({ client }, asked)) found.push(page.Contents.length);
    assert.deepEqual(found, [3, 3, 1]);
    const Objects = [0, 1, 2, 3, 4, 5, 6].map((number) => ({ Key: `pages/${number}` }));
    const gone = await send(new s3.DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    assert.equal(gone.Deleted.length, 7);
  },

  async checksums() {
    const body = randomBytes(100_000);
    for (const algorithm of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]) {
      const field = `Checksum${algorithm}`;
      const made = await put(`sum-${algorithm}`, body, { ChecksumAlgorithm: algorithm });
      const found = await get(`sum-${algorithm}`, { ChecksumMode: "ENABLED" });
      assert.deepEqual(Buffer.from(await found.Body.transformToByteArray()), body);
      assert.ok(made[field]);
      assert.equal(found[field], made[field]);
    }
    const wrong = put("sum-wrong", body, { ChecksumCRC32: "AAAAAA==" });
    await assert.rejects(wrong, { name: "BadDigest" });
  },

  async streams() {
    const pieces = Array.from({ length: 40 }, () => randomBytes(50_000));
    await put("stream", Readable.from(pieces), { ContentLength: 2_000_000 });
    const found = await (await get("stream")).Body.transformToByteArray();
    assert.deepEqual(Buffer.from(found), Buffer.concat(pieces));
  },

  async multipart() {
    const body = randomBytes(12 * 1024 * 1024 + 17);
    const params = { Bucket, Key: "multipart", Body: Readable.from(body, { objectMode: false }) };
    const upload = new Upload({ client, params, partSize: 5 * 1024 * 1024, queueSize: 2 });
    const done = await upload.done();
    assert.match(done.ETag, /-3"$/);
    const found = await (await get("multipart", { ChecksumMode: "ENABLED" })).Body.transformToByteArray();
    assert.deepEqual(Buffer.from(found), body);
    const listed = await send(new s3.ListMultipartUploadsCommand({ Bucket }));
    assert.equal(listed.Uploads, undefined);
  },

  async copies() {
    await put("copies/one", "x", { Metadata: { a: "1" } });
    const CopySource = `${Bucket}/copies/one`;
    await send(new s3.CopyObjectCommand({ Bucket, Key: "copies/two", CopySource }));
    assert.deepEqual((await get("copies/two")).Metadata, { a: "1" });
  },

  async conditions() {
    await put("once", "1", { IfNoneMatch: "*" });
    await assert.rejects(put("once", "2", { IfNoneMatch: "*" }), { name: "PreconditionFailed" });
    const { ETag } = await get("once");
    await assert.rejects(get("once", { IfNoneMatch: ETag }), (error) => error.$metadata.httpStatusCode === 304);
  },

  async versions() {
    const Name = `${Bucket}-versions`;
    await send(new s3.CreateBucketCommand({ Bucket: Name }));
    const VersioningConfiguration = { Status: "Enabled" };
    await send(new s3.PutBucketVersioningCommand({ Bucket: Name, VersioningConfiguration }));
    const one = { Bucket: Name, Key: "k" };
    const first = await send(new s3.PutObjectCommand({ ...one, Body: "1" }));
    const second = await send(new s3.PutObjectCommand({ ...one, Body: "2" }));
    const marker = await send(new s3.DeleteObjectCommand(one));
    assert.equal(marker.DeleteMarker, true);
    const listed = await send(new s3.ListObjectVersionsCommand({ Bucket: Name }));
    assert.deepEqual(
      listed.Versions.map((version) => version.VersionId),
      [second.VersionId, first.VersionId],
    );
    assert.equal(listed.DeleteMarkers[0].VersionId, marker.VersionId);
    assert.equal(await text(await send(new s3.GetObjectCommand({ ...one, VersionId: first.VersionId }))), "1");
    for (const { VersionId } of [first, second, marker]) {
      await send(new s3.DeleteObjectCommand({ ...one, VersionId }));
    }
    await send(new s3.DeleteBucketCommand({ Bucket: Name }));
  },

  async presigned() {
    const one = { Bucket, Key: "by url/ü" };
    const body = "through a URL";
    const there = await getSignedUrl(client, new s3.PutObjectCommand(one), { expiresIn: 60 });
    assert.equal((await fetch(there, { method: "PUT", body })).status, 200);
    const back = await getSignedUrl(client, new s3.GetObjectCommand(one), { expiresIn: 60 });
    assert.equal(await (await fetch(back)).text(), body);
    assert.equal((await fetch(back.replace("Expires=60", "Expires=61"))).status, 403);
  },

  async hosts() {
    const here = (name, how, done) => lookup("127.0.0.1", how, done);
    const requestHandler = { httpAgent: new http.Agent({ lookup: here }) };
    const endpoint = `http://${DOMAIN}:${new URL(ENDPOINT).port}`;
    const virtual = new s3.S3Client({ ...options, endpoint, requestHandler });
    await virtual.send(new s3.PutObjectCommand({ Bucket, Key: "/in//host", Body: "x" }));
    assert.equal(await text(await get("/in//host")), "x");
    virtual.destroy();
  },
};

const results = {};
await send(new s3.CreateBucketCommand({ Bucket }));
for (const [name, run] of Object.entries(scenarios)) {
  results[name] = await run().then(
    () => "ok",
    (error) => `${error.name}: ${error.message}\n${error.stack}`,
  );
}
console.log(JSON.stringify(results));
client.destroy();
