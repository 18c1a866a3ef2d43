// Objects, buffers (which are malloc's), JSON, regular expressions and a promise or two.
const buffers = [];
for (let i = 0; i < 2000; i++) buffers.push(Buffer.alloc(i % 300 * 64, i % 256));
const hash = require('crypto').createHash('sha256');
for (const b of buffers) hash.update(b);
console.log(hash.digest('hex'));
const data = Array.from({ length: 20000 }, (_, i) => ({ id: i, text: 'x'.repeat(i % 90), list: [i, i * 2] }));
const text = JSON.stringify(data);
console.log(text.length, JSON.parse(text).length, text.match(/x{40,}/g).length);
const packed = require('zlib').gzipSync(text);
console.log(require('zlib').gunzipSync(packed).length);
Promise.all([1, 2, 3].map((n) => new Promise((done) => setTimeout(() => done(n), n)))).then((all) => console.log(all));
