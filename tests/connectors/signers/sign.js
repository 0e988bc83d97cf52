// Signs with the vendors' own SDKs: what is asked on stdin, as JSON, is answered on stdout.
// {"twilio": [{token, url, fields}], "svix": [{secret, id, timestamp, body}]}, timestamp in
// seconds; the answer has the signatures in the same order.
import { readFileSync } from "node:fs";
import { Webhook } from "svix";
import twilio from "twilio/lib/webhooks/webhooks.js";

const asked = JSON.parse(readFileSync(0, "utf8"));
const answer = {
  twilio: asked.twilio.map(({ token, url, fields }) =>
    twilio.getExpectedTwilioSignature(token, url, fields),
  ),
  svix: asked.svix.map(({ secret, id, timestamp, body }) =>
    new Webhook(secret).sign(id, new Date(timestamp * 1000), body),
  ),
};
process.stdout.write(JSON.stringify(answer));
