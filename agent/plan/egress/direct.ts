import { type Dial, OUT_TAG, type SingBoxObject } from './dial';

export function directOutbound(dial: Dial, tag = OUT_TAG): SingBoxObject {
  return { type: 'direct', tag, netns: dial.netns, routing_mark: dial.routingMark, ...dial.fields };
}
